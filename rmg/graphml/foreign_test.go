package graphml_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/rmg/graphml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a file under testdata; -update writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s, which -update rewrites, says\n%swe have\n%s", file, want, got)
	}
}

// TestForeign reads documents in the manner of other programs. What they are read
// as stands beside them; written by us and read again they are the same.
func TestForeign(t *testing.T) {
	files, err := filepath.Glob("testdata/foreign/*.graphml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".graphml")
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			g, sum, err := read(string(doc))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "foreign/"+name+".golden", fmt.Sprintf("%s%+v\n", told(g), sum))
			back, _, err := read(write(t, g))
			if err != nil || back.Digest() != g.Digest() {
				t.Errorf("ours is read as\n%s%v", told(back), err)
			}
		})
	}
}

// TestDocument is a document of ours, whole.
func TestDocument(t *testing.T) {
	golden(t, "ours.graphml", write(t, services()))
}

// TestForms: what the words of other documents mean.
func TestForms(t *testing.T) {
	for _, c := range []struct{ typ, text, want string }{
		{"boolean", "TRUE", `true`},
		{"boolean", "0", `false`},
		{"boolean", " ", ``},
		{"boolean", "yes", "invalid"},
		{"int", " -7 ", `-7`},
		{"long", "9223372036854775807", `{"$int":"9223372036854775807"}`},
		{"int", "9223372036854775808", "invalid"},
		{"int", "1.0", "invalid"},
		{"float", "1", `1.0`},
		{"double", "INF", `{"$float":"+Inf"}`},
		{"double", "-inf", `{"$float":"-Inf"}`},
		{"double", "nan", `{"$float":"NaN"}`},
		{"double", "1e999", "invalid"},
		{"double", "0x1p3", "invalid"},
		{"double", "", ``},
		{"string", " a ", `" a "`},
		{"string", "", `""`},
		{"", "1", `"1"`},
		{"date", "now", `"now"`},
		{"string", "a<!-- no -->b<![CDATA[<]]>", `"ab<"`},
		{"string", "a<b/>c", ``},
		{"string", "&#x10;", "invalid"},
	} {
		typ := ""
		if c.typ != "" {
			typ = ` attr.type="` + c.typ + `"`
		}
		g, _, err := read(`<graphml><key id="d" for="node" attr.name="v"` + typ + `/><graph><node id="n"><data key="d">` + c.text + `</data></node></graph></graphml>`)
		n, _ := g.Node("n")
		got := string(codeOf(err))
		if v, ok := n.Props.Get("v"); ok {
			data, err := v.MarshalJSON()
			if got = string(data); err != nil {
				t.Fatal(err)
			}
		}
		if got != c.want {
			t.Errorf("%s %q is read as %s, %v; want %s", c.typ, c.text, got, err, c.want)
		}
	}
}

