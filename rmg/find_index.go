package rmg

// byIndex finds by an index what stands below a gap and is of one kind, or has
// one value in a prop. It is false if there is nothing to be found by.
func (f *finder) byIndex(g Graph, ix Index) bool {
	if f.ways != 0 || f.gaps == 0 || ix.root == nil || ix.g.root != g.root {
		return false
	}
	last := &f.steps[len(f.steps)-1]
	kind := ""
	for _, p := range last.where {
		if text, ok := p.value.AsString(); p.own && p.name == "kind" && p.op == opIs && ok {
			kind = text
		}
	}
	for _, p := range last.where {
		if p.own || p.op != opIs || p.value.order() == TypeInt {
			continue
		}
		for _, of := range []string{kind, ""} {
			if i, ok := ix.decl.find(IndexedProp{of, p.name}); ok {
				f.each(g, ix.equal(i, p.value, f.after))
				return true
			}
		}
	}
	if kind == "" {
		return false
	}
	f.each(g, ix.Kind(kind, f.after))
	return true
}

// each tells those of some paths that are selected.
func (f *finder) each(g Graph, paths func(func(Path) bool)) {
	for p := range paths {
		f.at, f.moved = p.Segments(), true
		if r := f.selects(g.root); r != nil && !f.yield(Match{p, r.element()}, nil) || !f.spend() {
			return
		}
	}
}

// selects returns the record at hand if it is selected.
func (f *finder) selects(l *level) *record {
	in := f.open(1)
	for i, s := range f.at {
		r := l.record(s)
		inside, selected := f.next(in, 0, r)
		if i == len(f.at)-1 {
			if selected {
				return r
			}
			return nil
		}
		in, l = inside, r.inner
	}
	return nil
}
