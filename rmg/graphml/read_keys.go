package graphml

import (
	"encoding/xml"
	"fmt"
	"strings"

	"jitos.dev/rmg"
)

// role is what the data of a key is.
type role uint8

const (
	isProp    role = iota
	isKind         // the kind of the element
	isRest         // a JSON object of props
	isDrawing      // what an editor drew; its label is all that is taken
)

// declared is a key of the document that is read.
type declared struct {
	id     string
	name   string // of the prop
	role   role
	form   form
	node   bool      // it holds for nodes
	edge   bool      // it holds for edges
	preset rmg.Value // the default; none is none
	size   int       // bytes of the default's text
}

// key reads a declaration.
func (r *reader) key(x xml.StartElement) error {
	if len(r.keys) >= MaxKeys {
		return r.fail(rmg.Limit, "", fmt.Sprintf("there are more than %d keys", MaxKeys))
	}
	id, _ := attr(x, "id")
	switch _, twice := r.keys[id]; {
	case id == "":
		return r.invalid("a key has no id")
	case twice:
		return r.invalid("key " + quoted(id) + " is declared twice")
	}
	d := &declared{id: id}
	d.domain(x)
	d.means(x, r.native)
	if d.role == isProp && !d.edge && !d.node {
		d.name = id // of a graph or a port; its data is passed over
	}
	if d.role == isProp && d.name == "" {
		return r.invalid("key " + quoted(id) + " has an empty name")
	}
	if len(d.name) > MaxName {
		return r.fail(rmg.Limit, "", fmt.Sprintf("the name of a key has %d bytes; the limit is %d", len(d.name), MaxName))
	}
	r.keys[id] = d
	return r.children(func(x xml.StartElement) error {
		if x.Name.Local != "default" {
			return r.unknown(x)
		}
		return r.preset(d)
	})
}

// domain notes what a key is for; a document that does not say means all.
func (d *declared) domain(x xml.StartElement) {
	domain, ok := attr(x, "for")
	all := !ok || domain == "all"
	d.node, d.edge = all || domain == "node", all || domain == "edge"
}

// means notes what the data of a key is.
func (d *declared) means(x xml.StartElement, native bool) {
	name, named := attr(x, "attr.name")
	if d.name = name; !named {
		d.name = d.id
	}
	text, _ := attr(x, "attr.type")
	d.form = formOfType(text)
	if native {
		d.meansNative()
		return
	}
	if _, drawn := attr(x, "yfiles.type"); drawn {
		d.role, d.form = isDrawing, formText
	} else if named && name == "kind" && d.form == formText {
		d.role = isKind
	}
}

func (d *declared) meansNative() {
	if strings.HasSuffix(d.id, jsonMark) {
		d.form = formJSON
	}
	switch d.id {
	case kindID, kindID + jsonMark:
		d.role = isKind
	case restID:
		d.role = isRest
	}
}

// preset reads the default of a key. That of the format's key says who wrote the
// document.
func (r *reader) preset(d *declared) error {
	text, _, whole, err := r.text()
	switch {
	case err != nil:
		return err
	case d.id == formatID:
		if strings.TrimSpace(text) != format {
			return r.fail(rmg.Invalid, "read it with a newer jitos", "the document has "+formatID+" "+quoted(text)+"; known is "+format)
		}
		if len(r.keys) > 1 {
			return r.invalid("the key " + formatID + " is not the first")
		}
		r.native = true
		return nil
	case !whole || d.role == isDrawing || d.role == isRest:
		r.sum.Skipped++
		return nil
	}
	if !d.preset.IsZero() {
		return r.invalid("key " + quoted(d.id) + " has two defaults")
	}
	if d.preset, err = d.form.read(text); err != nil {
		return r.invalid("key " + quoted(d.id) + ": the default: " + errText(err))
	}
	d.size = len(text)
	if d.node && !d.preset.IsZero() {
		r.nodePresets = append(r.nodePresets, d)
	}
	if d.edge && !d.preset.IsZero() {
		r.edgePresets = append(r.edgePresets, d)
	}
	return nil
}

// text reads an element of text to its end. It is not whole if it holds elements;
// then label is the text of the first label in it.
func (r *reader) text() (text, label string, whole bool, err error) {
	var buf []byte
	var name []byte
	inLabel := 0 // how many elements were open when it began
	whole = true
	for end := r.open - 1; r.open > end; {
		tok, err := r.token()
		if err != nil {
			return "", "", false, err
		}
		switch x := tok.(type) {
		case xml.StartElement:
			whole = false
			if l := x.Name.Local; inLabel == 0 && label == "" && (l == "NodeLabel" || l == "EdgeLabel") {
				inLabel, name = r.open, nil
			}
		case xml.EndElement:
			if inLabel > r.open {
				inLabel, label = 0, strings.TrimSpace(string(name))
			}
		case xml.CharData:
			switch {
			case len(buf)+len(name)+len(x) > MaxText:
				return "", "", false, r.tooLong()
			case inLabel > 0 && r.open == inLabel:
				name = append(name, x...)
			case whole:
				buf = append(buf, x...)
			}
		}
	}
	return string(buf), label, whole, nil
}

// errText is an error of a value without what it was about.
func errText(err error) string {
	if e, ok := err.(*rmg.Error); ok && e.Msg != "" {
		return e.Msg
	}
	return err.Error()
}
