package kernel

import (
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// wroteOf reports whether a record wrote a prop of the element at p, or may have
// made it, or from where it moved the element there.
func wroteOf(r Record, p rmg.Path, prop string) (hit bool, from rmg.Path) {
	for _, op := range slices.Backward(worldOps(r)) {
		switch op.Op {
		case rewrite.Move:
			if op.Dest.Has(p) {
				return false, op.Path + p[len(op.Dest):]
			}
		case rewrite.Remove:
		default:
			if reaches(op, p, prop) {
				return true, ""
			}
		}
	}
	return false, ""
}

// reaches reports whether an op writes a prop of the element at p: "" is the
// element itself, which every op on it reaches.
func reaches(op rewrite.Op, p rmg.Path, prop string) bool {
	switch op.Op {
	case rewrite.AddNode, rewrite.AddEdge, rewrite.Retype:
		return op.Path == p && (op.Op != rewrite.Retype || prop == "")
	case rewrite.Set:
		_, has := op.Props[prop]
		return op.Path == p && (prop == "" || has)
	case rewrite.Inc, rewrite.SetAdd, rewrite.SetRemove:
		return op.Path == p && (prop == "" || prop == op.Prop)
	case rewrite.Write:
		if op.Path != p {
			return prop == "" && p.Has(op.Path)
		}
		return prop == "" || prop == rewrite.PropBlob || prop == rewrite.PropMode
	case rewrite.Remove:
		return op.Path.Has(p)
	case rewrite.Move:
		return op.Path.Has(p) || op.Dest.Has(p)
	}
	return false
}
