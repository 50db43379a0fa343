package repair

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// What is asked of Python about Python; python3 runs it in the sandbox, from an
// argument, so that it is no file of the workspace.
//
//go:embed helper.py
var asking string

//go:embed mutate.py
var mutating string

// helper is the whole script.
var helper = mutating + "\n\n" + asking

// python repairs packages whose tests are unittest's or pytest's: what fails, which
// lines that runs and what changes there are is found by the helper. The gates have
// their own run.
type python struct {
	w     *Worker
	tests string // unittest, pytest
}

// What runs the tests of a package of Python.
const (
	byUnittest = "unittest"
	byPytest   = "pytest"
)

// command is how a person has the tests run.
func (l python) command() string {
	if l.tests == byPytest {
		return "python3 -m pytest"
	}
	return "python3 -m unittest discover"
}

// The limits of one test, and of one run of the helper.
const (
	pythonTest = 5 * time.Second
	pythonRun  = 5 * time.Minute
)

// ask runs the helper in a folder, and reads the line that it answers with. hung is
// that it reached its time.
func (l python) ask(ctx context.Context, f work.Folder, a work.Assignment, what string, arg, out any) (hung bool, err error) {
	text, err := json.Marshal(arg)
	if err != nil {
		return false, err
	}
	o, err := l.w.tool.Run(ctx, placeOf(f, a), pythonRun, "env", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "python3", "-c", helper, what, l.tests, string(text))
	if err != nil || o.TimedOut {
		return o.TimedOut, err
	}
	if o.Exit == 127 {
		return false, &rmg.Error{Op: "repair", Code: rmg.NotFound, Msg: "there is no python3 in /usr/local/bin or /usr/bin", Hint: "install Python 3.9 or later there: commands in the sandbox see no other"}
	}
	line, _, _ := bytes.Cut(o.Output, []byte("\n"))
	var lacks struct{ Missing string }
	if json.Unmarshal(line, &lacks) == nil && lacks.Missing != "" {
		return false, &rmg.Error{Op: "repair", Code: rmg.NotFound, Msg: "the tests are for " + lacks.Missing + ", and /usr/bin/python3 has none", Hint: "install it for that Python: apt install python3-" + lacks.Missing + "; commands in the sandbox see no other"}
	}
	if err := json.Unmarshal(line, out); err != nil {
		return false, fmt.Errorf("python3 did not answer (exit %d): %s", o.Exit, gotool.FirstLine(o.Output))
	}
	return false, nil
}

// pythonTests is how tests ended, by their ids.
type pythonTests struct {
	Tests []struct{ ID, Status string }
}

// of lists the ids of one status.
func (t pythonTests) of(status string) []string {
	var out []string
	for _, x := range t.Tests {
		if x.Status == status {
			out = append(out, x.ID)
		}
	}
	return out
}

func (l python) reproduce(ctx context.Context, a work.Assignment) (work.Result, error) {
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return work.Result{}, err
	}
	defer f.Close()
	a.Emit(work.Event{Text: l.command()})
	var run pythonTests
	hung, err := l.ask(ctx, f, a, "run", pythonTest.Seconds(), &run)
	if err != nil {
		return work.Result{}, err
	}
	failing, passing := run.of("fail"), run.of("pass")
	switch {
	case hung:
		return failed(fmt.Sprintf("the tests did not end within %v", pythonRun)), nil
	case len(run.Tests) == 0:
		return failed("no test ran, so nothing shows a bug", "unittest finds test*.py, in packages only where there is an __init__.py; pytest finds test_*.py and *_test.py"), nil
	case len(failing) == 0:
		return work.Result{OK: true, Nothing: true, Summary: fmt.Sprintf("all %s pass already", plural(len(passing), "test"))}, nil
	}
	for _, t := range failing {
		a.Emit(work.Event{Text: "red: " + t})
	}
	return work.Result{
		OK: true, Summary: fmt.Sprintf("%s red, %d green: %s", plural(len(failing), "test"), len(passing), some(failing)),
		Output: rmg.PropsOf(map[string]rmg.Value{
			"failing": texts(failing), "passing": rmg.Int(int64(len(passing))), "tests": rmg.Int(int64(len(run.Tests))),
		}),
	}, nil
}

