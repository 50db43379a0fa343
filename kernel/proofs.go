package kernel

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// proofs remembers raw gate runs by their keys for the life of the daemon, and
// knows which are under way. The first run under a key stands: a red one stays
// red. One that ran out of time is no result.
type proofs struct {
	mu      sync.Mutex // guards the fields below
	byKey   map[string]work.Evidence
	running map[string]chan struct{} // closed when the run under the key has ended
}

// keep remembers a run under its key.
func (p *proofs) keep(key string, e work.Evidence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.byKey[key]; !ok && key != "" && !e.TimedOut {
		p.byKey[key] = e
	}
}

// claim returns what stands under a key; or else a channel that is closed when
// somebody's run under it has ended; or else neither, and the run is the
// caller's, who releases the key after it.
func (p *proofs) claim(key string) (e work.Evidence, known bool, busy <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.byKey[key]; ok {
		return e, true, nil
	}
	if c, ok := p.running[key]; ok {
		return e, false, c
	}
	p.running[key] = make(chan struct{})
	return e, false, nil
}

func (p *proofs) release(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.running[key])
	delete(p.running, key)
}

// batch is gates that are run in one folder: those that see the same files.
type batch struct {
	tree  rmg.Graph
	need  setup // what stands there besides
	gates []work.Gate
	keys  []string
}

