package rmg

import (
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"
)

// The CBOR form of a value is its plain CBOR item where CBOR has one, and a
// tag from the private range where it has none.
const (
	tagRef  = 65_001 // text
	tagBlob = 65_002 // [bytes, size]
)

var (
	cborEnc = mustMode(cbor.CoreDetEncOptions().EncMode())
	cborDec = mustMode(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: MaxValueDepth + 8, IndefLength: cbor.IndefLengthForbidden,
		MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
	}.DecMode())
)

func mustMode[T any](m T, err error) T {
	if err != nil {
		panic(err)
	}
	return m
}

// MarshalCBOR writes the deterministic CBOR used in the log.
func (v Value) MarshalCBOR() ([]byte, error) {
	switch v.typ {
	case TypeNone:
		return cborEnc.Marshal(nil)
	case TypeBool:
		return cborEnc.Marshal(v.num == 1)
	case TypeInt:
		return cborEnc.Marshal(int64(v.num))
	case TypeFloat:
		// Always nine bytes: the shortest form would make a float look like
		// another width, not another type, but one width is simpler to check.
		b := make([]byte, 9)
		b[0] = 0xfb
		for i := range 8 {
			b[1+i] = byte(v.num >> (56 - 8*i))
		}
		return b, nil
	case TypeString:
		return cborEnc.Marshal(v.str)
	case TypeBytes:
		return cborEnc.Marshal([]byte(v.str))
	case TypeRef:
		return cborEnc.Marshal(cbor.Tag{Number: tagRef, Content: v.str})
	case TypeBlob:
		return cborEnc.Marshal(cbor.Tag{Number: tagBlob, Content: []any{[]byte(v.str), int64(v.num)}})
	case TypeList:
		if len(v.list) == 0 {
			return []byte{0x80}, nil // a nil slice would be null
		}
		return cborEnc.Marshal(v.list)
	case TypeMap:
		return v.dict.MarshalCBOR()
	}
	return nil, fmt.Errorf("value of type %d", v.typ)
}

// MarshalCBOR writes a map in the deterministic order of CBOR.
func (p Props) MarshalCBOR() ([]byte, error) {
	m := make(map[string]Value, len(p.list))
	for _, x := range p.list {
		m[x.Name] = x.Value
	}
	return cborEnc.Marshal(m)
}

// UnmarshalCBOR reads what MarshalCBOR writes.
func (v *Value) UnmarshalCBOR(data []byte) error {
	if len(data) == 0 {
		return malformed("empty CBOR")
	}
	switch data[0] >> 5 {
	case 0, 1:
		var i int64
		if err := cborDec.Unmarshal(data, &i); err != nil {
			return err
		}
		*v = Int(i)
	case 2:
		var b []byte
		if err := cborDec.Unmarshal(data, &b); err != nil {
			return err
		}
		*v = Bytes(b)
	case 3:
		var s string
		if err := cborDec.Unmarshal(data, &s); err != nil {
			return err
		}
		*v = String(s)
	case 4:
		var list []Value
		if err := cborDec.Unmarshal(data, &list); err != nil {
			return err
		}
		*v = Value{typ: TypeList, list: list}
	case 5:
		var p Props
		if err := p.UnmarshalCBOR(data); err != nil {
			return err
		}
		*v = Value{typ: TypeMap, dict: p}
	case 6:
		return v.unmarshalTag(data)
	default:
		return v.unmarshalSimple(data)
	}
	return nil
}

func (v *Value) unmarshalTag(data []byte) error {
	var tag cbor.RawTag
	if err := cborDec.Unmarshal(data, &tag); err != nil {
		return err
	}
	var content Value
	if err := content.UnmarshalCBOR(tag.Content); err != nil {
		return err
	}
	switch tag.Number {
	case tagRef:
		s, ok := content.AsString()
		if !ok {
			return malformed("a ref is text")
		}
		*v = Ref(Path(s))
		return v.Check()
	case tagBlob:
		parts, _ := content.AsList()
		if len(parts) != 2 {
			return malformed("a blob is 32 bytes and a size")
		}
		sum, isBytes := parts[0].AsBytes()
		size, isInt := parts[1].AsInt()
		if !isBytes || !isInt || len(sum) != 32 || size < 0 {
			return malformed("a blob is 32 bytes and a size")
		}
		*v = BlobOf(Blob{Sum: [32]byte(sum), Size: size})
		return nil
	}
	return malformed("unknown CBOR tag %d", tag.Number)
}

func (v *Value) unmarshalSimple(data []byte) error {
	switch {
	case len(data) == 1 && data[0] == 0xf4:
		*v = Bool(false)
	case len(data) == 1 && data[0] == 0xf5:
		*v = Bool(true)
	case len(data) == 1 && data[0] == 0xf6:
		*v = Value{}
	case len(data) == 9 && data[0] == 0xfb:
		var bits uint64
		for _, c := range data[1:] {
			bits = bits<<8 | uint64(c)
		}
		*v = Float(math.Float64frombits(bits))
	default:
		return malformed("unknown CBOR item")
	}
	return nil
}

// UnmarshalCBOR reads what MarshalCBOR writes.
func (p *Props) UnmarshalCBOR(data []byte) error {
	var m map[string]Value
	if err := cborDec.Unmarshal(data, &m); err != nil {
		return err
	}
	for name, x := range m {
		if x.IsZero() {
			return malformed("null under %q", name)
		}
	}
	*p = PropsOf(m)
	return nil
}
