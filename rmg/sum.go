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
// zero value is ready.
type summer struct {
	sha   resumable
	state []byte
}

// resumable is a hash that tells its state.
type resumable interface {
	hash.Hash
	encoding.BinaryAppender
}

// stateAt is where the eight words of the hash stand in a state, behind its magic.
const stateAt = 4

// sum is the SHA-256 of a message. What lies behind it in its array is overwritten; the
// array that the message stands in by now is returned.
func (s *summer) sum(b []byte) (d Digest, room []byte) {
	if s.sha == nil {
		sha, ok := sha256.New().(resumable)
		if !ok {
			return sha256.Sum256(b), b
		}
		s.sha = sha
	}
	bits := uint64(len(b)) << 3
	b = append(b, 0x80)
	var zeros [sha256.BlockSize]byte
	b = append(b, zeros[:(2*sha256.BlockSize-8-len(b)%sha256.BlockSize)%sha256.BlockSize]...)
	b = binary.BigEndian.AppendUint64(b, bits)
	s.sha.Reset()
	s.sha.Write(b)
	state, err := s.sha.AppendBinary(s.state[:0])
	if err != nil || len(state) < stateAt+len(d) {
		panic("rmg: SHA-256 does not tell its state")
	}
	s.state = state
	copy(d[:], state[stateAt:])
	return d, b
}
