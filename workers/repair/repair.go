// Package repair is the worker that fixes bugs without a language model: it
// reproduces the failure, localises it from coverage (Ochiai; Abreu, Zoeteweij
// and van Gemund 2007), and searches small changes of the syntax tree that
// turn every test green, each in a workspace of its own.
//
// The search is that of mutation-based repair (Debroy and Wong 2010): the same
// operators that seed bugs undo them. Candidates are made and type-checked in
// this process, before any test is built; they are ordered by suspicion and
// operator, and the first in that order that turns every test green wins,
// however many are tested side by side.
package repair

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Worker repairs Go modules. Actions: reproduce, localise, implement.
type Worker struct {
	tool  *gotool.Toolchain
	lanes int
}

// New makes the worker. parallel is how many candidates are tested side by
// side; it never changes which one wins.
func New(t *gotool.Toolchain, parallel int) *Worker {
	return &Worker{tool: t, lanes: max(1, parallel)}
}

// Describe lists the actions.
func (w *Worker) Describe() work.Description {
	return work.Description{
		Name: "repair", Summary: "finds small fixes by tests, without a language model",
		Actions: []string{"implement", "localise", "reproduce"}, Deterministic: true, Needs: []string{work.NeedCommands},
	}
}

// Run does one action.
func (w *Worker) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	if a.Repo.Root == "" {
		return work.Result{}, &rmg.Error{Op: "repair", Code: rmg.Invalid, Msg: "the process has no repository"}
	}
	limit := time.Duration(a.Budget.WallMillis) * time.Millisecond
	if limit > 0 {
		timed, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		res, err := w.run(timed, a)
		if err != nil && timed.Err() != nil && ctx.Err() == nil {
			return failed(fmt.Sprintf("%s took longer than its budget of %v", a.Action, limit), "give more time with budget.wall_seconds"), nil
		}
		return res, err
	}
	return w.run(ctx, a)
}

func (w *Worker) run(ctx context.Context, a work.Assignment) (work.Result, error) {
	l := language(golang{w})
	if isPython(a) {
		l = python{w, testsOf(a)}
	}
	switch a.Action {
	case "reproduce":
		return l.reproduce(ctx, a)
	case "localise":
		return l.localise(ctx, a)
	case "implement":
		return w.implement(ctx, a, l)
	}
	return work.Result{}, &rmg.Error{Op: "repair", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
}

// language is what differs between languages: what fails, where, which small changes
// there are, and whether one is a repair. The search is the same.
type language interface {
	reproduce(ctx context.Context, a work.Assignment) (work.Result, error)
	localise(ctx context.Context, a work.Assignment) (work.Result, error)
	// propose makes the candidates for suspicious lines, in order, each of which
	// compiles and does something else than the others, as many as the budget has
	// with an eighth of it left for changes of two places.
	propose(ctx context.Context, a work.Assignment, suspects []suspect) ([]candidate, error)
	// judge runs the tests on the i-th candidate; why is empty for a repair. It notes
	// in s.greened how many of the failing tests one that is none turned green.
	judge(ctx context.Context, s *search, f work.Folder, i int) (why string, err error)
}

// golang is the language that go test, go list and go/types know.
type golang struct{ *Worker }

func (l golang) judge(ctx context.Context, s *search, f work.Folder, i int) (string, error) {
	return s.judge(ctx, f, i)
}

func failed(summary string, more ...string) work.Result {
	return work.Result{Summary: summary, Reasons: append([]string{summary}, more...)}
}

func placeOf(f work.Folder, a work.Assignment) gotool.Place {
	return gotool.Place{Folder: f.Path(), Scratch: f.Scratch(), Module: a.Repo.Module, Own: a.Repo.Top}
}

// moduleRel is a path relative to the module's folder, from one relative to the
// repository; ok is false for one outside.
func moduleRel(module, name string) (string, bool) {
	if module == "" || module == "." {
		return name, true
	}
	if name == module {
		return ".", true
	}
	return strings.CutPrefix(name, module+"/")
}

// pattern is the package pattern of the target.
func pattern(a work.Assignment) string {
	target := a.Repo.Target
	if strings.HasSuffix(target, ".go") {
		target = path.Dir(target)
	}
	rel, ok := moduleRel(a.Repo.Module, target)
	if !ok || rel == "." || rel == "" {
		return "./..."
	}
	return "./" + rel + "/..."
}

// The time limits of one test binary, coarse on purpose: a slower machine does
// not change what they decide.
const (
	briefLimit = 3 * time.Second // for candidates, when every green test is brief
	quickLimit = 10 * time.Second
	againLimit = 30 * time.Second // for those that reached the limit of before, when nothing else is left
	longLimit  = 5 * time.Minute
	briefTest  = 300 * time.Millisecond
	slowTest   = 3 * time.Second // above it candidates get longLimit
)

// reproduce runs the target's tests and says which fail.
func (w *Worker) reproduce(ctx context.Context, a work.Assignment) (work.Result, error) {
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return work.Result{}, err
	}
	defer f.Close()
	a.Emit(work.Event{Text: "go test " + pattern(a)})
	run, err := w.testAll(ctx, placeOf(f, a), pattern(a))
	if err != nil {
		return work.Result{}, err
	}
	switch {
	case len(run.Failed()) > 0:
		return reproduced(a, run), nil
	case run.Exit != 0:
		return failed("does not build: "+gotool.FirstLine(run.Output), buildReasons(run)...), nil
	case len(run.Tests) == 0:
		return failed("no test ran, so nothing shows a bug", "write a test that fails because of it"), nil
	}
	return work.Result{OK: true, Nothing: true, Summary: fmt.Sprintf("all %s pass already", plural(len(run.Tests), "test"))}, nil
}