// run returns the evidence of gates on a tree: what stands under their keys,
// what another proof is finding out at the moment, and for the rest a run in a
// folder nothing else has ever been in.
func (k *Kernel) run(ctx context.Context, p proof, tree rmg.Graph, gates []work.Gate) ([]work.Evidence, error) {
	out := make([]work.Evidence, len(gates))
	keys := make([]string, len(gates))
	trees := make([]rmg.Graph, len(gates))
	need, err := k.setupOf(p.base, tree, p.root, p.top)
	if err != nil {
		return nil, err
	}
	for i, g := range gates {
		if trees[i], err = visible(tree, g.Inputs); err != nil {
			return nil, err
		}
		keys[i] = k.opt.Runner.Key(work.Proof{Input: trees[i].Digest(), Made: madeFor(need, gates[i:i+1])}, g)
	}
	for open := indices(len(gates)); len(open) > 0; {
		var mine []*batch
		var waits <-chan struct{}
		var left []int
		claimed := map[string]bool{}
		for _, i := range open {
			if claimed[keys[i]] { // the same gate under another name
				left = append(left, i)
				continue
			}
			e, known, busy := k.proofs.claim(keys[i])
			switch {
			case known:
				e.Gate, e.Reused = gates[i].Name, true
				out[i] = e
			case busy != nil:
				waits = busy
				left = append(left, i)
			default:
				claimed[keys[i]] = true
				mine = addTo(mine, trees[i], need, gates[i], keys[i])
				left = append(left, i)
			}
		}
		found, err := k.runBatches(ctx, p, mine)
		if err != nil {
			return nil, err
		}
		open = left[:0:0]
		for _, i := range left {
			e, ok := found[keys[i]]
			if !ok {
				open = append(open, i)
				continue
			}
			e.Gate, e.Reused = gates[i].Name, !claimed[keys[i]]
			claimed[keys[i]] = false
			out[i] = e
		}
		if len(open) > 0 && len(mine) == 0 {
			select {
			case <-waits:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	return out, nil
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// addTo puts a gate into the batch of its tree: hooks are run where git works,
// which no other gate sees, and that of a push where the change is committed.
func addTo(list []*batch, tree rmg.Graph, need setup, g work.Gate, key string) []*batch {
	i := slices.IndexFunc(list, func(b *batch) bool {
		return b.tree.Same(tree) && isHook(b.gates[0]) == isHook(g) && (b.gates[0].Push == nil) == (g.Push == nil)
	})
	if i < 0 {
		i, list = len(list), append(list, &batch{tree: tree, need: need})
	}
	list[i].gates, list[i].keys = append(list[i].gates, g), append(list[i].keys, key)
	return list
}

func isHook(g work.Gate) bool { return g.Kind == work.GateHook }

// runBatches runs gates whose keys the caller has claimed, and releases them.
func (k *Kernel) runBatches(ctx context.Context, p proof, list []*batch) (map[string]work.Evidence, error) {
	found := map[string]work.Evidence{}
	defer func() {
		for _, b := range list {
			for _, key := range b.keys {
				k.proofs.release(key)
			}
		}
	}()
	for _, b := range list {
		ran, err := k.runBatch(ctx, p, b)
		if err != nil {
			return nil, err
		}
		for i, e := range ran {
			k.proofs.keep(b.keys[i], e)
			found[b.keys[i]] = e
		}
	}
	return found, nil
}

// runBatch runs the gates of one batch where there is what they see and nothing
// else: in a fresh folder, and in another one after a run that left it other than
// it was. A gate that may be flaky and is red is run again; all its runs are kept.
func (k *Kernel) runBatch(ctx context.Context, p proof, b *batch) ([]work.Evidence, error) {
	var out []work.Evidence
	for len(out) < len(b.gates) {
		ran, err := k.runFresh(ctx, p, b.tree, b.need, b.gates[len(out):])
		if err != nil {
			return nil, err
		}
		out = append(out, ran...)
	}
	for i, g := range b.gates {
		for len(out[i].Tries) < g.Reruns && !out[i].Green && !out[i].TimedOut && out[i].Fault == "" {
			if p.emit != nil {
				p.emit(work.Event{Text: g.Name + " is red and may be flaky; again"})
			}
			ran, err := k.runFresh(ctx, p, b.tree, b.need, []work.Gate{g})
			if err != nil {
				return nil, err
			}
			tries := out[i].Tries
			out[i].Tries = nil
			ran[0].Tries = append(tries, out[i])
			out[i] = ran[0]
		}
	}
	return out, nil
}

// runFresh runs gates in a folder that nothing has ever been in, as many as can
// be run there; at least one.
func (k *Kernel) runFresh(ctx context.Context, p proof, tree rmg.Graph, need setup, gates []work.Gate) ([]work.Evidence, error) {
	var f Folder
	var reads []string
	var commit, own string
	var err error
	if isHook(gates[0]) {
		f, reads, commit, err = k.staged(ctx, p, tree, gates[0].Push)
	} else {
		// At home, what the person has compiled there is not compiled again. A hook
		// reads the repository's objects, which would be hidden.
		own = originOf(k.now().world, p.root).Top
		f, err = k.freshFor(ctx, p.name, tree, need)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ran, err := k.opt.Runner.Prove(ctx, work.Proof{
		Read: reads, Commit: commit, Own: own, Made: madeFor(need, gates), Folder: f.Path(), Scratch: f.Scratch(), Input: tree.Digest(), Gates: gates, PutBlob: k.putBytes, Emit: p.emit,
		File: func(name string) (rmg.Blob, bool) { return fileOf(tree, name) }, Judges: p.judges,
	})
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && (len(ran) == 0 || len(ran) > len(gates)) {
		err = &rmg.Error{Op: "prove", Code: rmg.Internal, Msg: fmt.Sprintf("the runner answered for %d of %d gates", len(ran), len(gates))}
	}
	return ran, err
}

// fileOf is the content of a file of a tree, by its relative name.
func fileOf(tree rmg.Graph, name string) (rmg.Blob, bool) {
	e, ok := tree.Get(rmg.Root.Join(split(name)...))
	if !ok || e.Kind != rewrite.KindFile {
		return rmg.Blob{}, false
	}
	return e.Props.Blob(rewrite.PropBlob), true
}

// visible is the part of a tree that a gate with inputs sees. O(tree) if it has
// any.
func visible(tree rmg.Graph, globs []string) (rmg.Graph, error) {
	if len(globs) == 0 {
		return tree, nil
	}
	o := rmg.NewOverlay(rmg.Graph{})
	for p, e := range tree.Walk(rmg.Root) {
		rel, ok := relTo(rmg.Root, p)
		if !ok || e.Kind == rewrite.KindDir || !matchAny(globs, rel) {
			continue
		}
		if err := withParents(o, tree, p.Parent()); err != nil {
			return rmg.Graph{}, err
		}
		if err := o.Graft(p, e); err != nil {
			return rmg.Graph{}, err
		}
	}
	return o.Graph(), nil
}

// withParents makes the folders down to one, without what is in them.
func withParents(o *rmg.Overlay, tree rmg.Graph, dir rmg.Path) error {
	if _, ok := o.Get(dir); ok || dir == rmg.Root {
		return nil
	}
	if err := withParents(o, tree, dir.Parent()); err != nil {
		return err
	}
	e, _ := tree.Get(dir)
	e.Graph = rmg.Graph{}
	return o.Graft(dir, e)
}
