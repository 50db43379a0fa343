package repair

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// What localising looks at, at most.
const (
	maxRed      = 40  // failing tests run one by one
	maxGreen    = 160 // passing tests run one by one
	maxCovered  = 12  // packages whose tests are run with coverage
	maxSuspects = 600 // lines handed on
)

// suspect is a line and how suspicious it is, from 0 to 1.
type suspect struct {
	file  string // relative to the repository
	line  int
	score float64
}

// localise ranks lines: each test is run alone with coverage, and a line is as
// suspicious as the failing tests run it and the passing ones do not (Ochiai).
// Tests that hang or panic leave no coverage; their stack traces stand in.
func (w *Worker) localise(ctx context.Context, a work.Assignment) (work.Result, error) {
	failing := inputList(a, "failing")
	if len(failing) == 0 {
		return failed("there is no failing test to start from"), nil
	}
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return work.Result{}, err
	}
	defer f.Close()
	l := &localiser{w: w, a: a, place: placeOf(f, a), spectrum: map[block]*counts{}}
	if err := l.findModule(ctx); err != nil {
		return failed("the module could not be read: " + err.Error()), nil
	}
	for _, pkg := range l.order(inputList(a, "packages")) {
		if err := l.cover(ctx, pkg, failing); err != nil {
			return work.Result{}, err
		}
	}
	list := l.rank()
	if len(list) == 0 {
		return failed("no line of the module is run by the failing tests", "the cause may stand in test code, which is not changed"), nil
	}
	a.Emit(work.Event{Text: fmt.Sprintf("%s with coverage; most suspicious: %s", plural(l.ran, "run"), list[0])})
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%s:%d %.6f", s.file, s.line, s.score)
	}
	return work.Result{
		OK: true, Summary: fmt.Sprintf("most suspicious of %s: %s", plural(len(list), "line"), list[0]),
		Output: rmg.PropsOf(map[string]rmg.Value{"suspects": texts(out), "module": rmg.String(l.module)}),
	}, nil
}

func (s suspect) String() string { return fmt.Sprintf("%s:%d", s.file, s.line) }

// parseSuspect reads what localise handed on.
func parseSuspect(text string) (suspect, bool) {
	where, score, ok := strings.Cut(text, " ")
	i := strings.LastIndexByte(where, ':')
	if !ok || i < 0 {
		return suspect{}, false
	}
	line, err := strconv.Atoi(where[i+1:])
	x, err2 := strconv.ParseFloat(score, 64)
	return suspect{file: where[:i], line: line, score: x}, err == nil && err2 == nil
}

// inputList finds a list among the outputs of earlier tasks.
func inputList(a work.Assignment, name string) []string {
	var keys []string
	for k := range a.Inputs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if list := listOf(a.Inputs[k], name); len(list) > 0 {
			return list
		}
	}
	return nil
}

// block is a run of statements that are covered together.
type block struct {
	file       string // relative to the repository
	start, end int    // lines
	col        int
}

// counts are how many failing and passing tests ran a block.
type counts struct{ red, green int }

type localiser struct {
	w        *Worker
	a        work.Assignment
	place    gotool.Place
	module   string   // its path
	packages []string // of the module
	spectrum map[block]*counts
	red      int // failing tests seen, with or without coverage
	ran      int
	frames   []frame
}

func (l *localiser) findModule(ctx context.Context) error {
	out, err := l.w.tool.Run(ctx, l.place, time.Minute, "go", "list", "-f", "{{.ImportPath}} {{.Module.Path}}", "./...")
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return fmt.Errorf("go list: %s", gotool.FirstLine(out.Output))
	}
	for line := range strings.Lines(string(out.Output)) {
		if pkg, mod, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.Contains(mod, " ") {
			l.packages, l.module = append(l.packages, pkg), mod
		}
	}
	if l.module == "" {
		return fmt.Errorf("there is no package in it")
	}
	return nil
}

