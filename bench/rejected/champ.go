package rejected

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// Champ is a compressed hash array mapped trie (Steindorfer and Vinju 2015):
// each level takes five bits of the key's hash, and a node holds the records
// that are alone in their slot, the nodes of the slots where more meet, and two
// bitmaps that say which slots those are. A slot with one record never has a
// node, deletion included, so the shape is a function of the keys.
//
// Not taken: it is as fast as the engine's trie to read and to hash, and not far
// behind to change, but it has no order. Pages, prefixes and the walk of two
// versions in the order of paths need a second index with every key in it
// (OrderedChamp), which makes a new key three times as dear, takes 25 bytes for
// each, still looks each record up by hash, and is one more structure to keep
// right. The engine's trie has its order for nothing.
type Champ struct {
	root *champNode // nil when empty
	size int
}

type champNode struct {
	memo
	owner    *owner
	records  uint32 // which slots hold a record
	kids     uint32 // which slots hold a node; below the last level neither is set
	held     []*Record
	below    []*champNode
	ownHeld  bool // the owner may change held in place
	ownBelow bool // and below
}

const (
	champBits = 5
	champMask = 1<<champBits - 1
	champEnd  = 64 // from this shift on, the hash is used up: keys collide
)

// slot returns the bit of a hash at a level.
func slot(h uint64, shift uint) uint32 { return 1 << (h >> shift & champMask) }

// rank is how many slots are taken before a bit.
func rank(bitmap, bit uint32) int { return bits.OnesCount32(bitmap & (bit - 1)) }

// Len is the number of records.
func (c Champ) Len() int { return c.size }

// Get returns the record under a key, or nil.
func (c Champ) Get(key string) *Record {
	n, h := c.root, hashOf(key)
	for shift := uint(0); n != nil && shift < champEnd; shift += champBits {
		bit := slot(h, shift)
		if n.records&bit != 0 {
			if r := n.held[rank(n.records, bit)]; r.Key == key {
				return r
			}
			return nil
		}
		if n.kids&bit == 0 {
			return nil
		}
		n = n.below[rank(n.kids, bit)]
	}
	if n != nil {
		if i, found := n.find(key); found {
			return n.held[i]
		}
	}
	return nil
}

// find searches a node of colliding keys, which are in order.
func (n *champNode) find(key string) (int, bool) {
	return slices.BinarySearchFunc(n.held, key, func(r *Record, key string) int { return strings.Compare(r.Key, key) })
}

// Put returns the version with a record set.
func (c Champ) Put(r *Record) Champ {
	root, added := c.root.put(r, hashOf(r.Key), 0, nil)
	if added {
		c.size++
	}
	return Champ{root, c.size}
}

// Delete returns the version without a key.
func (c Champ) Delete(key string) Champ {
	root, removed := c.root.remove(key, hashOf(key), 0, nil)
	if removed {
		c.size--
	}
	return Champ{root, c.size}
}

// ChampEdit is a batch of edits.
type ChampEdit struct {
	cur Champ
	own *owner
}

// Edit begins a batch.
func (c Champ) Edit() *ChampEdit { return &ChampEdit{c, new(owner)} }

// Put sets a record.
func (e *ChampEdit) Put(r *Record) { e.put(r) }

// Delete removes a key.
func (e *ChampEdit) Delete(key string) { e.remove(key) }

// put reports whether the key is new.
func (e *ChampEdit) put(r *Record) bool {
	root, added := e.cur.root.put(r, hashOf(r.Key), 0, e.own)
	e.cur.root = root
	if added {
		e.cur.size++
	}
	return added
}

// remove reports whether the key was there.
func (e *ChampEdit) remove(key string) bool {
	root, removed := e.cur.root.remove(key, hashOf(key), 0, e.own)
	e.cur.root = root
	if removed {
		e.cur.size--
	}
	return removed
}

// Snapshot returns the version as it stands; the batch can go on.
func (e *ChampEdit) Snapshot() Champ {
	e.own = new(owner)
	return e.cur
}

// edited returns n to be changed: n itself, if it is the owner's, or a new node
// that shares its slices, each of which is copied before it is changed.
func (n *champNode) edited(o *owner) *champNode {
	if o != nil && n.owner == o {
		return n
	}
	return &champNode{owner: o, records: n.records, kids: n.kids, held: n.held, below: n.below}
}

func (n *champNode) setRecord(i int, r *Record) {
	n.held, n.ownHeld = setAt(n.held, i, r, n.ownHeld), n.owner != nil
}

func (n *champNode) insertRecord(i int, r *Record) {
	n.held, n.ownHeld = insertAt(n.held, i, r, n.ownHeld), n.owner != nil
}

