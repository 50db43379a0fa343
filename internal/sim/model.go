package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// model is the world as plainly as can be: a map of nodes by path, changed by the
// ops of records. It shares nothing with what it is compared with.
type model map[rmg.Path]node

type node struct {
	kind  string
	props map[string]rmg.Value
}

// apply does the ops of a record.
func (m model) apply(ops []rewrite.Op) error {
	for _, op := range ops {
		n, ok := m[op.Path]
		if add := op.Op == rewrite.AddNode || op.Op == rewrite.Write; !ok && !add {
			return fmt.Errorf("%s of %s, which the model does not have", op.Op, op.Path)
		}
		switch op.Op {
		case rewrite.AddNode:
			if ok {
				return fmt.Errorf("%s is added twice", op.Path)
			}
			m[op.Path] = node{op.Kind, maps.Clone(op.Props)}
		case rewrite.Set:
			for name, v := range op.Props {
				m.set(op.Path, name, v)
			}
		case rewrite.Inc:
			was, _ := n.props[op.Prop].AsInt()
			m.set(op.Path, op.Prop, rmg.Int(was+op.By))
		case rewrite.Remove:
			maps.DeleteFunc(m, func(p rmg.Path, _ node) bool { return op.Path.Has(p) })
		case rewrite.Write:
			m.write(op)
		default:
			return fmt.Errorf("the model does not know %s", op.Op)
		}
	}
	return nil
}

func (m model) set(p rmg.Path, name string, v rmg.Value) {
	n := m[p]
	if n.props == nil {
		n.props = map[string]rmg.Value{}
	}
	if v == (rmg.Value{}) {
		delete(n.props, name)
	} else {
		n.props[name] = v
	}
	m[p] = n
}

// write puts a file there, with the folders above it.
func (m model) write(op rewrite.Op) {
	for up := op.Path.Parent(); up != rmg.Root; up = up.Parent() {
		if _, ok := m[up]; !ok {
			m[up] = node{kind: rewrite.KindDir}
		}
	}
	if _, ok := m[op.Path]; !ok {
		m[op.Path] = node{kind: rewrite.KindFile}
		m.set(op.Path, rewrite.PropMode, rmg.String("0644"))
	}
	m.set(op.Path, rewrite.PropBlob, rmg.BlobOf(op.Blob))
	if op.Mode != "" {
		m.set(op.Path, rewrite.PropMode, rmg.String(op.Mode))
	}
}

// digest builds the graph from nothing, and gives its digest.
func (m model) digest() (rmg.Digest, error) {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, p := range slices.SortedFunc(maps.Keys(m), func(a, b rmg.Path) int { return strings.Compare(string(a), string(b)) }) {
		if err := o.AddNode(p, m[p].kind, rmg.PropsOf(m[p].props)); err != nil {
			return rmg.Digest{}, err
		}
	}
	return o.Graph().Digest(), nil
}
