package kernel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// plainWrote is provenance without any saving: what set what, element by element.
type plainWrote map[rmg.Path]map[string]uint64

// note does by hand what a scribe does.
func (w plainWrote) note(world *rmg.Overlay, op rewrite.Op, seq uint64) {
	set := func(p rmg.Path, what string) { w[p][what] = seq }
	drop := func(p rmg.Path) { maps.DeleteFunc(w, func(q rmg.Path, _ map[string]uint64) bool { return p.Has(q) }) }
	g := world.Graph()
	edges := func(p rmg.Path) (out []rmg.Path) {
		at, _ := g.Get(p.Parent())
		for e := range at.Graph.Edges("") {
			if e.From == p.Base().ID || e.To == p.Base().ID {
				out = append(out, p.Parent().EdgeChild(e.ID))
			}
		}
		return out
	}
	switch op.Op {
	case rewrite.AddNode, rewrite.AddEdge:
		w[op.Path] = map[string]uint64{wroteMade: seq}
	case rewrite.Set:
		for name := range op.Props {
			set(op.Path, wroteProp+name)
		}
	case rewrite.Inc, rewrite.SetAdd, rewrite.SetRemove:
		set(op.Path, wroteProp+op.Prop)
	case rewrite.Retype:
		set(op.Path, wroteKind)
	case rewrite.Write:
		if _, ok := g.Get(op.Path); ok {
			set(op.Path, wroteProp+rewrite.PropBlob)
			if op.Mode != "" {
				set(op.Path, wroteProp+rewrite.PropMode)
			}
			return
		}
		for p := op.Path; p != rmg.Root; p = p.Parent() {
			if _, ok := g.Get(p); !ok {
				w[p] = map[string]uint64{wroteMade: seq}
			}
		}
	case rewrite.Remove:
		if !op.Path.Base().Edge {
			for _, e := range edges(op.Path) {
				drop(e)
			}
		}
		drop(op.Path)
	case rewrite.Move:
		if op.Path.Parent() == op.Dest.Parent() {
			for _, e := range edges(op.Path) {
				set(e, wroteEnds)
			}
		}
		moved := plainWrote{}
		for p, facts := range w {
			if op.Path.Has(p) {
				moved[op.Dest+p[len(op.Path):]] = facts
			}
		}
		drop(op.Path)
		maps.Copy(w, moved)
		set(op.Dest, wroteMoved)
	}
}

func (w plainWrote) clone() plainWrote {
	c := plainWrote{}
	for p, facts := range w {
		c[p] = maps.Clone(facts)
	}
	return c
}

// opSource makes random ops on a small world, so that they meet. Ids try what
// the mirror has to tell apart.
type opSource struct{ *rand.Rand }

func (r opSource) pick(of ...string) string { return of[r.IntN(len(of))] }

func (r opSource) node() rmg.Path {
	p := rmg.Root.Child(r.pick("a", "b", "c", "~a", "!a", "%"))
	for r.IntN(2) == 0 {
		p = p.Child(r.pick("x", "y", "~x", "!x"))
	}
	return p
}

func (r opSource) op() rewrite.Op {
	p := r.node()
	if r.IntN(5) == 0 {
		p = p.Parent().EdgeChild(r.pick("x", "e"))
	}
	prop := r.pick("n", "=", ".", "kind")
	switch r.IntN(14) {
	case 0, 1, 2:
		return addOp(r.node(), r.pick("N", rewrite.KindDir), map[string]rmg.Value{"n": rmg.Int(1)})
	case 3, 4:
		q := r.node()
		return rewrite.Op{Op: rewrite.AddEdge, Path: q.Parent().EdgeChild(r.pick("x", "e")), Kind: "E", From: q.Base().ID, To: r.pick("x", "y", "a", "b")}
	case 5, 6:
		return setOp(p, map[string]rmg.Value{prop: rmg.Int(int64(r.IntN(3)))})
	case 7:
		return setOp(p, map[string]rmg.Value{"n": {}})
	case 8:
		return rewrite.Op{Op: rewrite.Inc, Path: p, Prop: "n", By: 1}
	case 9:
		return rewrite.Op{Op: rewrite.Retype, Path: p, Kind: r.pick("M", rewrite.KindDir)}
	case 10, 11:
		return rewrite.Op{Op: rewrite.Move, Path: r.node(), Dest: r.node()}
	case 12:
		return rewrite.Op{Op: rewrite.Remove, Path: p, Cascade: r.IntN(2) == 0}
	default:
		return rewrite.Op{Op: rewrite.Write, Path: r.node(), Blob: rmg.Blob{Size: int64(r.IntN(9))}, Mode: r.pick("", "0755")}
	}
}

