package htn

import (
	"iter"
	"maps"
	"slices"
)

// facts is a set of facts that changes and changes back: numbered, indexed by
// each argument, hashed as it goes, with a trail.
//
// A list loses a fact by putting its last one in the place, and undo does that
// backwards, so that after undo every list is what it was, in the same order: what
// iterates over a list by position may go on.
type facts struct {
	preds   []predicate
	objects int
	ids     *interner
	true    []bool
	all     [][]int32   // by predicate
	by      [][][]int32 // by place (predicate and position) and object
	place   []int32     // the first place of each predicate; none of arity 0 and 1
	pos     []int32     // by fact, maxArity+1 each: where it stands in its lists
	width   int
	hash    sum
	trail   []int32 // facts that changed
	places  []int32 // where those that were removed stood
}

func newFacts(preds []predicate, objects int) *facts {
	f := &facts{preds: preds, objects: objects, ids: newInterner(), all: make([][]int32, len(preds))}
	for _, p := range preds {
		f.place = append(f.place, int32(len(f.by)))
		if p.arity > 1 {
			for range p.arity {
				f.by = append(f.by, nil)
			}
		}
		f.width = max(f.width, p.arity)
	}
	f.width++
	return f
}

// clone copies the set; the lists of facts that never change are shared.
func (f *facts) clone() *facts {
	c := &facts{
		preds: f.preds, objects: f.objects, ids: f.ids.clone(), true: slices.Clone(f.true), place: f.place,
		pos: slices.Clone(f.pos), width: f.width, hash: f.hash,
	}
	c.all = slices.Clone(f.all)
	c.by = slices.Clone(f.by)
	for p, pr := range f.preds {
		if !pr.fluid {
			continue
		}
		c.all[p] = slices.Clone(f.all[p])
		if pr.arity > 1 {
			for i := range pr.arity {
				lists := slices.Clone(c.by[int(f.place[p])+i])
				for o := range lists {
					lists[o] = slices.Clone(lists[o])
				}
				c.by[int(f.place[p])+i] = lists
			}
		}
	}
	return c
}

// intern numbers a fact.
func (f *facts) intern(pred int32, args []int32) int32 {
	id, fresh := f.ids.add(pred, args)
	if fresh {
		f.true = append(f.true, false)
		for range f.width {
			f.pos = append(f.pos, -1)
		}
	}
	return id
}

func (f *facts) holds(pred int32, args []int32) bool {
	id := f.ids.find(pred, args)
	return id >= 0 && f.true[id]
}

// set makes a fact true or false, and notes it on the trail if that is new.
func (f *facts) set(id int32, is bool) {
	if f.true[id] == is {
		return
	}
	f.trail = append(f.trail, id)
	if is {
		f.insert(id)
	} else {
		f.remove(id)
	}
}

// undo goes back to a length of the trail. What was put in last stands last in
// its lists again.
func (f *facts) undo(to int) {
	for len(f.trail) > to {
		id := f.trail[len(f.trail)-1]
		f.trail = f.trail[:len(f.trail)-1]
		if f.true[id] {
			f.takeOff(id)
		} else {
			f.putBack(id)
		}
	}
}

// lists calls do for each list that a fact stands in when it is true.
func (f *facts) lists(id int32, do func(list *[]int32, k int)) {
	f.true[id] = !f.true[id]
	f.hash = f.hash.xor(sumOf(uint64(id)))
	p := f.ids.head[id]
	do(&f.all[p], 0)
	args := f.ids.tuple(id)
	if len(args) < 2 {
		return
	}
	for i, o := range args {
		by := &f.by[int(f.place[p])+i]
		if *by == nil {
			*by = make([][]int32, f.objects)
		}
		do(&(*by)[o], i+1)
	}
}

func (f *facts) at(id int32, k int) *int32 { return &f.pos[int(id)*f.width+k] }

func (f *facts) insert(id int32) {
	f.lists(id, func(list *[]int32, k int) {
		*f.at(id, k) = int32(len(*list))
		*list = append(*list, id)
	})
}

func (f *facts) takeOff(id int32) {
	f.lists(id, func(list *[]int32, _ int) { *list = (*list)[:len(*list)-1] })
}

func (f *facts) remove(id int32) {
	f.lists(id, func(list *[]int32, k int) {
		l, at := *list, *f.at(id, k)
		f.places = append(f.places, at)
		other := l[len(l)-1]
		l[at] = other
		*f.at(other, k) = at
		*list = l[:len(l)-1]
	})
}

func (f *facts) putBack(id int32) {
	n := 1
	if a := f.preds[f.ids.head[id]].arity; a > 1 {
		n += a
	}
	places := f.places[len(f.places)-n:]
	f.lists(id, func(list *[]int32, k int) {
		at := places[k]
		*f.at(id, k) = at
		if int(at) == len(*list) {
			*list = append(*list, id)
			return
		}
		other := (*list)[at]
		*f.at(other, k) = int32(len(*list))
		*list = append(*list, other)
		(*list)[at] = id
	})
	f.places = f.places[:len(f.places)-n]
}

// shortest names the shortest list of facts that may match a literal: 0 for all of its
// predicate, else one more than the position of an argument that has a value.
func (f *facts) shortest(pred int32, vals []int32) (which, n int) {
	n = len(f.all[pred])
	if len(vals) < 2 {
		return 0, n
	}
	for i, o := range vals {
		if o < 0 {
			continue
		}
		k := 0
		if by := f.by[int(f.place[pred])+i]; by != nil {
			k = len(by[o])
		}
		if k < n {
			which, n = i+1, k
		}
	}
	return which, n
}

// candidates is the list that shortest named.
func (f *facts) candidates(pred int32, which int, obj int32) []int32 {
	if which == 0 {
		return f.all[pred]
	}
	if by := f.by[int(f.place[pred])+which-1]; by != nil {
		return by[obj]
	}
	return nil
}

// sorted ranges over a map in order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
