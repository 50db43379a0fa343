package remote

import (
	"slices"

	"jitos.dev/rmg"
)

// keptTrees is how many trees of earlier tasks a machine keeps in memory, so that the
// daemon sends what the next one has over one of them.
const keptTrees = 8

// trees are those of earlier tasks, the latest last. One task is done at a time, so
// that nobody else is at them.
type trees struct{ list []kept }

type kept struct {
	root   rmg.Path
	digest rmg.Digest
	graph  rmg.Graph
}

// have names what there is for a branch.
func (t *trees) have(root rmg.Path) []rmg.Digest {
	var out []rmg.Digest
	for _, k := range t.list {
		if k.root == root {
			out = append(out, k.digest)
		}
	}
	return out
}

// get is one of them.
func (t *trees) get(root rmg.Path, digest rmg.Digest) (rmg.Graph, bool) {
	i := slices.IndexFunc(t.list, func(k kept) bool { return k.root == root && k.digest == digest })
	if i < 0 {
		return rmg.Graph{}, false
	}
	return t.list[i].graph, true
}

// keep adds one, and lets the oldest go.
func (t *trees) keep(root rmg.Path, digest rmg.Digest, g rmg.Graph) {
	t.list = slices.DeleteFunc(t.list, func(k kept) bool { return k.root == root && k.digest == digest })
	t.list = append(t.list, kept{root, digest, g})
	t.list = t.list[max(0, len(t.list)-keptTrees):]
}
