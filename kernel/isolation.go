package kernel

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// The isolations of a process.
const (
	isolationSnapshot     = "snapshot"     // what both sides wrote conflicts
	isolationSerializable = "serializable" // what the workspace read and the head changed does too
)

// constraintIsolation is how a SLAPS document asks for an isolation: the
// constraint "isolation: serializable".
const constraintIsolation = "isolation:"

// isolationOf is what a request asks for, or else its document, or snapshot.
func isolationOf(asked string, constraints []string) (string, error) {
	for _, c := range constraints {
		if v, ok := strings.CutPrefix(strings.TrimSpace(c), constraintIsolation); ok && asked == "" {
			asked = strings.TrimSpace(v)
		}
	}
	switch asked {
	case "", isolationSnapshot:
		return isolationSnapshot, nil
	case isolationSerializable:
		return asked, nil
	}
	return "", &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("there is no isolation %q", asked), Hint: "use snapshot or serializable"}
}

// mayHaveRead lists what a collapse's workspace may have read and the head has
// changed since its fork. Where what its commands read was recorded (filesReadBy),
// that is it. Else a worker is handed whole graphs and whole folders, in which no
// single read can be told, and the workspace counts as having read all files of its
// branch, those included that were not there: what changed in the branch is what it
// read. This finds more conflicts than there are, and misses none. What was read
// elsewhere is what its entry says.
func (k *Kernel) mayHaveRead(c *collapse, base, head rmg.Graph) []rmg.Path {
	out := k.readsAgainst(c.space, base, head)
	before, err := treeAt(base, c.root)
	after, herr := treeAt(head, c.root)
	if err != nil || herr != nil {
		return out
	}
	files, known := k.filesReadBy(c.process, c.space)
	for ch := range rmg.Diff(before, after) {
		rel, _ := rmg.Root.Rel(ch.Path)
		if known && !files.has(strings.Join(rel, "/"), ch.Kind) {
			continue
		}
		out = append(out, c.root.Join(rel...))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
