package rmg_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// What a decoder may allocate for each byte of its input, whatever the input is.
// CBOR is checked in place and copied once; the reader of JSON allocates for
// each token, and a map is encoded anew at each level that it stands in.
const (
	perByteText = 64
	perByteCBOR = 8
	perByteJSON = 400
	perByteTree = 256       // a path, a record and its place in a trie for each element
	allowance   = 512 << 10 // the race detector adds to it
)

// bounded runs fn, and fails if that allocated more than the input is worth. The
// runtime counts what all goroutines allocate; the allowance is for buffers of
// fixed size, and what others do meanwhile is told from what fn does by running it
// again: fn does the same each time.
func bounded(t testing.TB, input, perByte int, fn func()) {
	t.Helper()
	most := uint64(allowance + perByte*input)
	var got uint64
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		if got = after.TotalAlloc - before.TotalAlloc; got <= most {
			return
		}
	}
	t.Errorf("%d bytes of input made it allocate %d; %d would be right", input, got, most)
}

// decoders are all that rmg reads from bytes.
var decoders = []struct {
	name    string
	perByte int
	read    func(data []byte) error
}{
	{"path", perByteText, func(data []byte) error { _, err := rmg.ParsePath(string(data)); return err }},
	{"selector", perByteJSON, func(data []byte) error { _, err := rmg.ParseSelector(string(data)); return err }},
	{"strategy", perByteText, func(data []byte) error { _, err := rmg.ParseStrategy(string(data)); return err }},
	{"digest", perByteText, func(data []byte) error { return new(rmg.Digest).UnmarshalText(data) }},
	{"value of JSON", perByteJSON, func(data []byte) error { return new(rmg.Value).UnmarshalJSON(data) }},
	{"value of CBOR", perByteCBOR, func(data []byte) error { return new(rmg.Value).UnmarshalCBOR(data) }},
	{"props of JSON", perByteJSON, func(data []byte) error { return new(rmg.Props).UnmarshalJSON(data) }},
	{"props of CBOR", perByteCBOR, func(data []byte) error { return new(rmg.Props).UnmarshalCBOR(data) }},
	{"graph of JSON", perByteTree, func(data []byte) error { _, err := rmg.ReadJSON(bytes.NewReader(data)); return err }},
	{"graph of CBOR", perByteTree, func(data []byte) error { _, err := rmg.ReadCBOR(bytes.NewReader(data)); return err }},
	{"store", perByteTree, openWhole},
	{"object of a store", perByteTree, func(data []byte) error { rmg.DecodeObject(data); return nil }},
}

// openWhole opens data as a store that is one object, and reads what there is.
func openWhole(data []byte) error {
	root := rmg.StoredRoot{Length: int64(len(data)), CRC: crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))}
	g, err := rmg.NewStore(bytes.NewReader(data), nil, int64(len(data))).Open(root)
	if err != nil {
		return err
	}
	return rmg.Protect(func() {
		for range g.Walk(rmg.Root) {
		}
	})
}

