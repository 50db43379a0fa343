package rmg

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Props is an immutable map from name to value, ordered by name. The zero
// Props is empty. It marshals as a JSON or CBOR map.
//
// It is kept as its CBOR encoding, and never taken apart to be stored, compared,
// hashed or written: reading one value scans the names before it.
type Props struct {
	enc string // a map of deterministic CBOR, head and all; "" is empty
}

// Prop is one named value.
type Prop struct {
	Name  string
	Value Value
}

// entry is a prop as it stands in the encoding.
type entry struct{ name, value string }

// emptyMap is the encoding that Props leaves away.
const emptyMap = "\xa0"

// PropsOf makes Props from a map; entries without a value are left out.
func PropsOf(m map[string]Value) Props {
	var room [16]Prop
	list := room[:0]
	for n, v := range m {
		if v.typ != TypeNone {
			list = append(list, Prop{n, v})
		}
	}
	if len(list) == 0 {
		return Props{}
	}
	slices.SortFunc(list, func(a, b Prop) int { return compareNames(a.Name, b.Name) })
	var text [512]byte
	b := cborHead(text[:0], cborMap, uint64(len(list)))
	for _, x := range list {
		b = x.Value.encode(cborText(b, cborString, x.Name))
	}
	return Props{string(b)}
}

// compareNames is the order of the encoding: that of the encoded names (RFC
// 8949, 4.2.1), which begin with their length.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// Len returns how many props there are.
func (p Props) Len() int {
	if p.enc == "" {
		return 0
	}
	n, _ := decodeHead(p.enc)
	return int(n)
}

// IsZero reports whether there are none.
func (p Props) IsZero() bool { return p.enc == "" }

// find returns what stands before the entry of a name, the entry, and what
// stands behind it; an absent name has an empty entry where it would stand.
func (p Props) find(name string) (before int, value string, end int, ok bool) {
	if p.enc == "" {
		return 0, "", 0, false
	}
	_, rest := decodeHead(p.enc)
	for rest != "" {
		at := len(p.enc) - len(rest)
		n, body := decodeHead(rest)
		key := body[:n]
		size := itemSize(body[n:])
		switch c := compareNames(key, name); {
		case c == 0:
			value = body[n : int(n)+size]
			return at, value, len(p.enc) - len(body) + int(n) + size, true
		case c > 0:
			return at, "", at, false
		}
		rest = body[int(n)+size:]
	}
	return len(p.enc), "", len(p.enc), false
}

// Get returns the value under name and whether there is one. It looks at the
// props before it, and allocates nothing.
func (p Props) Get(name string) (Value, bool) {
	if _, value, _, ok := p.find(name); ok {
		v, _ := decodeValue(value)
		return v, true
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

// entries lists the props in order of their names, with room to begin with from
// the caller's stack.
func (p Props) entries(room []entry) []entry {
	if p.enc == "" {
		return nil
	}
	out, sorted := room, true
	_, rest := decodeHead(p.enc)
	for rest != "" {
		n, body := decodeHead(rest)
		size := itemSize(body[n:])
		e := entry{body[:n], body[n : int(n)+size]}
		sorted = sorted && (len(out) == 0 || out[len(out)-1].name < e.name)
		out = append(out, e)
		rest = body[int(n)+size:]
	}
	if !sorted {
		slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	}
	return out
}

// All ranges over the props in order of their names.
func (p Props) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		var room [16]entry
		for _, e := range p.entries(room[:0]) {
			if v, _ := decodeValue(e.value); !yield(e.name, v) {
				return
			}
		}
	}
}

// With returns p with name set to v, or removed if v is the zero Value. It costs
// a copy of p.
func (p Props) With(name string, v Value) Props { return p.set([]Prop{{name, v}}) }

// set returns p with several props set, or removed where a value is zero. Each
// name stands in the list once; the list is sorted on the way.
func (p Props) set(list []Prop) Props {
	var room [512]byte
	return Props{string(p.appendSet(room[:0], list))}
}

// appendSet appends the encoding of what set returns.
func (p Props) appendSet(b []byte, list []Prop) []byte {
	slices.SortFunc(list, func(x, y Prop) int { return compareNames(x.Name, y.Name) })
	n := p.Len()
	for _, x := range list {
		_, _, _, there := p.find(x.Name)
		n += int(flag(x.Value.typ != TypeNone)) - int(flag(there))
	}
	if n == 0 {
		return b
	}
	b = cborHead(b, cborMap, uint64(n))
	at := 0
	if p.enc != "" {
		_, rest := decodeHead(p.enc)
		at = len(p.enc) - len(rest)
	}
	for _, x := range list {
		before, _, end, _ := p.find(x.Name)
		b = append(b, p.enc[at:max(at, before)]...)
		at = max(at, end)
		if x.Value.typ != TypeNone {
			b = x.Value.encode(cborText(b, cborString, x.Name))
		}
	}
	return append(b, p.enc[at:]...)
}

// check finds the first prop whose name or value is not to be had.
func (p Props) check() (name string, err error) {
	if p.enc == "" {
		return "", nil
	}
	_, rest := decodeHead(p.enc)
	for rest != "" {
		n, body := decodeHead(rest)
		name, rest = body[:n], body[n:]
		if err := checkName(name); err != nil {
			return name, err
		}
		v, after := decodeValue(rest)
		if v.typ > TypeFloat {
			if err := v.Check(); err != nil {
				return name, err
			}
		}
		rest = after
	}
	return "", nil
}

func checkName(name string) error {
	if name == "" || !utf8.ValidString(name) {
		return &Error{Op: "props", Code: Invalid, Msg: fmt.Sprintf("prop name %q is empty or not UTF-8", name)}
	}
	return nil
}

// Equal reports whether p and q hold the same names and values.
func (p Props) Equal(q Props) bool { return p.enc == q.enc }

// diffProps lists what differs, in order of names.
func diffProps(a, b Props) []PropChange {
	if a.enc == b.enc {
		return nil
	}
	var roomA, roomB [16]entry
	x, y := a.entries(roomA[:0]), b.entries(roomB[:0])
	var out []PropChange
	value := func(s string) Value { v, _ := decodeValue(s); return v }
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].name < y[0].name:
			out = append(out, PropChange{Name: x[0].name, Old: value(x[0].value)})
			x = x[1:]
		case len(x) == 0 || x[0].name > y[0].name:
			out = append(out, PropChange{Name: y[0].name, New: value(y[0].value)})
			y = y[1:]
		default:
			if x[0].value != y[0].value {
				out = append(out, PropChange{Name: x[0].name, Old: value(x[0].value), New: value(y[0].value)})
			}
			x, y = x[1:], y[1:]
		}
	}
	return out
}
