package gotool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"jitos.dev/work"
)

// TestOptions says which tests to run, and how.
type TestOptions struct {
	Patterns []string // "./...", "./pkg"
	Run      string   // -run regexp; "" for all
	Cover    string   // file to write a coverage profile to, in Scratch; "" for none
	CoverPkg string   // -coverpkg; "" for none
	FailFast bool
	NoVet    bool
	Narrow   bool          // test binaries may write in the folder, HOME and TMPDIR only, and not what the go command builds them from
	Timeout  time.Duration // of each test binary, so that a hang leaves its stack trace; the whole command gets buildTime more
}

// buildTime is what building may take on top of a test's own time.
const buildTime = 5 * time.Minute

// maxTestOutput is how much output of one test is kept, in bytes.
const maxTestOutput = 32 << 10

// TestRun is what came of them.
type TestRun struct {
	Outcome
	Tests       []work.Test       // sorted by package, name; those that hang or panic are TestFail
	BuildFailed []string          // packages that do not build
	Packages    map[string]string // package -> "pass", "fail", "skip" (no test files)
	Stacks      []string          // stack traces of panics and time-outs, for localisation
	TestOutput  map[string]string // "package.TestName" -> its output, capped
	LongestPass time.Duration     // of one test that passed
}

// Failed lists the tests that failed, as "package.TestName".
func (r TestRun) Failed() []string {
	var out []string
	for _, t := range r.Tests {
		if t.Status == work.TestFail {
			out = append(out, t.Package+"."+t.Name)
		}
	}
	return out
}

// Test runs `go test -json` and reads its events. A test binary that dies
// without saying which test failed makes every test that was still running
// fail.
func (t *Toolchain) Test(ctx context.Context, p Place, o TestOptions) (TestRun, error) {
	args := []string{"go", "test", "-json", "-count=1"}
	if o.Timeout > 0 {
		args = append(args, "-timeout="+o.Timeout.String())
	}
	if o.Run != "" {
		args = append(args, "-run="+o.Run)
	}
	if o.Cover != "" {
		args = append(args, "-covermode=set", "-coverprofile="+filepath.Join(p.Scratch, o.Cover))
	}
	if o.CoverPkg != "" {
		args = append(args, "-coverpkg="+o.CoverPkg)
	}
	if o.FailFast {
		args = append(args, "-failfast")
	}
	if o.NoVet {
		args = append(args, "-vet=off")
	}
	if o.Narrow && t.Self != "" {
		args = append(args, "-exec="+t.Self+" testexec")
	}
	args = append(args, o.Patterns...)
	limit := time.Duration(0)
	if o.Timeout > 0 {
		limit = o.Timeout + buildTime
	}
	w := newEvents()
	out, err := t.run(ctx, p, limit, w, args)
	r, rerr := w.end()
	err = errors.Join(err, rerr)
	r.Exit, r.TimedOut, r.Took, r.InForce = out.Exit, out.TimedOut, out.Took, out.InForce
	r.Output = append(w.human.Bytes(), out.Stderr...)
	return r, err
}

// ReadTests reads the tests of what go test -json printed, sorted by package and
// name. The error says why it is no such thing, or too much of it.
func ReadTests(data []byte) ([]work.Test, error) {
	w := newEvents()
	_, _ = w.Write(data) // it never fails
	r, err := w.end()
	if err == nil && len(r.Tests) == 0 && len(r.Packages) == 0 && len(data) > 0 {
		err = errors.New("it is not what go test -json prints")
	}
	return r.Tests, err
}

// event is one line of go test -json; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// The limits of what is read, since the code under test decides how much it is.
const (
	maxEvent  = 1 << 20  // bytes of a line; a longer one is no event
	maxEvents = 100_000  // tests
	maxKept   = 64 << 20 // bytes of output of tests, in all
)

// eventWriter reads events as the command writes them.
type eventWriter struct {
	line    bytes.Buffer
	tests   int          // in status
	kept    int          // bytes in output and packOut
	human   bytes.Buffer // as without -json, capped
	run     TestRun
	status  map[string]map[string]work.TestStatus // package, test; "" while it runs
	output  map[string]*bytes.Buffer
	packOut map[string]*bytes.Buffer // of a package outside tests: where a dying binary writes
}

func newEvents() *eventWriter {
	return &eventWriter{
		run:    TestRun{Packages: map[string]string{}, TestOutput: map[string]string{}},
		status: map[string]map[string]work.TestStatus{}, output: map[string]*bytes.Buffer{}, packOut: map[string]*bytes.Buffer{},
	}
}

func (w *eventWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.part(p)
			return n, nil
		}
		w.part(p[:i])
		w.one(w.line.Bytes())
		w.line.Reset()
		p = p[i+1:]
	}
}

