package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// memRepo is a repository and its folders in memory: commits are trees, and a
// landing is a compare-and-swap of the head.
type memRepo struct {
	mu      sync.Mutex // guards the fields below
	put     func([]byte) (rmg.Blob, error)
	commits map[string]rmg.Graph
	head    string
	log     []string // commits of the head, oldest first
	parked  map[string]string
	folders map[string]rmg.Graph // by path
	onHead  func()               // called before the head is told; may move it
	onLand  func()               // called before the compare-and-swap
	plain   bool                 // it was added as a folder
	hooks   Hooks
	dirty   rmg.Graph         // what the working tree holds
	staged  []string          // what hooks were run on, by labels
	message map[string]string // of commits
	remote  map[string]string // branches of the remote; nil for none
	// Called before the remote is changed or asked; the error is its answer.
	onPush, onPropose func() error
}

func newMemRepo(put func([]byte) (rmg.Blob, error)) *memRepo {
	return &memRepo{put: put, commits: map[string]rmg.Graph{}, message: map[string]string{}, parked: map[string]string{}, folders: map[string]rmg.Graph{}}
}

// tree makes a tree of files over another one; empty text removes.
func (m *memRepo) tree(t testing.TB, old rmg.Graph, files map[string]string) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(old)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p := rmg.Root.Join(strings.Split(name, "/")...)
		op := rewrite.Op{Op: rewrite.Remove, Path: p}
		if files[name] != "" {
			b, err := m.put([]byte(files[name]))
			if err != nil {
				t.Fatal(err)
			}
			op = rewrite.Op{Op: rewrite.Write, Path: p, Blob: b}
			if _, ok := o.Get(p.Parent()); !ok && p.Parent() != rmg.Root {
				if err := o.AddNode(p.Parent(), rewrite.KindDir, rmg.Props{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := rewrite.Apply(o, []rewrite.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	return o.Graph()
}

// commit is a person's: files over the head.
func (m *memRepo) commit(t testing.TB, files map[string]string) {
	t.Helper()
	m.mu.Lock()
	old := m.commits[m.head]
	m.mu.Unlock()
	next := m.tree(t, old, files)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(next)
}

func (m *memRepo) advance(next rmg.Graph) string {
	id := fmt.Sprintf("%s-%d", next.Digest().String()[:8], len(m.log))
	m.commits[id], m.head = next, id
	m.log = append(m.log, id)
	return id
}

func (m *memRepo) Locate(context.Context, string) (Repo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Repo{Top: "/app", Origin: "/app", Name: "app", Branch: "main", Head: m.head, Plain: m.plain}, nil
}

func (m *memRepo) AddFolder(ctx context.Context, dir string) (Repo, error) {
	m.mu.Lock()
	m.plain = true
	m.mu.Unlock()
	return m.Locate(ctx, dir)
}

func (m *memRepo) ForgetFolder(_ context.Context, dir string, dryRun bool) (string, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.plain {
		return dir, 0, &rmg.Error{Op: "repository", Code: rmg.NotFound, Msg: dir + " was not added"}
	}
	m.plain = dryRun
	return dir, 7, nil
}

func (m *memRepo) Head(context.Context, string, string) (string, error) {
	m.mu.Lock()
	f := m.onHead
	m.mu.Unlock()
	if f != nil {
		f()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

func (m *memRepo) Tree(_ context.Context, _, commit string) (rmg.Graph, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits[commit], nil
}
func (m *memRepo) Dirty(context.Context, string) ([]string, error) { return nil, nil }

func (m *memRepo) Uncommitted(context.Context, string, string) (rmg.Graph, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dirty, nil
}

func (m *memRepo) Log(context.Context, string, string, int) ([]Commit, error) { return nil, nil }

func (m *memRepo) Blame(context.Context, string, string, string, int) (Commit, error) {
	return Commit{}, nil
}

type memFolder struct {
	m    *memRepo
	path string
}

func (f memFolder) Path() string                                         { return f.path }
func (f memFolder) Scratch() string                                      { return f.path + "-scratch" }
func (f memFolder) Update(context.Context, rmg.Graph) error              { return nil }
func (f memFolder) Scan(context.Context, rmg.Path) ([]rewrite.Op, error) { return nil, nil }
func (f memFolder) Close() error                                         { return nil }
func (m *memRepo) Slot(_ context.Context, n string, g rmg.Graph, _ Origin) (Folder, error) {
	return m.place(n, g)
}

func (m *memRepo) Fresh(_ context.Context, n string, g rmg.Graph) (Folder, error) {
	return m.place(n, g)
}

func (m *memRepo) Hooks(context.Context, string) (Hooks, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hooks, nil
}

func (m *memRepo) Staged(_ context.Context, n string, base, g rmg.Graph, of Origin, _ Hooks) (Folder, []string, error) {
	m.mu.Lock()
	m.staged = append(m.staged, label(base)+"+"+label(g))
	if _, ok := m.commits[of.Commit]; !ok || of.Branch != "main" {
		m.staged = append(m.staged, "no commit "+of.Commit)
	}
	m.mu.Unlock()
	f, err := m.place(n, g)
	return f, nil, err
}

func (m *memRepo) ToPush(ctx context.Context, n string, base, g rmg.Graph, of Origin, h Hooks, p Pushing) (Folder, []string, string, error) {
	f, reads, err := m.Staged(ctx, n, base, g, of, h)
	m.mu.Lock()
	m.staged = append(m.staged, fmt.Sprintf("%s to %s/%s at %q", p.Branch, p.Remote, p.To, p.At))
	m.mu.Unlock()
	return f, reads, "to be pushed", err
}

func (m *memRepo) Forget() error { return nil }

func (m *memRepo) place(name string, tree rmg.Graph) (Folder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.folders[name] = tree
	return memFolder{m, name}, nil
}

// memLanding is a landing as memRepo journals it.
type memLanding struct{ Tip, Tree string }

func (m *memRepo) Prepare(_ context.Context, r LandRequest) ([]byte, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := "landing-" + r.ID
	m.commits[id], m.message[id] = r.New, r.Message
	data, err := json.Marshal(memLanding{r.Tip, id})
	return data, id, err
}

func (m *memRepo) Land(_ context.Context, data []byte) (LandOutcome, error) {
	m.mu.Lock()
	f := m.onLand
	m.mu.Unlock()
	if f != nil {
		f()
	}
	return m.Resume(context.Background(), data)
}

func (m *memRepo) Resume(_ context.Context, data []byte) (LandOutcome, error) {
	var l memLanding
	if err := json.Unmarshal(data, &l); err != nil {
		return LandOutcome{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.head == l.Tree {
		return LandOutcome{Result: "landed"}, nil
	}
	if m.head != l.Tip {
		return LandOutcome{Result: "moved"}, nil
	}
	m.head = l.Tree
	m.log = append(m.log, l.Tree)
	return LandOutcome{Result: "landed"}, nil
}

func (m *memRepo) Park(_ context.Context, data []byte, branch, was string) error {
	var l memLanding
	if err := json.Unmarshal(data, &l); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if is := m.parked[branch]; is != "" && is != was && is != l.Tree {
		return &rmg.Error{Op: "park", Code: rmg.Exists, Msg: branch + " is at " + is}
	}
	m.parked[branch] = l.Tree
	return nil
}

func (m *memRepo) Target(_ context.Context, _, branch, remote string, pull bool) (Target, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := Target{Remote: orText(remote, "hub"), Base: branch, URL: "mem:" + orText(remote, "hub")}
	if m.remote == nil || t.Remote != "hub" {
		return t, &rmg.Error{Op: "target", Code: rmg.Invalid, Msg: "there is no remote " + t.Remote}
	}
	if pull {
		t.Program = "gh"
	}
	return t, nil
}

func (m *memRepo) Patch(_ context.Context, data []byte) (rmg.Blob, error) { return m.put(data) }

// Push takes a branch of the remote forward if it has nothing else.
func (m *memRepo) Push(_ context.Context, data []byte, _ Target, branch, was string) error {
	var l memLanding
	if err := json.Unmarshal(data, &l); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onPush != nil {
		if err := m.onPush(); err != nil {
			return err
		}
	}
	if is := m.remote[branch]; is != "" && is != was && is != l.Tip && is != l.Tree {
		return &rmg.Error{Op: "push", Code: rmg.Conflict, Msg: branch + " is at " + is}
	}
	m.remote[branch] = l.Tree
	return nil
}

func (m *memRepo) Pushed(_ context.Context, data []byte, _ Target, branch string) bool {
	var l memLanding
	m.mu.Lock()
	defer m.mu.Unlock()
	return json.Unmarshal(data, &l) == nil && m.remote[branch] == l.Tree
}

func (m *memRepo) Propose(_ context.Context, _ []byte, to Target, branch, title, _ string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onPropose != nil {
		if err := m.onPropose(); err != nil {
			return "", err
		}
	}
	return "https://hub/" + to.Base + "/" + branch + "?" + title, nil
}

// scripted is a runner whose gates look at the files: what a file "use"s some
// file must "def", else the build is red; each file has a test, which is red if
// nothing defines what it "want"s. Proofs can be made to wait.
type scripted struct {
	more []work.Description // workers beside the one
	repo *memRepo
	salt string // of keys: tools and all that
	home bool   // its worker works on no other machine
	mind bool   // there is a model
	read func(rmg.Blob) ([]byte, error)
	task func(ctx context.Context, worker string, a work.Assignment) (work.Result, error)

	mu      sync.Mutex     // guards the fields below
	flaky   map[string]int // runs of a gate that still end red, by its name
	holding bool
	waiting map[string]chan struct{} // proofs that wait, by the label of their tree
	ran     map[string]int           // gate runs, by "gate label"
	most    int                      // proofs that were under way at once
	now     int
}

func (s *scripted) Describe() []work.Description {
	out := append([]work.Description{{Name: "scripted", Actions: []string{"do"}, Home: s.home}}, s.more...)
	if s.mind {
		out = append(out, work.Description{Name: workerModel, Actions: []string{actionReading, actionPropose}, Home: true})
	}
	return out
}

func (s *scripted) Run(ctx context.Context, worker string, a work.Assignment) (work.Result, error) {
	return s.task(ctx, worker, a)
}
func (s *scripted) Busy() time.Duration { return 0 }

func (s *scripted) Key(p work.Proof, g work.Gate) string {
	return s.salt + p.Input.String() + " " + string(g.Kind) + " " + strings.Join(g.Argv, " ") + g.Pattern + strings.Join(g.Inputs, ",") + fmt.Sprint(g.Reruns)
}

// label names a tree by its files that are not of the base.
func label(tree rmg.Graph) string {
	var names []string
	for p, e := range tree.Walk(rmg.Root) {
		if rel, _ := relTo(rmg.Root, p); e.Kind == rewrite.KindFile && rel != "go.mod" && rel != "base.go" {
			names = append(names, strings.TrimSuffix(path.Base(rel), ".go"))
		}
	}
	return "[" + strings.Join(names, " ") + "]"
}

func (s *scripted) Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error) {
	s.repo.mu.Lock()
	tree := s.repo.folders[p.Folder]
	s.repo.mu.Unlock()
	name := label(tree)
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	var wait chan struct{}
	if s.holding {
		wait = make(chan struct{})
		s.waiting[name] = wait
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		if s.waiting[name] == wait {
			delete(s.waiting, name)
		}
		s.mu.Unlock()
	}()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var out []work.Evidence
	for _, g := range p.Gates {
		s.mu.Lock()
		s.ran[g.Name+" "+name]++
		s.mu.Unlock()
		e := work.Evidence{Gate: g.Name, Kind: g.Kind, Key: s.Key(p, g), Input: p.Input, Argv: g.Argv}
		s.judge(tree, g, &e)
		s.mu.Lock()
		if s.flaky[g.Name] > 0 {
			s.flaky[g.Name]--
			e.Green, e.Exit, e.Reason = false, 1, "flaked"
		}
		s.mu.Unlock()
		out = append(out, e)
	}
	return out, nil
}

// judge runs one gate on a tree. Hooks let pass what has no file "unhooked.go",
// and add a trailer.
func (s *scripted) judge(tree rmg.Graph, g work.Gate, e *work.Evidence) {
	if g.Kind == work.GateHook {
		_, bad := tree.Get(rmg.Root.Child("unhooked.go"))
		e.Green, e.Reason = !bad, "ran"
		if g.Message != "" {
			e.Message = strings.TrimSpace(g.Message) + "\nReviewed-by: hook"
		}
		return
	}
	defs, uses, wants := map[string]bool{}, map[string]string{}, map[string]string{}
	for p, f := range tree.Walk(rmg.Root) {
		if f.Kind != rewrite.KindFile || path.Ext(f.ID) != ".go" {
			continue
		}
		text, err := s.read(f.Props.Blob(rewrite.PropBlob))
		if err != nil {
			e.Exit, e.Reason = 1, err.Error()
			return
		}
		wants[f.ID] = ""
		for line := range strings.Lines(string(text)) {
			verb, name, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "//"), " ")
			switch verb {
			case "def":
				defs[name] = true
			case "use":
				uses[name] = string(p)
			case "want":
				wants[f.ID] = name
			}
		}
	}
	e.Reason = "ran"
	for _, file := range slices.Sorted(maps.Keys(wants)) {
		if g.Kind != work.GateTest {
			break
		}
		t := work.Test{Package: "p", Name: file, Status: work.TestPass}
		if name := wants[file]; name != "" && !defs[name] {
			t.Status, e.Exit = work.TestFail, 1
		}
		e.Tests = append(e.Tests, t)
	}
	for name, file := range uses {
		if !defs[name] && g.Name == "build" {
			e.Exit, e.Reason = 1, file+" uses "+name+", which nothing defines"
		}
	}
	e.Green = e.Exit == 0
}

// hold makes every proof from now on wait for its release.
func (s *scripted) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// free lets all proofs go, now and from now on.
func (s *scripted) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, c := range s.waiting {
		close(c)
	}
	clear(s.waiting)
}

// waits lists the proofs that wait.
func (s *scripted) waits() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(s.waiting)), " ")
}

// release lets the proof of one tree go.
func (s *scripted) release(t testing.TB, name string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	c, ok := s.waiting[name]
	delete(s.waiting, name)
	s.mu.Unlock()
	if !ok {
		t.Fatalf("no proof of %s waits; there are %s", name, s.waits())
	}
	close(c)
	synctest.Wait()
}

func (s *scripted) runs(gate, name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ran[gate+" "+name]
}

// unwound is a clock that stands still.
type unwound struct{}

func (unwound) Now() time.Time { return time.UnixMilli(1_700_000_000_000) }

// bench is a kernel on a repository in memory.
type bench struct {
	*testing.T
	k    *Kernel
	repo *memRepo
	run  *scripted
	salt string // of the next runner
	dir  string
	log  *journal.Store

	clock Clock
}

const testMethods = `
tasks:
  - {name: Do, summary: do it, params: {target: target}}
  - {name: Ship, summary: ship it, params: {target: target}}
  - {name: Launch, summary: launch it, params: {target: target}}
  - {name: Mend, summary: do it by whichever way works, params: {target: target}}
  - {name: Alter, summary: alter it}
  - {name: Share, summary: two of one thing, params: {target: target}}
  - {name: Serve, summary: with something to stop in the end, params: {target: target}}
  - {name: Serving, summary: start it}
  - {name: Leave, summary: with something to be left, params: {target: target}}
  - {name: Reach, summary: with something to be granted, params: {target: target}}
methods:
  - {name: share-it, task: Share, summary: beside each other, steps: [{parallel: [{do: left}, {do: right}, {do: reader}, {do: reader, id: other}]}, {do: verify}], success_criteria: [{type: command, name: build, value: "go build ./..."}]}
  - {name: serve-it, task: Serve, summary: start and use it, steps: [{do: Serving}, {do: use}, {do: verify}], success_criteria: [{type: command, name: build, value: "go build ./..."}]}
  - {name: serve-fast, task: Serving, summary: fast, priority: 1, when: [{fact: worker_fast}], steps: [{do: up-fast}]}
  - {name: serve-well, task: Serving, summary: well, steps: [{do: up}]}
  - {name: leave-it, task: Leave, summary: leave it, steps: [{do: make}, {do: verify}], success_criteria: [{type: command, name: build, value: "go build ./..."}]}
  - {name: reach-it, task: Reach, summary: reach it, steps: [{do: act}, {do: call}, {do: verify}], success_criteria: [{type: command, name: build, value: "go build ./..."}]}
  - name: do-it
    task: Do
    summary: by hand
    phrases: ["do {target}"]
    steps: [{do: act}, {do: verify}]
    success_criteria:
      - {type: command, name: build, value: "go build ./..."}
      - {type: test, name: all tests, value: "./..."}
  - name: ship-it
    task: Ship
    summary: by hand, if a person says so
    phrases: ["ship {target}"]
    steps: [{do: act}, {do: gate}, {do: verify}]
    success_criteria:
      - {type: command, name: build, value: "go build ./..."}
  - name: launch-it
    task: Launch
    summary: by hand, with a way back
    phrases: ["launch {target}"]
    steps: [{do: act}, {do: agree}, {do: install}, {do: health}, {do: verify}]
    success_criteria:
      - {type: command, name: build, value: "go build ./..."}
  - name: mend-it
    task: Mend
    summary: look, alter, prove
    phrases: ["mend {target}"]
    steps: [{parallel: [{do: look}, {do: read}]}, {do: Alter}, {do: verify}]
    success_criteria:
      - {type: command, name: build, value: "go build ./..."}
  - {name: alter-fast, task: Alter, summary: at once, priority: 2, when: [{fact: worker_fast}], steps: [{do: fast}]}
  - {name: alter-well, task: Alter, summary: in two steps, priority: 1, steps: [{do: draft}, {do: polish}]}
  - {name: alter-late, task: Alter, summary: what is left, when: [{fact: looked}], steps: [{do: late}]}
primitives:
  - {name: left, summary: left, worker: scripted, action: do, exclusive: [db], on_fail: [mop]}
  - {name: right, summary: right, worker: scripted, action: do, exclusive: [db, net]}
  - {name: reader, summary: read, worker: scripted, action: do, resources: [db]}
  - {name: mop, summary: mop, worker: scripted, action: do, exclusive: [db]}
  - {name: up, summary: start, worker: scripted, action: do, finally: [down, note]}
  - {name: up-fast, summary: start, worker: fast, action: do, finally: [note]}
  - {name: use, summary: use, worker: scripted, action: do}
  - {name: down, summary: stop, worker: scripted, action: do, exclusive: [port]}
  - {name: note, summary: note, worker: scripted, action: do}
  - {name: make, summary: make, worker: scripted, action: do, retries: 1, artifacts: ["out/*.txt", v.go]}
  - {name: call, summary: call, worker: scripted, action: do, capabilities: ["host:api.example.com:443"]}
  - {name: look, summary: look, worker: scripted, action: do, effects: [looked]}
  - {name: read, summary: read, worker: scripted, action: do}
  - {name: fast, summary: at once, worker: fast, action: do, retries: 1}
  - {name: draft, summary: draft it, worker: scripted, action: do}
  - {name: polish, summary: polish it, worker: scripted, action: do}
  - {name: late, summary: in the end, worker: scripted, action: do}
  - {name: agree, summary: ask a person, worker: human, action: ask, args: {question: "ship it?"}, timeout: 60m, on_fail: [tell]}
  - {name: install, summary: install, worker: scripted, action: do, on_fail: [remove, tell]}
  - {name: health, summary: look at it, worker: scripted, action: do, retries: 1, on_fail: [restore]}
  - {name: restore, summary: put back what was there, worker: scripted, action: do}
  - {name: remove, summary: take it away, worker: scripted, action: do}
  - {name: tell, summary: tell of it, worker: scripted, action: do}
  - {name: gate, summary: ask a person, worker: human, action: ask, args: {question: "ship it?"}, timeout: 60m}
  - {name: act, summary: act, worker: scripted, action: do, retries: 2}
  - {name: verify, summary: prove it, worker: kernel, action: prove}
`

// onBench runs a test on a kernel, in a bubble of its own: what waits, waits for
// the test. The repository has go.mod and base.go, which defines Old.
func onBench(t *testing.T, do func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, dir: t.TempDir(), clock: unwound{}}
		b.open(2)
		defer func() {
			b.run.free()
			b.close()
		}()
		b.repo.commit(t, map[string]string{"go.mod": "module app\n", "base.go": "def Old\n"})
		do(b)
	})
}

