package rmg_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

var update = flag.Bool("update", false, "write the golden files anew")

// anyValue draws a value of any type, nested at most depth deep.
func anyValue(depth int) *rapid.Generator[rmg.Value] {
	text := rapid.String()
	kinds := []*rapid.Generator[rmg.Value]{
		rapid.Map(rapid.Bool(), rmg.Bool),
		rapid.Map(rapid.Int64(), rmg.Int),
		rapid.Map(rapid.SampledFrom([]int64{1 << 53, 1<<53 + 1, -1 << 53, -1<<53 - 1, math.MinInt64, math.MaxInt64}), rmg.Int),
		rapid.Map(rapid.Float64(), rmg.Float),
		rapid.Map(rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e21, 1e-7, 5e-324}), rmg.Float),
		rapid.Map(text, rmg.String),
		rapid.Map(rapid.SliceOf(rapid.Byte()), rmg.Bytes),
		rapid.Map(rapid.SliceOfN(segment(), 0, 3), func(ids []string) rmg.Value { return rmg.Ref(rmg.Root.Join(ids...)) }),
		rapid.Map(rapid.Int64Min(0), func(n int64) rmg.Value { return rmg.BlobOf(rmg.Blob{Sum: [32]byte{31: byte(n)}, Size: n}) }),
	}
	if depth > 0 {
		key := text.Filter(func(s string) bool { return !strings.HasPrefix(s, "$") })
		kinds = append(
			kinds,
			rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 3), func(l []rmg.Value) rmg.Value { return rmg.List(l...) }),
			rapid.Map(rapid.MapOfN(key, anyValue(depth-1), 0, 3), rmg.Map),
		)
	}
	return rapid.OneOf(kinds...)
}

// segment draws raw ids: any bytes but none, with what needs escapes often.
func segment() *rapid.Generator[string] {
	odd := rapid.SampledFrom([]string{"~", "/", "%", ":1", "a:10", "\x00", "\xff", "é", "%2F", "~~", ".", "..", " "})
	raw := rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 6), func(b []byte) string { return string(b) })
	return rapid.OneOf(odd, raw, rapid.Custom(func(t *rapid.T) string { return odd.Draw(t, "a") + raw.Draw(t, "b") + odd.Draw(t, "c") }))
}

// TestValueRoundTrip: both codecs keep type and content, write one form of one
// value, and Check passes what they read.
func TestValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		if err := v.Check(); err != nil {
			t.Fatal(err)
		}
		checkJSON(t, v)
		checkCBOR(t, v)
	})
}

// tester is what rapid and testing have in common here.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func checkJSON(t tester, v rmg.Value) {
	t.Helper()
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back rmg.Value
	if err := json.Unmarshal(first, &back); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	if second, err := json.Marshal(back); !back.Equal(v) || !bytes.Equal(first, second) {
		t.Fatalf("%s comes back as %s (%v)", first, second, err)
	}
}

func checkCBOR(t tester, v rmg.Value) {
	t.Helper()
	first, err := v.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	var back rmg.Value
	if err := back.UnmarshalCBOR(first); err != nil {
		t.Fatalf("%x: %v", first, err)
	}
	if second, err := back.MarshalCBOR(); !back.Equal(v) || !bytes.Equal(first, second) {
		t.Fatalf("%x comes back as %x (%v)", first, second, err)
	}
}

// TestPropsRoundTrip goes by way of graphs: props read back give the digest.
func TestPropsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.String().Filter(func(s string) bool { return s != "" })
		p := rmg.PropsOf(rapid.MapOfN(names, anyValue(2), 0, 4).Draw(t, "props"))
		digest := func(p rmg.Props) rmg.Digest {
			o := rmg.NewOverlay(rmg.Graph{})
			if err := o.AddNode("/a", "N", p); err != nil {
				t.Fatal(err)
			}
			return o.Graph().Digest()
		}
		j, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		var fromJSON, fromCBOR rmg.Props
		if err := json.Unmarshal(j, &fromJSON); err != nil {
			t.Fatalf("%s: %v", j, err)
		}
		if err := fromCBOR.UnmarshalCBOR(c); err != nil {
			t.Fatalf("%x: %v", c, err)
		}
		if !fromJSON.Equal(p) || !fromCBOR.Equal(p) || digest(fromJSON) != digest(p) || digest(fromCBOR) != digest(p) {
			t.Fatalf("%s comes back as %v and %v", j, fromJSON, fromCBOR)
		}
	})
}

