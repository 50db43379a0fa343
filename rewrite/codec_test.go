package rewrite_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

var update = flag.Bool("update", false, "write the golden files anew")

// normal is an op with what both codecs leave out: empty is absent.
func normal(o rewrite.Op) rewrite.Op {
	if len(o.Props) == 0 {
		o.Props = nil
	}
	if len(o.Bytes) == 0 {
		o.Bytes = nil
	}
	return o
}

// sameOp compares by content: lists and maps of values have no form of their own.
func sameOp(a, b rewrite.Op) bool {
	a, b = normal(a), normal(b)
	if len(a.Props) != len(b.Props) || !a.Value.Equal(b.Value) {
		return false
	}
	for n, v := range a.Props {
		if w, ok := b.Props[n]; !ok || !v.Equal(w) {
			return false
		}
	}
	a.Props, b.Props, a.Value, b.Value = nil, nil, rmg.Value{}, rmg.Value{}
	return reflect.DeepEqual(a, b)
}

type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkJSON(t tester, op rewrite.Op) {
	t.Helper()
	first, err := json.Marshal(op)
	if err != nil {
		t.Fatalf("%+v: %v", op, err)
	}
	var back rewrite.Op
	if err := json.Unmarshal(first, &back); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	if second, err := json.Marshal(back); err != nil || !sameOp(op, back) || !bytes.Equal(first, second) {
		t.Fatalf("%s comes back as %s (%v)", first, second, err)
	}
}

func checkCBOR(t tester, op rewrite.Op) {
	t.Helper()
	first, err := op.MarshalCBOR()
	if err != nil {
		t.Fatalf("%+v: %v", op, err)
	}
	var back rewrite.Op
	if err := back.UnmarshalCBOR(first); err != nil {
		t.Fatalf("%x: %v", first, err)
	}
	if second, err := back.MarshalCBOR(); err != nil || !sameOp(op, back) || !bytes.Equal(first, second) {
		t.Fatalf("%+v comes back as %+v (%v)", op, back, err)
	}
}

// TestOpRoundTrip: what was drawn, and content of each sort, comes back whole.
func TestOpRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := drawOps(t, drawGraph(t, rmg.Graph{}, 4), 4)
		content := rewrite.Op{Op: rewrite.Write, Path: "/d/f", Mode: "0755"}
		if rapid.Bool().Draw(t, "text") {
			content.Text, content.HasText = rapid.String().Draw(t, "text"), true
		} else {
			content.Bytes, content.HasBytes = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), true
		}
		for _, op := range append(ops, content) {
			checkCBOR(t, op)
			if op.Op == rewrite.AddNode && op.Path.Base().Edge || (op.Op == rewrite.SetAdd || op.Op == rewrite.SetRemove) && op.Value.IsZero() {
				continue // refused on reading, or null either way
			}
			checkJSON(t, op)
		}
	})
}

