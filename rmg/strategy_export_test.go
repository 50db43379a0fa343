package rmg

// MergeValue merges one prop, "p" of the element /e of kind K, as Merge does.
func MergeValue(in MergeInput, b, s, w Value) (Value, []MergeConflict, error) {
	m := &merger{MergeInput: in}
	one := func(v Value) Props { return Props{}.With("p", v) }
	out, _ := m.props("/e", "K", one(b), one(s), one(w)).Get("p")
	return out, m.conflicts, m.err
}