// localise ranks lines as for Go (Ochiai), from one run of each test.
func (l python) localise(ctx context.Context, a work.Assignment) (work.Result, error) {
	red := len(inputList(a, "failing"))
	if red == 0 {
		return failed("there is no failing test to start from"), nil
	}
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return work.Result{}, err
	}
	defer f.Close()
	var seen struct{ Lines [][4]any }
	if hung, err := l.ask(ctx, f, a, "locate", pythonTest.Seconds(), &seen); err != nil || hung {
		return failed(fmt.Sprintf("the tests did not end within %v", pythonRun)), err
	}
	var list []suspect
	for _, x := range seen.Lines {
		name, _ := x[0].(string)
		line, _ := x[1].(float64)
		bad, _ := x[2].(float64)
		good, _ := x[3].(float64)
		if bad > 0 {
			list = append(list, suspect{file: path.Join(a.Repo.Module, filepath.ToSlash(name)), line: int(line), score: bad / math.Sqrt(float64(red)*(bad+good))})
		}
	}
	slices.SortStableFunc(list, func(x, y suspect) int { // the helper has them by file and line
		switch {
		case x.score > y.score:
			return -1
		case x.score < y.score:
			return 1
		}
		return 0
	})
	list = list[:min(len(list), maxSuspects)]
	if len(list) == 0 {
		return failed("no line outside the tests is run by the failing ones"), nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%s:%d %.6f", s.file, s.line, s.score)
	}
	return work.Result{
		OK: true, Summary: fmt.Sprintf("most suspicious of %s: %s", plural(len(list), "line"), list[0]),
		Output: rmg.PropsOf(map[string]rmg.Value{"suspects": texts(out)}),
	}, nil
}

// propose makes the candidates: the helper's changes, each of which compiles and
// parses to something else, by suspicion and prior.
func (l python) propose(ctx context.Context, a work.Assignment, suspects []suspect) ([]candidate, error) {
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	scores := map[string]map[int]float64{}
	where := map[string][]int{}
	for _, s := range suspects {
		name, ok := moduleRel(a.Repo.Module, s.file)
		if !ok {
			continue
		}
		if scores[name] == nil {
			scores[name] = map[int]float64{}
		}
		scores[name][s.line] = s.score
		where[name] = append(where[name], s.line)
	}
	var got struct {
		Changes []struct {
			File, Text, Operator string
			From, To, Line, Last int
			Prior                float64
		}
	}
	if hung, err := l.ask(ctx, f, a, "mutate", where, &got); err != nil || hung {
		return nil, err
	}
	hint, _ := a.Args["hint"].(string)
	files := map[string]*file{}
	var out []candidate
	for _, c := range got.Changes {
		if files[c.File] == nil {
			src, err := os.ReadFile(filepath.Join(f.Path(), filepath.FromSlash(path.Join(a.Repo.Module, c.File))))
			if err != nil {
				return nil, err
			}
			files[c.File] = &file{name: path.Join(a.Repo.Module, c.File), src: src, editable: true}
		}
		score := 0.0
		for line := c.Line; line <= c.Last; line++ {
			score = max(score, scores[c.File][line])
		}
		out = append(out, candidate{
			file: files[c.File], from: c.From, to: c.To, text: c.Text, operator: c.Operator, line: c.Line, score: score * c.Prior * hintBonus(c.File, hint),
		})
	}
	order(out)
	return viable(out, a.Budget.Candidates-min(maxPairs, a.Budget.Candidates/8), func() bool { return ctx.Err() != nil }), ctx.Err()
}

// judge runs every test once: those that failed have to pass, and all others that
// did.
func (l python) judge(ctx context.Context, s *search, f work.Folder, i int) (why string, err error) {
	var run pythonTests
	hung, err := l.ask(ctx, f, s.a, "run", max(pythonTest, s.limit).Seconds(), &run)
	if err != nil {
		return "", err
	}
	if hung {
		s.hangs(i)
		return "the tests hang", nil
	}
	red, green := run.of("fail"), run.of("pass")
	for _, t := range s.failing {
		if slices.Contains(green, t) {
			s.mu.Lock()
			s.greened[i]++
			s.mu.Unlock()
		}
	}
	switch {
	case len(red) > 0:
		return "red: " + some(red), nil
	case slices.ContainsFunc(s.failing, func(t string) bool { return !slices.Contains(green, t) }):
		return "a test that failed is gone", nil
	case len(green) < s.passing+len(s.failing):
		return "tests that passed are gone", nil
	}
	return "", nil
}

// testsOf is what runs the tests of a package of Python.
func testsOf(a work.Assignment) string {
	if name, _ := a.Args["tests"].(string); name == byPytest {
		return byPytest
	}
	return byUnittest
}

// isPython says whether a task is about a package of Python.
func isPython(a work.Assignment) bool {
	name, _ := a.Args["language"].(string)
	return strings.EqualFold(name, "python")
}
