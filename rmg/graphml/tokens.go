package graphml

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"jitos.dev/rmg"
)

// The limits of a document's text.
const (
	MaxText      = 8 << 20 // bytes of one value
	MaxAttribute = 1 << 20 // bytes of one attribute of an XML element
	MaxOpen      = 256     // XML elements in one another
)

// maxToken is how much of a document is read for one token: a value of which
// every character is written as a reference.
const maxToken = 6 * MaxText

// meter gives the decoder its bytes, and no more for one token than it may have:
// the decoder itself would collect a text of any length.
type meter struct {
	r    *bufio.Reader
	left int
	err  error // what r failed with
}

var errTooLong = errors.New("too long")

func (m *meter) ReadByte() (byte, error) {
	if m.left <= 0 {
		return 0, errTooLong
	}
	m.left--
	b, err := m.r.ReadByte()
	if err != nil && err != io.EOF {
		m.err = err
	}
	return b, err
}

// Read is there for xml.NewDecoder to have a reader; it uses ReadByte.
func (m *meter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := m.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// tokens reads a document token by token.
type tokens struct {
	dec  *xml.Decoder
	in   *meter
	open int
}

func newTokens(r io.Reader) *tokens {
	in := &meter{r: bufio.NewReader(r)}
	return &tokens{dec: xml.NewDecoder(in), in: in}
}

// where names the place that was read up to.
func (t *tokens) where() string {
	line, _ := t.dec.InputPos()
	return fmt.Sprintf("line %d, byte %d", line, t.dec.InputOffset())
}

// fail is what is wrong with the document at this place.
func (t *tokens) fail(code rmg.Code, hint, says string) error {
	return &rmg.Error{Op: "graphml", Code: code, Msg: t.where() + ": " + says, Hint: hint}
}

func (t *tokens) invalid(says string) error { return t.fail(rmg.Invalid, "", says) }

// token reads the next start, end or text; nil at the end of the document.
func (t *tokens) token() (xml.Token, error) {
	for {
		t.in.left = maxToken
		tok, err := t.dec.Token()
		switch {
		case err == io.EOF:
			return nil, nil
		case err != nil:
			return nil, t.broken(err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			return x, t.begin(x)
		case xml.EndElement:
			t.open--
			return x, nil
		case xml.CharData:
			return x, nil
		case xml.Directive:
			// Without an internal subset a document type declares no entity here:
			// what it points at is not fetched.
			if bytes.IndexByte(x, '[') >= 0 {
				return nil, t.fail(rmg.Invalid, "take the declarations out", "the document declares entities or elements of its own")
			}
		}
	}
}

func (t *tokens) begin(x xml.StartElement) error {
	if t.open++; t.open > MaxOpen {
		return t.fail(rmg.Limit, "", fmt.Sprintf("elements nest deeper than %d", MaxOpen))
	}
	for _, a := range x.Attr {
		if len(a.Value) > MaxAttribute {
			return t.fail(rmg.Limit, "", fmt.Sprintf("attribute %s has %d bytes; the limit is %d", a.Name.Local, len(a.Value), MaxAttribute))
		}
	}
	return nil
}

// broken says why there is no next token.
func (t *tokens) broken(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, errTooLong):
		return t.tooLong()
	case t.in.err != nil:
		return &rmg.Error{Op: "graphml", Code: rmg.Unavailable, Msg: t.where() + ": the document cannot be read on", Err: t.in.err}
	case errors.As(err, &syntax):
		return t.invalid(syntax.Msg)
	}
	return t.invalid(strings.TrimPrefix(err.Error(), "xml: "))
}

func (t *tokens) tooLong() error {
	return t.fail(rmg.Limit, "keep large content beside the graph, and its name as a blob", fmt.Sprintf("a text is longer than %d bytes", MaxText))
}

// child reads the next element inside the one that is open; false at its end.
func (t *tokens) child() (x xml.StartElement, more bool, err error) {
	for {
		tok, err := t.token()
		if err != nil {
			return x, false, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			return tok, true, nil
		case xml.EndElement:
			return x, false, nil
		case xml.CharData:
			switch {
			case len(tok) > MaxText: // what the decoder has of a token that is cut
				return x, false, t.tooLong()
			case len(bytes.TrimSpace(tok)) > 0:
				return x, false, t.invalid("text " + quoted(string(tok)) + " stands where elements belong")
			}
		}
	}
}

// skip reads to the end of the element that is open.
func (t *tokens) skip() error {
	for depth := t.open; t.open >= depth; {
		if _, err := t.token(); err != nil {
			return err
		}
	}
	return nil
}

// ours reports whether an element is of the format, of whatever version.
func ours(n xml.Name) bool { return n.Space == "" || strings.HasPrefix(n.Space, namespace) }

// attr is the value of an attribute, and whether there is one.
func attr(x xml.StartElement, name string) (string, bool) {
	for _, a := range x.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value, true
		}
	}
	return "", false
}
