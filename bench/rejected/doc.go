// Package rejected holds the structures that the graph engine is not made of,
// each as small as it can be and as fast as the idea lets it be, so that the
// choice can be measured again: a hash array mapped trie (Champ), the same with
// an order beside it (OrderedChamp), a content-split B-tree (Split) and a treap
// (Treap).
//
// All are persistent and canonical: one content has one shape and one digest,
// whatever the order of the edits. All use what the engine uses too: a record
// that holds its own key, an owner token for editing in place, digests that are
// computed once for each new node and kept, and the first eight bytes of a key
// beside the pointer to its record where keys are compared by order.
package rejected

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// Record is what stands under a key. It is never changed.
type Record struct{ Key, Kind, Props string }

// Digest is the SHA-256 of a content.
type Digest [sha256.Size]byte

// owner is who may change a node in place: one batch of edits. A node made
// outside any batch has none and is never changed. A batch that hands out a
// version takes a new owner, so that no digest is ever kept on a node that can
// still change.
type owner struct{ _ byte }

// memo keeps a digest once it is known; whoever comes at the same time finds
// the same one.
type memo struct{ sum atomic.Pointer[Digest] }

// set keeps the digest of what is in buf.
func (m *memo) set(buf []byte) *Digest {
	d := Digest(sha256.Sum256(buf))
	m.sum.Store(&d)
	return &d
}

func appendString(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// appendRecord appends a record so that no two different ones end up the same.
func appendRecord(buf []byte, r *Record) []byte {
	return appendString(appendString(appendString(buf, r.Key), r.Kind), r.Props)
}

// hashOf is a hash of a key that is the same in every process, because shapes
// depend on it: multiply and fold, 16 bytes a step, as in wyhash. It can be
// attacked on purpose, which what is measured here does not mind.
func hashOf(key string) uint64 {
	const a, b, c = 0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3
	h := uint64(len(key)) * c
	for len(key) > 16 {
		h = fold(word(key)^a^h, word(key[8:])^b)
		key = key[16:]
	}
	switch {
	case len(key) > 8:
		// The last eight bytes overlap the first; the length is in h.
		h = fold(word(key)^a^h, word(key[len(key)-8:])^b)
	default:
		h = fold(head(key)^a^h, b)
	}
	return fold(h^c, b)
}

func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// word reads eight bytes, big-endian; s has that many.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// head is the first eight bytes of a key, as a number that orders as they do;
// where two are the same, the keys themselves tell.
func head(key string) uint64 {
	if len(key) >= 8 {
		return word(key)
	}
	var h uint64
	for i := range len(key) {
		h |= uint64(key[i]) << (56 - 8*i)
	}
	return h
}

// setAt, insertAt and removeAt change a slice in place if it is owned, and
// otherwise return a changed copy without room to spare.
func setAt[T any](s []T, i int, x T, owned bool) []T {
	if !owned {
		s = append(make([]T, 0, len(s)), s...)
	}
	s[i] = x
	return s
}

func insertAt[T any](s []T, i int, x T, owned bool) []T {
	if owned && cap(s) > len(s) {
		s = s[:len(s)+1]
		copy(s[i+1:], s[i:])
		s[i] = x
		return s
	}
	room := len(s) + 1
	if owned {
		// More will come; a quarter keeps a bulk load linear and tight.
		room += 2 + len(s)/4
	}
	out := make([]T, len(s)+1, room)
	copy(out, s[:i])
	out[i] = x
	copy(out[i+1:], s[i:])
	return out
}

func removeAt[T any](s []T, i int, owned bool) []T {
	if owned {
		copy(s[i:], s[i+1:])
		clear(s[len(s)-1:])
		return s[:len(s)-1]
	}
	out := make([]T, len(s)-1)
	copy(out, s[:i])
	copy(out[i:], s[i+1:])
	return out
}
