package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// approvedRoot is where the commands stand in the ledger that a person has
// approved, by their hash.
const approvedRoot = workerRoot + "/command"

// The limits of approving commands.
const (
	maxApproved   = 10_000
	minHashPrefix = 6 // hex digits by which one may be named
)

// OwnGate is a gate of a repository, and whether its command may be run.
type OwnGate struct {
	Gate      work.Gate
	Hash      string // what its command is approved by; empty for one of the language
	Approved  bool   // it may be run
	By        string // who approved it
	At        time.Time
	Protected []string // files that it protects
}

// OwnGates is what a branch demands of every change of it.
type OwnGates struct {
	Root      rmg.Path
	File      string // where that is said; empty if its language decides
	Gates     []OwnGate
	Setup     []OwnGate // what sets its workspaces up, in order
	Protected []string  // all that only a person changes here, besides what policy protects
}

// Gates lists what the branch that is checked out in a folder demands. Invalid:
// its gate file cannot be read.
func (k *Kernel) Gates(ctx context.Context, dir string) (OwnGates, error) {
	root, tree, err := k.branchIn(ctx, dir)
	if err != nil {
		return OwnGates{}, err
	}
	return k.gatesAt(root, tree)
}

// branchIn brings the branch in that is checked out in a folder.
func (k *Kernel) branchIn(ctx context.Context, dir string) (rmg.Path, rmg.Graph, error) {
	_, root, err := k.sync(ctx, dir)
	if err != nil {
		return "", rmg.Graph{}, err
	}
	tree, err := treeAt(k.now().world, root)
	return root, tree, err
}

func (k *Kernel) gatesAt(root rmg.Path, tree rmg.Graph) (OwnGates, error) {
	own, err := k.ownGates(tree)
	if err != nil {
		return OwnGates{}, err
	}
	out := OwnGates{Root: root, Protected: own.protected}
	if own.there {
		out.File = gatesFile(root)
	}
	for _, s := range own.specs {
		g := OwnGate{Gate: gateOf(root, s), Protected: append(slices.Clone(s.Protected), namedIn(tree, s.Dir, s.Command)...)}
		g.Hash = g.Gate.Approval
		g.Approved, g.By, g.At = k.approvalOf(g.Hash)
		out.Gates = append(out.Gates, g)
	}
	for _, s := range own.setup {
		g := OwnGate{Gate: setupGate(root, s), Protected: namedIn(tree, s.Dir, s.Command)}
		g.Hash = g.Gate.Approval
		g.Approved, g.By, g.At = k.approvalOf(g.Hash)
		out.Setup = append(out.Setup, g)
	}
	if len(own.specs) == 0 {
		for _, g := range repoGates(tree, nil) {
			out.Gates = append(out.Gates, OwnGate{Gate: g, Approved: true})
		}
	}
	return out, nil
}

// approvalOf says whether a command is approved, by whom and when.
func (k *Kernel) approvalOf(hash string) (ok bool, by string, at time.Time) {
	e, ok := k.now().ledger.Get(approvedRoot.Child(hash))
	if !ok || e.Props.Bool("revoked") {
		return false, "", time.Time{}
	}
	return true, e.Props.String("by"), time.UnixMilli(e.Props.Int("at_ms")).UTC()
}

func (k *Kernel) isApproved(hash string) bool {
	ok, _, _ := k.approvalOf(hash)
	return ok
}

// unapproved says why a gate is not run, and what to type.
func unapproved(g work.Gate) string {
	return fmt.Sprintf("not run: nobody has approved its command, %s; after a look at it: jitos gates approve %s", quoted(g.Argv), short(g.Approval))
}

