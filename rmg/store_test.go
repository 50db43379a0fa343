package rmg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// disk is a store's bytes in memory; it counts what is read.
type disk struct {
	bytes.Buffer
	reads, read int
	broken      error
}

func (d *disk) ReadAt(p []byte, off int64) (int, error) {
	if d.broken != nil {
		return 0, d.broken
	}
	if off > int64(d.Len()) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, d.Bytes()[off:])
	d.reads++
	d.read += n
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

func keep(t fataler, s *rmg.Store, g rmg.Graph) rmg.StoredRoot {
	r, err := s.Put(g)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type fataler interface{ Fatal(...any) }

func open(t fataler, s *rmg.Store, r rmg.StoredRoot) rmg.Graph {
	g, err := s.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sound(t *rapid.T, g rmg.Graph) {
	if list := rmg.Check(g); len(list) > 0 {
		t.Fatalf("%d findings, the first: %v", len(list), list[0])
	}
}

// What was put comes back: the same content, adjacency and digest, also after
// changes to what was only half read, and in a second store.
func TestStoreRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, model := drawGraph(t, rapid.IntRange(0, 40).Draw(t, "steps"))
		var d disk
		s := rmg.NewStore(&d, &d, 0)
		g := open(t, s, keep(t, s, o.Graph()))
		if got, want := dumpGraph(g), dumpModel(model); got != want {
			t.Fatalf("came back\n%s\nwant\n%s", got, want)
		}
		sound(t, g)
		m := forked(open(t, s, keep(t, s, g)), model)
		m.run(t, rapid.IntRange(0, 20).Draw(t, "more"))
		next := m.over.Graph()
		sound(t, next)
		back := open(t, s, keep(t, s, next))
		sound(t, back)
		if back.Digest() != next.Digest() || dumpGraph(back) != dumpModel(m.model) {
			t.Fatalf("came back\n%s\nwant\n%s", dumpGraph(back), dumpModel(m.model))
		}
		var e disk
		other := rmg.NewStore(&e, &e, 0)
		if copied := open(t, other, keep(t, other, back)); dumpGraph(copied) != dumpModel(m.model) {
			t.Fatal("another store holds something else")
		}
		if again := open(t, s, keep(t, s, back)); again.Digest() != back.Digest() {
			t.Fatal("the first store lost it")
		}
	})
}

func manyNodes(t testing.TB, n int) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range n {
		if err := o.AddNode(rmg.Root.Child(fmt.Sprintf("node-%d", i)), "K", rmg.PropsOf(map[string]rmg.Value{"n": rmg.Int(int64(i))})); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n / 10 {
		if err := o.AddEdge(rmg.Root.EdgeChild(fmt.Sprint(i)), "to", fmt.Sprintf("node-%d", i%3), fmt.Sprintf("node-%d", i), rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	return o.Graph()
}

// Keeping a change writes the change, and opening reads what is asked for.
func TestStoreCostsWhatIsNew(t *testing.T) {
	g := manyNodes(t, 20_000)
	var d disk
	s := rmg.NewStore(&d, &d, 0)
	keep(t, s, g)
	whole := d.Len()
	o := rmg.NewOverlay(g)
	if err := o.Set("/node-777", map[string]rmg.Value{"n": rmg.Int(-1)}); err != nil {
		t.Fatal(err)
	}
	root := keep(t, s, o.Graph())
	if grown := d.Len() - whole; grown > whole/100 {
		t.Errorf("a change wrote %d bytes of %d", grown, whole)
	}
	g = open(t, s, root)
	if d.reads != 1 {
		t.Errorf("opening read %d objects", d.reads)
	}
	if e, ok := g.Get("/node-777"); !ok || e.Props.Int("n") != -1 {
		t.Fatalf("%v %v", e, ok)
	}
	if d.reads > 8 || d.read > 64<<10 {
		t.Errorf("a lookup read %d objects, %d bytes", d.reads, d.read)
	}
	n := 0
	for range g.Out("node-1") {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 || d.reads > 40 {
		t.Errorf("five edges of a hub: %d, %d objects read", n, d.reads)
	}
	if nodes, edges := g.Len(); nodes != 20_000 || edges != 2_000 {
		t.Errorf("%d nodes, %d edges", nodes, edges)
	}
	if list := rmg.Check(g); len(list) > 0 {
		t.Errorf("%v", list[0])
	}
}

// Whatever byte is wrong, reading says so and never shows something else.
func TestStoreDamage(t *testing.T) {
	g := manyNodes(t, 300)
	var d disk
	s := rmg.NewStore(&d, &d, 0)
	root := keep(t, s, g)
	good := slices.Clone(d.Bytes())
	want := dumpGraph(g)
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		i := rnd.IntN(len(good))
		bad := slices.Clone(good)
		bad[i] ^= byte(1 + rnd.IntN(255))
		g, err := rmg.NewStore(bytes.NewReader(bad), nil, int64(len(bad))).Open(root)
		if err == nil {
			got := ""
			err = rmg.Protect(func() { got = dumpGraph(g) })
			if err == nil && got != want {
				t.Fatalf("byte %d: other content, no error", i)
			}
			if err == nil && len(rmg.Check(g)) == 0 {
				t.Fatalf("byte %d: nobody notices", i)
			}
		}
		if e := (*rmg.Error)(nil); err != nil && (!errors.As(err, &e) || e.Code != rmg.Unavailable) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	d.broken = errors.New("the disk is gone")
	g = rmg.Graph{}
	if _, err := rmg.NewStore(&d, nil, int64(d.Len())).Open(root); !errors.Is(err, d.broken) {
		t.Errorf("%v", err)
	}
	if _, err := rmg.NewStore(&d, nil, 0).Put(manyNodes(t, 1)); codeOf(err) != rmg.Unavailable {
		t.Errorf("%v", err)
	}
}

// FuzzStore opens arbitrary bytes: never a crash, an endless loop or more memory
// than the bytes are worth.
func FuzzStore(f *testing.F) {
	var d disk
	s := rmg.NewStore(&d, &d, 0)
	keep(f, s, manyNodes(f, 40))
	f.Add(d.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		for off := range int64(min(len(data), 64)) {
			rmg.DecodeObject(data[off:])
		}
	})
}
