package kernel

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A merge with conflicts leaves them in the workspace's entry, as nodes of its
// inner graph, each with how it is to be settled once that is said.

// maxConflicts is how many conflicts a merge may leave to be resolved.
const maxConflicts = 10_000

const kindConflict = "Conflict"

// How a conflict is settled.
const (
	takeSystem    = "system"
	takeWorkspace = "workspace"
	takeBase      = "base"
	takeValue     = "value"
)

// propSides is the digest of the three sides of a conflict: a resolution stands
// for as long as they are the same.
const propSides = "sides"

// conflictNodes lists the conflicts in a workspace's entry, in order.
func conflictNodes(entry rmg.Element) []rmg.Element {
	var out []rmg.Element
	for n := range entry.Graph.Nodes("") {
		if n.Kind == kindConflict {
			out = append(out, n)
		}
	}
	return out
}

// conflictsOf reads the conflicts in a workspace's entry.
func conflictsOf(entry rmg.Element) []Conflict {
	var out []Conflict
	for _, n := range conflictNodes(entry) {
		out = append(out, readConflict(n))
	}
	return out
}

func readConflict(n rmg.Element) Conflict {
	p := n.Props
	c := Conflict{ID: n.ID, Take: p.String("take"), By: p.String("by"), MergeConflict: rmg.MergeConflict{
		Path: refOf(p, "path"), Prop: p.String("prop"), Kind: rmg.ConflictKind(p.String("conflict")), Reason: p.String("reason"),
		SystemBy: p.String("system_by"), WorkspaceBy: p.String("workspace_by"),
	}}
	c.Base, _ = p.Get("base")
	c.System, _ = p.Get("system")
	c.Workspace, _ = p.Get("workspace")
	c.Value, _ = p.Get("value")
	return c
}

// conflictOp puts a conflict into a workspace's entry.
func conflictOp(space string, c Conflict, sides string) rewrite.Op {
	props := map[string]rmg.Value{
		"path": rmg.Ref(c.Path), "conflict": rmg.String(string(c.Kind)), "reason": rmg.String(c.Reason), propSides: rmg.String(sides),
	}
	for name, s := range map[string]string{"prop": c.Prop, "system_by": c.SystemBy, "workspace_by": c.WorkspaceBy, "take": c.Take, "by": c.By} {
		if s != "" {
			props[name] = rmg.String(s)
		}
	}
	for name, v := range map[string]rmg.Value{"base": c.Base, "system": c.System, "workspace": c.Workspace, "value": c.Value} {
		if !v.IsZero() {
			props[name] = v
		}
	}
	return addOp(swsPath(space).Child(c.ID), kindConflict, props)
}

// dropConflicts takes the conflicts out of a workspace's entry.
func dropConflicts(entry rmg.Element) []rewrite.Op {
	var ops []rewrite.Op
	for _, n := range conflictNodes(entry) {
		ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: swsPath(entry.ID).Child(n.ID)})
	}
	return ops
}

// conflictKey tells which conflict one is, whatever its sides.
func conflictKey(c rmg.MergeConflict) string {
	return strings.Join([]string{string(c.Path), c.Prop, string(c.Kind), c.Reason}, "\x00")
}

// resolved gives conflicts their ids, and the resolutions of those before them
// that are the same and have the same sides.
func (m *merging) resolved(list []rmg.MergeConflict, before []rmg.Element) []Conflict {
	known := map[string]rmg.Element{}
	for _, n := range before {
		known[conflictKey(readConflict(n).MergeConflict)+"\x00"+n.Props.String(propSides)] = n
	}
	var out []Conflict
	for i, c := range list {
		next := Conflict{ID: conflictID(i), MergeConflict: c}
		if n, ok := known[conflictKey(c)+"\x00"+m.sides(c)]; ok {
			was := readConflict(n)
			next.Take, next.Value, next.By = was.Take, was.Value, was.By
		}
		out = append(out, next)
	}
	return out
}

func conflictID(i int) string {
	n := strconv.Itoa(i + 1)
	return "c" + strings.Repeat("0", max(0, 5-len(n))) + n
}

