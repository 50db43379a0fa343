package rewrite

import (
	"slices"

	"jitos.dev/rmg"
)

// Between returns ops that turn the old version into the new one below at (the
// element at `at` itself must exist in both): Apply(old, Between(old, new, at))
// has, below at, the same content as new. Edges go first, children before
// parents; then parents come before children, and edges after nodes.
func Between(old, new rmg.Graph, at rmg.Path) []Op {
	a, okA := old.Get(at)
	b, okB := new.Get(at)
	if !okA || !okB {
		return nil
	}
	d := differ{next: new, at: at, folder: at == rmg.Root || a.Kind == KindDir}
	for c := range rmg.Diff(a.Graph, b.Graph) {
		c.Path = under(at, c.Path)
		d.change(&c)
	}
	return d.ops()
}

// OfChanges is Between at Root for who has what rmg.Diff says of the two.
func OfChanges(changes []rmg.Change, new rmg.Graph) []Op {
	d := differ{next: new, at: rmg.Root, folder: true, nodes: make([]Op, 0, len(changes))}
	for i := range changes {
		d.change(&changes[i])
	}
	return d.ops()
}

func (d *differ) ops() []Op {
	if len(d.cut)+len(d.gone)+len(d.edges) == 0 {
		return d.nodes
	}
	slices.Reverse(d.gone)
	return slices.Concat(d.cut, d.gone, d.nodes, d.edges)
}

// under puts a path that is relative to an element below it.
func under(at, p rmg.Path) rmg.Path {
	if at == rmg.Root {
		return p
	}
	if p == rmg.Root {
		return at
	}
	return at + p
}

// differ sorts changes into ops that apply in this order.
type differ struct {
	next   rmg.Graph
	at     rmg.Path
	folder bool // what stands at `at`, which no op changes
	cut    []Op // edges that go or are replaced
	gone   []Op // nodes that go, in reverse order
	nodes  []Op
	edges  []Op
	within rmg.Path // removed or put in whole: what is inside needs no more ops
}

func (d *differ) change(c *rmg.Change) {
	if d.within != "" && d.within != c.Path && d.within.Has(c.Path) {
		return
	}
	switch {
	case c.Kind == rmg.Removed:
		d.remove(c)
	case c.Kind == rmg.Added:
		d.add(c)
	case c.New.Edge && (c.Old.From != c.New.From || c.Old.To != c.New.To):
		d.replaceEdge(c)
	default:
		d.update(c)
	}
}

func (d *differ) remove(c *rmg.Change) {
	d.within = c.Path
	op := Op{Op: Remove, Path: c.Path}
	if c.Old.Edge {
		d.cut = append(d.cut, op)
		return
	}
	// Its edges are removed by ops of their own.
	d.gone = append(d.gone, op)
}

func (d *differ) add(c *rmg.Change) {
	if c.New.Edge {
		d.edges = append(d.edges, Op{Op: AddEdge, Path: c.Path, Kind: c.New.Kind, From: c.New.From, To: c.New.To, Props: plain(c.New.Props)})
		return
	}
	op := Op{Op: AddNode, Path: c.Path, Kind: c.New.Kind, Props: plain(c.New.Props)}
	if w, ok := asWrite(c.Path, c.New); ok && d.inFolder(c.Path) {
		op = w
	}
	// What is inside an edge's graph comes after the edge.
	if inEdge(c.Path) {
		d.edges = append(d.edges, op)
		return
	}
	d.nodes = append(d.nodes, op)
}

// replaceEdge takes an edge out and puts it in with other ends; its inner graph
// goes with it.
func (d *differ) replaceEdge(c *rmg.Change) {
	d.cut = append(d.cut, Op{Op: Remove, Path: c.Path})
	d.edges = append(d.edges, Op{Op: AddEdge, Path: c.Path, Kind: c.New.Kind, From: c.New.From, To: c.New.To, Props: plain(c.New.Props)})
	for p, e := range c.New.Graph.Walk(rmg.Root) {
		d.add(&rmg.Change{Path: under(c.Path, p), Kind: rmg.Added, New: e})
	}
	d.within = c.Path
}

func (d *differ) update(c *rmg.Change) {
	ops := &d.nodes
	if c.New.Edge || inEdge(c.Path) {
		ops = &d.edges
	}
	if c.Old.Kind != c.New.Kind {
		*ops = append(*ops, Op{Op: Retype, Path: c.Path, Kind: c.New.Kind})
	}
	if w, ok := asWrite(c.Path, c.New); ok && c.Old.Kind == KindFile && onlyContent(c.Props) {
		*ops = append(*ops, w)
	} else if len(c.Props) > 0 {
		props := make(map[string]rmg.Value, len(c.Props))
		for _, p := range c.Props {
			props[p.Name] = p.New
		}
		*ops = append(*ops, Op{Op: Set, Path: c.Path, Props: props})
	}
}

// inFolder reports whether a write op may make what is at p.
func (d *differ) inFolder(p rmg.Path) bool {
	if p.Parent() == d.at {
		return d.folder
	}
	e, _ := d.next.Get(p.Parent())
	return e.Kind == KindDir
}

// asWrite is the write op that makes a file node, if one can.
func asWrite(p rmg.Path, e rmg.Element) (Op, bool) {
	b, ok := e.Props.Get(PropBlob)
	blob, isBlob := b.AsBlob()
	mode := e.Props.String(PropMode)
	if e.Kind != KindFile || !ok || !isBlob || e.Props.Len() != 2 || mode != "0644" && mode != "0755" {
		return Op{}, false
	}
	return Op{Op: Write, Path: p, Blob: blob, Mode: mode}, true
}

func onlyContent(list []rmg.PropChange) bool {
	for _, p := range list {
		if p.Name != PropBlob && p.Name != PropMode {
			return false
		}
	}
	return len(list) > 0
}

func plain(p rmg.Props) map[string]rmg.Value {
	if p.Len() == 0 {
		return nil
	}
	m := make(map[string]rmg.Value, p.Len())
	for n, v := range p.All() {
		m[n] = v
	}
	return m
}

func inEdge(p rmg.Path) bool {
	for _, s := range p.Segments() {
		if s.Edge {
			return true
		}
	}
	return false
}
