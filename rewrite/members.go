package rewrite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// An op is small and there are many: reading one by encoding/json alone, once for
// its fields' names and once for their values, was half of what the daemon itself
// did for a request. Here its fields are cut out of the text once, and those that
// read as they stand are not given to encoding/json again.

// member is a field of a JSON object, its value as it stands in the text.
type member struct {
	name  string
	value []byte
}

// members are an object's, in the order of the text; no name stands twice.
type members []member

// get returns a field's value; nil if it is absent.
func (m members) get(name string) []byte {
	for i := range m {
		if m[i].name == name {
			return m[i].value
		}
	}
	return nil
}

// fewMembers is up to how many fields one that stands twice is looked for without
// a map.
const fewMembers = 16

// membersOf cuts an object into its fields and refuses one that stands twice,
// which encoding/json would let win without a word. Values alias data.
func membersOf(data []byte) (members, error) {
	if !json.Valid(data) {
		return nil, fmt.Errorf("not JSON: %w", json.Unmarshal(data, new(json.RawMessage)))
	}
	data = bytes.TrimLeft(data, space)
	if data[0] != '{' {
		tok, _ := json.NewDecoder(bytes.NewReader(data)).Token()
		return nil, fmt.Errorf("there is no { but %v", tok)
	}
	out := make(members, 0, 4)
	var seen map[string]bool
	for data = bytes.TrimLeft(data[1:], space); data[0] != '}'; {
		n := valueEnd(data)
		name, ok := fieldName(data[:n])
		if !ok {
			_ = json.Unmarshal(data[:n], &name) // it is a string, as all of it is JSON
		}
		data = bytes.TrimLeft(data[n:], space)
		data = bytes.TrimLeft(data[1:], space) // the colon
		n = valueEnd(data)
		if len(out) == fewMembers {
			seen = make(map[string]bool, 2*fewMembers)
			for _, m := range out {
				seen[m.name] = true
			}
		}
		if seen[name] || seen == nil && out.get(name) != nil {
			return nil, fmt.Errorf("%q stands twice", name)
		}
		if seen != nil {
			seen[name] = true
		}
		out = append(out, member{name, data[:n]})
		if data = bytes.TrimLeft(data[n:], space); data[0] == ',' {
			data = bytes.TrimLeft(data[1:], space)
		}
	}
	return out, nil
}

// space is what JSON allows between its tokens.
const space = " \t\r\n"

// valueEnd is where the value that valid JSON begins with ends.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of a number, true, false or null
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(data)
}

// literal returns a JSON string that stands for itself: ASCII, without escapes.
func literal(value []byte) (string, bool) {
	if value[0] != '"' {
		return "", false
	}
	value = value[1 : len(value)-1]
	for _, c := range value {
		if c < ' ' || c > '~' || c == '\\' {
			return "", false
		}
	}
	return string(value), true
}

// fieldName is literal for the name of a field: that of an op's is not copied.
func fieldName(value []byte) (string, bool) {
	switch string(value) { // compared where it stands
	case `"op"`:
		return "op", true
	case `"path"`:
		return "path", true
	case `"kind"`:
		return "kind", true
	case `"prop"`:
		return "prop", true
	case `"props"`:
		return "props", true
	case `"by"`:
		return "by", true
	case `"value"`:
		return "value", true
	case `"from"`:
		return "from", true
	case `"to"`:
		return "to", true
	case `"text"`:
		return "text", true
	}
	return literal(value)
}

// kindNames are the names of ops, as the text says them.
var kindNames = func() map[string]OpKind {
	out := map[string]OpKind{}
	for k := range fields {
		out[`"`+string(k)+`"`] = k
	}
	return out
}()

// read reads an op's fields, and reports whether each has a value that fits.
func (w *wireOp) read(raw members) bool {
	ok := true
	for _, m := range raw {
		if string(m.value) == "null" {
			continue // as if it were absent
		}
		switch m.name {
		case "path":
			ok = readText(m.value, &w.Path) && ok
		case "kind":
			ok = readText(m.value, &w.Kind) && ok
		case "prop":
			ok = readText(m.value, &w.Prop) && ok
		case "text":
			ok = readText(m.value, &w.Text) && ok
		case "base64":
			ok = readText(m.value, &w.Base64) && ok
		case "blob":
			ok = readText(m.value, &w.Blob) && ok
		case "mode":
			ok = readText(m.value, &w.Mode) && ok
		case "from":
			ok = readText(m.value, &w.From) && ok
		case "to":
			ok = readText(m.value, &w.To) && ok
		case "by":
			ok = readInt(m.value, &w.By) && ok
		case "size":
			ok = readInt(m.value, &w.Size) && ok
		case "props":
			ok = readAny(m.value, &w.Props) && ok
		case "value":
			ok = readAny(m.value, &w.Value) && ok
		case "cascade":
			ok = readAny(m.value, &w.Cascade) && ok
		}
	}
	return ok
}

// readKind reads the name of an op.
func readKind(value []byte, into *OpKind) bool {
	if k, ok := kindNames[string(value)]; ok {
		*into = k
		return true
	}
	if s, ok := literal(value); ok {
		*into = OpKind(s)
		return true
	}
	return json.Unmarshal(value, into) == nil
}

func readText[T ~string](value []byte, into **T) bool {
	if s, ok := literal(value); ok {
		*into = new(T(s))
		return true
	}
	return readAny(value, into)
}

func readInt(value []byte, into **int64) bool {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return readAny(value, into)
	}
	*into = &n
	return true
}

func readAny[T any](value []byte, into **T) bool {
	v := new(T)
	*into = v
	return json.Unmarshal(value, v) == nil
}