// TestValueJSONForms holds the decoder to the contract's words.
func TestValueJSONForms(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for in, want := range map[string]string{
		`1`: `1`, ` 1 `: `1`, `-0`: `0`, `1.0`: `1.0`, `1e2`: `100.0`, `-0.0`: `0.0`, `9007199254740993`: `{"$int":"9007199254740993"}`,
		`{"$int":"5"}`: `5`, `{"$float":"NaN"}`: `{"$float":"NaN"}`, `{"$float":"+Inf"}`: `{"$float":"+Inf"}`,
		`"<&>"`: `"<&>"`, `{"b":1,"a":[]}`: `{"a":[],"b":1}`, `{"$ref":"/%61"}`: `{"$ref":"/a"}`, `{"$bytes":"AA=="}`: `{"$bytes":"AA=="}`,
		`null`: `null`, `{"$blob":"` + sum + `","size":3}`: `{"$blob":"` + sum + `","size":3}`,
		`9223372036854775808`: "", `1e999`: "", `{"$int":"x"}`: "", `{"$int":5}`: "", `{"$float":"1"}`: "", `{"$bytes":"?"}`: "", `{"$ref":"a"}`: "",
		`{"$blob":"ab","size":1}`: "", `{"$blob":"` + sum + `","size":-1}`: "", `{"$blob":"` + sum + `"}`: "", `{"$x":1}`: "", `{"$int":"5","a":1}`: "",
		`{"a":1,"a":2}`: "", `{"a":{"b":null}}`: "", `[null]`: "", `1]`: "", `1 2`: "", `{"a":1}}`: "", `[1`: "", `{"a"`: "", ``: "", `nul`: "",
		strings.Repeat("[", rmg.MaxValueDepth) + strings.Repeat("]", rmg.MaxValueDepth): strings.Repeat("[", rmg.MaxValueDepth) + strings.Repeat("]", rmg.MaxValueDepth),
		strings.Repeat("[", 100_000): "",
		strings.Repeat("[", rmg.MaxValueDepth+2) + strings.Repeat("]", rmg.MaxValueDepth+2): "",
	} {
		var v rmg.Value
		err := v.UnmarshalJSON([]byte(in))
		out, _ := v.MarshalJSON()
		switch {
		case want == "" && err == nil:
			t.Errorf("%.80s is read as %s", in, out)
		case want != "" && (err != nil || string(out) != want):
			t.Errorf("%.80s is read as %s, %v; want %s", in, out, err, want)
		}
	}
	for in, ok := range map[string]bool{
		`{}`: true, `null`: true, `{"a":1}`: true, `{"$ref":"/a"}`: true,
		`{"a":null}`: false, `[]`: false, `{"a":1,"a":1}`: false, `{"a":1}]`: false, `1`: false, `{"a":{"$x":1}}`: false,
	} {
		var p rmg.Props
		if err := p.UnmarshalJSON([]byte(in)); (err == nil) != ok {
			t.Errorf("props %s: %v", in, err)
		}
	}
}

// TestValueCBORForms: what MarshalCBOR never writes is refused where it would
// make a value that no other form can say.
func TestValueCBORForms(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "half a float": "\xf9\x3c\x00", "undefined": "\xf7", "more after it": "\x01\x01", "uint64": "\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
		"text not UTF-8": "\x61\xff", "unknown tag": "\xc1\x01", "bignum": "\xc2\x41\x01", "key twice": "\xa2\x61a\x01\x61a\x02", "key no text": "\xa1\x01\x01",
		"null in a map": "\xa1\x61a\xf6", "open list": "\x9f\x01\xff", "ref to nowhere": "\xd9\xfd\xe9\x61a", "ref not canonical": "\xd9\xfd\xe9\x64/%61",
		"ref of null": "\xd9\xfd\xe9\xf6", "short blob": "\xd9\xfd\xea\x82\x41a\x01", "blob size null": "\xd9\xfd\xea\x82\x58\x20" + strings.Repeat("a", 32) + "\xf6",
		"blob size below 0": "\xd9\xfd\xea\x82\x58\x20" + strings.Repeat("a", 32) + "\x20", "cut off": "\x62a", "too deep": strings.Repeat("\x81", 1000) + "\x01",
		"a list that lies about its length": "\x9b\x00\x00\x00\x01\x00\x00\x00\x00",
	} {
		var v rmg.Value
		if err := v.UnmarshalCBOR([]byte(in)); err == nil {
			t.Errorf("%s is read as a %d", name, v.Type())
		}
	}
}

