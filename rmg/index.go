package rmg

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// IndexedProp names a prop by whose values elements can be found: of elements
// of one kind, or of all if Kind is "".
type IndexedProp = KindProp

// Reference says that a prop of the element at At holds, itself or somewhere
// inside its lists and maps, a ref to To. To need not be there.
type Reference struct {
	At   Path
	Prop string
	To   Path
}

// Index finds the elements of one version of a graph, at every depth, edges and
// what stands below /kind included, by kind, by the values of the props that it
// was made for, and by what their refs point at.
//
// An Index never changes; any number of goroutines may use one. At gives that
// of another version, which shares with the old one all that did not change.
// An Index keeps its version of the graph.
//
// Answers come in a fixed order. One costs a lookup to begin, and O(length of
// path) for each path that is told. What nothing has or points at is no error:
// nothing is found.
//
// An Index holds 120 to 160 bytes, paths of usual length taken for granted, for
// each element, each value of a prop that it was made for, and each ref. Over a
// stored graph At reads what changed, and Range reads elements with long values;
// see Protect.
type Index struct {
	g    Graph
	decl *declared // nil: nothing
	root *level    // of facts
}

// NewIndex returns the index of the empty graph, to be moved to others by At.
func NewIndex(props ...IndexedProp) Index { return Index{decl: declare(props)} }

// Graph returns the version that ix is of.
func (ix Index) Graph() Graph { return ix.g }

// At returns the index of another version, by the difference to that of ix. It
// costs O(change * depth): about a microsecond for each thing that is now said of
// an element or no longer. An element at another place is a change, with all
// that is inside it. Versions that share nothing cost as much as they hold.
func (ix Index) At(g Graph) Index {
	m := indexer{t: new(token), root: ix.root, decl: ix.decl, counts: map[symbolOf]int{}}
	m.levels(ix.g.root, g.root)
	for kind, n := range m.counts {
		m.count(kind, n)
	}
	return Index{g, ix.decl, m.root.orNil()}
}

// Props lists what ix was made for, by kind, then prop: what
// Schemas.Indexed lists, if it was made for that.
func (ix Index) Props() []IndexedProp {
	if ix.decl == nil {
		return nil
	}
	return slices.Clone(ix.decl.props)
}

// Has reports whether ix was made for p.
func (ix Index) Has(p IndexedProp) bool {
	_, ok := ix.decl.find(p)
	return ok
}

// Kinds ranges over the kinds that elements have, in byte order, each with how
// many elements have it.
func (ix Index) Kinds() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		factsFrom(ix.root, "", string(factCount), func(fact string, r *record) bool {
			if fact[0] != factCount {
				return false
			}
			kind, _ := readText(fact[1:])
			return yield(kind, int(r.props().Int(countProp)))
		})
	}
}

// Count returns how many elements are of a kind. It costs one lookup.
func (ix Index) Count(kind string) int {
	r := ix.root.node(string(appendText(newFactKey(factCount), kind)))
	if r == nil {
		return 0
	}
	return int(r.props().Int(countProp))
}

// Kind ranges over the elements of a kind in path order, which is that of Walk,
// beginning after the path given, of an element or not (Root for the beginning).
func (ix Index) Kind(kind string, after Path) iter.Seq[Path] {
	return ix.after(appendText(newFactKey(factKind), kind), after)
}

// after ranges over the paths that follow a prefix and come after one.
func (ix Index) after(b []byte, p Path) iter.Seq[Path] {
	prefix := string(b)
	if b = appendPath(b, p); len(b) > len(prefix) {
		b = append(b, 0) // the fact that follows directly
	}
	return ix.paths(prefix, string(b))
}

// Equal ranges over the elements whose prop p is Equal to v, in path order: an
// int and a float never are. Invalid: ix was not made for p.
func (ix Index) Equal(p IndexedProp, v Value) (iter.Seq[Path], error) {
	i, err := ix.decl.number("equal", p)
	if err != nil {
		return nil, err
	}
	return ix.equal(i, v, Root), nil
}