// order puts the failing packages first, then the rest while there is room: a
// line that other packages' tests run in peace is less suspicious.
func (l *localiser) order(failing []string) []string {
	out := slices.Clone(failing)
	for _, p := range l.packages {
		if len(out) < maxCovered && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// cover builds a package's tests once, with coverage of the whole module, and
// runs each by itself.
func (l *localiser) cover(ctx context.Context, pkg string, failing []string) error {
	dir := filepath.Join(l.place.Scratch, "cover")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bin := filepath.Join(dir, "tests")
	built, err := l.w.tool.Run(ctx, l.place, 5*time.Minute, "go", "test", "-c", "-vet=off", "-covermode=set", "-coverpkg=./...",
		"-gcflags="+l.module+"/...=-N -l", "-o", bin, pkg) // not optimised: stack traces name every line
	if err != nil {
		return err
	}
	if _, err := os.Stat(bin); built.Exit != 0 || err != nil {
		return nil // no tests, or they do not build: nothing to learn here
	}
	var red []string
	for _, t := range failing {
		if name, ok := strings.CutPrefix(t, pkg+"."); ok && !strings.Contains(name, "\uFFFD") {
			red = append(red, name)
		}
	}
	red = red[:min(len(red), maxRed)]
	rel := strings.TrimPrefix(strings.TrimPrefix(pkg, l.module), "/")
	place := l.place
	place.Module = path.Join(l.place.Module, rel)
	if len(red) == 0 {
		return l.whole(ctx, place, bin, dir)
	}
	green, err := l.greens(ctx, place, bin, red)
	if err != nil {
		return err
	}
	l.red += len(red)
	return l.each(ctx, place, bin, dir, red, green)
}

// whole runs all tests of a package that none of the failing ones is in, as if
// they were one: it is only asked what runs in peace. If it takes long or fails,
// it has nothing to say.
func (l *localiser) whole(ctx context.Context, p gotool.Place, bin, dir string) error {
	profile := filepath.Join(dir, "whole.cov")
	out, err := l.w.tool.Shell(ctx, p, quickLimit, fmt.Sprintf("%s -test.timeout=%s -test.coverprofile=%s >/dev/null 2>&1", quote(bin), quickLimit, quote(profile)))
	if err != nil || out.Exit != 0 {
		return err
	}
	l.ran++
	return l.profile(profile, false)
}

// greens lists the passing tests of a package, the deepest subtests.
func (l *localiser) greens(ctx context.Context, p gotool.Place, bin string, red []string) ([]string, error) {
	skip := ""
	for _, t := range red {
		skip += " -test.skip=" + quote(only(t))
		break
	}
	if len(red) > 1 {
		var tops []string
		for _, t := range red {
			tops = append(tops, only(t))
		}
		skip = " -test.skip=" + quote(strings.Join(tops, "|"))
	}
	out, err := l.w.tool.Shell(ctx, p, 2*quickLimit, quote(bin)+" -test.v -test.timeout="+quickLimit.String()+skip)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(out.Output)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- PASS: "); ok {
			name, _, _ = strings.Cut(name, " (")
			names = append(names, name)
		}
	}
	names = leaves(names)
	// A parent of a failing test runs it too.
	names = slices.DeleteFunc(names, func(n string) bool {
		return slices.ContainsFunc(red, func(r string) bool { return r == n || strings.HasPrefix(r, n+"/") })
	})
	return names[:min(len(names), maxGreen)], nil
}

