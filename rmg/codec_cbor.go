package rmg

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The CBOR form of a value is its plain CBOR item where CBOR has one, and a
// tag from the private range where it has none. A value has one encoding, that
// of RFC 8949, 4.2.1, but that a float always has eight bytes: so a reader tells
// types by the first byte. Whatever is not that encoding is refused, and what is
// held in memory is it.
const (
	tagRef  = 65_001 // text
	tagBlob = 65_002 // [bytes, size]
)

// maxItems is the greatest number of items of a list or entries of a map.
const maxItems = 1 << 20

// MarshalCBOR writes the deterministic CBOR used in the log.
func (v Value) MarshalCBOR() ([]byte, error) { return v.encode(nil), nil }

// MarshalCBOR writes a map in the deterministic order of CBOR.
func (p Props) MarshalCBOR() ([]byte, error) {
	if p.enc == "" {
		return []byte(emptyMap), nil
	}
	return []byte(p.enc), nil
}

func (v Value) encode(b []byte) []byte {
	switch v.typ {
	case TypeBool:
		return append(b, cborFalse+byte(v.num))
	case TypeInt:
		if i := int64(v.num); i < 0 {
			return cborHead(b, cborNegative, uint64(-1-i))
		}
		return cborHead(b, cborUint, v.num)
	case TypeFloat:
		return binary.BigEndian.AppendUint64(append(b, cborFloat), v.num)
	case TypeString:
		return cborText(b, cborString, v.str)
	case TypeBytes:
		return cborText(b, cborBytes, v.str)
	case TypeRef:
		return cborText(cborHead(b, cborTag, tagRef), cborString, v.str)
	case TypeBlob:
		b = cborHead(cborHead(b, cborTag, tagBlob), cborArray, 2)
		return cborHead(cborText(b, cborBytes, v.str), cborUint, v.num)
	case TypeList, TypeMap:
		return append(b, v.str...)
	}
	return append(b, cborNull)
}

// What follows reads encodings that are known to be good.

// decodeHead reads the number in an item's head.
func decodeHead(s string) (n uint64, rest string) {
	switch low := s[0] & 0x1f; low {
	default:
		return uint64(low), s[1:]
	case 24:
		return uint64(s[1]), s[2:]
	case 25:
		return uint64(s[1])<<8 | uint64(s[2]), s[3:]
	case 26:
		return head(s[1:5], 0) >> 32, s[5:]
	case 27:
		return head(s[1:9], 0), s[9:]
	}
}

// itemSize is how many bytes the first item has.
func itemSize(s string) int {
	n, rest := decodeHead(s)
	at := len(s) - len(rest)
	switch s[0] & 0xe0 {
	case cborBytes, cborString:
		return at + int(n)
	case cborTag:
		return at + itemSize(rest)
	case cborMap:
		n *= 2
		fallthrough
	case cborArray:
		for range n {
			at += itemSize(s[at:])
		}
	}
	return at
}

// decodeValue reads the first item. What is text in it shares s.
func decodeValue(s string) (v Value, rest string) {
	n, rest := decodeHead(s)
	switch s[0] & 0xe0 {
	case cborUint:
		return Value{typ: TypeInt, num: n}, rest
	case cborNegative:
		return Value{typ: TypeInt, num: ^n}, rest
	case cborBytes:
		return Value{typ: TypeBytes, str: rest[:n]}, rest[n:]
	case cborString:
		return Value{typ: TypeString, str: rest[:n]}, rest[n:]
	case cborArray, cborMap:
		size := itemSize(s)
		typ := TypeList
		if s[0]&0xe0 == cborMap {
			typ = TypeMap
		}
		return Value{typ: typ, str: s[:size]}, s[size:]
	case cborTag:
		if n == tagRef {
			n, rest = decodeHead(rest)
			return Value{typ: TypeRef, str: rest[:n]}, rest[n:]
		}
		_, rest = decodeHead(rest)
		n, rest = decodeHead(rest)
		sum := rest[:n]
		n, rest = decodeHead(rest[n:])
		return Value{typ: TypeBlob, num: n, str: sum}, rest
	}
	switch s[0] {
	case cborFloat:
		return Value{typ: TypeFloat, num: n}, rest
	case cborNull:
		return Value{}, rest
	}
	return Value{typ: TypeBool, num: uint64(s[0] & 1)}, rest
}

