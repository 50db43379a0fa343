package rejected

import "github.com/tidwall/btree"

// OrderedChamp is a Champ with its keys in order beside it. The order is
// derived, and so outside the digest, and need not be canonical: it is the
// fastest B-tree with copy on write that we know. It holds keys only: with the
// records in it too, every change would be made twice.
type OrderedChamp struct {
	Champ
	keys *btree.Set[string]
}

// NewOrderedChamp returns an empty one.
func NewOrderedChamp() OrderedChamp { return OrderedChamp{keys: new(btree.Set[string])} }

// Put returns the version with a record set. The order changes only if the key
// is new.
func (c OrderedChamp) Put(r *Record) OrderedChamp {
	next := OrderedChamp{c.Champ.Put(r), c.keys}
	if next.size != c.size {
		next.keys = c.keys.Copy()
		next.keys.Insert(r.Key)
	}
	return next
}

// Delete returns the version without a key.
func (c OrderedChamp) Delete(key string) OrderedChamp {
	next := OrderedChamp{c.Champ.Delete(key), c.keys}
	if next.size != c.size {
		next.keys = c.keys.Copy()
		next.keys.Delete(key)
	}
	return next
}

// OrderedChampEdit is a batch of edits.
type OrderedChampEdit struct {
	champ *ChampEdit
	keys  *btree.Set[string]
	own   bool // keys belongs to this batch
}

// Edit begins a batch.
func (c OrderedChamp) Edit() *OrderedChampEdit {
	return &OrderedChampEdit{champ: c.Champ.Edit(), keys: c.keys}
}

func (e *OrderedChampEdit) order() *btree.Set[string] {
	if !e.own {
		e.keys, e.own = e.keys.Copy(), true
	}
	return e.keys
}

// Put sets a record.
func (e *OrderedChampEdit) Put(r *Record) {
	if e.champ.put(r) {
		e.order().Insert(r.Key)
	}
}

// Delete removes a key.
func (e *OrderedChampEdit) Delete(key string) {
	if e.champ.remove(key) {
		e.order().Delete(key)
	}
}

// Snapshot returns the version as it stands; the batch can go on.
func (e *OrderedChampEdit) Snapshot() OrderedChamp {
	e.own = false
	return OrderedChamp{e.champ.Snapshot(), e.keys}
}

// Ascend calls yield for the records from a key on, in order, until it returns
// false.
func (c OrderedChamp) Ascend(from string, yield func(*Record) bool) {
	c.keys.Ascend(from, func(key string) bool { return yield(c.Get(key)) })
}

// AscendKeys is Ascend for who needs no records.
func (c OrderedChamp) AscendKeys(from string, yield func(key string) bool) {
	c.keys.Ascend(from, yield)
}
