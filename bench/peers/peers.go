// Package peers holds other people's maps behind one interface, so that the
// graph and they can be measured by the same code on the same keys.
package peers

import (
	"fmt"
	"strings"
)

// Item is what is stored under a key.
type Item struct {
	Path  string // "/" and the key
	Kind  string
	Props string // some 64 bytes
	Rank  int64  // the part of Props that an update changes
}

// Key is the item's key.
func (i Item) Key() string { return i.Path[1:] }

// Map is one version of a map. But for Go's own, which has no versions, no
// method changes its receiver.
type Map interface {
	// Get finds a record, reads its kind, and reports whether there is one.
	Get(key string) (kind string, ok bool)
	// Set returns the version with one item set.
	Set(Item) Map
	// Edit returns the version with items set, in one transaction where the
	// map has such.
	Edit([]Item) Map
	// Fork returns a version that can be edited beside this one.
	Fork() Map
	// Page appends the keys of n items to ids, from a key that is in the map
	// on in order. With kinds it reads each item's kind too, and returns the
	// sum of their lengths, which is 0 otherwise.
	Page(from string, n int, kinds bool, ids []string) ([]string, int)
}

// Peer is an implementation of Map.
type Peer struct {
	Name     string
	Versions bool // Set, Edit and Fork keep the old version
	Ordered  bool // Page works
	Build    func(n int, item func(int) Item) Map
}

// Record is what the maps hold a pointer to.
type Record struct{ Kind, Props string }

// record makes what is stored: it owns its props, so that every version pays
// for what it changes.
func record(i Item) *Record { return &Record{i.Kind, strings.Clone(i.Props)} }

// All returns every peer.
func All() []Peer {
	return []Peer{
		{Name: "go map", Build: buildBuiltin},
		{Name: "tidwall/btree", Versions: true, Ordered: true, Build: buildBtree},
		{Name: "immutable.Map", Versions: true, Build: buildHashed},
		{Name: "immutable.SortedMap", Versions: true, Ordered: true, Build: buildSorted},
		{Name: "immutable-radix", Versions: true, Ordered: true, Build: buildRadix},
		{Name: "statedb/part", Versions: true, Ordered: true, Build: buildPart},
	}
}

// builtin is Go's own map: neither versions nor order.
type builtin map[string]*Record

func buildBuiltin(n int, item func(int) Item) Map {
	m := make(builtin, n)
	for i := range n {
		it := item(i)
		m[strings.Clone(it.Key())] = record(it)
	}
	return m
}

func (m builtin) Get(key string) (string, bool) {
	r, ok := m[key]
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m builtin) Set(i Item) Map {
	m[i.Key()] = record(i)
	return m
}

func (m builtin) Edit(items []Item) Map {
	for _, i := range items {
		m[i.Key()] = record(i)
	}
	return m
}

func (m builtin) Fork() Map { return m }

func (m builtin) Page(string, int, bool, []string) ([]string, int) {
	panic(fmt.Sprintf("%T has no order", m))
}
