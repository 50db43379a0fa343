package rmg

import "slices"

// Encoder appends items of deterministic CBOR (RFC 8949, 4.2.1), as a [Decoder]
// reads them, one after another. The zero Encoder is empty and ready; what it
// holds is the encoding. Whoever writes a map writes its keys in order.
type Encoder []byte

// Map writes the head of a map of n entries, which follow.
func (e *Encoder) Map(n int) { *e = cborHead(*e, cborMap, uint64(n)) }

// Array writes the head of an array of n items, which follow.
func (e *Encoder) Array(n int) { *e = cborHead(*e, cborArray, uint64(n)) }

// Uint writes a number that is not negative.
func (e *Encoder) Uint(n uint64) { *e = cborHead(*e, cborUint, n) }

// Int writes a number.
func (e *Encoder) Int(n int64) {
	if n < 0 {
		*e = cborHead(*e, cborNegative, uint64(-1-n))
		return
	}
	*e = cborHead(*e, cborUint, uint64(n))
}

// Bool writes true or false.
func (e *Encoder) Bool(b bool) {
	if b {
		*e = append(*e, cborTrue)
		return
	}
	*e = append(*e, cborFalse)
}

// String writes text, which is UTF-8.
func (e *Encoder) String(s string) { *e = cborText(*e, cborString, s) }

// Bytes writes bytes.
func (e *Encoder) Bytes(b []byte) { *e = cborText(*e, cborBytes, b) }

// Text writes the bytes of a string that need not be UTF-8, as Bytes does.
func (e *Encoder) Text(s string) { *e = cborText(*e, cborBytes, s) }

// Value writes a value; the zero Value is null.
func (e *Encoder) Value(v Value) { *e = v.encode(*e) }

// Props writes a map of values by name, in the order of the encoded names; a
// zero Value in it is null.
func (e *Encoder) Props(props map[string]Value) {
	var room [8]string
	names := room[:0]
	for name := range props {
		names = append(names, name)
	}
	slices.SortFunc(names, compareNames)
	e.Map(len(names))
	for _, name := range names {
		e.String(name)
		e.Value(props[name])
	}
}
