package rmg

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// summer takes SHA-256 of whole messages, most of which are a few hundred bytes.
//
// Of a message that is whole blocks, padded as the hash would pad it, the hash is the
// state after the last block; the standard library tells a state as AppendBinary, for
// who goes on with it elsewhere. So neither is the hash copied to end it nor its end
// written apart, which is a third of what sha256.Sum256 takes for such a message. The
// zero value is ready. Where states are told in another way, it is Sum256.
type summer struct {
	taken int     // messages before it was begun
	told  *teller // nil: not begun, or states are told in another way
}

// teller is a hash and room for its state.
type teller struct {
	sha   resumable
	state [stateMax]byte
}

// resumable is a hash that tells its state.
type resumable interface {
	hash.Hash
	encoding.BinaryAppender
}

const (
	stateAt  = 4   // where the eight words of the hash stand in a state, behind its magic
	stateMax = 128 // bytes of a state, or more
	sumFew   = 8   // messages that take less than to begin
)

// sum is the SHA-256 of a message. What lies behind it in its array is overwritten; the
// array that the message stands in by now is returned.
func (s *summer) sum(b []byte) (d Digest, room []byte) {
	if s.taken < sumFew {
		if s.taken++; s.taken == sumFew {
			s.told = newTeller()
		}
	}
	if s.told == nil {
		return sha256.Sum256(b), b
	}
	return s.told.sum(b)
}

func (t *teller) sum(b []byte) (d Digest, room []byte) {
	bits := uint64(len(b)) << 3
	b = append(b, 0x80)
	var zeros [sha256.BlockSize]byte
	b = append(b, zeros[:(2*sha256.BlockSize-8-len(b)%sha256.BlockSize)%sha256.BlockSize]...)
	b = binary.BigEndian.AppendUint64(b, bits)
	t.sha.Reset()
	t.sha.Write(b)
	state, err := t.sha.AppendBinary(t.state[:0])
	if err != nil || len(state) < stateAt+len(d) {
		return d, b // newTeller has found that it does not come to this
	}
	copy(d[:], state[stateAt:])
	return d, b
}

// newTeller finds out by a message whether the hash tells its state as it is taken to;
// nil if it does not.
func newTeller() *teller {
	sha, ok := sha256.New().(resumable)
	if !ok {
		return nil
	}
	t := &teller{sha: sha}
	if d, _ := t.sum([]byte("abc")); d != sha256.Sum256([]byte("abc")) {
		return nil
	}
	return t
}