// TestOpJSONRefusals: each names what is wrong.
func TestOpJSONRefusals(t *testing.T) {
	long := strings.Repeat("x", rewrite.MaxText+1)
	for in, want := range map[string]string{
		`1`: "object", `null`: "object", `[]`: "object", `{"op":"set","path":"/a","props":{}}}`: "not JSON", `{"op":"set","path":"/a","props":{"x":1,"x":2}}`: "twice", `{"op":"set","path":"/a","props":[]}`: "props", `{}`: "\"op\"", `{"op":1,"path":"/a"}`: "\"op\"", `{"op":"explode","path":"/a"}`: "add_node, add_edge",
		`{"op":"set","props":{}}`: "\"path\"", `{"op":"set","path":"/a"}`: "\"props\"", `{"op":"inc","path":"/a","prop":"n"}`: "\"by\"",
		`{"op":"set","path":"/a","props":{},"mode":"0644"}`: "\"mode\"", `{"op":"remove","path":"/a","Cascade":true}`: "\"Cascade\"",
		`{"op":"set","path":"a","props":{}}`: "path", `{"op":"move","path":"/a","to":"b"}`: "path", `{"op":"move","path":"/a"}`: "\"to\"",
		`{"op":"inc","path":"/a","prop":"n","by":1.5}`: "inc", `{"op":"set","path":"/a","props":{"x":{"$y":1}}}`: "$",
		`{"op":"add_node","path":"/~a","kind":"K"}`: "other sort", `{"op":"add_edge","path":"/a","kind":"K","from":"a","to":"b"}`: "other sort",
		`{"op":"write","path":"/a"}`: "exactly one", `{"op":"write","path":"/a","text":"","base64":""}`: "exactly one",
		`{"op":"write","path":"/a","base64":"?"}`: "base64", `{"op":"write","path":"/a","blob":"00"}`: "64 hex", `{"op":"write","path":"/a","text":"","mode":"644"}`: "mode",
		`{"op":"write","path":"/a","text":"` + long + `"}`: "1048576", `{"op":"write","path":"/a","blob":"` + strings.Repeat("0", 64) + `","size":-1}`: "size",
		`{"op":"retype","path":"/a","kind":"K","kind":"L"}`: "twice",
	} {
		var op rewrite.Op
		err := op.UnmarshalJSON([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(op, rewrite.Op{}) {
			t.Errorf("%.80s: %v, %+v; want %q", in, err, op, want)
		}
		if c := codeOf(err); c != rmg.Invalid && c != rmg.Limit {
			t.Errorf("%.80s: code %q", in, c)
		}
	}
}

// TestOpJSONBytes: JSON has no bytes that are not UTF-8; content and ids go as base64,
// and come back as what they were.
func TestOpJSONBytes(t *testing.T) {
	op := rewrite.Op{Op: rewrite.Write, Path: "/f", Text: "a\xff", HasText: true}
	raw, err := json.Marshal(op)
	var back rewrite.Op
	if err != nil || json.Unmarshal(raw, &back) != nil || string(back.Bytes) != op.Text {
		t.Errorf("%s, %v: %+v", raw, err, back)
	}
	op = rewrite.Op{Op: rewrite.AddEdge, Path: "/~e%FF", Kind: "K", From: "a\xff", To: "b"}
	back = rewrite.Op{}
	raw, err = json.Marshal(op)
	if err != nil || json.Unmarshal(raw, &back) != nil || !reflect.DeepEqual(back, op) {
		t.Errorf("%s, %v: %+v", raw, err, back)
	}
}

// TestOpCBORRefusals: a log that was damaged beyond its checksums is not read
// as something else.
func TestOpCBORRefusals(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "no map": "\x01", "no op": "\xa1\x01\x62/a", "unknown op": "\xa2\x00\x61x\x01\x62/a", "no path": "\xa1\x00\x63set",
		"empty path": "\xa2\x00\x63set\x01\x60", "path not canonical": "\xa2\x00\x63set\x01\x64/%61", "move to nowhere": "\xa2\x00\x64move\x01\x62/a",
		"unknown field": "\xa3\x00\x63set\x01\x62/a\x18\x63\x01", "field twice": "\xa3\x00\x63set\x01\x62/a\x01\x62/b",
		"write of nothing": "\xa2\x00\x65write\x01\x62/a", "short sum": "\xa3\x00\x65write\x01\x62/a\x0b\x41a", "null": "\xf6",
	} {
		var op rewrite.Op
		if err := op.UnmarshalCBOR([]byte(in)); err == nil {
			t.Errorf("%s is read as %+v", name, op)
		}
	}
}

// TestOpGolden holds both forms to what they were: the one stands in logs, the
// other in scripts and clients.
func TestOpGolden(t *testing.T) {
	var b bytes.Buffer
	for _, s := range []string{
		`{"op":"add_node","path":"/svc/auth","kind":"Service","props":{"lang":"go"}}`,
		`{"op":"add_edge","path":"/svc/~auth-db","kind":"depends_on","from":"auth","to":"db"}`,
		`{"op":"set","path":"/svc/auth","props":{"version":2,"old":null}}`,
		`{"op":"retype","path":"/svc/auth","kind":"Gateway"}`,
		`{"op":"inc","path":"/svc/auth","prop":"hits","by":-1}`,
		`{"op":"set_add","path":"/svc/auth","prop":"tags","value":["<x>"]}`,
		`{"op":"set_remove","path":"/svc/auth","prop":"tags","value":1.0}`,
		`{"op":"move","path":"/svc/auth","to":"/old/a%2Fb"}`,
		`{"op":"remove","path":"/svc/auth","cascade":true}`,
		`{"op":"remove","path":"/svc/auth"}`,
		`{"op":"write","path":"/repo/app/main/a.txt","text":"a\n","mode":"0644"}`,
		`{"op":"write","path":"/repo/app/main/a.txt","base64":"AP8="}`,
		`{"op":"write","path":"/repo/app/main/a.txt","blob":"` + strings.Repeat("0a", 32) + `","size":7}`,
	} {
		op := parse(t, s)[0]
		j, errJ := op.MarshalJSON()
		c, errC := op.MarshalCBOR()
		if errJ != nil || errC != nil {
			t.Fatal(errJ, errC)
		}
		fmt.Fprintf(&b, "%s\n  %x\n", j, c)
	}
	name := filepath.Join("testdata", "ops.golden")
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with go test ./rewrite -run TestOpGolden -update", err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("ops are\n%s\nwere\n%s\nIf the format is meant to change: go test ./rewrite -run TestOpGolden -update", b.Bytes(), want)
	}
}

