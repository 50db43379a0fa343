package rmg

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
)

// CompareValues orders all values. It is 0 exactly for values that are Equal.
//
// Types come as in the list of types, but that ints and floats are in one
// order, by what they are worth, exactly; of equal worth the int comes first;
// NaN comes after all numbers. False comes before true. Strings and bytes are
// in byte order, lists and maps in that of their canonical encoding, refs in
// that of the path as it is written, blobs in that of their sums, then sizes.
func CompareValues(a, b Value) int {
	if a.order() != b.order() {
		return cmp.Compare(a.order(), b.order())
	}
	switch a.typ {
	case TypeInt, TypeFloat:
		return cmp.Or(compareWorth(a, b), cmp.Compare(a.typ, b.typ))
	case TypeBlob:
		return cmp.Or(strings.Compare(a.str, b.str), cmp.Compare(a.num, b.num))
	case TypeBool:
		return cmp.Compare(a.num, b.num)
	}
	return strings.Compare(a.str, b.str)
}

// order is the type, but that all numbers have one.
func (v Value) order() Type {
	if v.typ == TypeFloat {
		return TypeInt
	}
	return v.typ
}

// compareWorth compares numbers.
func compareWorth(a, b Value) int {
	i, isInt := a.AsInt()
	j, areInts := b.AsInt()
	x, _ := a.AsFloat()
	y, _ := b.AsFloat()
	switch {
	case isInt && areInts:
		return cmp.Compare(i, j)
	case isInt:
		return compareIntFloat(i, y)
	case areInts:
		return -compareIntFloat(j, x)
	case x != x || y != y:
		return cmp.Compare(flag(x != x), flag(y != y))
	}
	return cmp.Compare(x, y)
}

func compareIntFloat(i int64, f float64) int {
	switch {
	case f != f, f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Floor(f)
	return cmp.Or(cmp.Compare(i, int64(whole)), cmp.Compare(whole, f))
}

// The keys of an index are strings whose byte order is the order of what they
// say. Their parts follow one another, and none is the beginning of another of
// its sort:
//
//	text:   the bytes, 0 as 1 1 and 1 as 1 2, then 0
//	path:   for each segment 1 for a node or 2 for an edge, then the id as text
//	bool:   its order, then 0 or 1
//	number: its order, the greatest float that is not greater, as eight bytes,
//	        what is missing to it, as two, then its type
//	blob:   its order, the sum, the size as eight bytes
//	other:  its order, then its text; of a long one the first bytes only, then
//	        1 3 and its SHA-256
//
// An int lacks at most 1023 to a float: so much do those around 2^63 lie apart.
const (
	keyEnd  = 0
	keyNode = 1
	keyEdge = 2

	keyEscape = 1
	keyLong   = 3

	// keyText is how many bytes of a value's text stand in a key.
	keyText = 256
)

func appendText(b []byte, s string) []byte {
	return append(appendRaw(b, s), keyEnd)
}

func appendRaw(b []byte, s string) []byte {
	done := 0
	for i := range len(s) {
		if s[i] <= keyEscape {
			b = append(append(b, s[done:i]...), keyEscape, s[i]+1)
			done = i + 1
		}
	}
	return append(b, s[done:]...)
}

// readText reads what appendText wrote. It shares key if it can.
func readText(key string) (text, rest string) {
	i := strings.IndexByte(key, keyEnd)
	return unescapeKey(key[:i]), key[i+1:]
}

func unescapeKey(s string) string {
	if strings.IndexByte(s, keyEscape) < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == keyEscape {
			i++
			c = s[i] - 1
		}
		b = append(b, c)
	}
	return string(b)
}

func appendSegment(b []byte, s Segment) []byte {
	return appendText(append(b, keyNode+flag(s.Edge)), s.ID)
}

func appendPath(b []byte, p Path) []byte {
	for rest := p.steps(); rest != ""; {
		var s Segment
		s, rest = rest.next()
		b = appendSegment(b, s)
	}
	return b
}

// readPath reads segments until there is none.
func readPath(key string) (p Path, rest string) {
	var room [128]byte
	b := room[:0]
	for key != "" && key[0] != keyEnd {
		s := Segment{Edge: key[0] == keyEdge}
		s.ID, key = readText(key[1:])
		b = appendEscaped(b, s)
	}
	return pathOf(b), key
}

// appendValue appends a value's key. It costs its length; a long one is hashed.
func appendValue(b []byte, v Value) []byte {
	b = append(b, byte(v.order()))
	switch v.typ {
	case TypeNone:
		return b
	case TypeBool:
		return append(b, byte(v.num))
	case TypeInt:
		whole, more := floorFloat(int64(v.num))
		return append(binary.BigEndian.AppendUint16(appendFloat(b, whole), more), byte(v.typ))
	case TypeFloat:
		return append(appendFloat(b, math.Float64frombits(v.num)), 0, 0, byte(v.typ))
	case TypeBlob:
		return binary.BigEndian.AppendUint64(append(b, v.str...), v.num)
	}
	if len(v.str) <= keyText {
		return appendText(b, v.str)
	}
	sum := sha256.Sum256([]byte(v.str))
	return append(append(appendRaw(b, v.str[:keyText]), keyEscape, keyLong), sum[:]...)
}

// floorFloat is the greatest float that is not greater than i, and what is
// missing to i.
func floorFloat(i int64) (float64, uint16) {
	f := float64(i)
	if compareIntFloat(i, f) < 0 {
		f = math.Nextafter(f, math.Inf(-1))
	}
	return f, uint16(i - int64(f))
}

// appendFloat writes eight bytes that are in the order of floats: all bits of
// a negative one turned over, else the sign.
func appendFloat(b []byte, f float64) []byte {
	n := math.Float64bits(f)
	if n>>63 == 1 {
		n = ^n
	} else {
		n |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(b, n)
}

func readFloat(key string) float64 {
	n := head(key, 0)
	if n>>63 == 1 {
		return math.Float64frombits(n &^ (1 << 63))
	}
	return math.Float64frombits(^n)
}

// The sizes of keys of values.
const (
	keyBool   = 2
	keyNumber = 1 + 8 + 2 + 1
	keyBlob   = 1 + sha256.Size + 8
)

// valueSize is how much of a key its value is, and whether that is a long one.
func valueSize(key string) (n int, long bool) {
	switch Type(key[0]) {
	case TypeBool:
		return keyBool, false
	case TypeInt:
		return keyNumber, false
	case TypeBlob:
		return keyBlob, false
	}
	for n = 1; key[n] != keyEnd; n++ {
		if key[n] != keyEscape {
			continue
		}
		n++
		if key[n] == keyLong {
			return n + 1 + sha256.Size, true
		}
	}
	return n + 1, false
}

// readValue reads the key of a value that is not a long one.
func readValue(key string) Value {
	switch typ := Type(key[0]); typ {
	case TypeBool:
		return Value{typ: typ, num: uint64(key[1])}
	case TypeInt:
		f := readFloat(key[1:])
		if Type(key[keyNumber-1]) == TypeFloat {
			return Float(f)
		}
		return Int(int64(f) + int64(key[9])<<8 + int64(key[10]))
	case TypeBlob:
		return Value{typ: typ, str: key[1 : 1+sha256.Size], num: head(key, 1+sha256.Size)}
	default:
		text, _ := readText(key[1:])
		return Value{typ: typ, str: text}
	}
}
