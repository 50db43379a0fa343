package rmg

import (
	"fmt"
	"testing"
)

// A version's digest is taken of parts that another version had. It is that of the
// same elements put together anew, also where a change moves what parts are made
// from: here the depth at which the ids of a bucket part.
func TestDigestOfParts(t *testing.T) {
	for set := range 20 { // of nine elements a part is often empty, at one depth and not at another
		step := parted(t)
		for i := range 9 {
			step(fmt.Sprint("bucket-", i*(set+1)), true)
		}
		step("a", true) // ids part at 0 and no longer at 7
		step("bucket-0", true)
		step("a", false) // at 7 again
		step("bucket-0", true)
	}
	step := parted(t)
	for i := range 200 {
		step(fmt.Sprint("branch-", i), true)
	}
	for i := range 200 {
		step(fmt.Sprint("branch-", i*7%200), i%3 == 0)
	}
}

// parted returns what adds, changes or removes a node of a graph, and looks at the
// digest after each time.
func parted(t *testing.T) func(id string, there bool) {
	t.Helper()
	kept := NewOverlay(Graph{})
	ids := map[string]bool{}
	return func(id string, there bool) {
		t.Helper()
		p := Root.Child(id)
		var err error
		switch {
		case there && ids[id]:
			err = kept.Set(p, map[string]Value{"n": Int(int64(len(ids)))})
		case there:
			err = kept.AddNode(p, "K", Props{})
		default:
			err = kept.Remove(p, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		if ids[id] = there; !there {
			delete(ids, id)
		}
		g := kept.Graph()
		anew := NewOverlay(Graph{})
		for e := range g.Nodes("") {
			if err := anew.AddNode(Root.Child(e.ID), e.Kind, e.Props); err != nil {
				t.Fatal(err)
			}
		}
		if g.Digest() != anew.Graph().Digest() {
			t.Fatalf("after %q, there %v: the digest is not that of the same elements", id, there)
		}
		if list := Check(g); len(list) > 0 {
			t.Fatal(list[0])
		}
	}
}
