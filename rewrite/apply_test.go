package rewrite_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// parse reads ops from their JSON, one each.
func parse(t *testing.T, ops ...string) []rewrite.Op {
	t.Helper()
	out := make([]rewrite.Op, len(ops))
	for i, s := range ops {
		if err := out[i].UnmarshalJSON([]byte(s)); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return out
}

func codeOf(err error) rmg.Code {
	if err == nil {
		return ""
	}
	var e *rmg.Error
	if !errors.As(err, &e) {
		return "no *rmg.Error: " + rmg.Code(err.Error())
	}
	return e.Code
}

// blobs is a store of content.
type blobs map[[32]byte][]byte

func (s blobs) put(b []byte) (rmg.Blob, error) {
	sum := sha256.Sum256(b)
	s[sum] = b
	return rmg.Blob{Sum: sum, Size: int64(len(b))}, nil
}

func (s blobs) size(sum [32]byte) (int64, bool) {
	b, ok := s[sum]
	return int64(len(b)), ok
}

// dump is a graph as text, for messages and comparison.
func dump(g rmg.Graph) string {
	var b strings.Builder
	for p, e := range g.Walk(rmg.Root) {
		props, err := e.Props.MarshalJSON()
		fmt.Fprintf(&b, "%s %s %q>%q %s %v\n", p, e.Kind, e.From, e.To, props, err)
	}
	return b.String()
}

// world is what the cases begin with.
var world = []string{
	`{"op":"add_node","path":"/a","kind":"N","props":{"n":1,"s":"x","max":{"$int":"9223372036854775807"},"l":[1]}}`,
	`{"op":"add_node","path":"/b","kind":"N"}`,
	`{"op":"add_edge","path":"/~e","kind":"E","from":"a","to":"b"}`,
	`{"op":"add_node","path":"/d","kind":"Dir"}`,
	`{"op":"add_node","path":"/d/sub","kind":"Dir"}`,
	`{"op":"write","path":"/d/f","text":"old","mode":"0755"}`,
}

func worldOf(t *testing.T, store blobs) rmg.Graph {
	t.Helper()
	ops, err := rewrite.Resolve(parse(t, world...), store.put, store.size)
	if err != nil {
		t.Fatal(err)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	if err := rewrite.Apply(o, ops); err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// TestApply does each op and looks at what it made.
func TestApply(t *testing.T) {
	f := func(content, mode string) string {
		return fmt.Sprintf(`File ""`+`>"" {"blob":{"$blob":"%x","size":%d},"mode":"%s"}`, sha256.Sum256([]byte(content)), len(content), mode)
	}
	for op, want := range map[string]string{
		`{"op":"add_node","path":"/a/x","kind":"K","props":{"p":null,"q":1}}`:             `/a/x K "">"" {"q":1}`,
		`{"op":"add_edge","path":"/~f","kind":"K","from":"b","to":"b","props":{"q":1.0}}`: `/~f K "b">"b" {"q":1.0}`,
		`{"op":"set","path":"/a","props":{"n":null,"s":"y","max":null,"l":null}}`:         `/a N "">"" {"s":"y"}`,
		`{"op":"set","path":"/~e","props":{"q":[]}}`:                                      `/~e E "a">"b" {"q":[]}`,
		`{"op":"retype","path":"/b","kind":"M"}`:                                          `/b M "">"" {}`,
		`{"op":"inc","path":"/b","prop":"n","by":-2}`:                                     `/b N "">"" {"n":-2}`,
		`{"op":"set_add","path":"/b","prop":"l","value":"x"}`:                             `/b N "">"" {"l":["x"]}`,
		`{"op":"set_remove","path":"/a","prop":"l","value":1}`:                            `/a N "">"" {"max":{"$int":"9223372036854775807"},"n":1,"s":"x"}`,
		`{"op":"move","path":"/d/f","to":"/d/sub/g"}`:                                     `/d/sub/g ` + f("old", "0755"),
		`{"op":"move","path":"/b","to":"/c"}`:                                             `/~e E "a">"c" {}`,
		`{"op":"write","path":"/d/f","text":"new"}`:                                       `/d/f ` + f("new", "0755"),
		`{"op":"write","path":"/d/f","base64":"bmV3","mode":"0644"}`:                      `/d/f ` + f("new", "0644"),
		`{"op":"write","path":"/d/g","text":""}`:                                          `/d/g ` + f("", "0644"),
		`{"op":"write","path":"/d/x/y/z","text":"new"}`:                                   `/d/x/y Dir "">"" {}`,
		`{"op":"write","path":"/top","text":"new"}`:                                       `/top ` + f("new", "0644"),
	} {
		store := blobs{}
		o := rmg.NewOverlay(worldOf(t, store))
		ops, err := rewrite.Resolve(parse(t, op), store.put, store.size)
		if err == nil {
			err = rewrite.Apply(o, ops)
		}
		if got := dump(o.Graph()); err != nil || !strings.Contains(got, want+" <nil>\n") {
			t.Errorf("%s: %v; there is no\n%s\nin\n%s", op, err, want, got)
		}
	}
	for op, gone := range map[string]rmg.Path{
		`{"op":"remove","path":"/~e"}`:               "/~e",
		`{"op":"remove","path":"/a","cascade":true}`: "/~e",
		`{"op":"remove","path":"/d"}`:                "/d",
		`{"op":"move","path":"/d","to":"/a/d"}`:      "/d",
	} {
		o := rmg.NewOverlay(worldOf(t, blobs{}))
		err := rewrite.Apply(o, parse(t, op))
		if _, there := o.Get(gone); err != nil || there {
			t.Errorf("%s: %v; %s is there: %v", op, err, gone, there)
		}
	}
}

// refusals are ops that the world refuses, with the code.
var refusals = map[string]rmg.Code{
	`{"op":"add_node","path":"/a","kind":"N"}`:                                         rmg.Exists,
	`{"op":"add_node","path":"/no/x","kind":"N"}`:                                      rmg.NotFound,
	`{"op":"add_node","path":"/x","kind":""}`:                                          rmg.Invalid,
	`{"op":"add_node","path":"/","kind":"N"}`:                                          rmg.Invalid,
	`{"op":"add_edge","path":"/~e","kind":"E","from":"a","to":"b"}`:                    rmg.Exists,
	`{"op":"add_edge","path":"/~f","kind":"E","from":"a","to":"no"}`:                   rmg.NotFound,
	`{"op":"add_edge","path":"/~f","kind":"E","from":"","to":"b"}`:                     rmg.NotFound,
	`{"op":"add_edge","path":"/no/~f","kind":"E","from":"a","to":"b"}`:                 rmg.NotFound,
	`{"op":"add_edge","path":"/~f","kind":"","from":"a","to":"b"}`:                     rmg.Invalid,
	`{"op":"set","path":"/no","props":{}}`:                                             rmg.NotFound,
	`{"op":"set","path":"/","props":{"x":1}}`:                                          rmg.Invalid,
	`{"op":"set","path":"/a","props":{"":1}}`:                                          rmg.Invalid,
	`{"op":"retype","path":"/no","kind":"N"}`:                                          rmg.NotFound,
	`{"op":"retype","path":"/a","kind":""}`:                                            rmg.Invalid,
	`{"op":"inc","path":"/no","prop":"n","by":1}`:                                      rmg.NotFound,
	`{"op":"inc","path":"/a","prop":"s","by":1}`:                                       rmg.Invalid,
	`{"op":"inc","path":"/a","prop":"max","by":1}`:                                     rmg.Invalid,
	`{"op":"inc","path":"/a","prop":"","by":1}`:                                        rmg.Invalid,
	`{"op":"set_add","path":"/no","prop":"l","value":1}`:                               rmg.NotFound,
	`{"op":"set_add","path":"/a","prop":"s","value":1}`:                                rmg.Invalid,
	`{"op":"set_add","path":"/a","prop":"l","value":null}`:                             rmg.Invalid,
	`{"op":"set_remove","path":"/no","prop":"l","value":1}`:                            rmg.NotFound,
	`{"op":"set_remove","path":"/a","prop":"n","value":1}`:                             rmg.Invalid,
	`{"op":"move","path":"/no","to":"/x"}`:                                             rmg.NotFound,
	`{"op":"move","path":"/d","to":"/no/x"}`:                                           rmg.NotFound,
	`{"op":"move","path":"/d","to":"/a"}`:                                              rmg.Exists,
	`{"op":"move","path":"/d","to":"/d/sub/d"}`:                                        rmg.Invalid,
	`{"op":"move","path":"/~e","to":"/~f"}`:                                            rmg.Invalid,
	`{"op":"move","path":"/","to":"/x"}`:                                               rmg.Invalid,
	`{"op":"move","path":"/a","to":"/d/a"}`:                                            rmg.Conflict,
	`{"op":"remove","path":"/no"}`:                                                     rmg.NotFound,
	`{"op":"remove","path":"/a"}`:                                                      rmg.Conflict,
	`{"op":"remove","path":"/","cascade":true}`:                                        rmg.Invalid,
	`{"op":"write","path":"/a","text":""}`:                                             rmg.Exists,
	`{"op":"write","path":"/a/x","text":""}`:                                           rmg.Invalid,
	`{"op":"write","path":"/no/x","text":""}`:                                          rmg.NotFound,
	`{"op":"write","path":"/d/f/x","text":""}`:                                         rmg.Invalid,
	`{"op":"write","path":"/d/~x","text":""}`:                                          rmg.Invalid,
	`{"op":"write","path":"/","text":""}`:                                              rmg.Exists,
	`{"op":"write","path":"/d/x","blob":"` + strings.Repeat("0", 64) + `"}`:            rmg.NotFound,
	`{"op":"add_node","path":"` + strings.Repeat("/d", rmg.MaxDepth) + `","kind":"N"}`: rmg.NotFound,
}

// TestRefusals: each has its code, says which op it was, and takes back what
// the ops before it did, moves too.
func TestRefusals(t *testing.T) {
	store := blobs{}
	g := worldOf(t, store)
	for op, want := range refusals {
		ops := parse(t, `{"op":"add_node","path":"/d/new","kind":"N"}`, `{"op":"move","path":"/d/new","to":"/d/newer"}`, op, `{"op":"retype","path":"/d","kind":"X"}`)
		ops, err := rewrite.Resolve(ops, store.put, store.size)
		o := rmg.NewOverlay(g)
		if err == nil {
			err = rewrite.Apply(o, ops)
		}
		if got := codeOf(err); got != want {
			t.Errorf("%s: %q (%v), want %q", op, got, err, want)
		} else if !strings.Contains(err.Error(), "op 2") {
			t.Errorf("%s: %v does not say that it is op 2", op, err)
		}
		if o.Graph() != g || len(o.Moves()) > 0 {
			t.Errorf("%s: refused, and yet there is\n%s%v", op, dump(o.Graph()), o.Moves())
		}
	}
}

// TestResolve: content goes to the store, what names content is asked for, and
// bounds hold before anything is stored.
func TestResolve(t *testing.T) {
	store := blobs{}
	known, _ := store.put([]byte("known"))
	for name, c := range map[string]struct {
		op   rewrite.Op
		want rmg.Code
		blob rmg.Blob
	}{
		"text":     {rewrite.Op{Op: rewrite.Write, Path: "/x", Text: "t", HasText: true, Mode: "0755"}, "", rmg.Blob{Sum: sha256.Sum256([]byte("t")), Size: 1}},
		"bytes":    {rewrite.Op{Op: rewrite.Write, Path: "/x", Bytes: []byte("\xff"), HasBytes: true}, "", rmg.Blob{Sum: sha256.Sum256([]byte("\xff")), Size: 1}},
		"no text":  {rewrite.Op{Op: rewrite.Write, Path: "/x", HasText: true}, "", rmg.Blob{Sum: sha256.Sum256(nil)}},
		"blob":     {rewrite.Op{Op: rewrite.Write, Path: "/x", Blob: rmg.Blob{Sum: known.Sum, Size: 99}}, "", known},
		"unknown":  {rewrite.Op{Op: rewrite.Write, Path: "/x", Blob: rmg.Blob{Sum: [32]byte{1}}}, rmg.NotFound, rmg.Blob{}},
		"mode":     {rewrite.Op{Op: rewrite.Write, Path: "/x", HasText: true, Mode: "0777"}, rmg.Invalid, rmg.Blob{}},
		"no op":    {rewrite.Op{Op: "explode", Path: "/x"}, rmg.Invalid, rmg.Blob{}},
		"too long": {rewrite.Op{Op: rewrite.Write, Path: "/x", HasText: true, Text: strings.Repeat("x", rewrite.MaxText+1)}, rmg.Limit, rmg.Blob{}},
		"an edge":  {rewrite.Op{Op: rewrite.AddNode, Path: "/~x", Kind: "K"}, rmg.Invalid, rmg.Blob{}},
		"a node":   {rewrite.Op{Op: rewrite.AddEdge, Path: "/x", Kind: "K"}, rmg.Invalid, rmg.Blob{}},
	} {
		ops, err := rewrite.Resolve([]rewrite.Op{c.op}, store.put, store.size)
		if codeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil {
			continue
		}
		if got := ops[0]; got.HasText || got.HasBytes || got.Blob != c.blob || got.Mode != c.op.Mode || got.Path != c.op.Path {
			t.Errorf("%s: %+v, want the blob %+v", name, got, c.blob)
		}
	}
	if _, err := rewrite.Resolve(make([]rewrite.Op, rewrite.MaxOps+1), store.put, store.size); codeOf(err) != rmg.Limit {
		t.Errorf("too many ops: %v", err)
	}
	broken := errors.New("disk full")
	_, err := rewrite.Resolve([]rewrite.Op{{Op: rewrite.Write, Path: "/x", HasText: true}}, func([]byte) (rmg.Blob, error) { return rmg.Blob{}, broken }, store.size)
	if !errors.Is(err, broken) {
		t.Errorf("a store that fails gives %v", err)
	}
	if err := rewrite.Apply(rmg.NewOverlay(rmg.Graph{}), []rewrite.Op{{Op: rewrite.Write, Path: "/x", HasText: true}}); codeOf(err) != rmg.Internal {
		t.Errorf("an op that is not resolved gives %v", err)
	}
	if err := rewrite.Apply(rmg.NewOverlay(rmg.Graph{}), []rewrite.Op{{Op: "explode"}}); codeOf(err) != rmg.Invalid {
		t.Errorf("an op that does not exist gives %v", err)
	}
}

// drawOps draws resolved ops on what is in g, near it, and nowhere.
func drawOps(t *rapid.T, g rmg.Graph, atMost int) []rewrite.Op {
	var there []rmg.Path
	for p := range g.Walk(rmg.Root) {
		there = append(there, p)
	}
	place := func() rmg.Path {
		p := rapid.SampledFrom(append(there, rmg.Root)).Draw(t, "place")
		if p != rmg.Root && rapid.IntRange(0, 2).Draw(t, "itself") > 0 {
			return p
		}
		id := rapid.SampledFrom([]string{"a", "b", "c", "~\xff"}).Draw(t, "id")
		if rapid.IntRange(0, 3).Draw(t, "sort") == 0 {
			p = p.EdgeChild(id)
		} else {
			p = p.Child(id)
		}
		there = append(there, p) // the next op may mean it
		return p
	}
	prop := func() string { return rapid.SampledFrom([]string{"n", "l", "blob", "mode"}).Draw(t, "prop") }
	value := func() rmg.Value {
		return rapid.SampledFrom([]rmg.Value{{}, rmg.Int(1), rmg.String("0644"), rmg.List(rmg.Int(1)), rmg.List(), rmg.BlobOf(rmg.Blob{Size: 1})}).Draw(t, "value")
	}
	kind := func() string {
		return rapid.SampledFrom([]string{rewrite.KindDir, rewrite.KindDir, rewrite.KindFile, "N"}).Draw(t, "kind")
	}
	id := func() string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "end") }
	var ops []rewrite.Op
	for range rapid.IntRange(0, atMost).Draw(t, "ops") {
		op := rewrite.Op{Path: place(), Op: rapid.SampledFrom([]rewrite.OpKind{
			rewrite.AddNode, rewrite.AddNode, rewrite.AddEdge, rewrite.AddEdge, rewrite.Set, rewrite.Retype, rewrite.Inc, rewrite.SetAdd,
			rewrite.SetRemove, rewrite.Move, rewrite.Remove, rewrite.Write,
		}).Draw(t, "op")}
		switch op.Op {
		case rewrite.AddNode:
			op.Kind, op.Props = kind(), map[string]rmg.Value{prop(): value()}
		case rewrite.AddEdge:
			op.Path = op.Path.Parent().EdgeChild(rapid.SampledFrom([]string{"e", "f"}).Draw(t, "edge"))
			op.Kind, op.From, op.To = kind(), id(), id()
		case rewrite.Set:
			op.Props = map[string]rmg.Value{prop(): value(), prop(): value()}
		case rewrite.Retype:
			op.Kind = kind()
		case rewrite.Inc:
			op.Prop, op.By = prop(), rapid.SampledFrom([]int64{1, -1, math.MaxInt64}).Draw(t, "by")
		case rewrite.SetAdd, rewrite.SetRemove:
			op.Prop, op.Value = prop(), value()
		case rewrite.Move:
			op.Dest = place()
		case rewrite.Remove:
			op.Cascade = rapid.Bool().Draw(t, "cascade")
		case rewrite.Write:
			op.Blob = rmg.Blob{Size: rapid.Int64Range(0, 2).Draw(t, "size")}
			op.Mode = rapid.SampledFrom([]string{"", "0644", "0755"}).Draw(t, "mode")
		}
		ops = append(ops, op)
	}
	return ops
}

// drawGraph draws ops and does those that can be done.
func drawGraph(t *rapid.T, from rmg.Graph, atMost int) rmg.Graph {
	o := rmg.NewOverlay(from)
	for range 3 {
		for _, op := range drawOps(t, o.Graph(), atMost) {
			_ = rewrite.Apply(o, []rewrite.Op{op})
		}
	}
	return o.Graph()
}

// TestApplyAtomic: ops in one rewrite do what they do one by one; a rewrite
// that fails at any op does nothing at all.
func TestApplyAtomic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t, rmg.Graph{}, 6)
		ops := drawOps(t, g, 6)
		whole, single := rmg.NewOverlay(g), rmg.NewOverlay(g)
		err := rewrite.Apply(whole, ops)
		for i, op := range ops {
			one := rewrite.Apply(single, []rewrite.Op{op})
			if one == nil {
				continue
			}
			if codeOf(err) != codeOf(one) || !strings.Contains(err.Error(), fmt.Sprintf("op %d:", i)) {
				t.Fatalf("the rewrite says %v, op %d alone %v", err, i, one)
			}
			if whole.Graph() != g || len(whole.Moves()) > 0 {
				t.Fatalf("%v, and yet there is\n%s", err, dump(whole.Graph()))
			}
			return
		}
		if err != nil || whole.Graph().Digest() != single.Graph().Digest() {
			t.Fatalf("%v: one by one gives\n%s together\n%s", err, dump(single.Graph()), dump(whole.Graph()))
		}
	})
}
