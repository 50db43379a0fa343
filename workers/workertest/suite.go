package workertest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// maxOutput is how much a result may hand to the tasks after it.
const maxOutput = 64 << 10

// Suite is a worker, and one thing that it does.
type Suite struct {
	Worker work.Worker
	// Files of the repository that the action is done in.
	Files map[string]string
	// Action and its arguments; done in Files it changes something and succeeds.
	Action string
	Args   map[string]any
	// Before does what the tasks before this one would have done, if there are any:
	// its results stand in the assignment's inputs, by task.
	Before []Step
	// More changes an assignment before it is run, for what a worker needs besides.
	More func(*work.Assignment)

	inputs map[string]rmg.Props // of the steps before
}

// Step is a task before the one that is tested.
type Step struct {
	Task, Action string
	Args         map[string]any
}

// Run holds a worker to what the kernel relies on.
func Run(t *testing.T, s Suite) {
	s.inputs = s.prepare(t)
	t.Run("describes itself", s.describes)
	t.Run("does what it says", s.does)
	t.Run("refuses what it does not do", s.refuses)
	t.Run("does nothing once it is cancelled", s.cancelledBefore)
	t.Run("stops when it is cancelled", s.cancelledWithin)
	t.Run("does not take a refusal for success", s.refused)
	t.Run("serves two at once", s.twoAtOnce)
}

// prepare does the steps before the one that is tested.
func (s Suite) prepare(t *testing.T) map[string]rmg.Props {
	t.Helper()
	out := map[string]rmg.Props{}
	_, a := s.assign(t)
	for _, b := range s.Before {
		a.Action, a.Args, a.Inputs = b.Action, b.Args, out
		res, err := s.Worker.Run(t.Context(), a)
		if err != nil || !res.OK {
			t.Fatalf("before it, %s: %+v %v", b.Action, res, err)
		}
		out[b.Task] = res.Output
	}
	return out
}

// assign makes an assignment in a fresh workspace.
func (s Suite) assign(t *testing.T) (*Space, work.Assignment) {
	t.Helper()
	space := NewSpace(t, s.Files)
	a := Assignment(space, s.Action, s.Args)
	if s.More != nil {
		s.More(&a)
	}
	maps.Copy(a.Inputs, s.inputs)
	return space, a
}

// Assignment is the first attempt at an action in a space, with the right to all.
func Assignment(s *Space, action string, args map[string]any) work.Assignment {
	return work.Assignment{
		Process: "p1", Task: "do", Action: action, Args: args, Attempt: 1, Token: "p1/do/1@1", Workspace: s, Inputs: map[string]rmg.Props{},
		Repo:   work.Repo{Name: "app", Branch: "main", Root: Root, Module: ".", Target: "."},
		Rights: work.Rights{Write: []string{"**"}, Network: "none"},
		Budget: work.Budget{Candidates: 400, WallMillis: 10 * 60_000, OutputMax: 4 << 20},
		Emit:   func(work.Event) {}, Beat: func() {},
	}
}

func (s Suite) describes(t *testing.T) {
	d := s.Worker.Describe()
	if d.Name == "" || d.Summary == "" || strings.Contains(d.Summary, "\n") {
		t.Errorf("name %q, summary %q", d.Name, d.Summary)
	}
	if !slices.IsSorted(d.Actions) || !slices.Contains(d.Actions, s.Action) || !slices.IsSorted(d.Needs) {
		t.Errorf("actions %q, needs %q: sorted, and %q among them", d.Actions, d.Needs, s.Action)
	}
	again := s.Worker.Describe()
	if again.Name != d.Name || !slices.Equal(again.Actions, d.Actions) || !slices.Equal(again.Needs, d.Needs) || again.Deterministic != d.Deterministic {
		t.Errorf("it describes itself otherwise the second time: %+v, %+v", d, again)
	}
}