// hostile are inputs that say more than they hold, nest without end, or are as
// much work for each byte as can be thought of.
func hostile() map[string]string {
	const n = 1 << 16
	half := strings.Repeat
	return map[string]string{
		"nothing": "", "zeros": half("\x00", n), "ones": half("\xff", n), "breaks": half("\xff\xff\xff\xff\x9f\xbf", n/6),
		"lists in lists": half("[", n), "maps in maps": half(`{"a":`, n/5), "closed lists": half("[", n/2) + half("]", n/2),
		"small lists": "[" + half("[],", n/3) + "[]]", "zeros in a list": "[" + half("0,", n/2) + "0]", "strings": "[" + half(`"",`, n/3) + `""]`,
		"escapes": `"` + half(`\u0041`, n/6) + `"`, "percents": half("/%41", n/4), "slashes": half("/a", n/2), "edges": half("/~a", n/3),
		"one long name": "/" + half("a", n), "a number": half("9", n), "a fraction": "0." + half("9", n), "an exponent": "1e" + half("9", n),
		"maps to the limit": half(`{"aaaaaaaa":`, 32) + `"` + half("x", n) + `"` + half("}", 32), "the same name": "{" + half(`"a":1,`, n/6) + `"a":1}`,
		"base64": `{"$bytes":"` + half("AAAA", n/4) + `"}`, "names": manyNames(n / 8),
		"CBOR lists in lists": half("\x81", n), "CBOR maps in maps": half("\xa1\x61a", n/3), "CBOR tags": half("\xd9\xfd\xe9", n/3),
		"CBOR list of 2^32": "\x9b\x00\x00\x00\x01\x00\x00\x00\x00", "CBOR list of a million": "\x9a\x00\x0f\x42\x40" + half("\x80", n), "CBOR map of a million": "\xba\x00\x0f\x42\x40",
		"CBOR bytes of 2^62": "\x5b\x40\x00\x00\x00\x00\x00\x00\x00", "CBOR text of 2^31": "\x7a\x80\x00\x00\x00x", "CBOR zeros": "\x9a\x00\x00\xff\xff" + half("\x00", n-1),
		"predicates": "/*" + half("[a]", 64), "JSON predicates": "/*" + half(`[a=[]]`, 64), "too many steps": half("/**", 5000), "arrows": "/a" + half("->", 2000), "stars": "/" + half("*?", 4000),
		"nodes": `{"nodes":[` + half(`{"id":"a","kind":"K"},`, 1000) + `]}`, "graphs in graphs": half(`{"nodes":[{"id":"a","kind":"K","graph":`, 1000),
		"graphs without ids": half(`{"nodes":[{"graph":`, 3000), "many nodes": manyElements(3000), "CBOR graphs in graphs": "\x82\x6djitos/graph/1" + half("\x82\x81\x84\x41a\x61K\x41\xa0", 2000),
		"CBOR nodes of 2^40":        "\x82\x6djitos/graph/1\x82\x9b\x00\x00\x01\x00\x00\x00\x00\x00" + half("\x84", n),
		"CBOR props of 64 MiB":      "\x82\x6djitos/graph/1\x82\x81\x84\x41a\x61K\x5a\x04\x00\x00\x00",
		"a branch of many children": "\x83\x02\x00\x99\x02\x02" + half("\x01\xf6", 257), "a bucket of many": "\x82\x01\x98\x20" + half("\x89", n),
		"a store's level": "\x82\x86\x00\x1a\x03\xff\xff\xff\x00\x1a\xff\xff\xff\xff\x18\x40\x58\x20" + half("\x00", 32) + "\xf6",
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func manyElements(n int) string {
	var nodes, edges strings.Builder
	for i := range n {
		fmt.Fprintf(&nodes, `,{"id":"%d","kind":"K"}`, i)
		fmt.Fprintf(&edges, `,{"id":"%d","kind":"K","from":"0","to":"%d"}`, i, i)
	}
	return `{"nodes":[` + nodes.String()[1:] + `],"edges":[` + edges.String()[1:] + `]}`
}

// Whatever comes in, no decoder panics, and none allocates more than a multiple
// of what came in. What is refused has a code.
func TestHostileInput(t *testing.T) {
	inputs := hostile()
	for _, d := range decoders {
		for name, in := range inputs {
			t.Run(d.name+"/"+strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				data := []byte(in)
				bounded(t, len(data), d.perByte, func() {
					if err := d.read(data); err != nil && strings.HasPrefix(string(codeOf(err)), "no ") {
						t.Errorf("an error without a code: %.200v", err)
					}
				})
			})
		}
	}
}

// FuzzDecoders throws the same bytes at every decoder.
func FuzzDecoders(f *testing.F) {
	for _, in := range hostile() {
		f.Add([]byte(in[:min(len(in), 400)]))
	}
	for _, form := range forms {
		f.Add(form.bytes(f, services()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range decoders {
			bounded(t, len(data), d.perByte, func() { _ = d.read(data) })
		}
	})
}

// FuzzReadGraph: what either form reads is a sound graph, which both write so
// that it is read again; and there is one CBOR of a graph.
func FuzzReadGraph(f *testing.F) {
	for _, form := range forms {
		f.Add(form.bytes(f, services()))
		f.Add(form.bytes(f, manyNodes(f, 40)))
	}
	f.Add([]byte(`{"nodes":[{"graph":{"nodes":[{"id":"i","kind":"K"}]},"kind":"K","id":{"$bytes":"/w=="}}],"edges":[{"to":"a","id":"~"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for i, form := range forms {
			g, err := form.read(bytes.NewReader(data))
			if err != nil {
				if c := codeOf(err); c != rmg.Invalid && c != rmg.Limit {
					t.Fatalf("%s: %v", form.name, err)
				}
				continue
			}
			if _, ok := g.Node("kind"); !ok {
				if list := rmg.Check(g); len(list) > 0 {
					t.Fatalf("%s: %q is read, and then %v", form.name, data, list[0])
				}
			}
			for _, other := range forms {
				back, err := other.read(bytes.NewReader(other.bytes(t, g)))
				if err != nil || back.Digest() != g.Digest() {
					t.Fatalf("%s: %q is read; as %s it is another: %v", form.name, data, other.name, err)
				}
			}
			if again := form.bytes(t, g); i == 1 && !bytes.Equal(again, data) {
				t.Fatalf("%x is read as what is written %x", data, again)
			}
		}
	})
}

// FuzzSchemas compiles any graph's /kind, which a schema that is well formed
// allows to be written.
func FuzzSchemas(f *testing.F) {
	for _, kinds := range []string{
		`{"nodes":[{"id":"Service","kind":"Kind","props":{"inner":["Endpoint"],"closed":true},"graph":{"nodes":[{"id":"port","kind":"Prop","props":{"type":"int","default":80,"index":true,"merge":"max"}}]}}]}`,
		`{"nodes":[{"id":"calls","kind":"Kind","props":{"from":["Service"],"to":["Service"],"multiplicity":"one_out","leaf":true}}]}`,
		`{"nodes":[{"id":"K","kind":"Kind","props":{"of":"edge","inner":[1],"doc":2}},{"id":"x","kind":"Other"}],"edges":[{"id":"e","kind":"K","from":"K","to":"x"}]}`,
		`{"nodes":[{"id":"Kind","kind":"Kind","props":{"closed":true}},{"id":"Prop","kind":"Kind","props":{"leaf":true},"graph":{"nodes":[{"id":"type","kind":"Prop","props":{"type":"x","required":true}}]}}]}`,
	} {
		f.Add([]byte(kinds), []byte(`{"nodes":[{"id":"a","kind":"Service","props":{"port":1}},{"id":"b","kind":"Service"}],"edges":[{"id":"e","kind":"calls","from":"a","to":"b"}]}`))
	}
	f.Fuzz(func(t *testing.T, kinds, data []byte) {
		k, err := rmg.ReadJSON(bytes.NewReader(kinds))
		if err != nil {
			return
		}
		g, err := rmg.ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		o := rmg.NewOverlay(g).Unchecked()
		if err := o.Graft(rmg.KindPath, rmg.Element{Kind: "Folder", Graph: k}); err != nil {
			return // too deep
		}
		whole := o.Graph()
		unsound := 0
		bounded(t, len(kinds)+len(data), 64*perByteTree, func() { unsound = len(rmg.Check(whole)) })
		// The same said by an overlay that looks: it lets in what Check lets pass.
		err = rmg.NewOverlay(g).Graft(rmg.KindPath, rmg.Element{Kind: "Folder", Graph: k})
		if _, had := g.Node("kind"); !had && (err == nil) != (unsound == 0) {
			t.Fatalf("Check tells of %d findings, and writing %v", unsound, err)
		}
	})
}