func (r opSource) ops() []rewrite.Op {
	list := make([]rewrite.Op, 1+r.IntN(4))
	for i := range list {
		list[i] = r.op()
	}
	return list
}

// TestWroteIsExact holds lastWrite, for every element and prop, against what is
// kept without any saving, after each record of random histories.
func TestWroteIsExact(t *testing.T) {
	for seed := range uint64(60) {
		src := opSource{rand.New(rand.NewPCG(seed, 1))}
		f, plain := foldOn(version{}, nil), plainWrote{}
		for f.seq < 60 {
			seq, next := f.seq+1, plain.clone()
			list := src.ops()
			o := rmg.NewOverlay(f.world())
			if rewrite.ApplyNoting(o, list, func(o *rmg.Overlay, i int) {
				op := &list[i]
				if _, ok := o.Props(op.Path); ok || op.Op == rewrite.AddNode || op.Op == rewrite.AddEdge || op.Op == rewrite.Write {
					next.note(o, *op, seq)
				}
			}) != nil {
				if err := f.apply(Record{Seq: seq, View: "system", Ops: list}); err == nil {
					t.Fatalf("seed %d: the fold took what does not apply", seed)
				}
				continue
			}
			if err := f.apply(Record{Seq: seq, View: "system", Ops: list}); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			plain = next
			if diff := plain.differ(f.version()); diff != "" {
				t.Fatalf("seed %d, record %d of %v: %s", seed, seq, list, diff)
			}
		}
	}
}

// differ says where lastWrite is not what the plain one has.
func (w plainWrote) differ(v version) string {
	n := 0
	for p, e := range v.world.Walk(rmg.Root) {
		n++
		facts := w[p]
		newest := slices.Max(slices.Collect(maps.Values(facts)))
		if got, ok := lastWrite(v, p, ""); !ok || got != newest {
			return fmt.Sprintf("%s was last written by %d, not %d %v", p, newest, got, ok)
		}
		want := map[string]uint64{}
		for name := range e.Props.All() {
			want[name] = facts[wroteMade]
		}
		for what, seq := range facts {
			name, ok := strings.CutPrefix(what, wroteProp)
			if _, has := e.Props.Get(name); ok && (has || seq > facts[wroteMade]) { // else no version ever had it
				want[name] = seq
			}
		}
		for name, seq := range want {
			if got, ok := lastWrite(v, p, name); !ok || got != seq {
				return fmt.Sprintf("prop %q of %s was last set by %d, not %d %v", name, p, seq, got, ok)
			}
		}
		if _, ok := lastWrite(v, p, "never"); ok {
			return "a prop that never was has a writer"
		}
	}
	if n != len(w) {
		return fmt.Sprintf("%d elements, and %d are known", n, len(w))
	}
	wrote, err := v.wrote.read()
	if err != nil {
		return err.Error()
	}
	for e := range wrote.Walk(rmg.Root) {
		if _, ok := v.world.Get(world(e)); !ok {
			return fmt.Sprintf("%s is known, and is not there", e)
		}
	}
	return ""
}

// world is the path that a place of wrote mirrors.
func world(at rmg.Path) rmg.Path {
	p := rmg.Root
	for _, s := range at.Segments() {
		switch s.ID[0] {
		case '~':
			p = p.EdgeChild(s.ID[1:])
		case '!':
			p = p.Child(s.ID[1:])
		default:
			p = p.Child(s.ID)
		}
	}
	return p
}