// quoted writes a command as a shell would be given it.
func quoted(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		if out[i] = a; a == "" || strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%") != "" {
			out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// allApproved refuses to begin what could not be proven in the end.
func (k *Kernel) allApproved(root rmg.Path, own ownGates) error {
	var open []string
	for _, s := range own.specs {
		if g := gateOf(root, s); !k.isApproved(g.Approval) {
			open = append(open, fmt.Sprintf("%s (%s)", g.Name, quoted(g.Argv)))
		}
	}
	for _, s := range own.setup {
		if g := setupGate(root, s); !k.isApproved(g.Approval) {
			open = append(open, fmt.Sprintf("set-up step %s (%s)", g.Name, quoted(g.Argv)))
		}
	}
	if len(open) == 0 {
		return nil
	}
	return &rmg.Error{
		Op: "gates", Path: root, Code: rmg.Denied, Msg: fmt.Sprintf("the repository brings commands that nobody has approved: %s", some(open)),
		Hint: "jitos gates list shows them, jitos gates approve HASH lets them run",
	}
}

// ApproveGates records that the commands of gates of a branch may be run: those
// that are named by a hash, or the beginning of one, or by a gate's name. It is
// for a person with the capability admin. NotFound: there is no such gate.
func (k *Kernel) ApproveGates(ctx context.Context, c Caller, dir string, which []string) ([]OwnGate, error) {
	return k.changeApprovals(ctx, c, dir, which, true)
}

// RevokeGates takes approvals back.
func (k *Kernel) RevokeGates(ctx context.Context, c Caller, dir string, which []string) ([]OwnGate, error) {
	return k.changeApprovals(ctx, c, dir, which, false)
}

func (k *Kernel) changeApprovals(ctx context.Context, c Caller, dir string, which []string, approve bool) ([]OwnGate, error) {
	if err := c.needs(CapAdmin, "gates", approvedRoot); err != nil {
		return nil, err
	}
	if c.kind() != KindPerson {
		return nil, &rmg.Error{Op: "gates", Path: approvedRoot, Code: rmg.Denied, Msg: "only a person approves commands", Hint: "the owner of the daemon does it, without JITOS_TOKEN"}
	}
	list, err := k.Gates(ctx, dir)
	if err != nil {
		return nil, err
	}
	chosen, err := chooseGates(list, which)
	if err != nil {
		return nil, err
	}
	verb := "approved"
	if !approve {
		verb = "no longer approved"
	}
	once, err := onceOf(c, "gates", []any{string(list.Root), which, approve})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range chosen {
		names = append(names, fmt.Sprintf("%s of %s: %s", g.Gate.Name, list.Root, quoted(g.Gate.Argv)))
	}
	_, err = k.systemOnce(ctx, once, c.Name, "gates", verb+": "+strings.Join(names, "; "), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		ops, err := k.approvalOps(f, c, list.Root, chosen, approve)
		if err == nil && len(ops) == 0 {
			err = errNothing
		}
		return ops, err
	})
	if err != nil && !errors.Is(err, errNothing) {
		return nil, err
	}
	for i := range chosen {
		chosen[i].Approved, chosen[i].By, chosen[i].At = k.approvalOf(chosen[i].Hash)
	}
	return chosen, nil
}

func (k *Kernel) approvalOps(f *fold, c Caller, root rmg.Path, chosen []OwnGate, approve bool) ([]rewrite.Op, error) {
	var ops []rewrite.Op
	e, ok := f.ledger.Get(approvedRoot)
	if !ok {
		ops = append(ops, addOp(approvedRoot, rewrite.KindDir, nil))
	}
	n := 0
	for range e.Graph.Nodes("") {
		n++
	}
	seen := map[string]bool{}
	changed := false
	for _, g := range chosen {
		if seen[g.Hash] {
			continue
		}
		seen[g.Hash] = true
		at := approvedRoot.Child(g.Hash)
		was, there := f.ledger.Get(at)
		props := map[string]rmg.Value{"by": rmg.String(c.Name), "at_ms": rmg.Int(k.lastAt.UnixMilli()), "revoked": rmg.Bool(!approve)}
		switch {
		case there && was.Props.Bool("revoked") == !approve, !there && !approve:
			continue
		case there:
			ops = append(ops, setOp(at, props))
		default:
			if n++; n > maxApproved {
				return nil, &rmg.Error{Op: "gates", Path: approvedRoot, Code: rmg.Limit, Msg: fmt.Sprintf("%d commands are approved, which is the limit", maxApproved)}
			}
			props["name"], props["repository"], props["command"] = textValue(g.Gate.Name), rmg.Ref(root.Parent()), textList(g.Gate.Argv)
			props["dir"] = textValue(g.Gate.Module)
			ops = append(ops, addOp(at, kindApproved, props))
		}
		changed = true
	}
	if !changed {
		return nil, nil
	}
	return ops, nil
}

// chooseGates finds the gates that are meant. A hash wins over a name, so that
// nobody approves another command by calling it like one.
func chooseGates(list OwnGates, which []string) ([]OwnGate, error) {
	var out []OwnGate
	all := slices.Concat(list.Gates, list.Setup)
	for _, w := range which {
		var hits []OwnGate
		for _, g := range all {
			if g.Hash != "" && len(w) >= minHashPrefix && strings.HasPrefix(g.Hash, w) {
				hits = append(hits, g)
			}
		}
		if len(hits) == 0 {
			for _, g := range all {
				if g.Hash != "" && g.Gate.Name == w {
					hits = append(hits, g)
				}
			}
		}
		if len(hits) == 0 {
			return nil, &rmg.Error{
				Op: "gates", Path: list.Root, Code: rmg.NotFound, Msg: fmt.Sprintf("the repository has no gate %q and no set-up step, by hash or by name", w), Hint: "jitos gates list shows them; one that changed meanwhile has another hash",
			}
		}
		out = append(out, hits...)
	}
	return out, nil
}

// gatesFile is where a branch's gate file stands.
func gatesFile(root rmg.Path) string { return string(root.Join(".jitos", "gates.yaml")) }
