package kernel

import (
	"slices"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// Ops are separated in order, however the sorts take turns, and those of the record
// are not written over when more are added to either side.
func TestSplitOps(t *testing.T) {
	for pattern := range 1 << 6 {
		var ops, ledger, world []rewrite.Op
		for i := range 6 {
			op := rewrite.Op{Op: rewrite.AddNode, Path: rmg.Root.Join("svc", string(rune('a'+i)))}
			if pattern>>i&1 == 1 {
				op.Path = swsPath(string(rune('a' + i)))
				ledger = append(ledger, op)
			} else {
				world = append(world, op)
			}
			ops = append(ops, op)
		}
		was := pathsOfOps(ops)
		l, w := splitOps(ops)
		if !slices.Equal(pathsOfOps(l), pathsOfOps(ledger)) || !slices.Equal(pathsOfOps(w), pathsOfOps(world)) {
			t.Errorf("%06b: %v, %v", pattern, pathsOfOps(l), pathsOfOps(w))
		}
		_, _ = append(l, rewrite.Op{}), append(w, rewrite.Op{})
		if !slices.Equal(pathsOfOps(ops), was) {
			t.Errorf("%06b: an append to a side writes over the record", pattern)
		}
	}
	if l, w := splitOps(nil); l != nil || w != nil {
		t.Error(l, w)
	}
}

func pathsOfOps(ops []rewrite.Op) (out []rmg.Path) {
	for _, op := range ops {
		out = append(out, op.Path)
	}
	return out
}
