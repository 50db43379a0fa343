package rmg

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// predicate is a condition of a selector.
type predicate struct {
	name  string
	own   bool // of the element itself: its kind, from or to
	op    string
	value Value
	like  glob // of opLike
}

// What predicates ask for.
const (
	opHas   = ""
	opNone  = "!"
	opIs    = "="
	opIsNot = "!="
	opLess  = "<"
	opMost  = "<="
	opMore  = ">"
	opLeast = ">="
	opLike  = "~"
	opHolds = ":"
)

// operators are the ones that stand between a name and a value, the longer of
// two that begin alike first.
var operators = []string{opIsNot, opMost, opLeast, opIs, opLess, opMore, opLike, opHolds}

// ownNames are the names that an element has without a prop.
var ownNames = []string{"kind", "from", "to"}

// holds reports whether all conditions hold of an element.
func holds(where []predicate, r *record) bool {
	for i := range where {
		if !where[i].holds(r) {
			return false
		}
	}
	return true
}

func (p *predicate) holds(r *record) bool {
	v := p.of(r)
	switch p.op {
	case opHas:
		return !v.IsZero()
	case opNone:
		return v.IsZero()
	case opIs:
		return alikeValues(v, p.value)
	case opIsNot:
		return !alikeValues(v, p.value)
	case opLike:
		return (v.typ == TypeString || v.typ == TypeRef) && p.like.match(v.str)
	case opHolds:
		return v.holds(p.value)
	}
	if v.order() != p.value.order() {
		return false
	}
	c := CompareValues(v, p.value)
	if v.order() == TypeInt {
		c = compareWorth(v, p.value)
	}
	switch p.op {
	case opLess:
		return c < 0
	case opMost:
		return c <= 0
	case opMore:
		return c > 0
	default:
		return c >= 0
	}
}

// of is what a condition is of; the zero Value if there is none.
func (p *predicate) of(r *record) Value {
	switch {
	case !p.own:
		v, _ := r.props().Get(p.name)
		return v
	case p.name == "kind":
		return String(r.kind.Value())
	case !r.edge:
		return Value{}
	case p.name == "from":
		return String(r.from())
	}
	return String(r.to())
}

// alikeValues is Equal, but that numbers are compared by their worth.
func alikeValues(v, w Value) bool {
	if v.order() == TypeInt && w.order() == TypeInt {
		return compareWorth(v, w) == 0
	}
	return v == w
}

// holds reports whether v is a list with an item like w, or a map with the key.
func (v Value) holds(w Value) bool {
	if list, ok := v.AsList(); ok {
		return slices.ContainsFunc(list, func(x Value) bool { return alikeValues(x, w) })
	}
	key, isText := w.AsString()
	dict, isMap := v.AsMap()
	_, ok := dict.Get(key)
	return isText && isMap && ok
}

// write writes p so that it is read again.
func (p predicate) write(b *strings.Builder) {
	b.WriteByte('[')
	if p.op == opNone {
		b.WriteByte('!')
	}
	if isWord(p.name) && p.own == slices.Contains(ownNames, p.name) {
		b.WriteString(p.name)
	} else {
		writeQuoted(b, p.name)
	}
	if p.op != opHas && p.op != opNone {
		b.WriteString(p.op)
		if s, ok := p.value.AsString(); ok && isWord(s) {
			b.WriteString(s)
		} else {
			text, _ := p.value.MarshalJSON() // of a value that JSON said: cannot fail
			b.Write(text)
		}
	}
	b.WriteByte(']')
}

func writeQuoted(b *strings.Builder, s string) {
	var text bytes.Buffer
	_ = writeString(&text, s) // into memory: cannot fail
	b.Write(text.Bytes())
}

// isWord reports whether a string needs no quotes: it is of letters, digits and
// "_./-", and no other value of JSON.
func isWord(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return s != "" && !json.Valid([]byte(s))
}

func isWordByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_./-", c) >= 0
}