// part adds to the line, as far as one may be long: what is cut off is no event
// any more.
func (w *eventWriter) part(p []byte) {
	w.line.Write(p[:min(len(p), maxEvent-w.line.Len())])
}

func (w *eventWriter) one(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		w.say(string(line) + "\n")
		return
	}
	switch e.Action {
	case "output", "build-output":
		w.say(e.Output)
		w.keep(e)
	case "build-fail":
	case "run":
		w.set(e.Package, e.Test, "")
	case "pass", "fail", "skip":
		w.ended(e)
	}
}

// set notes how a test is. One that failed stays failed, however often it is run.
func (w *eventWriter) set(pkg, test string, st work.TestStatus) {
	m, ok := w.status[pkg]
	if !ok {
		m = map[string]work.TestStatus{}
		w.status[pkg] = m
	}
	was, ok := m[test]
	if !ok {
		if w.tests++; w.tests > maxEvents {
			return
		}
	}
	if was != work.TestFail {
		m[test] = st
	}
}

func (w *eventWriter) ended(e event) {
	if e.Test != "" {
		w.set(e.Package, e.Test, work.TestStatus(e.Action))
		if e.Action == "pass" {
			w.run.LongestPass = max(w.run.LongestPass, time.Duration(e.Elapsed*float64(time.Second)), 1)
		}
		return
	}
	w.run.Packages[e.Package] = e.Action
	if e.FailedBuild != "" {
		w.run.BuildFailed = append(w.run.BuildFailed, e.Package)
	}
}

// say keeps what a person would have seen.
func (w *eventWriter) say(s string) {
	if room := maxOutput - w.human.Len(); room > 0 {
		w.human.WriteString(s[:min(room, len(s))])
	}
}

const maxOutput = 1 << 20

func (w *eventWriter) keep(e event) {
	buf := w.packOut
	key := e.Package
	if e.Test != "" {
		buf, key = w.output, e.Package+"."+e.Test
	}
	b, ok := buf[key]
	if !ok {
		b = &bytes.Buffer{}
		buf[key] = b
	}
	if room := min(maxTestOutput*4-b.Len(), maxKept-w.kept); room > 0 {
		n, _ := b.WriteString(e.Output[:min(room, len(e.Output))]) // a buffer takes all
		w.kept += n
	}
}

// end settles what the events leave open. The error is for more tests than are
// read: a part of them would not be all.
func (w *eventWriter) end() (TestRun, error) {
	if w.line.Len() > 0 {
		w.one(bytes.Clone(w.line.Bytes()))
		w.line.Reset()
	}
	for pkg, tests := range w.status {
		for name, st := range tests {
			if st == "" {
				st = work.TestFail
			}
			w.run.Tests = append(w.run.Tests, work.Test{Package: pkg, Name: name, Status: st})
		}
	}
	slices.SortFunc(w.run.Tests, func(a, b work.Test) int {
		if c := strings.Compare(a.Package, b.Package); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	slices.Sort(w.run.BuildFailed)
	for _, m := range []map[string]*bytes.Buffer{w.output, w.packOut} {
		for key, b := range m {
			text := b.String()
			if s := stack(text); s != "" {
				w.run.Stacks = append(w.run.Stacks, s)
			}
			w.run.TestOutput[key] = text[:min(len(text), maxTestOutput)]
		}
	}
	slices.Sort(w.run.Stacks)
	if w.tests > maxEvents {
		return w.run, fmt.Errorf("it has more than %d tests", maxEvents)
	}
	return w.run, nil
}

// stack is the part of an output that is the stack trace of a panic, a fatal
// error or a test binary's time-out.
func stack(text string) string {
	for _, head := range []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds"} {
		if i := strings.Index(text, head); i >= 0 && strings.Contains(text[i:], "goroutine ") {
			return text[i:]
		}
	}
	return ""
}

// Summary says in one line how the run ended.
func (r TestRun) Summary() string {
	pass, fail := 0, 0
	for _, t := range r.Tests {
		switch t.Status {
		case work.TestPass:
			pass++
		case work.TestFail:
			fail++
		}
	}
	switch {
	case len(r.BuildFailed) > 0:
		return fmt.Sprintf("does not build: %s", strings.Join(r.BuildFailed, ", "))
	case len(r.Tests) == 0 && r.Exit != 0:
		return fmt.Sprintf("exit %d: %s", r.Exit, FirstLine(r.Output))
	case fail > 0:
		return fmt.Sprintf("%d of %d tests red", fail, pass+fail)
	}
	return fmt.Sprintf("%d tests green", pass)
}

// FirstLine is the first line of an output that says something.
func FirstLine(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return "no output"
}
