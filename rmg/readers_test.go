package rmg_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"jitos.dev/rmg"
)

// Sixty-four goroutines read, hash, compare and fork the versions that a writer
// hands out, half of them read from a store while others load the same parts.
// The race detector looks at what is filled in late: digests, heights, stubs.
func TestReadersBesideAWriter(t *testing.T) {
	const versions, readers = 40, 64
	first := manyNodes(t, 2_000)
	d := &lockedDisk{disk: &disk{}}
	s := rmg.NewStore(d, d, 0)
	var current, loaded atomic.Pointer[rmg.Graph]
	publish := func(g rmg.Graph) {
		root := keep(t, s, g)
		back := open(t, s, root)
		current.Store(&g)
		loaded.Store(&back)
	}
	publish(first)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() {
			for n := i; !stop.Load(); n++ {
				from := &current
				if i%2 == 1 {
					from = &loaded
				}
				readOnce(t, *from.Load(), n)
			}
		})
	}
	o := rmg.NewOverlay(first)
	for v := range versions {
		for i := range 50 {
			id := (v*977 + i*31) % 2_000
			if err := o.Set(rmg.Root.Child(fmt.Sprintf("node-%d", id)), map[string]rmg.Value{"n": rmg.Int(int64(v))}); err != nil {
				t.Error(err)
			}
		}
		inside := rmg.Root.Child(fmt.Sprintf("node-%d", v)).Child("in")
		if err := o.AddNode(inside, "K", rmg.Props{}); err != nil {
			t.Error(err)
		}
		publish(o.Graph())
	}
	stop.Store(true)
	wg.Wait()
	if list := rmg.Check(o.Graph()); len(list) > 0 {
		t.Error(list[0])
	}
}

func readOnce(t *testing.T, g rmg.Graph, n int) {
	id := fmt.Sprintf("node-%d", n%2_000)
	if _, ok := g.Node(id); !ok {
		t.Errorf("%s is gone", id)
	}
	switch n % 5 {
	case 0:
		g.Digest()
	case 1:
		seen := 0
		for range g.Nodes(id) {
			if seen++; seen == 100 {
				break
			}
		}
	case 2:
		for e := range g.Out("node-1") {
			if e.From != "node-1" {
				t.Error("an edge from elsewhere")
			}
		}
	case 3:
		o := rmg.NewOverlay(g)
		if err := o.Move(rmg.Path("/"+id), "/elsewhere"); err != nil {
			t.Error(err)
		}
		for range rmg.Diff(g, o.Graph()) {
		}
	default:
		if err := rmg.NewOverlay(g).Remove(rmg.Path("/"+id), true); err != nil {
			t.Error(err)
		}
	}
}

// lockedDisk lets readers and the writer of a disk meet.
type lockedDisk struct {
	mu sync.Mutex
	*disk
}

func (d *lockedDisk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.disk.ReadAt(p, off)
}

func (d *lockedDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.disk.Write(p)
}

// Whoever asks first for a version's digest computes it; those who ask meanwhile
// read nothing that is being written. This is for the race detector.
func TestDigestsSideBySide(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range 5_000 {
		if err := o.AddNode(rmg.Root.Child(fmt.Sprintf("node-%d", i*7919%5_000)), "K", rmg.Props{}); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 20 {
		for i := range 50 {
			if err := o.Set(rmg.Root.Child(fmt.Sprintf("node-%d", (i*97+round)%5_000)), map[string]rmg.Value{"x": rmg.Int(int64(round))}); err != nil {
				t.Fatal(err)
			}
		}
		g := o.Graph()
		var all sync.WaitGroup
		got := make([]rmg.Digest, 8)
		for i := range got {
			all.Go(func() { got[i] = g.Digest() })
		}
		all.Wait()
		for _, d := range got {
			if d != got[0] {
				t.Fatal("one version has two digests")
			}
		}
	}
}