// TestPathRoundTrip: any bytes go through a path and back, and two places never
// share a path.
func TestPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rmg.Root
		var segs []rmg.Segment
		for range rapid.IntRange(0, 4).Draw(t, "depth") {
			s := rmg.Segment{ID: segment().Draw(t, "id"), Edge: rapid.Bool().Draw(t, "edge")}
			if parent := add(p, s).Parent(); parent != p {
				t.Fatalf("the parent of %s is %s", add(p, s), parent)
			}
			p = add(p, s)
			segs = append(segs, s)
			if p.Base() != s {
				t.Fatalf("the base of %s is %+v, want %+v", p, p.Base(), s)
			}
		}
		if got := p.Segments(); !slices.Equal(got, segs) {
			t.Fatalf("%s has %+v, want %+v", p, got, segs)
		}
		if q, err := rmg.ParsePath(string(p)); err != nil || q != p {
			t.Fatalf("%q is read as %q, %v", p, q, err)
		}
		if strings.ContainsFunc(string(p), func(r rune) bool {
			return r < 0x20 || r == 0x7f || r == '\ufffd' && !strings.Contains(fmt.Sprint(segs), "\ufffd")
		}) {
			t.Fatalf("%q shows control bytes", p)
		}
		ids, ok := rmg.Root.Rel(p)
		nodes := true
		for i, s := range segs {
			nodes = nodes && !s.Edge
			if ok && ids[i] != s.ID {
				t.Fatalf("Rel of %s gives %q", p, ids)
			}
		}
		if ok != nodes || !p.Has(p) || !rmg.Root.Has(p) || p.Has(p.Parent()) != (p == rmg.Root) {
			t.Fatalf("%s: Rel says %v, want %v", p, ok, nodes)
		}
	})
}

func TestPathForms(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "/a": "/a", "/%61": "/a", "/a%2fb": "/a%2Fb", "/~e": "/~e", "/%7Ee": "/%7Ee", "/a~": "/a~", "/x:12": "/x%3A12", "/x:y": "/x:y",
		"/:1": "/%3A1", "/\xff": "/%FF", "/%c3%a9": "/é", "/a\n": "/a%0A", "/..": "/..", "/~%7E": "/~%7E",
		"": "", "a": "", "//": "", "/a/": "", "/~": "", "/%": "", "/%1": "", "/%zz": "", "/a//b": "",
	} {
		got, err := rmg.ParsePath(in)
		if (err != nil) != (want == "") || string(got) != want {
			t.Errorf("%q is read as %q, %v; want %q", in, got, err, want)
		}
		if want == "" && codeOf(err) != rmg.Invalid {
			t.Errorf("%q: code %s", in, codeOf(err))
		}
	}
	for _, in := range []string{strings.Repeat("/a", rmg.MaxDepth+1), "/" + strings.Repeat("a", rmg.MaxSegment+1)} {
		if _, err := rmg.ParsePath(in); codeOf(err) != rmg.Limit {
			t.Errorf("a path of %d bytes: %v", len(in), err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/~e/x", "/%2F%7e", "/a:1", "/\xff", "//", "/a%", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := rmg.ParsePath(s)
		if err != nil {
			return
		}
		q := rmg.Root
		for _, seg := range p.Segments() {
			q = add(q, seg)
		}
		if again, err := rmg.ParsePath(string(p)); err != nil || again != p || q != p {
			t.Fatalf("%q is %q, then %q, %v, and by its segments %q", s, p, again, err, q)
		}
	})
}

