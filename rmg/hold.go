package rmg

// holdDepth is how many levels a graph may put around versions that it holds.
const holdDepth = 4

// Holding makes o one whose graph holds other versions by pointer, such as the
// worlds of many workspaces, and returns it: it is unchecked, as [Overlay.Unchecked]
// says, a version of full depth may be grafted into it, and its ids may be a byte
// longer than others, which says what they stand for. Paths go no deeper for it:
// who looks into a version takes its graph.
func (o *Overlay) Holding() *Overlay {
	o.free, o.holds = true, true
	return o
}

// Props reads the props of the element at p as it now stands. Unlike Get it
// hands out no graph, after which the overlay would have to copy what it owns.
func (o *Overlay) Props(p Path) (Props, bool) {
	r, _ := o.root.at(p)
	if r == nil {
		return Props{}, false
	}
	return r.props(), true
}
