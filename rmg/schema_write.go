package rmg

import (
	"fmt"
	"iter"
	"strings"
)

// Unchecked makes o write without looking at schemas, from now on, and returns
// it. It is for versions that are only looked at, such as two graphs beside each
// other or moves made on an older version, and for what was checked elsewhere.
func (o *Overlay) Unchecked() *Overlay {
	o.free = true
	return o
}

// rules returns the schemas that a write has to satisfy.
//
// The level at /kind was handed out whenever this looks at it: only rekind
// changes it, which hands it out.
func (o *Overlay) rules() *Schemas {
	if o.free {
		return noSchemas
	}
	if o.kinds == nil {
		o.kinds = o.root.schemas()
	}
	return o.kinds
}

// checked reports whether there are schemas to satisfy.
func (o *Overlay) checked() bool { return o.rules().any() }

// rekinds reports whether a write at p may change the schemas, and so has to go
// by rekind.
func (o *Overlay) rekinds(p Path) bool { return inKinds(p) && !o.free }

// rekind makes a write at /kind or below it, and takes it back if there is now a
// violation that there was not before.
func (o *Overlay) rekind(op string, p Path, do func() error) error {
	mark, was := o.Mark(), o.rules()
	o.free = true
	defer func() { o.free = false }()
	err := do()
	if err == nil {
		g := o.Graph()
		now := was.next(g.root.kindLevel())
		if err = unsatisfied(op, p, now.fresh(Graph{mark.root}, g)); err == nil {
			o.kinds = now
			return nil
		}
	}
	o.Rewind(mark)
	return err
}

// unsatisfied says why /kind may not be changed; nil if nothing is violated.
func unsatisfied(op string, p Path, vs iter.Seq[Violation]) error {
	var first []string
	n := 0
	for v := range vs {
		if exempt(v.Path) {
			return v.error(op, p)
		}
		if n++; n <= 3 {
			first = append(first, v.String())
		}
	}
	places := "1 place"
	switch {
	case n == 0:
		return nil
	case n > 1:
		places = fmt.Sprintf("%d places", n)
	}
	if n > len(first) {
		first = append(first, "...")
	}
	return &Error{
		Op: op, Path: p, Code: Invalid,
		Msg:  fmt.Sprintf("the graph does not satisfy it in %s: %s", places, strings.Join(first, "; ")),
		Hint: "change these first, or demand less",
	}
}

// error is v as what is wrong with a write at p.
func (v Violation) error(op string, p Path) error {
	msg := v.Msg
	if v.Path != p {
		msg = v.String()
	}
	return &Error{Op: op, Path: p, Code: Invalid, Msg: msg, Hint: v.hint()}
}

// admit fills in the defaults of a new element, and looks at whether it may be
// added at p.
func (o *Overlay) admit(op string, p Path, r *record) (*record, error) {
	if !o.checked() {
		return r, nil
	}
	if k := o.rules().rules(r.kind); k != nil {
		old := r.props()
		props := old
		for _, d := range k.Props {
			if _, there := old.Get(d.Name); !there && d.Default.typ != TypeNone {
				props = props.With(d.Name, d.Default)
			}
		}
		if props.Len() > old.Len() {
			r = r.with(props)
		}
	}
	return r, o.fits(op, p, nil, r)
}

// fits looks at whether r may stand at p, in the place of old, which is nil if
// it is new. What is inside old is not looked at again.
func (o *Overlay) fits(op string, p Path, old, r *record) error {
	if !o.checked() {
		return nil
	}
	c, at, holder := o.judge(p)
	c.put = r
	c.element(&at, holder, c.within, r)
	if old != nil && old.kind != r.kind {
		c.neighbours(&at, c.within, r)
	}
	if r.inner != nil && (old == nil || old.inner != r.inner) {
		c.level(&spot{up: &at, r: r}, c.s.rules(r.kind), r.inner)
	}
	return c.refusal(op, p)
}

// keeps looks at whether old, at p, may become r, inner graph and all.
func (o *Overlay) keeps(op string, p Path, old, r *record) error {
	if !o.checked() {
		return nil
	}
	if old.kind != r.kind {
		return o.fits(op, p, old, r)
	}
	k := o.rules().rules(r.kind)
	if k == nil {
		return nil
	}
	c, at := judge{}, spot{path: p.Parent()}
	for _, ch := range diffProps(old.props(), r.props()) {
		c.prop(&at, k, r, ch.Name, ch.New)
	}
	return c.refusal(op, p)
}

// lands looks at whether r, which stood at from, may be moved to p.
func (o *Overlay) lands(from, p Path, r *record) error {
	if !o.checked() || from.Parent() == p.Parent() {
		return nil
	}
	c, at, holder := o.judge(p)
	c.placed(&at, holder, r)
	return c.refusal("move", p)
}

// judge returns what looks at a write at p, with the place and the demands of
// what holds p. The parent of p is there.
func (o *Overlay) judge(p Path) (c judge, at spot, holder *kindRules) {
	c, at = judge{s: o.rules(), within: o.root}, spot{path: p.Parent()}
	if up, _ := o.root.at(at.path); up != nil {
		c.within, holder = up.inner, c.s.rules(up.kind)
	}
	return c, at, holder
}

// refusal is the first violation as an error; nil if there is none.
func (c *judge) refusal(op string, p Path) error {
	if !c.done {
		return nil
	}
	return c.found.error(op, p)
}
