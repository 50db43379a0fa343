package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// fakeLeases has one lease, l1, of who works.
type fakeLeases struct {
	world rmg.Graph
	said  []work.Event
	back  work.Returned
	took  work.Machine
}

type treeSpace struct {
	work.Workspace
	world rmg.Graph
}

func (treeSpace) ID() string         { return "w5" }
func (s treeSpace) Graph() rmg.Graph { return s.world }

func newFakeLeases() *fakeLeases {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, p := range []rmg.Path{"/repo", "/repo/app", "/repo/app/main", "/repo/app/main/d"} {
		must(o.AddNode(p, rewrite.KindDir, rmg.Props{}))
	}
	must(o.AddNode("/repo/app/main/d/a b", rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{rewrite.PropMode: rmg.String("0755"), rewrite.PropBlob: rmg.BlobOf(rmg.Blob{Sum: [32]byte{7}, Size: 3})})))
	must(o.AddNode("/repo/app/main/e", rewrite.KindFile, rmg.Props{}))
	must(o.AddEdge("/repo/app/main/~d-e", "uses", "d", "e", rmg.Props{}))
	return &fakeLeases{world: o.Graph()}
}

func (f *fakeLeases) lease() work.Lease {
	return work.Lease{ID: "l1", Worker: "script", TermMillis: 30_000, Assignment: work.Assignment{
		Process: "p9", Task: "build", Attempt: 1, Action: "run", Args: map[string]any{"argv": "make"},
		Inputs:    map[string]rmg.Props{"before": rmg.PropsOf(map[string]rmg.Value{"exit": rmg.Int(0)})},
		Workspace: treeSpace{world: f.world}, Repo: work.Repo{Name: "app", Branch: "main", Root: "/repo/app/main"},
		Rights: work.Rights{Workers: []string{"script"}, Write: []string{"out/**"}, Network: "none"},
	}}
}

func (f *fakeLeases) Take(ctx context.Context, m work.Machine) (work.Lease, bool, error) {
	f.took = m
	if m.Name == "idle" {
		<-ctx.Done()
		return work.Lease{}, false, nil
	}
	return f.lease(), true, nil
}

func (f *fakeLeases) Held(id, caller string) (work.Lease, error) {
	if id != "l1" {
		return work.Lease{}, &rmg.Error{Op: "lease", Code: rmg.Stale, Msg: "the lease is over"}
	}
	return f.lease(), nil
}

func (f *fakeLeases) Beat(id, caller string, said []work.Event) error {
	f.said = append(f.said, said...)
	_, err := f.Held(id, caller)
	return err
}

func (f *fakeLeases) Return(id, caller string, r work.Returned) error {
	f.back = r
	_, err := f.Held(id, caller)
	return err
}

func (f *fakeLeases) Machines() []work.Machine {
	return []work.Machine{{Name: "m2", Caller: "token:m2", Labels: []string{"gpu"}, Workers: []string{"script"}, SilentMillis: 12}}
}

// withLeases lends, and knows two tokens: one to work, one to write.
func withLeases(f *fakeLeases) func(*Options) {
	return func(o *Options) {
		o.Leases = f
		o.Tokens = func(token string) (kernel.Caller, bool) {
			c := kernel.Caller{Name: "token:" + token, Kind: kernel.KindProcess, Caps: kernel.CapWork}
			if token == "writer" {
				c.Caps = kernel.CapRewrite
			}
			return c, token == "worker" || token == "writer"
		}
	}
}

// A lease is told whole: what its ops make is the tree.
func TestALeaseIsTold(t *testing.T) {
	f := newFakeLeases()
	s, _ := newServer(t, newFake(0), withLeases(f))
	take := request("POST", "/lease?wait=1s", `{"machine":"m2","labels":["gpu"],"workers":["script"]}`)
	take.Header.Set("Authorization", "Bearer worker")
	l := answer[wire.TakeAnswer](t, s, take).Lease
	if l == nil || l.ID != "l1" || l.SWS != "w5" || l.TermMS != 30_000 || l.Inputs["before"]["exit"] != rmg.Int(0) || l.Rights.Write[0] != "out/**" {
		t.Errorf("%+v", l)
	}
	if f.took.Caller != "token:worker" || f.took.Labels[0] != "gpu" {
		t.Errorf("%+v", f.took)
	}
	tree := answer[wire.LeaseTree](t, s, request("GET", "/lease/l1/tree", ""))
	o := rmg.NewOverlay(rmg.Graph{})
	if err := rewrite.Apply(o, tree.Ops); err != nil {
		t.Fatal(err)
	}
	made, _ := o.Graph().Get("/repo/app/main")
	was, _ := f.world.Get("/repo/app/main")
	if made.Graph.Digest() != was.Graph.Digest() || tree.Digest != was.Graph.Digest() {
		t.Errorf("the tree is %s, told as %s, and comes out as %s", was.Graph.Digest(), tree.Digest, made.Graph.Digest())
	}
	answer[wire.BeatAnswer](t, s, request("POST", "/lease/l1/heartbeat", `{"said":[{"text":"hello"}]}`))
	answer[wire.ReturnAnswer](t, s, request("POST", "/lease/l1/result", `{"ok":true,"output":{"exit":0},"ops":[{"op":"remove","path":"/repo/app/main/e"}]}`))
	if len(f.said) != 1 || f.said[0].Text != "hello" || !f.back.Result.OK || f.back.Result.Output.Int("exit") != 0 || len(f.back.Ops) != 1 {
		t.Errorf("%+v %+v", f.said, f.back)
	}
	refusal(t, s, request("POST", "/lease/l2/heartbeat", ""), 412)
	refusal(t, s, request("GET", "/lease/l2/tree", ""), 412)
	if a := answer[wire.TakeAnswer](t, s, request("POST", "/lease?wait=1ms", `{"machine":"idle","workers":["script"]}`)); a.Lease != nil {
		t.Errorf("%+v", a)
	}
	refusal(t, s, request("POST", "/lease?wait=-1s", `{"machine":"m2","workers":["script"]}`), 400)
}

