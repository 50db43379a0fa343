package rmg

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"
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
type Value struct {
	typ  Type
	num  uint64 // bool, int64, float64 bits, blob size
	str  string // string, bytes, ref, blob sum
	list []Value
	dict Props
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
func List(vs ...Value) Value { return Value{typ: TypeList, list: slices.Clone(vs)} }

// Map makes a map; entries without a value are left out.
func Map(m map[string]Value) Value { return Value{typ: TypeMap, dict: PropsOf(m)} }

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

// AsBool returns the content and whether v is a bool; the other As methods do
// the same for their types.
func (v Value) AsBool() (bool, bool)     { return v.num == 1 && v.typ == TypeBool, v.typ == TypeBool }
func (v Value) AsInt() (int64, bool)     { return pick(v, TypeInt, int64(v.num)) }
func (v Value) AsFloat() (float64, bool) { return pick(v, TypeFloat, math.Float64frombits(v.num)) }
func (v Value) AsString() (string, bool) { return pick(v, TypeString, v.str) }
func (v Value) AsBytes() ([]byte, bool)  { return pick(v, TypeBytes, []byte(v.str)) }
func (v Value) AsList() ([]Value, bool)  { return pick(v, TypeList, slices.Clone(v.list)) }
func (v Value) AsMap() (Props, bool)     { return pick(v, TypeMap, v.dict) }
func (v Value) AsRef() (Path, bool)      { return pick(v, TypeRef, Path(v.str)) }

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
func (v Value) Equal(w Value) bool {
	return v.typ == w.typ && v.num == w.num && v.str == w.str &&
		slices.EqualFunc(v.list, w.list, Value.Equal) && v.dict.Equal(w.dict)
}

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
		for _, x := range v.list {
			if err := x.check(depth + 1); err != nil {
				return err
			}
		}
	case TypeMap:
		for k, x := range v.dict.All() {
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

// Props is an immutable map from name to value, ordered by name. The zero
// Props is empty. It marshals as a JSON or CBOR map.
type Props struct{ list []Prop }

// Prop is one named value.
type Prop struct {
	Name  string
	Value Value
}

// PropsOf makes Props from a map; entries without a value are left out.
func PropsOf(m map[string]Value) Props {
	list := make([]Prop, 0, len(m))
	for n, v := range m {
		if v.typ != TypeNone {
			list = append(list, Prop{n, v})
		}
	}
	slices.SortFunc(list, func(a, b Prop) int { return strings.Compare(a.Name, b.Name) })
	return Props{list}
}

// Len returns how many props there are.
func (p Props) Len() int { return len(p.list) }

// IsZero reports whether there are none.
func (p Props) IsZero() bool { return len(p.list) == 0 }

func (p Props) find(name string) (int, bool) {
	i := sort.Search(len(p.list), func(i int) bool { return p.list[i].Name >= name })
	return i, i < len(p.list) && p.list[i].Name == name
}

// Get returns the value under name and whether there is one.
func (p Props) Get(name string) (Value, bool) {
	if i, ok := p.find(name); ok {
		return p.list[i].Value, true
	}
	return Value{}, false
}

// String returns the string under name, or "" if it is absent or of another
// type; Int, Bool and Blob do the same for their types.
func (p Props) String(name string) string {
	v, _ := p.Get(name)
	s, _ := v.AsString()
	return s
}

// Int returns the int under name, or 0.
func (p Props) Int(name string) int64 {
	v, _ := p.Get(name)
	i, _ := v.AsInt()
	return i
}

// Bool returns the bool under name, or false.
func (p Props) Bool(name string) bool {
	v, _ := p.Get(name)
	b, _ := v.AsBool()
	return b
}

// Blob returns the blob under name, or the zero Blob.
func (p Props) Blob(name string) Blob {
	v, _ := p.Get(name)
	b, _ := v.AsBlob()
	return b
}

// All ranges over the props in order of their names.
func (p Props) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, x := range p.list {
			if !yield(x.Name, x.Value) {
				return
			}
		}
	}
}

// With returns p with name set to v, or removed if v is the zero Value.
func (p Props) With(name string, v Value) Props {
	i, ok := p.find(name)
	switch {
	case ok && v.typ == TypeNone:
		return Props{slices.Delete(slices.Clone(p.list), i, i+1)}
	case ok:
		list := slices.Clone(p.list)
		list[i].Value = v
		return Props{list}
	case v.typ == TypeNone:
		return p
	}
	return Props{slices.Insert(slices.Clone(p.list), i, Prop{name, v})}
}

// Equal reports whether p and q hold the same names and values.
func (p Props) Equal(q Props) bool {
	return slices.EqualFunc(p.list, q.list, func(a, b Prop) bool { return a.Name == b.Name && a.Value.Equal(b.Value) })
}