func (ix Index) equal(prop int, v Value, after Path) iter.Seq[Path] {
	return ix.after(appendValue(appendNumber(newFactKey(factProp), prop), v), after)
}

// Refs ranges over the refs that name to, whether or not an element is there, by
// the path of who points, then by prop. A prop that holds several is told once.
func (ix Index) Refs(to Path) iter.Seq[Reference] {
	return ix.refs(string(append(appendPath(newFactKey(factRef), to), keyEnd)))
}

// RefsBelow ranges over the refs that name p or what is below, by what they
// name, in path order, then as Refs does. Those that stand below p themselves are
// among them.
func (ix Index) RefsBelow(p Path) iter.Seq[Reference] {
	return ix.refs(string(appendPath(newFactKey(factRef), p)))
}

func (ix Index) refs(prefix string) iter.Seq[Reference] {
	return func(yield func(Reference) bool) {
		factsFrom(ix.root, "", prefix, func(fact string, _ *record) bool {
			if !strings.HasPrefix(fact, prefix) {
				return false
			}
			var ref Reference
			var rest string
			ref.To, rest = readPath(fact[1:])
			ref.At, rest = readPath(rest[1:])
			ref.Prop = rest[1:]
			return yield(ref)
		})
	}
}

// paths ranges over the paths that follow a prefix.
func (ix Index) paths(prefix, start string) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		ix.each(prefix, start, func(rest string) bool {
			p, _ := readPath(rest)
			return yield(p)
		})
	}
}

// each ranges over what follows a prefix in the facts from start on.
func (ix Index) each(prefix, start string, yield func(rest string) bool) {
	factsFrom(ix.root, "", start, func(fact string, _ *record) bool {
		return strings.HasPrefix(fact, prefix) && yield(fact[len(prefix):])
	})
}

// declared is what an index is made for.
type declared struct {
	props []IndexedProp      // sorted, without doubles
	kinds map[symbolOf][]int // where they stand in props, those for all kinds included
	any   []int              // those for all kinds
}

func declare(props []IndexedProp) *declared {
	d := &declared{props: slices.Clone(props), kinds: map[symbolOf][]int{}}
	slices.SortFunc(d.props, compareIndexed)
	d.props = slices.Compact(d.props)
	for i, p := range d.props {
		if p.Kind == "" { // sorts before all others
			d.any = append(d.any, i)
			continue
		}
		kind := symbol(p.Kind)
		if d.kinds[kind] == nil {
			d.kinds[kind] = slices.Clone(d.any)
		}
		d.kinds[kind] = append(d.kinds[kind], i)
	}
	return d
}

func compareIndexed(a, b IndexedProp) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Prop, b.Prop))
}

func (d *declared) find(p IndexedProp) (int, bool) {
	if d == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(d.props, p, compareIndexed)
}

// of lists what is to be noted of an element of a kind.
func (d *declared) of(kind symbolOf) []int {
	if d == nil {
		return nil
	}
	if list, ok := d.kinds[kind]; ok {
		return list
	}
	return d.any
}

// number is where p stands in props.
func (d *declared) number(op string, p IndexedProp) (int, error) {
	i, ok := d.find(p)
	if ok {
		return i, nil
	}
	hint := "the index was made for no props"
	if d != nil && len(d.props) > 0 {
		names := make([]string, len(d.props))
		for i, q := range d.props {
			names[i] = nameIndexed(q)
		}
		hint = "there is one of " + strings.Join(names, ", ")
	}
	return 0, &Error{Op: op, Code: Invalid, Msg: "there is no index of " + nameIndexed(p), Hint: hint}
}

func nameIndexed(p IndexedProp) string {
	if p.Kind == "" {
		return "prop " + p.Prop + " of any kind"
	}
	return "prop " + p.Prop + " of kind " + p.Kind
}