func FuzzValueJSON(f *testing.F) {
	for _, s := range []string{`1`, `1.5`, `{"$int":"9007199254740993"}`, `{"a":[true,"x"]}`, `{"$blob":"00","size":1}`, `{"$ref":"/a"}`, `[[[]]]`, `null`, `1]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v rmg.Value
		if v.UnmarshalJSON(data) == nil && !v.IsZero() {
			if err := v.Check(); err != nil {
				t.Fatalf("%q is read, and then refused: %v", data, err)
			}
			checkJSON(t, v)
			checkCBOR(t, v)
		}
		var p rmg.Props
		if p.UnmarshalJSON(data) == nil {
			j, err := json.Marshal(p)
			var back rmg.Props
			if err != nil || json.Unmarshal(j, &back) != nil || !back.Equal(p) {
				t.Fatalf("%q is read, and then %s is not: %v", data, j, err)
			}
		}
	})
}

func FuzzValueCBOR(f *testing.F) {
	for _, v := range goldenValues() {
		b, err := v.MarshalCBOR()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x81\xf6"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v rmg.Value
		if v.UnmarshalCBOR(data) == nil {
			checkCBOR(t, v)
			if v.Check() == nil {
				checkJSON(t, v)
			}
		}
		var p rmg.Props
		if p.UnmarshalCBOR(data) == nil {
			c, err := p.MarshalCBOR()
			var back rmg.Props
			if err != nil || back.UnmarshalCBOR(c) != nil || !back.Equal(p) {
				t.Fatalf("%x is read, and then %x is not: %v", data, c, err)
			}
		}
	})
}

// goldenValues holds one of each form.
func goldenValues() []rmg.Value {
	return []rmg.Value{
		rmg.Bool(false), rmg.Bool(true), rmg.Int(0), rmg.Int(-1), rmg.Int(1 << 53), rmg.Int(math.MinInt64), rmg.Float(1), rmg.Float(0.1),
		rmg.Float(math.NaN()), rmg.Float(math.Inf(-1)), rmg.String(""), rmg.String("é<\n"), rmg.Bytes(nil), rmg.Bytes([]byte{0, 255}), rmg.List(),
		rmg.List(rmg.Int(1), rmg.String("x")), rmg.Map(nil), rmg.Map(map[string]rmg.Value{"b": rmg.Int(1), "a": rmg.Bool(true), "aa": rmg.Float(2)}),
		rmg.Ref("/"), rmg.Ref("/a/~b%2F"), rmg.BlobOf(rmg.Blob{Sum: [32]byte{1, 31: 2}, Size: 7}),
	}
}

// TestGolden holds encodings and digests to what they were: they stand in logs
// on disk, and another machine must come to the same.
func TestGolden(t *testing.T) {
	var b bytes.Buffer
	for _, v := range goldenValues() {
		j, errJ := v.MarshalJSON()
		c, errC := v.MarshalCBOR()
		if errJ != nil || errC != nil {
			t.Fatal(errJ, errC)
		}
		fmt.Fprintf(&b, "value %s %x\n", j, c)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	step := func(name string, err error) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "graph %s %s\n", name, o.Graph().Digest())
	}
	step("empty", nil)
	props := map[string]rmg.Value{}
	for i, v := range goldenValues() {
		props[fmt.Sprint("p", i)] = v
	}
	step("node", o.AddNode("/a", "N", rmg.Props{}))
	step("props", o.Set("/a", props))
	step("second", o.AddNode("/b", "N", rmg.Props{}))
	step("edge", o.AddEdge("/~e", "E", "a", "b", rmg.Props{}))
	step("inside", o.AddNode("/a/x", "N", rmg.Props{}))
	step("inside an edge", o.AddNode("/~e/x", "N", rmg.Props{}))
	for i := range 50 {
		if err := o.AddNode(rmg.Root.Child(fmt.Sprint("n", i)), "N", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	step("many", nil)

	name := filepath.Join("testdata", "encodings.golden")
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with go test ./rmg -run TestGolden -update", err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("encodings are\n%s\nwere\n%s\nIf the format is meant to change: go test ./rmg -run TestGolden -update", b.Bytes(), want)
	}
}

// TestDigestText: 64 hex digits and nothing else.
func TestDigestText(t *testing.T) {
	d := rmg.Graph{}.Digest()
	var back rmg.Digest
	if err := back.UnmarshalText([]byte(d.String())); err != nil || back != d || d.IsZero() {
		t.Errorf("%s comes back as %s, %v", d, back, err)
	}
	for _, s := range []string{"", "00", strings.Repeat("g", 64), strings.Repeat("0", 63), strings.Repeat("0", 65)} {
		if err := back.UnmarshalText([]byte(s)); codeOf(err) != rmg.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}
