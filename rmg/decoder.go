package rmg

import (
	"errors"
	"math"
)

// Decoder reads items of deterministic CBOR (RFC 8949, 4.2.1), as values are
// written, one after another. After the first failure all it reads is zero, so
// that a reader asks once, at the end. What it returns shares one copy of the
// bytes.
type Decoder struct {
	r    cborReader
	text string
}

// NewDecoder makes a decoder for data, which it copies.
func NewDecoder(data []byte) *Decoder {
	return &Decoder{r: cborReader{data: data}, text: string(data)}
}

// Map reads the head of a map and returns how many entries follow.
func (d *Decoder) Map() int {
	n := d.r.head(cborMap)
	if n > uint64(len(d.r.data)-d.r.at)/2 {
		d.r.fail("a map of %d", n)
		return 0
	}
	return int(n)
}

// Array reads the head of an array and returns how many items follow.
func (d *Decoder) Array() int { return d.r.arrayLen() }

// Uint reads a number that is not negative.
func (d *Decoder) Uint() uint64 { return d.r.head(cborUint) }

// Int reads an int64.
func (d *Decoder) Int() int64 {
	if d.r.at < len(d.r.data) && d.r.data[d.r.at]&0xe0 == cborNegative {
		n := d.r.head(cborNegative)
		if n > math.MaxInt64 {
			d.r.fail("a number beyond int64")
			return 0
		}
		return -1 - int64(n)
	}
	return int64(d.r.uint(math.MaxInt64))
}

// Bool reads true or false.
func (d *Decoder) Bool() bool {
	if d.r.err != nil {
		return false
	}
	if d.r.at == len(d.r.data) || d.r.data[d.r.at]&^1 != cborFalse {
		d.r.fail("an item of another type")
		return false
	}
	d.r.at++
	return d.r.data[d.r.at-1] == cborTrue
}

// String reads a string, and Bytes bytes.
func (d *Decoder) String() string { return d.shared(d.r.utf8()) }

// Bytes reads bytes, as a string.
func (d *Decoder) Bytes() string { return d.shared(d.r.text(cborBytes, math.MaxInt)) }

func (d *Decoder) shared(b []byte) string { return d.text[d.r.at-len(b) : d.r.at] }

// Path reads a path, which has to be in canonical form.
func (d *Decoder) Path() Path {
	s := d.String()
	if d.r.err == nil && !canonical(s) {
		d.r.fail("%q is not a path in canonical form", s)
		return ""
	}
	return Path(s)
}

// Value reads a value; null is the zero Value.
func (d *Decoder) Value() Value {
	from := d.r.at
	d.r.value(0)
	if d.r.err != nil {
		return Value{}
	}
	v, _ := decodeValue(d.text[from:d.r.at])
	return v
}

// Props reads a map of values in which null may stand, for a prop to be removed.
func (d *Decoder) Props() map[string]Value {
	n := d.Map()
	if n > maxItems {
		d.r.fail("a map of %d", n)
	}
	out := make(map[string]Value, min(n, 1024))
	last := ""
	for i := range n {
		name := d.String()
		if i > 0 && compareNames(last, name) >= 0 {
			d.r.fail("map keys are not in order, or twice")
		}
		v := d.Value()
		if d.r.err != nil {
			return nil
		}
		out[name], last = v, name
	}
	return out
}

// Fail makes err the decoder's, unless it has one.
func (d *Decoder) Fail(err error) {
	if d.r.err == nil {
		d.r.err = err
	}
}

// Err is the first failure so far.
func (d *Decoder) Err() error { return d.r.err }

// End reports the first failure, or that something is left over.
func (d *Decoder) End() error {
	if err := d.r.end(); err != nil {
		return malformed("%v", err)
	}
	return nil
}

// Fields ranges over the keys of a map whose keys are small numbers: fn reads the
// entry's value, and reports false for a key that it does not know.
func (d *Decoder) Fields(fn func(key uint64) bool) {
	n := d.Map()
	last := uint64(0)
	for i := range n {
		key := d.Uint()
		if d.r.err == nil && i > 0 && key <= last {
			d.r.err = errors.New("map keys are not in order, or twice")
		}
		last = key
		if d.r.err != nil {
			return
		}
		if !fn(key) {
			d.r.fail("unknown field %d", key)
		}
	}
}

// canonical reports whether s is a path in canonical form.
func canonical(s string) bool {
	depth, at := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			depth, at = depth+1, i
		case c == '~' && i == at+1:
		case c < 0x20, c >= 0x7f, c == '%', c == '~', c == ':':
			depth = MaxDepth + 1
		}
		if c := s[i]; c == '/' && i > 0 && (s[i-1] == '/' || s[i-1] == '~') || depth > MaxDepth || i-at > MaxSegment {
			p, err := ParsePath(s)
			return err == nil && string(p) == s
		}
	}
	if len(s) < 2 || s[0] != '/' || s[len(s)-1] == '/' || s[len(s)-1] == '~' {
		p, err := ParsePath(s)
		return err == nil && string(p) == s
	}
	return true
}
