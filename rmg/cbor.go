package rmg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The part of CBOR (RFC 8949) that is its deterministic encoding: heads in their
// shortest form, definite lengths.

// The major types, shifted to where they stand, and the simple values.
const (
	cborUint     = 0 << 5
	cborNegative = 1 << 5
	cborBytes    = 2 << 5
	cborString   = 3 << 5
	cborArray    = 4 << 5
	cborMap      = 5 << 5
	cborTag      = 6 << 5

	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborNull  = 0xf6
	cborFloat = 0xfb // eight bytes follow
)

func cborHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func cborText[S string | []byte](b []byte, major byte, s S) []byte {
	return append(cborHead(b, major, uint64(len(s))), s...)
}

// cborReader reads items one after another. After the first failure all it reads
// is zero.
type cborReader struct {
	data []byte
	at   int
	err  error
}

func (r *cborReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

var errTruncated = errors.New("it ends too early")

// head reads the head of an item of a major type.
func (r *cborReader) head(major byte) uint64 {
	switch {
	case r.err != nil:
		return 0
	case r.at >= len(r.data):
		r.err = errTruncated
		return 0
	case r.data[r.at]&0xe0 != major:
		r.fail("an item of another type")
		return 0
	}
	low := r.data[r.at] & 0x1f
	r.at++
	if low < 24 {
		return uint64(low)
	}
	size := 1 << (low - 24)
	if low > 27 || r.at+size > len(r.data) {
		r.err = errTruncated
		return 0
	}
	var n uint64
	for _, c := range r.data[r.at : r.at+size] {
		n = n<<8 | uint64(c)
	}
	r.at += size
	if low == 24 && n < 24 || low > 24 && n < 1<<(8*(size/2)) {
		r.fail("a number is longer than it has to be")
	}
	return n
}

func (r *cborReader) uint(limit uint64) uint64 {
	n := r.head(cborUint)
	if n > limit {
		r.fail("the number %d", n)
		return 0
	}
	return n
}

func (r *cborReader) arrayLen() int {
	n := r.head(cborArray)
	if n > uint64(len(r.data)-r.at) {
		r.fail("an array of %d", n)
		return 0
	}
	return int(n)
}

func (r *cborReader) array(n int) {
	if got := r.arrayLen(); got != n {
		r.fail("an array of %d", got)
	}
}

// text reads bytes or a string, not copied.
func (r *cborReader) text(major byte, limit int) []byte {
	n := r.head(major)
	if n > uint64(limit) || n > uint64(len(r.data)-r.at) {
		r.fail("a text of %d bytes", n)
		return nil
	}
	s := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return s
}

// end reports the first failure, or that bytes are left over.
func (r *cborReader) end() error {
	if r.err == nil && r.at != len(r.data) {
		return errors.New("bytes are left over")
	}
	return r.err
}

// null reads a null if there is one.
func (r *cborReader) null() bool {
	if r.err == nil && r.at < len(r.data) && r.data[r.at] == cborNull {
		r.at++
		return true
	}
	return false
}