func (n *champNode) removeRecord(i int) {
	n.held, n.ownHeld = removeAt(n.held, i, n.ownHeld), n.owner != nil
}

func (n *champNode) setKid(j int, kid *champNode) {
	n.below, n.ownBelow = setAt(n.below, j, kid, n.ownBelow), n.owner != nil
}

func (n *champNode) insertKid(j int, kid *champNode) {
	n.below, n.ownBelow = insertAt(n.below, j, kid, n.ownBelow), n.owner != nil
}

func (n *champNode) removeKid(j int) {
	n.below, n.ownBelow = removeAt(n.below, j, n.ownBelow), n.owner != nil
}

func (n *champNode) put(r *Record, h uint64, shift uint, o *owner) (_ *champNode, added bool) {
	if n == nil {
		n = &champNode{owner: o}
	}
	if shift >= champEnd {
		i, found := n.find(r.Key)
		c := n.edited(o)
		if found {
			c.setRecord(i, r)
		} else {
			c.insertRecord(i, r)
		}
		return c, !found
	}
	bit := slot(h, shift)
	i, j := rank(n.records, bit), rank(n.kids, bit)
	switch {
	case n.kids&bit != 0:
		kid, added := n.below[j].put(r, h, shift+champBits, o)
		c := n.edited(o)
		c.setKid(j, kid)
		return c, added
	case n.records&bit == 0:
		c := n.edited(o)
		c.insertRecord(i, r)
		c.records |= bit
		return c, true
	case n.held[i].Key == r.Key:
		c := n.edited(o)
		c.setRecord(i, r)
		return c, false
	}
	old := n.held[i]
	kid := pair(old, hashOf(old.Key), r, h, shift+champBits, o)
	c := n.edited(o)
	c.removeRecord(i)
	c.insertKid(j, kid)
	c.records &^= bit
	c.kids |= bit
	return c, true
}

// pair is the smallest trie of two records whose hashes agree below shift.
func pair(a *Record, ah uint64, b *Record, bh uint64, shift uint, o *owner) *champNode {
	if shift >= champEnd {
		if b.Key < a.Key {
			a, b = b, a
		}
		return &champNode{owner: o, held: []*Record{a, b}}
	}
	x, y := slot(ah, shift), slot(bh, shift)
	switch {
	case x == y:
		return &champNode{owner: o, kids: x, below: []*champNode{pair(a, ah, b, bh, shift+champBits, o)}}
	case x > y:
		a, b = b, a
	}
	return &champNode{owner: o, records: x | y, held: []*Record{a, b}}
}

// remove returns n without a key, or nil if nothing is left.
func (n *champNode) remove(key string, h uint64, shift uint, o *owner) (_ *champNode, removed bool) {
	if n == nil {
		return nil, false
	}
	bit := slot(h, shift)
	if shift < champEnd && n.kids&bit != 0 {
		j := rank(n.kids, bit)
		kid, removed := n.below[j].remove(key, h, shift+champBits, o)
		if !removed {
			return n, false
		}
		if len(kid.held) > 1 || kid.kids != 0 {
			c := n.edited(o)
			c.setKid(j, kid)
			return c, true
		}
		// One record is left below: it comes up into the slot.
		c := n.edited(o)
		c.removeKid(j)
		c.insertRecord(rank(c.records, bit), kid.held[0])
		c.kids &^= bit
		c.records |= bit
		return c, true
	}
	var i int
	if shift >= champEnd {
		var found bool
		if i, found = n.find(key); !found {
			return n, false
		}
		bit = 0
	} else if i = rank(n.records, bit); n.records&bit == 0 || n.held[i].Key != key {
		return n, false
	}
	if len(n.held) == 1 && n.kids == 0 {
		return nil, true
	}
	c := n.edited(o)
	c.removeRecord(i)
	c.records &^= bit
	return c, true
}

// Digest is a Merkle hash over the nodes.
func (c Champ) Digest() Digest {
	if c.root == nil {
		return Digest{}
	}
	var buf []byte
	return *c.root.digest(&buf)
}

func (n *champNode) digest(buf *[]byte) *Digest {
	if d := n.sum.Load(); d != nil {
		return d
	}
	for _, k := range n.below {
		k.digest(buf)
	}
	b := append((*buf)[:0], "champ"...)
	b = binary.LittleEndian.AppendUint32(b, n.records)
	b = binary.LittleEndian.AppendUint32(b, n.kids)
	b = binary.AppendUvarint(b, uint64(len(n.held)))
	for _, r := range n.held {
		b = appendRecord(b, r)
	}
	for _, k := range n.below {
		b = append(b, k.sum.Load()[:]...)
	}
	*buf = b
	return n.set(b)
}