// TestRewriteJSON: what is absent is left out, what is there comes back.
func TestRewriteJSON(t *testing.T) {
	rw := rewrite.Rewrite{Ops: parse(t, world...), Expect: rewrite.Expect{Digest: rmg.Graph{}.Digest(), Seq: 3}, Reason: "why"}
	raw, err := json.Marshal(rw)
	var back rewrite.Rewrite
	if err != nil || json.Unmarshal(raw, &back) != nil || back.Expect != rw.Expect || back.Reason != rw.Reason || len(back.Ops) != len(rw.Ops) {
		t.Fatalf("%s, %v: %+v", raw, err, back)
	}
	for i := range rw.Ops {
		if !sameOp(rw.Ops[i], back.Ops[i]) {
			t.Errorf("op %d comes back as %+v", i, back.Ops[i])
		}
	}
	if raw, err := json.Marshal(rewrite.Rewrite{Ops: []rewrite.Op{}}); err != nil || string(raw) != `{"ops":[]}` {
		t.Errorf("an empty rewrite is %s, %v", raw, err)
	}
}

func FuzzOpJSON(f *testing.F) {
	for op := range refusals {
		f.Add([]byte(op))
	}
	for _, op := range world {
		f.Add([]byte(op))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var op rewrite.Op
		var err error
		bounded(t, len(data), func() { err = op.UnmarshalJSON(data) })
		if err == nil {
			checkJSON(t, op)
			checkCBOR(t, op)
			// Whatever was read, applying it answers; it does not panic.
			o := rmg.NewOverlay(rmg.Graph{})
			_ = rewrite.Apply(o, []rewrite.Op{op})
			_ = o.Graph().Digest()
			_ = rewrite.FootprintOf([]rewrite.Op{op}).Conflicts(rewrite.Footprint{})
		}
	})
}

func FuzzOpCBOR(f *testing.F) {
	for _, s := range world {
		var op rewrite.Op
		if err := op.UnmarshalJSON([]byte(s)); err != nil {
			f.Fatal(err)
		}
		raw, err := op.MarshalCBOR()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var op rewrite.Op
		var err error
		bounded(t, len(data), func() { err = op.UnmarshalCBOR(data) })
		if err == nil {
			checkCBOR(t, op)
			o := rmg.NewOverlay(rmg.Graph{})
			_ = rewrite.Apply(o, []rewrite.Op{op})
			_ = o.Graph().Digest()
			_ = rewrite.FootprintOf([]rewrite.Op{op})
		}
	})
}

// An op is read the same however its text is laid out: in any order of fields,
// with spaces, with escapes, and with null for what is absent.
func TestOpLayout(t *testing.T) {
	want := rewrite.Op{Op: rewrite.AddEdge, Path: "/svc/~é", Kind: "k\"", From: "a", To: "b", Props: map[string]rmg.Value{"x": rmg.String("},]")}}
	for _, text := range []string{
		`{"op":"add_edge","path":"/svc/~é","kind":"k\"","from":"a","to":"b","props":{"x":"},]"}}`,
		" {\t\"props\" : { \"x\" : \"},]\" } , \"to\":\"\\u0062\",\n\"from\" :\"a\" , \"kind\":\"\\u006b\\\"\",\"p\\u0061th\":\"/svc/~\\u00e9\" ,\"op\":\"add_edge\" } ",
	} {
		var got rewrite.Op
		if err := json.Unmarshal([]byte(text), &got); err != nil || !sameOp(got, want) {
			t.Errorf("%s: %v\n%+v", text, err, got)
		}
	}
	for text, by := range map[string]int64{
		`{"op":"inc","path":"/a","prop":"n","by":-3}`: -3, `{"by":9223372036854775807,"op":"inc","path":"/a","prop":"n"}`: 1<<63 - 1,
		`{"op":"inc","by":null,"path":"/a","prop":"n"}`: 0,
	} {
		var got rewrite.Op
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.By != by {
			t.Errorf("%s: %v, by %d", text, err, got.By)
		}
	}
	// Beyond what is looked through one by one.
	many := `{"op":"set","path":"/a","props":{"p":0`
	for i := range 40 {
		many += fmt.Sprintf(`,"p%d":%d`, i, i)
	}
	var got rewrite.Op
	if err := json.Unmarshal([]byte(many+`}}`), &got); err != nil || len(got.Props) != 41 {
		t.Errorf("%v: %d props", err, len(got.Props))
	}
	if err := json.Unmarshal([]byte(many+`,"p3":1}}`), &got); err == nil || !strings.Contains(err.Error(), `"p3" stands twice`) {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", " ", "{", `{"op"`, `{"op":"set",}`, `{"op":"set","path":"/a","props":{}} x`} {
		if got.UnmarshalJSON([]byte(text)) == nil {
			t.Errorf("%q is taken for an op", text)
		}
	}
}
