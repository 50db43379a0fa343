package peers

import (
	"strings"
	"unsafe"

	"github.com/benbjohnson/immutable"
	"github.com/cilium/statedb/part"
	radix "github.com/hashicorp/go-immutable-radix/v2"
	"github.com/tidwall/btree"
)

// ordered is a B-tree with copy on write. Map is taken and not BTreeG, which
// compares through a function.
type ordered struct{ *btree.Map[string, *Record] }

func buildBtree(n int, item func(int) Item) Map {
	m := btree.NewMap[string, *Record](0)
	for i := range n {
		it := item(i)
		m.Set(strings.Clone(it.Key()), record(it))
	}
	return ordered{m}
}

func (m ordered) Get(key string) (string, bool) {
	r, ok := m.Map.Get(key)
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m ordered) Set(i Item) Map {
	c := m.Copy()
	c.Set(i.Key(), record(i))
	return ordered{c}
}

func (m ordered) Edit(items []Item) Map {
	c := m.Copy()
	for _, i := range items {
		c.Set(i.Key(), record(i))
	}
	return ordered{c}
}

func (m ordered) Fork() Map { return ordered{m.Copy()} }

func (m ordered) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	sum := 0
	m.Ascend(from, func(key string, r *Record) bool {
		ids = append(ids, key)
		if kinds {
			sum += len(r.Kind)
		}
		n--
		return n > 0
	})
	return ids, sum
}

// hashed is a hash array mapped trie. It has builders for new maps only, so a
// batch is one Set after the other.
type hashed struct {
	*immutable.Map[string, *Record]
}

func buildHashed(n int, item func(int) Item) Map {
	b := immutable.NewMapBuilder[string, *Record](nil)
	for i := range n {
		it := item(i)
		b.Set(strings.Clone(it.Key()), record(it))
	}
	return hashed{b.Map()}
}

func (m hashed) Get(key string) (string, bool) {
	r, ok := m.Map.Get(key)
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m hashed) Set(i Item) Map { return hashed{m.Map.Set(i.Key(), record(i))} }

func (m hashed) Edit(items []Item) Map {
	next := m.Map
	for _, i := range items {
		next = next.Set(i.Key(), record(i))
	}
	return hashed{next}
}

func (m hashed) Fork() Map { return m }

func (m hashed) Page(string, int, bool, []string) ([]string, int) {
	panic("a hash trie has no order")
}

// sorted is the same library's B+tree; it too has builders for new maps only.
type sorted struct {
	*immutable.SortedMap[string, *Record]
}

func buildSorted(n int, item func(int) Item) Map {
	b := immutable.NewSortedMapBuilder[string, *Record](nil)
	for i := range n {
		it := item(i)
		b.Set(strings.Clone(it.Key()), record(it))
	}
	return sorted{b.Map()}
}

func (m sorted) Get(key string) (string, bool) {
	r, ok := m.SortedMap.Get(key)
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m sorted) Set(i Item) Map { return sorted{m.SortedMap.Set(i.Key(), record(i))} }

func (m sorted) Edit(items []Item) Map {
	next := m.SortedMap
	for _, i := range items {
		next = next.Set(i.Key(), record(i))
	}
	return sorted{next}
}

func (m sorted) Fork() Map { return m }

func (m sorted) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	sum := 0
	it := m.Iterator()
	for it.Seek(from); n > 0 && !it.Done(); n-- {
		key, r, _ := it.Next()
		ids = append(ids, key)
		if kinds {
			sum += len(r.Kind)
		}
	}
	return ids, sum
}

// radixed is a radix tree.
type radixed struct{ *radix.Tree[*Record] }

func buildRadix(n int, item func(int) Item) Map {
	t := radix.New[*Record]().Txn()
	for i := range n {
		it := item(i)
		t.Insert([]byte(it.Key()), record(it))
	}
	return radixed{t.Commit()}
}

func (m radixed) Get(key string) (string, bool) {
	r, ok := m.Tree.Get(view(key))
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m radixed) Set(i Item) Map {
	next, _, _ := m.Insert(view(i.Key()), record(i))
	return radixed{next}
}

func (m radixed) Edit(items []Item) Map {
	t := m.Txn()
	for _, i := range items {
		t.Insert(view(i.Key()), record(i))
	}
	return radixed{t.Commit()}
}

func (m radixed) Fork() Map { return m }

func (m radixed) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	sum := 0
	it := m.Root().Iterator()
	for it.SeekLowerBound(view(from)); n > 0; n-- {
		key, r, ok := it.Next()
		if !ok {
			break
		}
		ids = append(ids, text(key))
		if kinds {
			sum += len(r.Kind)
		}
	}
	return ids, sum
}

// parted is an adaptive radix tree, with one watch channel for all of it, which
// is its fastest way.
type parted struct{ part.Tree[*Record] }

func buildPart(n int, item func(int) Item) Map {
	tree := part.New[*Record](part.RootOnlyWatch)
	t := tree.Txn()
	for i := range n {
		it := item(i)
		t.Insert([]byte(it.Key()), record(it))
	}
	return &parted{t.CommitAndNotify()}
}

func (m *parted) Get(key string) (string, bool) {
	r, ok := m.Tree.Get(view(key))
	if !ok {
		return "", false
	}
	return r.Kind, true
}

func (m *parted) Set(i Item) Map {
	_, _, next := m.Insert(view(i.Key()), record(i))
	return &parted{next}
}

func (m *parted) Edit(items []Item) Map {
	t := m.Txn()
	for _, i := range items {
		t.Insert(view(i.Key()), record(i))
	}
	return &parted{t.CommitAndNotify()}
}

func (m *parted) Fork() Map { return m }

func (m *parted) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	sum := 0
	it := m.LowerBound(view(from))
	for ; n > 0; n-- {
		key, r, ok := it.Next()
		if !ok {
			break
		}
		ids = append(ids, text(key))
		if kinds {
			sum += len(r.Kind)
		}
	}
	return ids, sum
}

// view and text turn keys over without a copy, so that trees over bytes do not
// pay for what is not theirs. Neither side ever writes to a key.
func view(key string) []byte { return unsafe.Slice(unsafe.StringData(key), len(key)) }

func text(key []byte) string { return unsafe.String(unsafe.SliceData(key), len(key)) }
