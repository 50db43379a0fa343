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

// mayRead is what a collapse's workspace may have read. Where what its commands
// read was recorded or declared (filesReadBy), that is it. Else a worker is handed
// whole graphs and whole folders, in which no single read can be told, and the
// workspace counts as having read all files of its branch, those included that were
// not there: what changed in the branch is what it read. This finds more conflicts
// than there are, and misses none. What was read elsewhere is what its entry says.
type mayRead struct {
	root  rmg.Path
	graph readSet
	files filesRead
	known bool // files are all that it read of its branch
}

func (k *Kernel) mayHaveRead(c *collapse) mayRead {
	r := mayRead{root: c.root, graph: k.readSet(c.space)}
	r.files, r.known = k.filesReadBy(c.process, c.space)
	return r
}

// against lists what was read and may have changed from a base to a head, for a
// merge to look at.
func (r mayRead) against(base, head rmg.Graph) []rmg.Path {
	out := slices.Clone(r.graph.exact)
	for ch := range rmg.Diff(base, head) {
		if r.graph.covers(ch.Path) || r.isFile(ch) {
			out = append(out, ch.Path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stands reports whether nothing that was read changed from one world to another.
func (r mayRead) stands(from, to rmg.Graph) bool {
	for ch := range rmg.Diff(from, to) {
		if r.graph.covers(ch.Path) || slices.Contains(r.graph.exact, ch.Path) || r.isFile(ch) {
			return false
		}
	}
	return true
}

// isFile says whether a change is of what was read of the branch.
func (r mayRead) isFile(ch rmg.Change) bool {
	rel, ok := relTo(r.root, ch.Path)
	return ok && rel != "" && (!r.known || r.files.has(rel, ch.Kind))
}
