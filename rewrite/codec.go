package rewrite

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"jitos.dev/rmg"
)

// wireOp is an op as JSON: every field any op may have. A pointer tells absent
// from empty.
type wireOp struct {
	Op      OpKind                `json:"op"`
	Path    *string               `json:"path,omitempty"`
	Kind    *string               `json:"kind,omitempty"`
	From    *rmg.ID               `json:"from,omitempty"`
	To      *rmg.ID               `json:"to,omitempty"` // of a move a path, which is always UTF-8
	Props   *map[string]rmg.Value `json:"props,omitempty"`
	Prop    *string               `json:"prop,omitempty"`
	By      *int64                `json:"by,omitempty"`
	Value   *rmg.Value            `json:"value,omitempty"`
	Cascade *bool                 `json:"cascade,omitempty"`
	Text    *string               `json:"text,omitempty"`
	Base64  *string               `json:"base64,omitempty"`
	Blob    *string               `json:"blob,omitempty"`
	Size    *int64                `json:"size,omitempty"`
	Mode    *string               `json:"mode,omitempty"`
}

// fields says which fields an op has: those it needs, then those it may have.
var fields = map[OpKind][2][]string{
	AddNode:   {{"kind"}, {"props"}},
	AddEdge:   {{"kind", "from", "to"}, {"props"}},
	Set:       {{"props"}, nil},
	Retype:    {{"kind"}, nil},
	Inc:       {{"prop", "by"}, nil},
	SetAdd:    {{"prop", "value"}, nil},
	SetRemove: {{"prop", "value"}, nil},
	Move:      {{"to"}, nil},
	Remove:    {nil, {"cascade"}},
	Write:     {nil, {"text", "base64", "blob", "size", "mode"}},
}

func bad(format string, args ...any) error {
	return &rmg.Error{Op: "op", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...)}
}