func (s Suite) does(t *testing.T) {
	space, a := s.assign(t)
	before := space.Graph()
	res, err := s.Worker.Run(t.Context(), a)
	if err != nil || !res.OK || res.Nothing || res.Summary == "" {
		t.Fatalf("%+v %v", res, err)
	}
	if res.Adopt != "" {
		if err := space.Adopt(res.Adopt); err != nil {
			t.Fatalf("what it asks to adopt: %v", err)
		}
	}
	changed := 0
	for c := range rmg.Diff(before, space.Graph()) {
		changed++
		if !Root.Has(c.Path) {
			t.Errorf("it changed %s, outside the repository", c.Path)
		}
	}
	if changed == 0 {
		t.Error("it succeeded and changed nothing, which it does not say")
	}
	size := 0
	for name, v := range res.Output.All() {
		data, err := json.Marshal(v)
		if err != nil {
			t.Errorf("output %s: %v", name, err)
		}
		size += len(data)
	}
	if size > maxOutput {
		t.Errorf("an output of %d bytes; more than %d belongs in a blob", size, maxOutput)
	}
	left(t, space)
}

// left looks for what a worker has to put away.
func left(t *testing.T, s *Space) {
	t.Helper()
	if n := s.Open(); n != 0 {
		t.Errorf("%d folders are left open", n)
	}
	if kids := s.Kids(); len(kids) != 0 {
		t.Errorf("children are neither adopted nor discarded: %q", kids)
	}
}

func (s Suite) refuses(t *testing.T) {
	space, a := s.assign(t)
	was := space.Graph().Digest()
	a.Action = "no-such-action"
	res, err := s.Worker.Run(t.Context(), a)
	var coded *rmg.Error
	if res.OK || !errors.As(err, &coded) || coded.Code != rmg.NotFound {
		t.Errorf("an action that it does not have: %+v %v", res, err)
	}
	if space.Graph().Digest() != was {
		t.Error("it changed something all the same")
	}
	left(t, space)
}

func (s Suite) cancelledBefore(t *testing.T) {
	space, a := s.assign(t)
	was := space.Graph().Digest()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res, err := s.Worker.Run(ctx, a); res.OK && err == nil {
		t.Errorf("it succeeded: %+v", res)
	}
	if space.Graph().Digest() != was {
		t.Error("it changed something")
	}
	left(t, space)
}

// cancelledWithin cancels at the first word. What it has written by then stays;
// what it does not do is go on.
func (s Suite) cancelledWithin(t *testing.T) {
	space, a := s.assign(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := 0
	var one sync.Mutex // guards said
	a.Emit = func(work.Event) {
		one.Lock()
		defer one.Unlock()
		said++
		cancel()
	}
	_, err := s.Worker.Run(ctx, a)
	if ctx.Err() == nil {
		t.Fatal("it says nothing while it works: whoever waits cannot tell it from one that hangs")
	}
	at := space.Rewrites()
	if err == nil && at == 0 {
		t.Error("it was cancelled, did nothing, and calls that no error")
	}
	if n := space.Open(); n != 0 {
		t.Errorf("%d folders are left open", n) // children are dropped with the process
	}
	if now := space.Rewrites(); now != at {
		t.Errorf("it wrote %d times more after it had returned", now-at)
	}
}

func (s Suite) refused(t *testing.T) {
	space, a := s.assign(t)
	was := space.Graph().Digest()
	space.Refuse(func(rewrite.Op) bool { return true })
	if res, err := s.Worker.Run(t.Context(), a); err == nil && res.OK && !res.Nothing {
		t.Errorf("all that it wrote was refused, and it succeeded: %+v", res)
	}
	if space.Graph().Digest() != was {
		t.Error("something was changed")
	}
	left(t, space)
}

// twoAtOnce does the same twice, side by side. A worker that promises the same
// from the same inputs has to keep that then, too.
func (s Suite) twoAtOnce(t *testing.T) {
	var both sync.WaitGroup
	var digests [2]rmg.Digest
	for i := range digests {
		space, a := s.assign(t)
		both.Go(func() {
			res, err := s.Worker.Run(t.Context(), a)
			if err != nil || !res.OK {
				t.Errorf("%+v %v", res, err)
			}
			if res.Adopt != "" {
				if err := space.Adopt(res.Adopt); err != nil {
					t.Errorf("what it asks to adopt: %v", err)
				}
			}
			left(t, space)
			digests[i] = space.Graph().Digest()
		})
	}
	both.Wait()
	if s.Worker.Describe().Deterministic && digests[0] != digests[1] {
		t.Error("the same inputs led to two changes, and it promises that they do not")
	}
}