// open starts a kernel on what there is.
func (b *bench) open(proofs int) {
	b.Helper()
	store, err := journal.Open(b.dir, journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	put := func(data []byte) (rmg.Blob, error) { return blobs{store.Blobs()}.Put(bytes.NewReader(data)) }
	if b.repo == nil {
		b.repo = newMemRepo(put)
	}
	b.repo.put = put
	b.run = &scripted{
		repo: b.repo, salt: b.salt, waiting: map[string]chan struct{}{}, ran: map[string]int{},
		read: func(x rmg.Blob) ([]byte, error) { return readBlob(blobs{store.Blobs()}, x) },
	}
	lib, err := tasks.Load(tasks.Source{Name: "test.yaml", Data: []byte(testMethods)})
	if err != nil {
		b.Fatal(err)
	}
	b.log = store
	b.k, err = Open(context.Background(), Options{Journal: store, Clock: b.clock, Worktree: b.repo, Runner: b.run, Library: lib, Proofs: proofs})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) close() {
	b.Helper()
	if err := b.k.Close(); err != nil {
		b.Error(err)
	}
	if err := b.log.Close(); err != nil {
		b.Error(err)
	}
}

// space forks a workspace and writes files in it.
func (b *bench) space(files map[string]string) string {
	b.Helper()
	w, err := b.k.Fork(context.Background(), ada, ForkRequest{Dir: "/app"})
	if err != nil {
		b.Fatal(err)
	}
	b.write(w.ID, files)
	return w.ID
}

func (b *bench) write(id string, files map[string]string) {
	b.Helper()
	var ops []rewrite.Op
	for _, name := range slices.Sorted(maps.Keys(files)) {
		x, err := b.k.putBytes([]byte(files[name]))
		if err != nil {
			b.Fatal(err)
		}
		ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: repoRoot.Join(append([]string{"app", "main"}, strings.Split(name, "/")...)...), Blob: x})
	}
	if _, err := b.k.Rewrite(context.Background(), ada, "sws:"+id, rewrite.Rewrite{Ops: ops}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) remove(id, name string) {
	b.Helper()
	op := rewrite.Op{Op: rewrite.Remove, Path: repoRoot.Join(append([]string{"app", "main"}, strings.Split(name, "/")...)...)}
	if _, err := b.k.Rewrite(context.Background(), ada, "sws:"+id, rewrite.Rewrite{Ops: []rewrite.Op{op}}); err != nil {
		b.Fatal(err)
	}
}

