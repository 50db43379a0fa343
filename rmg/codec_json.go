package rmg

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxSafeInt is the largest int that a JSON reader with float64 numbers keeps.
const maxSafeInt = 1 << 53

// MarshalJSON writes the JSON of the contract: numbers without fraction are
// int64 ({"$int":"..."} beyond 2^53), an integral float prints ".0", bytes are
// {"$bytes":base64}, refs {"$ref":path}, blobs {"$blob":hex,"size":n}; a float
// that JSON cannot say is {"$float":"NaN"}, "+Inf" or "-Inf". The zero Value
// is null.
func (v Value) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := v.writeJSON(&b)
	return b.Bytes(), err
}

func (v Value) writeJSON(b *bytes.Buffer) error {
	switch v.typ {
	case TypeNone:
		b.WriteString("null")
	case TypeBool:
		b.WriteString(strconv.FormatBool(v.num == 1))
	case TypeInt:
		if i := int64(v.num); i > maxSafeInt || i < -maxSafeInt {
			fmt.Fprintf(b, `{"$int":"%d"}`, i)
		} else {
			b.WriteString(strconv.FormatInt(i, 10))
		}
	case TypeFloat:
		b.WriteString(floatJSON(math.Float64frombits(v.num)))
	case TypeString:
		return writeString(b, v.str)
	case TypeBytes:
		b.WriteString(`{"$bytes":"` + base64.StdEncoding.EncodeToString([]byte(v.str)) + `"}`)
	case TypeRef:
		b.WriteString(`{"$ref":`)
		if err := writeString(b, v.str); err != nil {
			return err
		}
		b.WriteByte('}')
	case TypeBlob:
		fmt.Fprintf(b, `{"$blob":"%x","size":%d}`, v.str, int64(v.num))
	case TypeList:
		b.WriteByte('[')
		list, _ := v.AsList()
		for i, x := range list {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := x.writeJSON(b); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case TypeMap:
		dict, _ := v.AsMap()
		return dict.writeJSON(b)
	}
	return nil
}

func floatJSON(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Sprintf(`{"$float":"%v"}`, f)
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if strings.ContainsAny(s, ".e") {
		return s
	}
	return s + ".0"
}

func writeString(b *bytes.Buffer, s string) error {
	if standsForItself(s) {
		b.WriteByte('"')
		b.WriteString(s)
		b.WriteByte('"')
		return nil
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
	return nil
}

// standsForItself reports whether JSON needs no escape for a text. Those beyond ASCII
// are left to the encoder.
func standsForItself(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// MarshalJSON writes an object in order of names. O(size), as all that writes and
// reads values is.
func (p Props) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := p.writeJSON(&b)
	return b.Bytes(), err
}

func (p Props) writeJSON(b *bytes.Buffer) error {
	b.WriteByte('{')
	begun := false
	for name, v := range p.All() {
		if begun {
			b.WriteByte(',')
		}
		begun = true
		if err := writeString(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := v.writeJSON(b); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses what it cannot say, as
// Invalid.
func (v *Value) UnmarshalJSON(data []byte) error {
	x, err := parseJSON(data)
	if err != nil {
		return err
	}
	*v = x
	return nil
}

// UnmarshalJSON reads an object; a null in it would remove nothing and is
// refused, as is a name that stands twice. null alone changes nothing, as is
// the custom of encoding/json.
func (p *Props) UnmarshalJSON(data []byte) error {
	dec := newDecoder(data)
	tok, err := dec.Token()
	switch {
	case err != nil:
		return malformed("%v", err)
	case tok == nil:
		return atEnd(dec, data)
	case tok != json.Delim('{'):
		return malformed("props are an object")
	}
	m, _, err := readEntries(dec, 0)
	if err != nil {
		return err
	}
	if err := atEnd(dec, data); err != nil {
		return err
	}
	*p = PropsOf(m)
	return nil
}

func parseJSON(data []byte) (Value, error) {
	dec := newDecoder(data)
	v, err := readJSON(dec, 0)
	if err != nil {
		return Value{}, err
	}
	return v, atEnd(dec, data)
}

func newDecoder(data []byte) *json.Decoder {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec
}

// atEnd refuses what follows a value; the decoder's More calls "]" the end.
func atEnd(dec *json.Decoder, data []byte) error {
	if len(bytes.TrimSpace(data[dec.InputOffset():])) > 0 {
		return malformed("there is more after the value")
	}
	return nil
}

func malformed(format string, args ...any) error {
	return &Error{Op: "value", Code: Invalid, Msg: fmt.Sprintf(format, args...)}
}

func readJSON(dec *json.Decoder, depth int) (Value, error) {
	if depth > MaxValueDepth {
		return Value{}, malformed("lists and maps nest deeper than %d", MaxValueDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return Value{}, malformed("%v", err)
	}
	switch t := tok.(type) {
	case nil:
		if depth > 0 {
			return Value{}, malformed("null inside a list or map")
		}
		return Value{}, nil
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return number(string(t))
	case json.Delim:
		if t == '[' {
			var list []Value
			for dec.More() {
				x, err := readJSON(dec, depth+1)
				if err != nil {
					return Value{}, err
				}
				list = append(list, x)
			}
			if _, err := dec.Token(); err != nil {
				return Value{}, malformed("%v", err)
			}
			return List(list...), nil
		}
		return readObject(dec, depth)
	}
	return Value{}, malformed("unexpected %v", tok)
}

func number(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return Value{}, malformed("%s is no int64; a float has a fraction or an exponent", s)
		}
		return Int(i), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Value{}, malformed("%s is out of range", s)
	}
	return Float(f), nil
}

func readObject(dec *json.Decoder, depth int) (Value, error) {
	m, marked, err := readEntries(dec, depth)
	switch {
	case err != nil:
		return Value{}, err
	case marked:
		return special(m)
	}
	return Map(m), nil
}

// readEntries reads an object from after its brace, and says whether a name in
// it begins with "$".
func readEntries(dec *json.Decoder, depth int) (m map[string]Value, marked bool, err error) {
	m = map[string]Value{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, false, malformed("%v", err)
		}
		name, ok := tok.(string)
		if !ok {
			return nil, false, malformed("unexpected %v", tok)
		}
		x, err := readJSON(dec, depth+1)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", name, err)
		}
		if _, twice := m[name]; twice {
			return nil, false, malformed("key %q stands twice", name)
		}
		m[name] = x
		marked = marked || strings.HasPrefix(name, "$")
	}
	if _, err := dec.Token(); err != nil {
		return nil, false, malformed("%v", err)
	}
	return m, marked, nil
}

// special reads the objects that stand for what JSON has no form for.
func special(m map[string]Value) (Value, error) {
	text := func(k string) (string, bool) {
		s, ok := m[k].AsString()
		return s, ok
	}
	if s, ok := text("$int"); ok && len(m) == 1 {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return Value{}, malformed("$int %q is no int64", s)
		}
		return Int(i), nil
	}
	if s, ok := text("$float"); ok && len(m) == 1 {
		switch s {
		case "NaN":
			return Float(math.NaN()), nil
		case "+Inf":
			return Float(math.Inf(1)), nil
		case "-Inf":
			return Float(math.Inf(-1)), nil
		}
		return Value{}, malformed("$float %q is none of NaN, +Inf, -Inf", s)
	}
	if s, ok := text("$bytes"); ok && len(m) == 1 {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return Value{}, malformed("$bytes is not base64")
		}
		return Bytes(b), nil
	}
	if s, ok := text("$ref"); ok && len(m) == 1 {
		p, err := ParsePath(s)
		return Ref(p), err
	}
	if s, ok := text("$blob"); ok && len(m) == 2 {
		sum, err := hex.DecodeString(s)
		size, isInt := m["size"].AsInt()
		if err != nil || len(sum) != 32 || !isInt || size < 0 {
			return Value{}, malformed("$blob wants 64 hex digits and a size")
		}
		return BlobOf(Blob{Sum: [32]byte(sum), Size: size}), nil
	}
	return Value{}, malformed("map keys do not begin with $")
}
