package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// forge is a repository at /app with the folders, the worker and the gates that
// go with it, in memory. It outlives the daemon, as git does.
type forge struct {
	nothing
	mu      sync.Mutex // guards the fields below
	commits map[string]rmg.Graph
	head    string
	log     []string // what the head was, oldest first
	folders map[string]rmg.Graph
	red     rmg.Blob // content that no gate lets pass
	script  string   // what the worker does next: see Run
	file    rmg.Blob // what it writes
	onLand  func(after bool)
	onRun   func()
	onMake  func() // before a commit is made
	late    int    // results that came after their attempt was over
	parked  int
}

// errWorker is a worker that died.
var errWorker = errors.New("the worker died")

func newForge() *forge {
	return &forge{commits: map[string]rmg.Graph{}, folders: map[string]rmg.Graph{}}
}

// commit is a person's: a file over the head.
func (f *forge) commit(name string, b rmg.Blob) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := rmg.NewOverlay(f.commits[f.head])
	if err := rewrite.Apply(o, []rewrite.Op{{Op: rewrite.Write, Path: rmg.Root.Child(name), Blob: b}}); err != nil {
		return err
	}
	f.move(fmt.Sprintf("person-%d", len(f.log)), o.Graph())
	return nil
}

func (f *forge) move(id string, tree rmg.Graph) {
	f.commits[id], f.head = tree, id
	f.log = append(f.log, id)
}

// tree is what the head has.
func (f *forge) tree() rmg.Graph {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits[f.head]
}

// Locate finds the one repository.
func (f *forge) Locate(context.Context, string) (kernel.Repo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return kernel.Repo{Top: "/app", Origin: "/app", Name: "app", Branch: "main", Head: f.head}, nil
}

// Head is the branch's.
func (f *forge) Head(context.Context, string, string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head, nil
}

// Tree is a commit's.
func (f *forge) Tree(_ context.Context, _, commit string) (rmg.Graph, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.commits[commit]
	if !ok {
		return t, errors.New("there is no such commit")
	}
	return t, nil
}

// Dirty says that nothing is.
func (f *forge) Dirty(context.Context, string) ([]string, error) { return nil, nil }

// room is a folder that is nowhere but in the graph.
type room struct{ name string }

func (r room) Path() string                                       { return r.name }
func (r room) Scratch() string                                    { return r.name + "-scratch" }
func (room) Update(context.Context, rmg.Graph) error              { return nil }
func (room) Scan(context.Context, rmg.Path) ([]rewrite.Op, error) { return nil, nil }
func (room) Close() error                                         { return nil }

// Slot materialises a tree.
func (f *forge) Slot(_ context.Context, name string, tree rmg.Graph, _ kernel.Origin) (kernel.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.folders[name] = tree
	return room{name}, nil
}

// Fresh materialises a tree.
func (f *forge) Fresh(ctx context.Context, name string, tree rmg.Graph) (kernel.Folder, error) {
	return f.Slot(ctx, name, tree, kernel.Origin{})
}

// landed is a landing as it is journalled.
type landed struct{ Tip, Commit string }

// Prepare makes the commit.
func (f *forge) Prepare(_ context.Context, r kernel.LandRequest) ([]byte, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.onMake != nil {
		f.onMake()
	}
	id := "landing-" + r.ID
	f.commits[id] = r.New
	data, err := json.Marshal(landed{r.Tip, id})
	return data, id, err
}

// Land moves the head if it is where it was; the machine may stop before or
// after.
func (f *forge) Land(ctx context.Context, data []byte) (kernel.LandOutcome, error) {
	f.tell(false)
	out, err := f.Resume(ctx, data)
	f.tell(true)
	return out, err
}

func (f *forge) tell(after bool) {
	f.mu.Lock()
	do := f.onLand
	f.mu.Unlock()
	if do != nil {
		do(after)
	}
}

// Resume is Land for a landing that may have been done.
func (f *forge) Resume(_ context.Context, data []byte) (kernel.LandOutcome, error) {
	var l landed
	if err := json.Unmarshal(data, &l); err != nil {
		return kernel.LandOutcome{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.head {
	case l.Commit:
	case l.Tip:
		f.move(l.Commit, f.commits[l.Commit])
	default:
		if !slices.Contains(f.log, l.Commit) {
			return kernel.LandOutcome{Result: "moved"}, nil
		}
	}
	return kernel.LandOutcome{Result: "landed"}, nil
}

// Park counts.
func (f *forge) Park(context.Context, []byte, string, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parked++
	return nil
}

// Describe names the worker.
func (f *forge) Describe() []work.Description {
	return []work.Description{{Name: "scripted", Actions: []string{"do"}}}
}

// Run does as the script says: "ok" writes a file, "fail" says no, "die" is an
// error, "hang" goes on until it is stopped, and "late" does not hear it: it
// hands in a result after that.
func (f *forge) Run(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
	f.mu.Lock()
	script, file, do := f.script, f.file, f.onRun
	f.mu.Unlock()
	if do != nil {
		do()
	}
	op := rewrite.Op{Op: rewrite.Write, Path: a.Repo.Root.Child("worker.txt"), Blob: file}
	switch script {
	case "fail":
		return work.Result{Summary: "no"}, nil
	case "die":
		return work.Result{}, errWorker
	case "hang":
		<-ctx.Done()
		return work.Result{}, ctx.Err()
	case "late":
		<-ctx.Done()
		f.mu.Lock()
		f.late++
		f.mu.Unlock()
		return work.Result{OK: true, Summary: "late"}, nil
	}
	return work.Result{OK: true, Summary: "done"}, a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{op}})
}

// Key is the tree and the gate.
func (f *forge) Key(p work.Proof, g work.Gate) string { return fmt.Sprint(p.Input, g.Kind, g.Argv) }

// Prove is green where no file has the red content.
func (f *forge) Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	green := true
	for _, e := range f.folders[p.Folder].Walk(rmg.Root) {
		green = green && (e.Kind != rewrite.KindFile || e.Props.Blob(rewrite.PropBlob).Sum != f.red.Sum)
	}
	var out []work.Evidence
	for _, g := range p.Gates {
		e := work.Evidence{Gate: g.Name, Kind: g.Kind, Key: f.Key(p, g), Input: p.Input, Green: green, Reason: "looked at"}
		if !green {
			e.Exit = 1
		}
		if g.Kind == work.GateTest {
			e.Tests = []work.Test{{Package: "app", Name: "TestA", Status: work.TestPass}}
		}
		out = append(out, e)
	}
	return out, ctx.Err()
}

// Busy is never.
func (f *forge) Busy() time.Duration { return 0 }