// sides is the digest of what the three sides have where a conflict is.
func (m *merging) sides(c rmg.MergeConflict) string {
	o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
	for i, name := range []string{takeBase, takeSystem, takeWorkspace} {
		v := []rmg.Value{c.Base, c.System, c.Workspace}[i]
		side := rmg.Element{Kind: "Side"}
		if !v.IsZero() {
			side.Props = side.Props.With("value", v)
		}
		if e, ok := m.side(name, c.Path); ok && c.Prop == "" {
			side.Kind, side.Props, side.Graph = "Side "+e.Kind, e.Props, e.Graph
			if e.Edge {
				side.Kind += " " + strconv.Quote(e.From) + " " + strconv.Quote(e.To)
			}
		}
		if err := o.Graft(rmg.Root.Child(name), side); err != nil {
			return "" // too deep to be compared: its resolution is asked for again
		}
	}
	return o.Graph().Digest().String()
}

// side returns what one side has at a path of the workspace's.
func (m *merging) side(name string, p rmg.Path) (rmg.Element, bool) {
	switch name {
	case takeWorkspace:
		return m.head.world.Get(p)
	case takeSystem:
		return atOrBefore(m.to.world, p, m.head.moves)
	default:
		return atOrBefore(m.space.base, p, m.head.moves)
	}
}

// atOrBefore finds an element where the workspace has it or, on a side that did
// not move it, where it was.
func atOrBefore(g rmg.Graph, p rmg.Path, moves []rmg.Move) (rmg.Element, bool) {
	if e, ok := g.Get(p); ok {
		return e, true
	}
	return g.Get(unmoved(p, moves))
}

// unmoved is where an element was before the moves were made.
func unmoved(p rmg.Path, moves []rmg.Move) rmg.Path {
	for i := len(moves) - 1; i >= 0; i-- {
		if moves[i].To.Has(p) {
			p = moves[i].From + p[len(moves[i].To):]
		}
	}
	return p
}

// keepConflicts records the conflicts of a merge on the workspace, unless they
// stand there as they are, and answers with those that are open.
func (k *Kernel) keepConflicts(ctx context.Context, c Caller, m *merging) (Rebased, error) {
	open := m.open()
	out := Rebased{Conflicts: open}
	if !m.recorded() {
		reason := fmt.Sprintf("%s with %s", plural(len(m.conflicts), "conflict"), m.base())
		rec, err := k.systemWith(ctx, c.Name, orText(c.Process, m.id), reason, func(f *fold, _ uint64) ([]rewrite.Op, error) {
			if err := m.still(f); err != nil {
				return nil, err
			}
			onto := m.onto
			if onto == "" {
				onto = m.to.from
			}
			ops := dropConflicts(m.entry)
			for _, c := range m.conflicts {
				ops = append(ops, conflictOp(m.id, c, m.sides(c.MergeConflict)))
			}
			return append(ops, setOp(swsPath(m.id), map[string]rmg.Value{propOnto: rmg.String(onto), propOpen: rmg.Int(int64(len(open)))})), nil
		})
		if err != nil {
			return Rebased{}, err
		}
		out.Seq = rec.Seq
	}
	return out, &rmg.Error{
		Op: "rebase", Path: open[0].Path, Code: rmg.Conflict, Msg: fmt.Sprintf("%s open, first: %s", plural(len(open), "conflict"), open[0].Reason),
		Hint: fmt.Sprintf("jitos sws resolve %s lists them; jitos sws resolve %s --take workspace settles all for the workspace", m.id, m.id),
	}
}

// recorded reports whether the workspace's entry holds exactly these conflicts.
func (m *merging) recorded() bool {
	before := conflictNodes(m.entry)
	if len(before) != len(m.conflicts) || m.entry.Props.String(propOnto) == "" || m.onto != "" && m.onto != m.entry.Props.String(propOnto) {
		return false
	}
	for i, n := range before {
		c := m.conflicts[i]
		if conflictKey(readConflict(n).MergeConflict) != conflictKey(c.MergeConflict) || n.Props.String(propSides) != m.sides(c.MergeConflict) {
			return false
		}
	}
	return true
}