// TestRefused: each of these is refused, with the code and for the reason named,
// and leaves nothing behind.
func TestRefused(t *testing.T) {
	in := func(s string) string { return "<graphml><graph>" + s + "</graph></graphml>" }
	keyed := func(k, s string) string { return "<graphml>" + k + "<graph>" + s + "</graph></graphml>" }
	ours := func(s string) string {
		return `<graphml><key id="rmg.format" for="graphml"><default>1</default></key><key id="kind"/><key id="props.json"/><key id="p0.json" attr.name="v"/><graph>` + s + `</graph></graphml>`
	}
	const kind = `<data key="kind">K</data>`
	nest := func(n int) string {
		return in(strings.Repeat(`<node id="n"><graph>`, n) + strings.Repeat(`</graph></node>`, n))
	}
	long := strings.Repeat("x", graphml.MaxText+1)
	many := strings.Builder{}
	for i := range graphml.MaxKeys + 1 {
		fmt.Fprintf(&many, `<key id="k%d"/>`, i)
	}
	pending := strings.Builder{}
	for i := range graphml.MaxPending + 1 {
		fmt.Fprintf(&pending, `<edge id="e%d" source="a" target="a"/>`, i)
	}
	var fill, refs, deep strings.Builder
	for i := range graphml.MaxFilled>>20 + 1 {
		fmt.Fprintf(&fill, `<node id="n%d"/>`, i)
	}
	// Short ids below long ones.
	const levels = 60
	for i := range levels {
		id := fmt.Sprintf("%d", i) + strings.Repeat("x", 4000)
		fmt.Fprintf(&refs, `<node id="%s"><graph>`, id)
		fmt.Fprintf(&deep, `<node id="%s"><graph>`, id)
	}
	refs.WriteString(`<node id="z"/>` + strings.Repeat(`</graph></node>`, levels))
	for i := range graphml.MaxFilled/(levels*4000) + 1 {
		fmt.Fprintf(&refs, `<edge id="e%d" source="z" target="z"/>`, i)
	}
	for i := range graphml.MaxPendingText/(levels*4000) + 1 {
		fmt.Fprintf(&deep, `<edge id="e%d" source="z" target="z"/>`, i)
	}
	for name, c := range map[string]struct {
		doc  string
		code rmg.Code
		says string
	}{
		"nothing":              {"", rmg.Invalid, "does not begin with <graphml>"},
		"json":                 {"{}", rmg.Invalid, "does not begin with <graphml>"},
		"html":                 {"<html/>", rmg.Invalid, "does not begin with <graphml>"},
		"another namespace":    {`<graphml xmlns="urn:x"/>`, rmg.Invalid, "does not begin with <graphml>"},
		"cut off":              {"<graphml>\n<graph>", rmg.Invalid, "line 2, byte 17: unexpected EOF"},
		"crossed":              {in("<node id='a'></edge>"), rmg.Invalid, "element <node> closed by </edge>"},
		"two roots":            {"<graphml/><graphml/>", rmg.Invalid, "more after"},
		"text":                 {in("x"), rmg.Invalid, `text "x" stands`},
		"latin 1":              {`<?xml version="1.0" encoding="ISO-8859-1"?><graphml/>`, rmg.Invalid, "ISO-8859-1"},
		"not utf-8":            {in("<node id='\xff'/>"), rmg.Invalid, "UTF-8"},
		"entities":             {"<!DOCTYPE graphml [<!ENTITY a \"aaaa\">]><graphml/>", rmg.Invalid, "declares entities"},
		"an entity":            {in("<node id='&a;'/>"), rmg.Invalid, "entity"},
		"unknown element":      {in("<vertex/>"), rmg.Invalid, "<vertex> does not belong"},
		"hyperedge":            {in("<hyperedge/>"), rmg.Invalid, "many ends"},
		"locator":              {in("<locator/>"), rmg.Invalid, "not fetched"},
		"port of an edge":      {in("<node id='a'/><edge source='a' target='a'><port/></edge>"), rmg.Invalid, "<port>"},
		"two graphs":           {"<graphml><graph/><graph/></graphml>", rmg.Invalid, "second graph"},
		"two graphs in a node": {in("<node id='a'><graph/><graph/></node>"), rmg.Invalid, "second graph"},
		"edgedefault":          {"<graphml><graph edgedefault='up'/></graphml>", rmg.Invalid, "edgedefault"},
		"directed":             {in("<node id='a'/><edge source='a' target='a' directed='no'/>"), rmg.Invalid, "directed is"},
		"no id":                {in("<node/>"), rmg.Invalid, "id is missing"},
		"empty edge id":        {in("<node id='a'/><edge id='' source='a' target='a'/>"), rmg.Invalid, "id is missing"},
		"node twice":           {in("<node id='a'/><node id='a'/>"), rmg.Exists, "there already"},
		"no source":            {in("<edge target='a'/>"), rmg.Invalid, "no source"},
		"no such end":          {in("<node id='a'/><edge source='a' target='b'/>"), rmg.Invalid, `ends at "a" or "b"`},
		"end outside":          {in("<node id='a'/><node id='b'><graph><node id='c'/><edge source='c' target='a'/></graph></node>"), rmg.Invalid, `ends at "c" or "a"`},
		"end in an edge":       {in("<node id='a'/><edge source='a' target='a'><graph><node id='x'/></graph></edge><edge source='a' target='x'/>"), rmg.Invalid, `ends at "a" or "x"`},
		"end of two":           {in("<node id='a'><graph><node id='x'/></graph></node><node id='b'><graph><node id='x'/></graph></node><edge source='a' target='x'/>"), rmg.Invalid, "or several"},
		"graph before ends":    {in("<edge source='a' target='a'><graph/></edge><node id='a'/>"), rmg.Invalid, "before its ends"},
		"no such key":          {in("<node id='a'><data key='d'/></node>"), rmg.Invalid, `no key "d"`},
		"key twice":            {keyed("<key id='d'/><key id='d'/>", ""), rmg.Invalid, "declared twice"},
		"key without id":       {keyed("<key/>", ""), rmg.Invalid, "no id"},
		"key without name":     {keyed("<key id='d' attr.name=''/>", ""), rmg.Invalid, "empty name"},
		"key after the graph":  {"<graphml><graph/><key id='d'/></graphml>", rmg.Invalid, "after the graph"},
		"key with more":        {keyed("<key id='d'><x/></key>", ""), rmg.Invalid, "<x>"},
		"data twice":           {keyed("<key id='d'/>", "<node id='a'><data key='d'/><data key='d'/></node>"), rmg.Invalid, "stands twice"},
		"default":              {keyed("<key id='d' attr.type='int'><default>x</default></key>", ""), rmg.Invalid, `default: "x" is no long`},
		"too many keys":        {keyed(many.String(), ""), rmg.Limit, "keys"},
		"two defaults":         {keyed("<key id='d'><default>x</default><default>y</default></key>", ""), rmg.Invalid, "two defaults"},
		"key name too long":    {keyed("<key id='d' attr.name='"+strings.Repeat("x", graphml.MaxName+1)+"'/>", ""), rmg.Limit, "1024"},
		"filled":               {keyed("<key id='d'><default>"+long[:1<<20]+"</default></key>", fill.String()), rmg.Limit, "defaults and refs"},
		"filled by refs":       {in(refs.String()), rmg.Limit, "defaults and refs"},
		"pending text":         {in(deep.String()), rmg.Limit, "before their nodes hold"},
		"depth":                {nest(rmg.MaxDepth + 1), rmg.Limit, "deeper than 64"},
		"depth of elements":    {strings.Repeat("<graphml>", 1) + "<data>" + strings.Repeat("<a>", graphml.MaxOpen), rmg.Limit, "deeper than 256"},
		"id too long":          {in("<node id='" + strings.Repeat("x", rmg.MaxSegment+1) + "'/>"), rmg.Limit, "4096"},
		"attribute too long":   {in("<node id='a' x='" + strings.Repeat("x", graphml.MaxAttribute+1) + "'/>"), rmg.Limit, "attribute x"},
		"text too long":        {keyed("<key id='d'/>", "<node id='a'><data key='d'>"+long+"</data></node>"), rmg.Limit, "longer than"},
		"text in pieces":       {keyed("<key id='d'/>", "<node id='a'><data key='d'>"+long[1:]+"<!-- -->x</data></node>"), rmg.Limit, "longer than"},
		"pending":              {in(pending.String()), rmg.Limit, "edges come before"},
		"a newer format":       {`<graphml><key id="rmg.format"><default>2</default></key></graphml>`, rmg.Invalid, `"2"`},
		"format not first":     {`<graphml><key id="d"/><key id="rmg.format"><default>1</default></key></graphml>`, rmg.Invalid, "not the first"},
		"ours without kind":    {ours(`<node id="a"/>`), rmg.Invalid, "kind is empty"},
		"ours outside":         {ours(`<node id="a">` + kind + `<graph><node id="b">` + kind + `</node></graph></node>`), rmg.Invalid, `"b" is none`},
		"ours escaped badly":   {ours(`<node id="a:1g">` + kind + `</node>`), rmg.Invalid, "is none"},
		"ours, an edge":        {ours(`<node id="a">` + kind + `</node><edge source="a" target="a">` + kind + `</edge>`), rmg.Invalid, "id is missing"},
		"ours, json":           {ours(`<node id="a">` + kind + `<data key="p0.json">{</data></node>`), rmg.Invalid, "p0.json"},
		"ours, props":          {ours(`<node id="a">` + kind + `<data key="props.json">{"":1}</data></node>`), rmg.Invalid, `prop ""`},
		"ours, no text":        {ours(`<node id="a">` + kind + `<data key="p0.json"><b/></data></node>`), rmg.Invalid, "holds elements"},
	} {
		g, _, err := read(c.doc)
		if codeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %.200v (%s); want %s, %s", name, err, codeOf(err), c.code, c.says)
		}
		if !g.IsEmpty() {
			t.Errorf("%s leaves %.200s", name, told(g))
		}
	}
}

