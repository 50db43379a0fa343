package rewrite

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// AppendOps appends ops as a record holds them: what MarshalCBOR writes of each,
// in an array. They are by far most of what is encoded for the log, and are
// written without reflection for that.
func AppendOps(b []byte, ops []Op) ([]byte, error) {
	b = head(b, majorArray, uint64(len(ops)))
	for i := range ops {
		var err error
		if b, err = appendOp(b, &ops[i]); err != nil {
			return b, at(i, err)
		}
	}
	return b, nil
}

// The major types of CBOR, shifted to where they stand.
const (
	majorUint     = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorString   = 3 << 5
	majorArray    = 4 << 5
	majorMap      = 5 << 5
	cborTrue      = 0xf5
)

// head appends the head of an item in its shortest form.
func head(b []byte, major byte, n uint64) []byte {
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

func text[S string | []byte](b []byte, major byte, s S) []byte {
	return append(head(b, major, uint64(len(s))), s...)
}

func number(b []byte, n int64) []byte {
	if n < 0 {
		return head(b, majorNegative, uint64(-1-n))
	}
	return head(b, majorUint, uint64(n))
}

// appendOp appends a map of the fields that are not empty, as cborOp has them:
// their keys are below 24, and stand in order.
func appendOp(b []byte, o *Op) ([]byte, error) {
	from := len(b)
	n := 2
	b = text(append(b, 0, 0), majorString, string(o.Op)) // the map's head, when it is known; key 0
	b = text(append(b, 1), majorString, string(o.Path))
	str := func(key, major byte, s string) {
		if s != "" {
			n++
			b = text(append(b, key), major, s)
		}
	}
	str(2, majorString, o.Kind)
	str(3, majorBytes, o.From)
	str(4, majorBytes, o.To)
	str(5, majorString, string(o.Dest))
	if len(o.Props) > 0 {
		n++
		var err error
		if b, err = appendProps(append(b, 6), o.Props); err != nil {
			return b, err
		}
	}
	str(7, majorString, o.Prop)
	if o.By != 0 {
		n++
		b = number(append(b, 8), o.By)
	}
	if o.Value.Type() != rmg.TypeNone {
		v, err := o.Value.MarshalCBOR()
		if err != nil {
			return b, err
		}
		n++
		b = append(append(b, 9), v...)
	}
	if o.Cascade {
		n++
		b = append(b, 10, cborTrue)
	}
	if o.Op == Write && !o.HasText && !o.HasBytes {
		str(11, majorBytes, string(o.Blob.Sum[:]))
		if o.Blob.Size != 0 {
			n++
			b = number(append(b, 12), o.Blob.Size)
		}
	}
	str(13, majorString, o.Mode)
	switch {
	case o.HasText:
		n++
		b = text(append(b, 14), majorString, o.Text)
	case o.HasBytes:
		n++
		b = text(append(b, 15), majorBytes, o.Bytes)
	}
	b[from] = majorMap | byte(n) // 14 at most
	return b, nil
}

// appendProps appends props by name, in the order of the encoded names: the
// shorter one first.
func appendProps(b []byte, props map[string]rmg.Value) ([]byte, error) {
	var room [8]string
	names := room[:0]
	for name := range props {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
	b = head(b, majorMap, uint64(len(names)))
	for _, name := range names {
		v, err := props[name].MarshalCBOR()
		if err != nil {
			return b, err
		}
		b = append(text(b, majorString, name), v...)
	}
	return b, nil
}
