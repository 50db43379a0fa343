package rule

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"jitos.dev/rmg"
)

// change is the outcome of a rule's expressions for one match: they see the
// graph as it was before.
type change struct {
	ids   map[int]string
	props map[int]rmg.Props // of those that change
}

// evaluate computes what a match asks for.
func (mt *matcher) evaluate() (c change, err error) {
	for _, v := range mt.r.creates {
		x := &mt.r.vars[v]
		if x.id == nil {
			continue
		}
		value, err := x.id.value(mt.ask)
		if err != nil {
			return c, mt.fails(err)
		}
		id, ok := value.AsString()
		if !ok || id == "" || len(id) > rmg.MaxSegment {
			return c, mt.fails(fmt.Errorf("%q is no id", x.id.text))
		}
		if c.ids == nil {
			c.ids = map[int]string{}
		}
		c.ids[v] = id
	}
	for i := range mt.r.sets {
		s := &mt.r.sets[i]
		if c.props == nil {
			c.props = map[int]rmg.Props{}
		}
		p, ok := c.props[s.v]
		if !ok && !mt.r.vars[s.v].created {
			p = mt.m.propsOf(mt.bind[s.v])
		}
		if c.props[s.v], err = s.apply(p, mt); err != nil {
			return c, mt.fails(err)
		}
	}
	return c, nil
}

func (mt *matcher) fails(err error) error {
	return &rmg.Error{Op: "rule " + mt.r.Name, Path: mt.m.scope, Code: rmg.Invalid, Msg: "the match cannot be rewritten", Hint: "guard the rule against it", Err: err}
}

// apply does one assignment.
func (s *assign) apply(p rmg.Props, mt *matcher) (rmg.Props, error) {
	v, err := s.to.value(mt.ask)
	if err != nil {
		return p, err
	}
	if err := v.Check(); err != nil {
		return p, err
	}
	old, has := p.Get(s.prop)
	switch s.op {
	case opSet:
		return p.With(s.prop, v), nil
	case opInc:
		n, isInt := old.AsInt()
		by, ok := v.AsInt()
		switch {
		case !ok || has && !isInt:
			return p, fmt.Errorf("inc of prop %s: no int", s.prop)
		case by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by:
			return p, fmt.Errorf("inc of prop %s: it would overflow", s.prop)
		}
		return p.With(s.prop, rmg.Int(n+by)), nil
	}
	list, isList := old.AsList()
	if has && !isList || v.IsZero() {
		return p, fmt.Errorf("%s of prop %s: it is no list, or there is no value", s.op, s.prop)
	}
	slices.SortFunc(list, canonical)
	i, found := slices.BinarySearchFunc(list, v, canonical)
	switch {
	case s.op == opSetAdd && !found:
		list = slices.Insert(list, i, v)
	case s.op == opSetRemove && found:
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		return p.With(s.prop, rmg.Value{}), nil
	}
	return p.With(s.prop, rmg.List(list...)), nil
}

// canonical is the order in which [rmg.Overlay.SetAdd] keeps a set.
func canonical(a, b rmg.Value) int {
	x, errX := a.MarshalCBOR()
	y, errY := b.MarshalCBOR()
	if errX != nil || errY != nil {
		panic("a value that was checked does not encode")
	}
	return bytes.Compare(x, y)
}

// apply rewrites the match that is bound. After an error nothing has changed.
func (mt *matcher) apply() error {
	m, r := mt.m, mt.r
	var c change
	var err error
	if len(r.sets) > 0 || len(r.creates) > 0 {
		if c, err = mt.evaluate(); err != nil {
			return err
		}
	}
	top := mt.topLevel()
	for v, id := range c.ids {
		if err := mt.vacant(v, id, top); err != nil {
			return err
		}
	}
	m.rewrites++
	for _, edges := range []bool{true, false} {
		for _, d := range r.deletes {
			x := mt.bind[d]
			if x < 0 != edges || !m.alive(x) {
				continue // gone with another
			}
			if edges {
				m.removeEdge(-x)
			} else {
				m.removeNode(x)
			}
		}
	}
	for _, t := range r.retypes {
		if x := mt.bind[t.v]; m.alive(x) {
			m.retype(x, m.kind(t.kind))
		}
	}
	for _, v := range r.creates {
		mt.create(v, c, top)
	}
	for _, v := range r.left.own {
		if p, ok := c.props[v]; ok && m.alive(mt.bind[v]) {
			m.setProps(mt.bind[v], p)
		}
	}
	return nil
}

// topLevel is the level in which the top of the right side stands.
func (mt *matcher) topLevel() int32 {
	for _, v := range mt.r.left.own {
		if x := &mt.r.vars[v]; x.in == none && !x.edge {
			return mt.m.nodes[mt.bind[v]].level
		}
	}
	return mt.top
}

// vacant refuses an id that is taken.
func (mt *matcher) vacant(v int, id string, top int32) error {
	x := &mt.r.vars[v]
	l := top
	if x.in != none {
		if mt.r.vars[x.in].created {
			return nil
		}
		if l = mt.m.innerOf(mt.bind[x.in]); l == 0 {
			return nil
		}
	}
	if y := mt.m.find(l, x.edge, id); y != 0 && !slices.ContainsFunc(mt.r.deletes, func(d int) bool { return mt.bind[d] == y }) {
		return &rmg.Error{Op: "rule " + mt.r.Name, Path: mt.m.at(y), Code: rmg.Exists, Msg: "what the rule makes is there already", Hint: "leave id away for a fresh one"}
	}
	return nil
}

// create makes an element; not where a single-pushout rule deleted an end of it.
func (mt *matcher) create(v int, c change, top int32) {
	m, x := mt.m, &mt.r.vars[v]
	var id int32
	if text, ok := c.ids[v]; ok {
		id = m.loadedID(text)
	}
	kind := m.kind(x.kind)
	if x.edge {
		from, to := mt.bind[x.from], mt.bind[x.to]
		if m.alive(from) && m.alive(to) {
			mt.bind[v] = -m.addEdge(kind, from, to, id, c.props[v])
		}
		return
	}
	l := top
	if x.in != none {
		if !m.alive(mt.bind[x.in]) {
			mt.bind[v] = 0
			return
		}
		l = m.levelOf(mt.bind[x.in])
	}
	mt.bind[v] = m.addNode(l, kind, id, c.props[v])
}