// MarshalJSON writes the contract's shape. Text that is not UTF-8 goes as
// base64, the end of an edge as [rmg.ID] does.
func (o Op) MarshalJSON() ([]byte, error) {
	w := wireOp{Op: o.Op, Path: new(string(o.Path))}
	has := func(name string) bool {
		f := fields[o.Op]
		return slices.Contains(f[0], name) || slices.Contains(f[1], name)
	}
	if has("kind") {
		w.Kind = &o.Kind
	}
	if has("from") {
		w.From = new(rmg.ID(o.From))
	}
	switch {
	case o.Op == Move:
		w.To = new(rmg.ID(o.Dest))
	case has("to"):
		w.To = new(rmg.ID(o.To))
	}
	if has("props") && (o.Op == Set || len(o.Props) > 0) {
		w.Props = &o.Props
	}
	if has("prop") {
		w.Prop = &o.Prop
	}
	if has("by") {
		w.By = &o.By
	}
	if has("value") {
		w.Value = &o.Value
	}
	if o.Cascade {
		w.Cascade = &o.Cascade
	}
	if o.Op == Write {
		switch {
		case o.HasText && utf8.ValidString(o.Text):
			w.Text = &o.Text
		case o.HasText:
			w.Base64 = new(base64.StdEncoding.EncodeToString([]byte(o.Text)))
		case o.HasBytes:
			w.Base64 = new(base64.StdEncoding.EncodeToString(o.Bytes))
		default:
			w.Blob, w.Size = new(hex.EncodeToString(o.Blob.Sum[:])), &o.Blob.Size
		}
		if o.Mode != "" {
			w.Mode = &o.Mode
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(w)
	return bytes.TrimSpace(b.Bytes()), err
}

// UnmarshalJSON reads the contract's shape; unknown fields and fields that do
// not belong to the op are refused, naming them.
func (o *Op) UnmarshalJSON(data []byte) error {
	raw, err := membersOf(data)
	if err != nil {
		return bad("an op is an object: %v", err)
	}
	var kind OpKind
	if text := raw.get("op"); text == nil || text[0] != '"' || !readKind(text, &kind) {
		return bad("an op needs the field \"op\"")
	}
	known, ok := fields[kind]
	if !ok {
		return bad("there is no op %q; there are %s", kind, strings.Join(opNames(), ", "))
	}
	var unknown []string
	for _, m := range raw {
		if m.name != "op" && m.name != "path" && !slices.Contains(known[0], m.name) && !slices.Contains(known[1], m.name) {
			unknown = append(unknown, m.name)
		}
	}
	if len(unknown) > 0 {
		return bad("op %s has no field %q", kind, slices.Min(unknown)) // the first fault is the same each time
	}
	if raw.get("path") == nil {
		return bad("op %s needs the field \"path\"", kind)
	}
	for _, name := range known[0] {
		if raw.get(name) == nil {
			return bad("op %s needs the field %q", kind, name)
		}
	}
	if props := raw.get("props"); props != nil && string(props) != "null" {
		if _, err := membersOf(props); err != nil {
			return bad("op %s: props: %v", kind, err)
		}
	}
	w := wireOp{Op: kind}
	if !w.read(raw) {
		// encoding/json has the words for what is wrong.
		if err := json.Unmarshal(data, &w); err != nil {
			return bad("op %s: %v", kind, err)
		}
	}
	out, err := w.op()
	if err != nil {
		return err
	}
	*o = out
	return nil
}

func opNames() []string {
	var out []string
	for _, k := range OpKinds() {
		out = append(out, string(k))
	}
	return out
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// op turns the wire form into an Op.
func (w wireOp) op() (Op, error) {
	p, err := rmg.ParsePath(deref(w.Path))
	if err != nil {
		return Op{}, err
	}
	o := Op{Op: w.Op, Path: p, Kind: deref(w.Kind), From: string(deref(w.From)), Prop: deref(w.Prop), By: deref(w.By), Value: deref(w.Value), Cascade: deref(w.Cascade), Mode: deref(w.Mode), Props: deref(w.Props)}
	if w.Op == Move {
		if o.Dest, err = rmg.ParsePath(string(deref(w.To))); err != nil {
			return Op{}, err
		}
	} else {
		o.To = string(deref(w.To))
	}
	if w.Op == Write {
		if err := w.content(&o); err != nil {
			return Op{}, err
		}
	}
	return o, o.check()
}

func (w wireOp) content(o *Op) error {
	n := 0
	if w.Text != nil {
		n++
		o.Text, o.HasText = *w.Text, true
	}
	if w.Base64 != nil {
		n++
		b, err := base64.StdEncoding.DecodeString(*w.Base64)
		if err != nil {
			return bad("op write: base64: %v", err)
		}
		o.Bytes, o.HasBytes = b, true
	}
	if w.Blob != nil {
		n++
		sum, err := hex.DecodeString(*w.Blob)
		if err != nil || len(sum) != 32 {
			return bad("op write: blob is a SHA-256, 64 hex digits")
		}
		if deref(w.Size) < 0 {
			return bad("op write: size %d is below 0", *w.Size)
		}
		o.Blob = rmg.Blob{Sum: [32]byte(sum), Size: deref(w.Size)}
	}
	if n != 1 {
		return bad("op write needs exactly one of text, base64, blob")
	}
	return nil
}

// check finds what is wrong with an op by itself.
func (o Op) check() error {
	switch {
	case len(o.Text) > MaxText || len(o.Bytes) > MaxText:
		return &rmg.Error{Op: "write", Path: o.Path, Code: rmg.Limit, Msg: fmt.Sprintf("more than %d bytes in one op", MaxText), Hint: "put the content as a blob and name it"}
	case o.Op == Write && o.Mode != "" && o.Mode != "0644" && o.Mode != "0755":
		return bad("op write: mode %q is neither 0644 nor 0755", o.Mode)
	case o.Op == AddNode && o.Path.Base().Edge, o.Op == AddEdge && !o.Path.Base().Edge:
		return bad("op %s: path %s names the other sort of element; an edge's segment begins with ~", o.Op, o.Path)
	}
	return nil
}

// cborOp is an op in the log, by small keys.
type cborOp struct {
	Op      OpKind               `cbor:"0,keyasint"`
	Path    string               `cbor:"1,keyasint"`
	Kind    string               `cbor:"2,keyasint,omitempty"`
	From    []byte               `cbor:"3,keyasint,omitempty"`
	To      []byte               `cbor:"4,keyasint,omitempty"`
	Dest    string               `cbor:"5,keyasint,omitempty"`
	Props   map[string]rmg.Value `cbor:"6,keyasint,omitempty"`
	Prop    string               `cbor:"7,keyasint,omitempty"`
	By      int64                `cbor:"8,keyasint,omitempty"`
	Value   *rmg.Value           `cbor:"9,keyasint,omitempty"`
	Cascade bool                 `cbor:"10,keyasint,omitempty"`
	Sum     []byte               `cbor:"11,keyasint,omitempty"`
	Size    int64                `cbor:"12,keyasint,omitempty"`
	Mode    string               `cbor:"13,keyasint,omitempty"`
	Text    *string              `cbor:"14,keyasint,omitempty"`
	Bytes   *[]byte              `cbor:"15,keyasint,omitempty"`
}

var encMode = mustMode(cbor.CoreDetEncOptions().EncMode())

func mustMode[T any](m T, err error) T {
	if err != nil {
		panic(err)
	}
	return m
}

// MarshalCBOR writes the form in the log.
func (o Op) MarshalCBOR() ([]byte, error) {
	c := cborOp{
		Op: o.Op, Path: string(o.Path), Kind: o.Kind, From: []byte(o.From), To: []byte(o.To), Dest: string(o.Dest),
		Props: o.Props, Prop: o.Prop, By: o.By, Cascade: o.Cascade, Mode: o.Mode,
	}
	if o.Value.Type() != rmg.TypeNone {
		c.Value = &o.Value
	}
	switch {
	case o.HasText:
		c.Text = &o.Text
	case o.HasBytes:
		c.Bytes = &o.Bytes
	case o.Op == Write:
		c.Sum, c.Size = o.Blob.Sum[:], o.Blob.Size
	}
	return encMode.Marshal(c)
}

// UnmarshalCBOR reads what MarshalCBOR writes.
func (o *Op) UnmarshalCBOR(data []byte) error {
	d := rmg.NewDecoder(data)
	var out Op
	decodeOp(d, &out)
	if err := d.End(); err != nil {
		return err
	}
	*o = out
	return nil
}

// DecodeOps reads a list of ops as a record holds them, of any length: the kernel
// makes records that are longer than what it takes from others. The ops are put
// behind what room holds, so that many lists can stand in one array; what it
// returns is room with them, or as it was if they cannot be read.
func DecodeOps(d *rmg.Decoder, room []Op) []Op {
	n := d.Array()
	out := slices.Grow(room, min(n, 1024))
	for range n {
		out = append(out, Op{})
		if decodeOp(d, &out[len(out)-1]); d.Err() != nil {
			return room
		}
	}
	return out
}

// decodeOp reads an op into o, which is zero.
func decodeOp(d *rmg.Decoder, o *Op) {
	var has [16]bool
	var sum string
	d.Fields(func(key uint64) bool {
		if key < uint64(len(has)) {
			has[key] = true
		}
		switch key {
		case 0:
			o.Op = OpKind(d.String())
		case 1:
			o.Path = d.Path()
		case 2:
			o.Kind = d.String()
		case 3:
			o.From = d.Bytes()
		case 4:
			o.To = d.Bytes()
		case 5:
			o.Dest = d.Path()
		case 6:
			o.Props = d.Props()
		case 7:
			o.Prop = d.String()
		case 8:
			o.By = d.Int()
		case 9:
			o.Value = d.Value()
		case 10:
			o.Cascade = d.Bool()
		case 11:
			sum = d.Bytes()
		case 12:
			o.Blob.Size = d.Int()
		case 13:
			o.Mode = d.String()
		case 14:
			o.Text, o.HasText = d.String(), true
		case 15:
			o.Bytes, o.HasBytes = []byte(d.Bytes()), true
		default:
			return false
		}
		return true
	})
	switch {
	case d.Err() != nil:
	case !known(o.Op):
		d.Fail(bad("there is no op %q", o.Op))
	case !has[1], o.Op == Move && !has[5]:
		d.Fail(bad("op %s has no path", o.Op))
	case o.HasText && o.HasBytes:
		d.Fail(bad("op write has two contents"))
	case o.Op == Write && !o.HasText && !o.HasBytes:
		if len(sum) != 32 || o.Blob.Size < 0 {
			d.Fail(bad("op write: a blob is 32 bytes and a size"))
			break
		}
		copy(o.Blob.Sum[:], sum)
	default:
		o.Blob.Size = 0
	}
}

func known(op OpKind) bool {
	switch op {
	case AddNode, AddEdge, Set, Retype, Inc, SetAdd, SetRemove, Move, Remove, Write:
		return true
	}
	return false
}
