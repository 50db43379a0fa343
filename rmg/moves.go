package rmg

// applyMoves makes the moves that can be made, and says which.
func applyMoves(g Graph, moves []Move) (Graph, []Move) {
	o := NewOverlay(g).Unchecked()
	var done []Move
	for _, m := range moves {
		if o.Move(m.From, m.To) == nil {
			done = append(done, m)
		}
	}
	return o.Graph(), done
}

// origins tells for each moved element where it began and where it ended, by
// where it ended. O(moves).
//
// The moves are made once more on a graph of places, which holds nothing but
// what was moved and where it came from.
func origins(moves []Move) []Move {
	s := shadow{NewOverlay(Graph{})}
	for _, m := range moves {
		s.move(m)
	}
	var out []Move
	s.collect(Root, s.o.root, &out)
	return out
}

// shadow is a graph of places. A segment stands in it with one more byte, which
// tells nodes from edges.
type shadow struct{ o *Overlay }

const (
	placeKind = "place" // on the way to one
	movedKind = "moved" // from is where it came from
)

func (s shadow) move(m Move) {
	from, to := m.From.Segments(), m.To.Segments()
	if len(from) == 0 || len(to) == 0 {
		return
	}
	// What was in the way is gone by now.
	s.remove(to)
	r := s.take(from, m.From)
	last := to[len(to)-1]
	l := s.level(to[:len(to)-1])
	l.set(s.o.token(), l.node(shadowID(last)), newRecord(false, shadowID(last), movedKind, "", "", r.props(), r.inner))
}

func shadowID(s Segment) string {
	if s.Edge {
		return "~" + s.ID
	}
	return "." + s.ID
}

// level returns the level inside a place, made if need be, for changing it.
func (s shadow) level(segs []Segment) *level {
	t := s.o.token()
	l := s.o.root.edit(t)
	s.o.root = l
	for _, seg := range segs {
		id := shadowID(seg)
		r := l.node(id)
		if r == nil {
			l.set(t, nil, newRecord(false, id, placeKind, "", "", Props{}, nil))
			r = l.node(id)
		}
		inner := r.inner.edit(t)
		if inner != r.inner {
			l.set(t, r, r.withInner(inner))
		}
		l = inner
	}
	return l
}

func (s shadow) remove(segs []Segment) {
	l := s.level(segs[:len(segs)-1])
	if r := l.node(shadowID(segs[len(segs)-1])); r != nil {
		l.unset(s.o.token(), r)
	}
}

// take takes out what stands at a place, and says where it came from.
func (s shadow) take(segs []Segment, at Path) *record {
	var came Path // of the nearest place above that was moved
	var depth int
	l := s.o.root
	for i, seg := range segs {
		r := l.node(shadowID(seg))
		if r == nil {
			break
		}
		if r.kind.Value() == movedKind {
			came, depth = Path(r.props().String("from")), i+1
		}
		l = r.inner
	}
	from := at
	if depth > 0 {
		from = came
		for _, seg := range segs[depth:] {
			from = from.add(seg)
		}
	}
	props := PropsOf(map[string]Value{"from": String(string(from))})
	l = s.level(segs[:len(segs)-1])
	id := shadowID(segs[len(segs)-1])
	r := l.node(id)
	if r == nil {
		return newRecord(false, id, movedKind, "", "", props, nil)
	}
	l.unset(s.o.token(), r)
	return r.with(props)
}

func (s shadow) collect(at Path, l *level, out *[]Move) {
	if l.empty() {
		return
	}
	l.nodes.ascend(func(r *record) bool {
		p := at.add(Segment{r.id()[1:], r.id()[0] == '~'})
		if r.kind.Value() == movedKind {
			*out = append(*out, Move{From: Path(r.props().String("from")), To: p})
		}
		s.collect(p, r.inner, out)
		return true
	})
}