// only is the -run pattern of exactly one test.
func only(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// each runs every test alone, all in one sandbox, and reads what each covered.
func (l *localiser) each(ctx context.Context, p gotool.Place, bin, dir string, red, green []string) error {
	var script strings.Builder
	list := append(slices.Clone(red), green...)
	for i, t := range list {
		limit := 2 * time.Second
		if i < len(red) {
			limit = quickLimit / 2
		}
		// Without "crash" a goroutine that is running when time is up has no stack.
		fmt.Fprintf(&script, "GOTRACEBACK=crash %s -test.run=%s -test.timeout=%s -test.coverprofile=%s/%d.cov >%s/%d.out 2>&1\n", quote(bin), quote(only(t)), limit, quote(dir), i, quote(dir), i)
	}
	if _, err := l.w.tool.Shell(ctx, p, 5*time.Minute, script.String()); err != nil {
		return err
	}
	l.ran += len(list)
	for i := range list {
		base := filepath.Join(dir, strconv.Itoa(i))
		if err := l.profile(base+".cov", i < len(red)); err != nil {
			return err
		}
		if i < len(red) {
			if data, err := os.ReadFile(base + ".out"); err == nil {
				l.frames = append(l.frames, framesOf(string(data), l.place.Folder)...)
				if l.place.Own != "" { // where the run saw it, if it could be shown there
					l.frames = append(l.frames, framesOf(string(data), l.place.Own)...)
				}
			}
		}
	}
	return nil
}

// profile adds one test's coverage: lines of "file:l.c,l.c statements count".
func (l *localiser) profile(file string, red bool) error {
	f, err := os.Open(file)
	if err != nil {
		return nil // it panicked or hung
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var from, fromCol, to, toCol, statements, count int
		i := strings.LastIndexByte(sc.Text(), ':')
		if i < 0 {
			continue
		}
		if n, _ := fmt.Sscanf(sc.Text()[i+1:], "%d.%d,%d.%d %d %d", &from, &fromCol, &to, &toCol, &statements, &count); n != 6 || count == 0 {
			continue
		}
		rel, ok := strings.CutPrefix(sc.Text()[:i], l.module+"/")
		if !ok {
			continue
		}
		b := block{file: path.Join(l.a.Repo.Module, rel), start: from, end: to, col: fromCol}
		c, ok := l.spectrum[b]
		if !ok {
			c = &counts{}
			l.spectrum[b] = c
		}
		if red {
			c.red++
		} else {
			c.green++
		}
	}
	return sc.Err()
}

// rank turns the spectrum, and the stack traces, into suspicious lines, most
// suspicious first; ties by file and line.
func (l *localiser) rank() []suspect {
	scores := map[suspect]float64{} // by file and line
	raise := func(file string, line int, x float64) {
		k := suspect{file: file, line: line}
		scores[k] = max(scores[k], x)
	}
	for b, c := range l.spectrum {
		if c.red == 0 {
			continue
		}
		// Ochiai: how alike are "runs this block" and "fails"?
		x := float64(c.red) / math.Sqrt(float64(l.red)*float64(c.red+c.green))
		for line := b.start; line <= b.end; line++ {
			raise(b.file, line, min(x, 1))
		}
	}
	for _, f := range l.frames {
		raise(f.file, f.line, f.score())
		for line := f.line - 12; line <= f.line+4; line++ {
			if line > 0 {
				raise(f.file, line, f.score()*0.6*(1-math.Abs(float64(line-f.line))/40))
			}
		}
	}
	out := make([]suspect, 0, len(scores))
	for k, x := range scores {
		k.score = math.Round(x*1e6) / 1e6
		if strings.HasSuffix(k.file, ".go") && !strings.HasSuffix(k.file, "_test.go") {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	return out[:min(len(out), maxSuspects)]
}

// frame is a line of the repository in the stack trace of a failing test; depth
// counts from the innermost.
type frame struct {
	file  string
	line  int
	depth int
}

func (f frame) score() float64 { return 1 / (1 + 0.25*float64(f.depth)) }

var frameLine = regexp.MustCompile(`^\s+(/\S+\.go):(\d+)`)

// framesOf reads the frames inside folder from a stack trace, those of each
// goroutine from the innermost.
func framesOf(out, folder string) []frame {
	var list []frame
	depth := 0
	text := ""
	for _, head := range []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds"} {
		if i := strings.Index(out, head); i >= 0 {
			text = out[i:]
			break
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "goroutine ") {
			depth = 0
		}
		m := frameLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		rel, err := filepath.Rel(folder, m[1])
		if err != nil || strings.HasPrefix(rel, "..") || strings.HasSuffix(rel, "_test.go") {
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil || n == 0 || depth > 16 {
			continue
		}
		list = append(list, frame{file: filepath.ToSlash(rel), line: n, depth: depth})
		depth++
	}
	return list
}
