package sim

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// schedules is how many orders of the ten are tried, and realSchedules how many
// of these with the machine's Go; the others have their types checked in this
// process.
const (
	schedules     = 20
	realSchedules = 2
)

// actLibrary has one task: a command, then the proof.
const actLibrary = `
tasks:
  - {name: Act, summary: run a command, params: {target: target}}
methods:
  - name: act-by-script
    task: Act
    summary: run it
    phrases: ["act on {target}"]
    steps: [{do: act}, {do: verify}]
    success_criteria: [{type: command, name: build, value: "go build ./..."}]
primitives:
  - {name: act, summary: run it, worker: script, action: run, args: {argv: [sh, act.sh]}, writes: ["**"]}
  - {name: verify, summary: prove it, worker: kernel, action: prove}
`

// begin is the module that the ten work on.
var begin = map[string]string{
	"go.mod":  "module example.com/ten\n\ngo 1.24\n",
	"a.go":    "package ten\n\n// A is one.\nfunc A() int { return 1 }\n",
	"b.go":    "package ten\n\n// B is one.\nfunc B() int { return 1 }\n",
	"c.go":    "package ten\n\n// C is one.\nfunc C() int { return 1 }\n",
	"d.go":    "package ten\n\n// D is one.\nfunc D() int { return 1 }\n",
	"line.go": "package ten\n\n// Size is how many there are.\nconst Size = 1\n",
	"name.go": "package ten\n\n// Old has the wrong name.\nfunc Old() int { return 7 }\n\n// Twice calls it.\nfunc Twice() int { return 2 * Old() }\n",
	"three.go": `package ten

// First is the first of three.
func First() int {
	first := 1
	return first
}

// Second is the second of three.
func Second() int {
	second := 2
	return second
}

// Third is the third of three.
func Third() int {
	third := 3
	return third
}
`,
	"ten_test.go": `package ten

import "testing"

func TestAll(t *testing.T) {
	for _, n := range []int{A(), B(), C(), D(), Size, First(), Second(), Third(), Twice()} {
		if n < 1 {
			t.Error("less than one")
		}
	}
}
`,
}

// worker is one of the ten: what it changes.
type worker struct {
	name     string
	file     string
	old, new string
}

var ten = []worker{
	{"a", "a.go", "return 1", "return 10"},
	{"b", "b.go", "return 1", "return 20"},
	{"c", "c.go", "return 1", "return 30"},
	{"d", "d.go", "return 1", "return 40"},
	{"first", "three.go", "first := 1", "first := 100"},
	{"second", "three.go", "second := 2", "second := 200"},
	{"third", "three.go", "third := 3", "third := Old()"}, // calls what "rename" renames
	{"two", "line.go", "Size = 1", "Size = 2"},
	{"three", "line.go", "Size = 1", "Size = 3"},
	{"rename", "name.go", "Old", "New"},
}

// typed is a runner whose gates check types in this process: the build is that,
// and tests pass where there is one.
type typed struct{ nothing }

func (typed) Key(p work.Proof, g work.Gate) string {
	return fmt.Sprint(p.Input, g.Kind, g.Argv, g.Pattern)
}

func (typed) Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error) {
	names, fault := typeCheck(p.Folder)
	var out []work.Evidence
	for _, g := range p.Gates {
		e := work.Evidence{Gate: g.Name, Kind: g.Kind, Key: typed{}.Key(p, g), Input: p.Input, Green: fault == nil, Reason: "types are fine"}
		if fault != nil {
			e.Exit, e.Reason = 1, fault.Error()
		} else if g.Kind == work.GateTest {
			for _, n := range names {
				e.Tests = append(e.Tests, work.Test{Package: "ten", Name: n, Status: work.TestPass})
			}
		}
		out = append(out, e)
	}
	return out, ctx.Err()
}

// typeCheck checks the package in a folder, without its tests, whose names it
// returns.
func typeCheck(dir string) ([]string, error) {
	list, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	var names []string
	for _, name := range list {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(name, "_test.go") {
			files = append(files, f)
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				names = append(names, fn.Name.Name)
			}
		}
	}
	_, err = (&types.Config{}).Check("ten", fset, files, nil)
	return names, err
}

// TestTenWorkers lets ten workspaces collapse at once into one branch, in many
// orders: four change files of their own, three functions of one file, two one
// line, and one renames what one of the three begins to call. Whatever the
// order, every head builds and its tests pass, what is independent lands, who
// loses is told why and by whom it was beaten, and what commutes comes to the
// same bytes.
func TestTenWorkers(t *testing.T) {
	n := seed(t)
	rnd := rand.New(rand.NewPCG(n, 10))
	same := &texts{byName: map[string]string{}}
	all := schedules
	if testing.Short() {
		all = schedules / 4
	}
	t.Cleanup(func() { t.Logf("seed %d: %d schedules, %d of them with go", n, all, realSchedules) })
	for i := range all {
		order := rnd.Perm(len(ten))
		var run kernel.Runner = typed{}
		green := func(p *place, dir string) error { _, err := typeCheck(dir); return err }
		how := "types"
		if i < realSchedules {
			run, green, how = realRunner(t), goGreen, "go"
		}
		t.Run(fmt.Sprintf("%02d", i), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			tenWorkers(t, run, order, green, same)
			if t.Failed() || how == "go" {
				t.Logf("by %s in %v: %v", how, time.Since(began).Round(time.Millisecond), named(order))
			}
		})
	}
}

