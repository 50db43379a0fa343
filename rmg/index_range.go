package rmg

import (
	"crypto/sha256"
	"iter"
	"slices"
)

// Bound is one end of a range of values. Without a Value there is no bound.
//
// A bound bounds its type as well: what is of another one is outside. Ints and
// floats are one type here, and compared by what they are worth.
type Bound struct {
	Value Value
	Open  bool // Value itself is outside
}

// Range ranges over the elements whose prop p is within bounds, by value in the
// order of CompareValues, then in path order. Without bounds they are all that
// have the prop.
//
// Strings, bytes, lists, maps and refs of more than 256 bytes that begin with
// the same 256 are gathered before the first of them is told, and read in the
// graph. Invalid: ix was not made for p.
func (ix Index) Range(p IndexedProp, from, to Bound) (iter.Seq2[Value, Path], error) {
	i, err := ix.decl.number("range", p)
	if err != nil {
		return nil, err
	}
	head := string(appendNumber(newFactKey(factProp), i))
	start, stop := limits(from, to)
	return func(yield func(Value, Path) bool) {
		s := ranger{ix: ix, head: head, prop: p.Prop, from: from, to: to, yield: yield}
		ix.each(head, head+start, func(rest string) bool { return rest < stop && s.fact(rest) })
	}, nil
}

// limits are what the keys of values within two bounds are not less than, and
// less than. Of long values all are within that begin as a bound does.
func limits(from, to Bound) (start, stop string) {
	a, b := from.Value, to.Value
	if !a.IsZero() && !b.IsZero() && a.order() != b.order() {
		return "", ""
	}
	stop = "\xff"
	if !a.IsZero() {
		key, long := limit(a)
		if from.Open && !long {
			key += "\xff"
		}
		start, stop = key, string([]byte{byte(a.order()) + 1})
	}
	if !b.IsZero() {
		key, long := limit(b)
		if a.IsZero() {
			start = key[:1]
		}
		if long {
			key = key[:len(key)-1] + "\xff"
		} else if !to.Open {
			key += "\xff"
		}
		stop = key
	}
	return start, stop
}

// limit is what the keys begin with of all values that have v's worth, if it is
// a number, that begin as v does, if it is long, or else that are v.
func limit(v Value) (key string, long bool) {
	key = string(appendValue(nil, v))
	n, long := valueSize(key)
	switch {
	case long:
		n -= sha256.Size
	case v.order() == TypeInt:
		n-- // the type
	}
	return key[:n], long
}

// ranger tells the values of one prop.
type ranger struct {
	ix       Index
	head     string // what the facts begin with
	prop     string
	from, to Bound
	yield    func(Value, Path) bool

	key   string // of the value at hand
	v     Value
	group string // what the keys of the long values begin with that were told last
}

// fact tells a fact, of which head is taken off.
func (s *ranger) fact(rest string) bool {
	n, long := valueSize(rest)
	if long {
		group := rest[:n-sha256.Size]
		if group == s.group {
			return true // told with the first of them
		}
		s.group = group
		return s.longs(s.head + group)
	}
	if rest[:n] != s.key {
		s.key, s.v = rest[:n], readValue(rest[:n])
	}
	p, _ := readPath(rest[n:])
	return s.yield(s.v, p)
}

// longs tells the long values that begin alike, whose keys are in the order of
// their hashes. What is within the bounds is looked at here.
func (s *ranger) longs(group string) bool {
	type item struct {
		v   Value
		key string
	}
	var all []item
	s.ix.each(group, group, func(rest string) bool {
		key := rest[:sha256.Size]
		if len(all) == 0 || all[len(all)-1].key != key {
			p, _ := readPath(rest[sha256.Size:])
			r, _ := s.ix.g.root.at(p)
			v, _ := r.props().Get(s.prop)
			all = append(all, item{v, key})
		}
		return true
	})
	slices.SortFunc(all, func(a, b item) int { return CompareValues(a.v, b.v) })
	for _, x := range all {
		if !s.within(x.v) {
			continue
		}
		for p := range s.ix.paths(group+x.key, group+x.key) {
			if !s.yield(x.v, p) {
				return false
			}
		}
	}
	return true
}

// within compares a value of the type of the bounds, which is no number.
func (s *ranger) within(v Value) bool {
	if b := s.from; !b.Value.IsZero() {
		if c := CompareValues(b.Value, v); c > 0 || c == 0 && b.Open {
			return false
		}
	}
	if b := s.to; !b.Value.IsZero() {
		if c := CompareValues(v, b.Value); c > 0 || c == 0 && b.Open {
			return false
		}
	}
	return true
}
