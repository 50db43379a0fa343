package rmg

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// ID is the id of an element as JSON says it: a string, or {"$bytes":base64} if it is
// not UTF-8, which JSON has no string for.
type ID string

// MarshalJSON writes the id.
func (id ID) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := id.writeJSON(&b)
	return b.Bytes(), err
}

func (id ID) writeJSON(b *bytes.Buffer) error {
	if utf8.ValidString(string(id)) {
		return writeString(b, string(id))
	}
	b.WriteString(`{"$bytes":"` + base64.StdEncoding.EncodeToString([]byte(id)) + `"}`)
	return nil
}

// UnmarshalJSON reads what MarshalJSON writes. Invalid: it is neither.
func (id *ID) UnmarshalJSON(data []byte) error {
	v, err := parseJSON(data)
	if err != nil {
		return err
	}
	text, err := v.asID()
	if err == nil {
		*id = text
	}
	return err
}

func (v Value) asID() (ID, error) {
	if b, ok := v.AsBytes(); ok {
		return ID(b), nil
	}
	s, ok := v.AsString()
	if !ok {
		return "", malformed("an id is a string, or {\"$bytes\":base64}")
	}
	return ID(s), nil
}