// UnmarshalCBOR reads what MarshalCBOR writes, and refuses any other encoding
// of it, as Invalid. It allocates one copy of data.
func (v *Value) UnmarshalCBOR(data []byte) error {
	r := cborReader{data: data}
	r.value(0)
	if err := r.end(); err != nil {
		return malformed("%v", err)
	}
	*v, _ = decodeValue(string(data))
	return nil
}

// UnmarshalCBOR reads what MarshalCBOR writes, and refuses any other encoding
// of it, as Invalid. It allocates one copy of data.
func (p *Props) UnmarshalCBOR(data []byte) error {
	if err := validProps(data); err != nil {
		return err
	}
	if string(data) == emptyMap {
		data = nil
	}
	*p = Props{string(data)}
	return nil
}

// validProps reports whether data is the encoding of Props; nothing is that of
// none.
func validProps(data []byte) error {
	r := cborReader{data: data}
	if len(data) > 0 {
		r.entries(-1)
	}
	if err := r.end(); err != nil {
		return malformed("%v", err)
	}
	return nil
}

// value reads past a value that stands in depth lists and maps.
func (r *cborReader) value(depth int) {
	switch {
	case r.err != nil:
	case r.at >= len(r.data):
		r.err = errTruncated
	case depth > MaxValueDepth:
		r.fail("lists and maps nest deeper than %d", MaxValueDepth)
	default:
		r.item(r.data[r.at], depth)
	}
}

func (r *cborReader) item(first byte, depth int) {
	switch first & 0xe0 {
	case cborUint, cborNegative:
		if r.head(first&0xe0) > math.MaxInt64 {
			r.fail("a number beyond int64")
		}
	case cborBytes:
		r.text(cborBytes, math.MaxInt)
	case cborString:
		r.utf8()
	case cborArray:
		n := r.arrayLen()
		if n > maxItems {
			r.fail("a list of %d", n)
		}
		for i := 0; i < n && r.err == nil; i++ {
			r.value(depth + 1)
		}
	case cborMap:
		r.entries(depth)
	case cborTag:
		r.tagged()
	default:
		r.simple(first, depth)
	}
}

func (r *cborReader) utf8() []byte {
	s := r.text(cborString, math.MaxInt)
	if !utf8.Valid(s) {
		r.fail("a string is not UTF-8; use bytes")
	}
	return s
}

func (r *cborReader) entries(depth int) {
	n := r.head(cborMap)
	if n > maxItems || n > uint64(len(r.data)-r.at) {
		r.fail("a map of %d", n)
	}
	var last []byte
	for i := uint64(0); i < n && r.err == nil; i++ {
		name := r.utf8()
		if i > 0 && compareNames(string(last), string(name)) >= 0 {
			r.fail("map keys are not in order, or twice")
		}
		last = name
		if r.at < len(r.data) && r.data[r.at] == cborNull {
			r.fail("null under %q", name)
		}
		r.value(depth + 1)
	}
}

func (r *cborReader) tagged() {
	switch n := r.head(cborTag); n {
	case tagRef:
		s := string(r.utf8())
		if p, err := ParsePath(s); r.err == nil && (err != nil || string(p) != s) {
			r.fail("%q is not a path", s)
		}
	case tagBlob:
		r.array(2)
		if len(r.text(cborBytes, 32)) != 32 || r.head(cborUint) > math.MaxInt64 {
			r.fail("a blob is 32 bytes and a size")
		}
	default:
		r.fail("unknown CBOR tag %d", n)
	}
}

func (r *cborReader) simple(first byte, depth int) {
	r.at++
	switch first {
	case cborFalse, cborTrue:
	case cborNull:
		if depth > 0 {
			r.fail("null inside a list or map")
		}
	case cborFloat:
		if len(r.data)-r.at < 8 {
			r.err = errTruncated
			return
		}
		bits := binary.BigEndian.Uint64(r.data[r.at:])
		r.at += 8
		if Float(math.Float64frombits(bits)).num != bits {
			r.fail("a float that has another encoding")
		}
	default:
		r.fail("unknown CBOR item %#x", first)
	}
}
