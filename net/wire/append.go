package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"jitos.dev/rmg"
)

// What is asked for by the thousand each second is written here, without
// reflection: the same bytes as encoding/json writes, with < and > as they are.

// AppendJSON appends a receipt.
func (r Receipt) AppendJSON(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, `,"tick":`...)
	b = strconv.AppendUint(b, r.Tick, 10)
	b = append(b, `,"digest":`...)
	return append(appendDigest(b, r.Digest), '}')
}

// AppendJSON appends an answer without a graph; one with a graph is an error of
// whoever calls it. Props that cannot be written are an error.
func (a GraphAnswer) AppendJSON(b []byte) (_ []byte, err error) {
	b = append(b, `{"view":`...)
	if b, err = appendText(b, a.View); err != nil {
		return b, err
	}
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, a.Seq, 10)
	b = append(b, `,"digest":`...)
	b = append(appendDigest(b, a.Digest), `,"path":`...)
	if b, err = appendText(b, string(a.Path)); err != nil {
		return b, err
	}
	b = append(b, `,"element":`...)
	if b, err = a.Element.appendJSON(b); err != nil {
		return b, err
	}
	if a.Next != "" {
		b = append(b, `,"next":`...)
		if b, err = appendText(b, a.Next); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func (e Element) appendJSON(b []byte) (_ []byte, err error) {
	b = append(b, `{"id":`...)
	if b, err = appendID(b, e.ID); err != nil {
		return b, err
	}
	b = append(b, `,"kind":`...)
	if b, err = appendText(b, e.Kind); err != nil {
		return b, err
	}
	for _, end := range [2]struct {
		name string
		id   rmg.ID
	}{{`,"from":`, e.From}, {`,"to":`, e.To}} {
		if end.id == "" {
			continue
		}
		b = append(b, end.name...)
		if b, err = appendID(b, end.id); err != nil {
			return b, err
		}
	}
	props, err := e.Props.MarshalJSON()
	return append(append(append(b, `,"props":`...), props...), '}'), err
}

func appendDigest(b []byte, d rmg.Digest) []byte {
	return append(hex.AppendEncode(append(b, '"'), d[:]), '"')
}

// appendID appends an id: as text, if it stands for itself.
func appendID(b []byte, id rmg.ID) ([]byte, error) {
	if standsForItself(string(id)) {
		return append(append(append(b, '"'), id...), '"'), nil
	}
	text, err := id.MarshalJSON()
	return append(b, text...), err
}

// appendText appends a string.
func appendText(b []byte, s string) ([]byte, error) {
	if standsForItself(s) {
		return append(append(append(b, '"'), s...), '"'), nil
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), err // without the encoder's newline
}

// standsForItself reports whether JSON needs no escape for a text of ASCII.
func standsForItself(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