// testAll runs a scope. A binary that reaches its time limit has a test that
// hangs, if those that ended were brief; else it is run again, longer.
func (w *Worker) testAll(ctx context.Context, p gotool.Place, scope string) (gotool.TestRun, error) {
	run, err := w.tool.Test(ctx, p, gotool.TestOptions{Patterns: []string{scope}, NoVet: true, Timeout: quickLimit})
	if err != nil || !hung(run) || run.LongestPass < briefTest && run.LongestPass > 0 {
		return run, err
	}
	return w.tool.Test(ctx, p, gotool.TestOptions{Patterns: []string{scope}, NoVet: true, Timeout: longLimit})
}

// hung says whether a test binary reached its time limit.
func hung(run gotool.TestRun) bool {
	return run.TimedOut || slices.ContainsFunc(run.Stacks, isTimeout)
}

func isTimeout(stack string) bool { return strings.HasPrefix(stack, "panic: test timed out") }

func buildReasons(run gotool.TestRun) []string {
	var out []string
	for _, p := range run.BuildFailed {
		out = append(out, "package "+p+" does not build")
	}
	for line := range strings.Lines(string(run.Output)) {
		if line = strings.TrimSpace(line); line != "" && len(out) < 8 {
			out = append(out, line)
		}
	}
	return append(out, "make it build first: the repair needs tests that run")
}

// reproduced is the result of a run with failures.
func reproduced(a work.Assignment, run gotool.TestRun) work.Result {
	failing := leaves(run.Failed())
	for _, t := range failing {
		a.Emit(work.Event{Text: "red: " + t})
	}
	var packages []string
	for name, end := range run.Packages {
		if end == "fail" && !slices.Contains(run.BuildFailed, name) {
			packages = append(packages, name)
		}
	}
	slices.Sort(packages)
	passing := 0
	for _, t := range run.Tests {
		if t.Status == work.TestPass {
			passing++
		}
	}
	res := work.Result{OK: true, Summary: fmt.Sprintf("%s red, %d green: %s", plural(len(failing), "test"), passing, some(failing))}
	if hung(run) {
		res.Summary += " (hangs)"
	}
	res.Output = rmg.PropsOf(map[string]rmg.Value{
		"failing": texts(failing), "packages": texts(packages), "passing": rmg.Int(int64(passing)),
		"hangs": rmg.Bool(hung(run)), "limit_ms": rmg.Int(candidateLimit(run).Milliseconds()),
	})
	return res
}

// candidateLimit is the time limit of the tests of candidates. It is recorded:
// the same one decides when the task is tried again.
func candidateLimit(run gotool.TestRun) time.Duration {
	switch {
	case run.LongestPass < briefTest:
		return briefLimit
	case run.LongestPass < slowTest:
		return quickLimit
	}
	return longLimit
}

// leaves drops the tests that have failing subtests: those say more.
func leaves(names []string) []string {
	var out []string
	for _, n := range names {
		parent := slices.ContainsFunc(names, func(m string) bool { return strings.HasPrefix(m, n+"/") })
		if !parent {
			out = append(out, n)
		}
	}
	return out
}

func texts(list []string) rmg.Value {
	vs := make([]rmg.Value, len(list))
	for i, s := range list {
		vs[i] = rmg.String(strings.ToValidUTF8(s, "\uFFFD"))
	}
	return rmg.List(vs...)
}

func listOf(p rmg.Props, name string) []string {
	v, _ := p.Get(name)
	vs, _ := v.AsList()
	var out []string
	for _, v := range vs {
		if s, ok := v.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