// ending is a collapse that goes on.
type ending struct {
	done   chan struct{}
	cancel context.CancelFunc
	out    Collapsed
	err    error
}

// collapse begins a collapse, and returns when nothing moves any more.
func (b *bench) collapse(id string) *ending { return b.collapseTo(id, landCommit) }

func (b *bench) collapseTo(id, land string) *ending {
	ctx, cancel := context.WithCancel(context.Background())
	e := &ending{done: make(chan struct{}), cancel: cancel}
	go func() {
		e.out, e.err = b.k.Collapse(ctx, ada, id, CollapseRequest{Land: land})
		close(e.done)
	}()
	synctest.Wait()
	return e
}

// over reports whether a collapse has ended.
func (e *ending) over() bool {
	synctest.Wait()
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// landed checks that a collapse ended well.
func (b *bench) landed(e *ending) {
	b.Helper()
	if !e.over() {
		b.Fatal("it goes on")
	}
	if e.err != nil || e.out.LandedOn != "main" {
		b.Fatalf("landed on %q: %v", e.out.LandedOn, e.err)
	}
}

// history is what the head was, by labels.
func (b *bench) history() string {
	b.repo.mu.Lock()
	defer b.repo.mu.Unlock()
	var out []string
	for _, c := range b.repo.log {
		out = append(out, label(b.repo.commits[c]))
	}
	return strings.Join(out, " ")
}
