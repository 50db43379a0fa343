package rejected

import "jitos.dev/bench/peers"

// Version is one version of a structure, behind the interface that the peers
// are measured by.
type Version interface {
	peers.Map
	Len() int
	Digest() Digest
	// Find returns a record, or nil.
	Find(key string) *Record
	// Without returns the version without some keys, in one batch.
	Without(keys []string) Version
}

// All returns the structures. What they build is a Version.
func All() []peers.Peer {
	return []peers.Peer{
		{Name: "CHAMP", Versions: true, Build: build(Champ{})},
		{Name: "CHAMP and order", Versions: true, Ordered: true, Build: build(NewOrderedChamp())},
		{Name: "split B-tree", Versions: true, Ordered: true, Build: build(Split{})},
		{Name: "treap", Versions: true, Ordered: true, Build: build(Treap{})},
	}
}

// batch is what every structure's batch can do; S is the structure.
type batch[S any] interface {
	Put(*Record)
	Delete(key string)
	Snapshot() S
}

// structure is what every structure can do; S is itself and E its batch.
type structure[S any, E batch[S]] interface {
	Len() int
	Get(key string) *Record
	Put(*Record) S
	Edit() E
	Digest() Digest
}

// version makes a Version of a structure.
type version[S structure[S, E], E batch[S]] struct{ s S }

func build[S structure[S, E], E batch[S]](empty S) func(int, func(int) peers.Item) peers.Map {
	return func(n int, item func(int) peers.Item) peers.Map {
		e := empty.Edit()
		for i := range n {
			e.Put(record(item(i)))
		}
		return version[S, E]{e.Snapshot()}
	}
}

// record owns its key and its props in one string, as the engine's does.
func record(i peers.Item) *Record {
	key := i.Key()
	both := key + i.Props
	return &Record{both[:len(key)], i.Kind, both[len(key):]}
}

func (v version[S, E]) Len() int                { return v.s.Len() }
func (v version[S, E]) Digest() Digest          { return v.s.Digest() }
func (v version[S, E]) Find(key string) *Record { return v.s.Get(key) }
func (v version[S, E]) Fork() peers.Map         { return v }

func (v version[S, E]) Get(key string) (string, bool) {
	r := v.s.Get(key)
	if r == nil {
		return "", false
	}
	return r.Kind, true
}

func (v version[S, E]) Set(i peers.Item) peers.Map { return version[S, E]{v.s.Put(record(i))} }

func (v version[S, E]) Edit(items []peers.Item) peers.Map {
	e := v.s.Edit()
	for _, i := range items {
		e.Put(record(i))
	}
	return version[S, E]{e.Snapshot()}
}

func (v version[S, E]) Without(keys []string) Version {
	e := v.s.Edit()
	for _, key := range keys {
		e.Delete(key)
	}
	return version[S, E]{e.Snapshot()}
}

// Page takes the keys from an index of keys, where that is all that is wanted
// and there is one.
func (v version[S, E]) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	if s, ok := any(v.s).(interface {
		AscendKeys(string, func(string) bool)
	}); ok && !kinds {
		s.AscendKeys(from, func(key string) bool {
			ids = append(ids, key)
			n--
			return n > 0
		})
		return ids, 0
	}
	sum := 0
	any(v.s).(interface {
		Ascend(string, func(*Record) bool)
	}).Ascend(from, func(r *Record) bool {
		ids = append(ids, r.Key)
		if kinds {
			sum += len(r.Kind)
		}
		n--
		return n > 0
	})
	return ids, sum
}