// Who may work may do nothing else, whatever the call, and who may not takes no
// task.
func TestATokenToWorkIsForThatAlone(t *testing.T) {
	s, _ := newServer(t, newFake(1), withLeases(newFakeLeases()))
	for i := range s.calls {
		c := &s.calls[i]
		for token, allowed := range map[string]bool{"worker": c.working || c.open, "writer": !c.working || c.path == "/blob" || c.path == "/blob/{id}"} {
			caller, _ := s.opt.Tokens(token)
			if err := c.mayWork(caller); (err == nil) != allowed {
				t.Errorf("%s at %s %s: %v", token, c.method, c.path, err)
			}
		}
	}
	r := request("GET", "/status", "")
	r.Header.Set("Authorization", "Bearer worker")
	refusal(t, s, r, 403)
	r = request("POST", "/lease", `{"machine":"m","workers":["script"]}`)
	r.Header.Set("Authorization", "Bearer writer")
	refusal(t, s, r, 403)
}

// A daemon that stops lets nobody wait for a task.
func TestWaitingForATaskEnds(t *testing.T) {
	s, err := New(Options{Kernel: newFake(0), Secret: secret, Leases: newFakeLeases()})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan wire.TakeAnswer, 1)
	go func() {
		done <- answer[wire.TakeAnswer](t, s, request("POST", "/lease?wait=1m", `{"machine":"idle","workers":["script"]}`))
	}()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	select {
	case a := <-done:
		if a.Lease != nil {
			t.Errorf("%+v", a)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits on")
	}
}

// Of a tree that the machine has only the difference goes: with two thousand files a
// fraction of a hundredth. Of one that nobody knows all goes.
func TestOnlyTheDifferenceTravels(t *testing.T) {
	f := newFakeLeases()
	o := rmg.NewOverlay(f.world)
	at := rmg.Path("/repo/app/main/d")
	for i := range 2000 {
		must(o.AddNode(at.Child(fmt.Sprintf("file-%04d", i)), rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{
			rewrite.PropMode: rmg.String("0644"), rewrite.PropBlob: rmg.BlobOf(rmg.Blob{Sum: sha256.Sum256([]byte{byte(i), byte(i >> 8)}), Size: int64(i)}),
		})))
	}
	f.world = o.Graph()
	s, _ := newServer(t, newFake(0), withLeases(f))
	read := func(have string) (wire.LeaseTree, int) {
		rec := do(s, request("GET", "/lease/l1/tree?have="+have, ""))
		var out wire.LeaseTree
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return out, rec.Body.Len()
	}
	first, whole := read("")
	o = rmg.NewOverlay(f.world)
	must(rewrite.Apply(o, []rewrite.Op{
		{Op: rewrite.Write, Path: at.Child("file-0007"), Blob: rmg.Blob{Sum: [32]byte{9}, Size: 4}, Mode: "0755"},
		{Op: rewrite.Remove, Path: at.Child("file-0008")},
		{Op: rewrite.Remove, Path: "/repo/app/main/~d-e"},
		{Op: rewrite.AddNode, Path: "/repo/app/main/new", Kind: rewrite.KindDir},
	}))
	f.world = o.Graph()
	second, part := read(first.Digest.String() + "," + rmg.Digest{1}.String())
	if second.Base != first.Digest || part*100 > whole {
		t.Errorf("over %s, %d bytes after %d", second.Base, part, whole)
	}
	made := rmg.NewOverlay(rmg.Graph{})
	must(rewrite.Apply(made, first.Ops))
	must(rewrite.Apply(made, second.Ops))
	e, _ := made.Graph().Get("/repo/app/main")
	if e.Graph.Digest() != second.Digest {
		t.Errorf("it comes out as %s, and is %s", e.Graph.Digest(), second.Digest)
	}
	if other, n := read(rmg.Digest{1}.String()); other.Base != (rmg.Digest{}) || n < whole/2 {
		t.Errorf("over %s, %d bytes", other.Base, n)
	}
	t.Logf("%d bytes, then %d", whole, part)
}

// TestSentTreesAreOfTheirBranch: what a machine is said to have counts for its branch
// alone, the latest first, and no more are kept than so many.
func TestSentTreesAreOfTheirBranch(t *testing.T) {
	var s sentTrees
	digest := func(n byte) (d rmg.Digest) { d[0] = n; return d }
	for n := range byte(keptTrees + 2) {
		s.keep("/repo/a/main", digest(n+1), rmg.Graph{})
	}
	have := []string{digest(1).String(), digest(5).String(), digest(4).String()}
	if d, _, ok := s.any("/repo/a/main", have); !ok || d != digest(5) {
		t.Errorf("%v %v", d, ok)
	}
	if _, _, ok := s.any("/repo/b/main", have); ok {
		t.Error("a tree of another branch")
	}
	if _, _, ok := s.any("/repo/a/main", have[:1]); ok || len(s.list) != keptTrees {
		t.Errorf("%d are kept", len(s.list))
	}
}