// texts are what commutes as the first schedule left it.
type texts struct {
	mu     sync.Mutex // guards byName
	byName map[string]string
}

// like returns what a file was before, or else what it is now.
func (x *texts) like(name, text string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byName[name] == "" {
		x.byName[name] = text
	}
	return x.byName[name]
}

func named(order []int) []string {
	var out []string
	for _, i := range order {
		out = append(out, ten[i].name)
	}
	return out
}

// goGreen builds and tests a folder with go.
func goGreen(p *place, dir string) error {
	cmd := exec.Command("go", "test", "-vet=all", "./...")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// ended is how one of the ten came out.
type ended struct {
	id  string
	out kernel.Collapsed
	err error
}

func tenWorkers(t *testing.T, run kernel.Runner, order []int, green func(*place, string) error, same *texts) {
	p := newPlace(t, begin, run, actLibrary)
	ends := make([]ended, len(ten))
	for i, w := range ten {
		ends[i].id = p.fork(w)
	}
	var wg sync.WaitGroup
	for _, i := range order {
		wg.Go(func() {
			ends[i].out, ends[i].err = p.Collapse(t.Context(), kernel.Caller{Name: ten[i].name}, ends[i].id, kernel.CollapseRequest{})
		})
		p.awaitProcess(ends[i].id)
	}
	wg.Wait()
	lost := map[string]string{}
	for i, e := range ends {
		name := ten[i].name
		if e.err == nil {
			if e.out.LandedOn != "main" {
				t.Errorf("%s landed on %q", name, e.out.LandedOn)
			}
			continue
		}
		lost[name] = e.err.Error()
		pr := must(p.Process(e.out.Process))(t)
		if pr.Status != "failed" || pr.Evicted == nil || pr.Evicted.Beaten == 0 || pr.Evicted.Reason == "" || !slices.Equal(pr.Evicted.Files, []string{ten[i].file}) {
			t.Errorf("%s: %s, %+v", name, pr.Status, pr.Evicted)
		}
		if ws := must(p.Workspace(e.id))(t); !strings.Contains(ws.Outcome, "beaten by seq") {
			t.Errorf("%s: the workspace says %q", name, ws.Outcome)
		}
	}
	before := func(a, b string) bool { return slices.Index(named(order), a) < slices.Index(named(order), b) }
	want := []string{"three", "third"}
	if before("three", "two") {
		want[0] = "two"
	}
	if before("third", "rename") {
		want[1] = "rename"
	}
	for _, name := range want {
		if lost[name] == "" {
			t.Errorf("%s landed", name)
		}
	}
	if len(lost) != len(want) {
		t.Errorf("%d lost: %v", len(lost), lost)
	}
	p.everyHeadIs(green)
	p.sameBytes(same)
	if v := must(p.Verify(t.Context()))(t); len(v.Problems) > 0 {
		t.Errorf("verify: %v", v.Problems)
	}
}

// fork makes the workspace of one of the ten, with its change in it.
func (p *place) fork(w worker) string {
	p.t.Helper()
	ctx := p.t.Context()
	s := must(p.Fork(ctx, kernel.Caller{Name: w.name}, kernel.ForkRequest{Dir: p.app}))(p.t)
	text := strings.ReplaceAll(begin[w.file], w.old, w.new)
	b := must(p.PutBlob(strings.NewReader(text)))(p.t)
	must(p.Rewrite(ctx, kernel.Caller{Name: w.name}, "sws:"+s.ID, rewrite.Rewrite{
		Ops: []rewrite.Op{{Op: rewrite.Write, Path: rmg.Root.Join("repo", "app", "main", w.file), Blob: b}}, Reason: w.name,
	}))(p.t)
	return s.ID
}

// awaitProcess returns when a workspace's collapse has its process, whose seq is
// its place in the queue.
func (p *place) awaitProcess(space string) {
	p.t.Helper()
	for {
		_, news := p.Watch(p.Status().Seq)
		for _, x := range p.Processes() {
			if x.Workspace == space {
				return
			}
		}
		select {
		case <-news:
		case <-p.t.Context().Done():
			p.t.Fatal("no process carries the collapse of " + space)
		}
	}
}

// everyHeadIs checks each commit that the branch ever was at.
func (p *place) everyHeadIs(green func(*place, string) error) {
	p.t.Helper()
	for _, c := range strings.Fields(p.git("rev-list", "main")) {
		tree := must(p.tree.Tree(p.t.Context(), p.app, c))(p.t)
		f := must(p.tree.Fresh(p.t.Context(), "check", tree))(p.t)
		if err := green(p, f.Path()); err != nil {
			p.t.Errorf("the head %s is red: %v", p.git("log", "-1", "--format=%h %s", c), err)
		}
		if err := f.Close(); err != nil {
			p.t.Error(err)
		}
	}
}

// sameBytes compares what commutes with what the schedules before left.
func (p *place) sameBytes(same *texts) {
	p.t.Helper()
	for _, name := range []string{"a.go", "b.go", "c.go", "d.go", "three.go"} {
		data := must(os.ReadFile(filepath.Join(p.app, name)))(p.t)
		text, _, _ := strings.Cut(string(data), "// Third")
		if was := same.like(name, text); text != was || text == begin[name] {
			p.t.Errorf("%s is\n%s\nand was\n%s", name, text, was)
		}
	}
	if s := p.git("status", "--porcelain", "--ignored"); s != "" {
		p.t.Errorf("git status:\n%s", s)
	}
}
