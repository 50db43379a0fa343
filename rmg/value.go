package rmg

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Type is the type of a [Value].
type Type uint8

// The types of values. There is no null: setting null removes.
const (
	TypeNone Type = iota // the zero Value: no value
	TypeBool
	TypeInt
	TypeFloat
	TypeString
	TypeBytes
	TypeList
	TypeMap
	TypeRef
	TypeBlob
)

// MaxValueDepth is how deep lists and maps may nest.
const MaxValueDepth = 32

// Blob names content that is kept beside the graph.
type Blob struct {
	Sum  [32]byte // SHA-256 of the content
	Size int64    // bytes
}

// Value is an immutable prop value. The zero Value is "no value".
//
// NaN has one encoding, and -0 is stored as 0, so that equal values have equal
// digests.
//
// Making a value and reading it back is O(1), but for copies: a list or a map is
// one encoding, so List, Map, AsList and AsMap are O(its size), as are Bytes and
// AsBytes. Equal and Check are O(size).
type Value struct {
	typ Type
	num uint64 // bool, int64, float64 bits, blob size
	str string // string, bytes, ref, blob sum; the encoding of a list or map
}

// Bool makes a bool.
func Bool(b bool) Value {
	v := Value{typ: TypeBool}
	if b {
		v.num = 1
	}
	return v
}

// Int makes an int64.
func Int(i int64) Value { return Value{typ: TypeInt, num: uint64(i)} }

// Float makes a float64.
func Float(f float64) Value {
	switch {
	case f != f:
		f = math.NaN()
	case f == 0:
		f = 0 // -0 too
	}
	return Value{typ: TypeFloat, num: math.Float64bits(f)}
}

// String makes a string; bytes that are not UTF-8 are found by Check.
func String(s string) Value { return Value{typ: TypeString, str: s} }

// Bytes makes bytes; b is copied.
func Bytes(b []byte) Value { return Value{typ: TypeBytes, str: string(b)} }

// List makes a list; vs is copied.
func List(vs ...Value) Value {
	b := cborHead(nil, cborArray, uint64(len(vs)))
	for _, v := range vs {
		b = v.encode(b)
	}
	return Value{typ: TypeList, str: string(b)}
}

// Map makes a map; entries without a value are left out.
func Map(m map[string]Value) Value {
	enc := PropsOf(m).enc
	if enc == "" {
		enc = emptyMap
	}
	return Value{typ: TypeMap, str: enc}
}

// Ref makes a reference to an element.
func Ref(p Path) Value { return Value{typ: TypeRef, str: string(p)} }

// BlobOf makes a value that names content.
func BlobOf(b Blob) Value {
	return Value{typ: TypeBlob, num: uint64(b.Size), str: string(b.Sum[:])}
}

// Type tells what v is; TypeNone for the zero Value.
func (v Value) Type() Type { return v.typ }

// IsZero reports whether v is no value.
func (v Value) IsZero() bool { return v.typ == TypeNone }

// AsBool returns the content and whether v is a bool.
func (v Value) AsBool() (bool, bool) { return v.num == 1 && v.typ == TypeBool, v.typ == TypeBool }

// AsInt returns the content and whether v is an int. It converts no floats.
func (v Value) AsInt() (int64, bool) { return pick(v, TypeInt, int64(v.num)) }

// AsFloat returns the content and whether v is a float. It converts no ints.
func (v Value) AsFloat() (float64, bool) { return pick(v, TypeFloat, math.Float64frombits(v.num)) }

// AsString returns the content and whether v is a string, which a ref is not.
func (v Value) AsString() (string, bool) { return pick(v, TypeString, v.str) }

// AsBytes returns a copy of the content and whether v is bytes.
func (v Value) AsBytes() ([]byte, bool) { return pick(v, TypeBytes, []byte(v.str)) }

// AsRef returns the path and whether v is a ref.
func (v Value) AsRef() (Path, bool) { return pick(v, TypeRef, Path(v.str)) }

// AsList returns the items and whether v is a list.
func (v Value) AsList() ([]Value, bool) {
	if v.typ != TypeList {
		return nil, false
	}
	n, rest := decodeHead(v.str)
	list := make([]Value, n)
	for i := range list {
		list[i], rest = decodeValue(rest)
	}
	return list, true
}

// AsMap returns the entries and whether v is a map.
func (v Value) AsMap() (Props, bool) {
	if v.typ != TypeMap || v.str == emptyMap {
		return Props{}, v.typ == TypeMap
	}
	return Props{v.str}, true
}

// AsBlob returns the content's name and whether v is one.
func (v Value) AsBlob() (Blob, bool) {
	if v.typ != TypeBlob {
		return Blob{}, false
	}
	b := Blob{Size: int64(v.num)}
	copy(b.Sum[:], v.str)
	return b, true
}

func pick[T any](v Value, t Type, x T) (T, bool) {
	if v.typ != t {
		var zero T
		return zero, false
	}
	return x, true
}

// Equal reports whether v and w are the same value of the same type.
func (v Value) Equal(w Value) bool { return v == w }

// Check reports strings that are not UTF-8, map keys that begin with "$" or
// are not UTF-8, and nesting beyond MaxValueDepth, as Invalid.
func (v Value) Check() error { return v.check(0) }

func (v Value) check(depth int) error {
	bad := func(format string, args ...any) error {
		return &Error{Op: "value", Code: Invalid, Msg: fmt.Sprintf(format, args...)}
	}
	if depth > MaxValueDepth {
		return bad("lists and maps nest deeper than %d", MaxValueDepth)
	}
	switch v.typ {
	case TypeNone:
		if depth > 0 {
			return bad("null inside a list or map")
		}
	case TypeString:
		if !utf8.ValidString(v.str) {
			return bad("a string is not UTF-8; use bytes")
		}
	case TypeRef:
		if p, err := ParsePath(v.str); err != nil || string(p) != v.str {
			return bad("%q is not a path", v.str)
		}
	case TypeBlob:
		if int64(v.num) < 0 {
			return bad("a blob has a negative size")
		}
	case TypeList:
		list, _ := v.AsList()
		for _, x := range list {
			if err := x.check(depth + 1); err != nil {
				return err
			}
		}
	case TypeMap:
		dict, _ := v.AsMap()
		for k, x := range dict.All() {
			if strings.HasPrefix(k, "$") || !utf8.ValidString(k) {
				return bad("map key %q begins with $ or is not UTF-8", k)
			}
			if err := x.check(depth + 1); err != nil {
				return err
			}
		}
	}
	return nil
}