// TestEndlessText: of a text without an end no more is read than a value may have,
// each character written as a reference.
func TestEndlessText(t *testing.T) {
	endless := &xs{}
	_, err := graphml.Read(io.MultiReader(strings.NewReader("<graphml><!--"), endless), rmg.NewOverlay(rmg.Graph{}), rmg.Root, graphml.Options{})
	if codeOf(err) != rmg.Limit || endless.n > 6*graphml.MaxText+1<<16 {
		t.Errorf("after %d bytes: %v", endless.n, err)
	}
}

// xs is a reader of x without end, until it is clear that nobody stops.
type xs struct{ n int }

func (r *xs) Read(p []byte) (int, error) {
	if r.n > 10*graphml.MaxText {
		return 0, io.ErrUnexpectedEOF
	}
	for i := range p {
		p[i] = 'x'
	}
	r.n += len(p)
	return len(p), nil
}

// TestAtLimits: what is just within the limits is read.
func TestAtLimits(t *testing.T) {
	text := strings.Repeat("\x01", 3) + strings.Repeat("x", graphml.MaxText)
	props := map[string]rmg.Value{
		"long": rmg.String(text[3:]), "ctrl": rmg.String(text[:3]), "refs": rmg.String(strings.Repeat("&", graphml.MaxText/16)),
		strings.Repeat("n", graphml.MaxName+1): rmg.Int(1),
	}
	for i := range graphml.MaxKeys + 10 {
		props[fmt.Sprintf("p%d", i)] = rmg.Bool(true)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	if err := o.AddNode("/a", "K", rmg.PropsOf(props)); err != nil {
		t.Fatal(err)
	}
	at := rmg.Root
	for range rmg.MaxDepth {
		at = at.Child(strings.Repeat("\x00", rmg.MaxSegment))
		if err := o.AddNode(at, "K", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	back, _, err := read(write(t, o.Graph()))
	if err != nil || back.Digest() != o.Graph().Digest() {
		t.Errorf("what is at the limits is not read: %v", err)
	}
}

// FuzzRead: no document does harm, what is refused leaves nothing, and what is
// read is sound and comes back from a document of ours.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/foreign/*.graphml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/ours.graphml") {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(doc))
	}
	f.Add(`<graphml><graph edgedefault="undirected"><edge source="a" target="b"/><node id="a"/><node id="b"><graph/></node></graph></graphml>`)
	f.Fuzz(func(t *testing.T, doc string) {
		g, _, err := read(doc)
		if err != nil {
			if codeOf(err) == "" || !g.IsEmpty() {
				t.Fatalf("%v has no code, or leaves %s", err, told(g))
			}
			return
		}
		if found := rmg.Check(g); len(found) > 0 {
			t.Fatal(found)
		}
		ours := write(t, g)
		back, _, err := read(ours)
		if err != nil || back.Digest() != g.Digest() {
			t.Fatalf("%s\nis written as\n%s\nand read as\n%s%v", told(g), ours, told(back), err)
		}
	})
}
