package kernel

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The props of an attempt that say which files of the repository what it did
// depends on, where that was recorded or declared and it looked at nothing else.
const (
	propReadBy    = "read_by"    // how it is known
	propReadFiles = "read_files" // the names as work.Reads has them, as a blob, each ended by a zero byte
)

// filesRead is what all attempts of a process at one workspace read.
type filesRead struct {
	by    string          // how names are known; "" if nothing was recorded
	names map[string]bool // recorded
	globs []string        // declared
}

// readProps are those props of an attempt; none where its reads are not known.
func (k *Kernel) readProps(props map[string]rmg.Value, res work.Result) error {
	if res.Reads == nil {
		return nil
	}
	var b strings.Builder
	for _, name := range res.Reads.Names {
		b.WriteString(name)
		b.WriteByte(0)
	}
	blob, err := k.putBytes([]byte(b.String()))
	props[propReadBy], props[propReadFiles] = rmg.String(res.Reads.By), rmg.BlobOf(blob)
	return err
}

// filesReadBy gathers what the attempts of a process at a workspace read. It is not
// known if one attempt's is not, or if it went by git's own copies of the files.
func (k *Kernel) filesReadBy(process, space string) (filesRead, bool) {
	out := filesRead{names: map[string]bool{}}
	p, err := k.Process(process)
	e, ok := k.now().ledger.Get(procPath(process))
	if err != nil || !ok {
		return out, false
	}
	for _, t := range p.Tasks {
		if t.Worker == workerKernel || p.laneSpace(t.Lane) != space {
			continue
		}
		if !k.addReads(&out, e.Graph, t.Task) {
			return out, false
		}
	}
	return out, out.by != "" || len(out.globs) > 0
}

func (k *Kernel) addReads(out *filesRead, g rmg.Graph, t tasks.Task) bool {
	e, _ := g.Node(t.ID)
	for a := range e.Graph.Nodes("") {
		if a.Kind != kindAttempt {
			continue
		}
		by := a.Props.String(propReadBy)
		if by == "" {
			return false
		}
		data, err := readBlob(k.store, a.Props.Blob(propReadFiles))
		if err != nil {
			return false
		}
		if by == work.ReadsDeclared {
			out.globs = append(out.globs, strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")...)
			continue
		}
		out.by = by
		for name := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x00"), "\x00") {
			if strings.HasPrefix(name, ".git/") {
				return false
			}
			out.names[name] = true
		}
	}
	return true
}

// has says whether a change of an element, by its name in the repository, is one of
// what was read.
func (r filesRead) has(rel string, kind rmg.ChangeKind) bool {
	if r.names[rel] || matchAny(r.globs, rel) {
		return true
	}
	dir := path.Dir(rel)
	if dir == "." {
		dir = ""
	}
	return kind != rmg.Changed && r.names[dir+"/"]
}

// isolationEvidence says what counts as read, for a collapse that goes by that.
func (k *Kernel) isolationEvidence(p proof) work.Evidence {
	e := work.Evidence{
		Gate: "isolation", Kind: work.GatePolicy, Green: true, Input: p.next.Digest(), Tools: "kernel", Sandbox: work.Sandbox{Tier: "none", Network: "none"},
		Reason: isolationSerializable + ": all of the branch counts as read",
	}
	r, known := k.filesReadBy(p.process, p.space)
	var told []string
	if known && r.by != "" {
		told = append(told, fmt.Sprintf("was recorded (%s): %s", r.by, plural(len(r.names), "name")))
	}
	if known && len(r.globs) > 0 {
		slices.Sort(r.globs)
		told = append(told, "was declared: "+strings.Join(slices.Compact(r.globs), ", "))
	}
	if len(told) > 0 {
		e.Reason = isolationSerializable + ": what counts as read " + strings.Join(told, "; ")
	}
	return e
}
