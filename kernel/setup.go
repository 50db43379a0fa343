package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// maxStale is how often a folder is asked for anew whose set-up went meanwhile.
const maxStale = 3

// Needs is what a folder holds besides its tree's files.
type Needs struct {
	Copy []string // ignored files of the working tree, in the words of .gitignore
	Made []string // keys of set-up steps; a later one hides what it has in common with an earlier
}

// SettingUp makes folders that hold what a repository's set-up asks for. Stale:
// what a step made is there no more, and is to be made again.
type SettingUp interface {
	SlotWith(ctx context.Context, name string, tree rmg.Graph, of Origin, n Needs) (Folder, error)
	FreshWith(ctx context.Context, name string, tree rmg.Graph, made []string) (Folder, error)
	// Make has a step run unless what it made is there: in a folder that nothing has
	// ever been in, of the tree and of what the steps before made. What it makes at
	// names that keep takes is kept under key.
	Make(ctx context.Context, key string, tree rmg.Graph, before []string, keep func(string) bool, run func(Folder) error) error
}

// setup is what a folder of one tree needs.
type setup struct {
	root  rmg.Path
	top   string
	copy  []string
	steps []setupStep
}

// setupStep is a step as it is run on one tree.
type setupStep struct {
	gate  work.Gate
	tree  rmg.Graph // what it sees: its inputs, and the scripts of its command as the head has them
	keeps []string
	key   string // of all that it sees
}

func (s setup) none() bool { return len(s.copy)+len(s.steps) == 0 }

// made are the keys of the first n steps.
func (s setup) made(n int) []string {
	var out []string
	for _, x := range s.steps[:n] {
		out = append(out, x.key)
	}
	return out
}

// setupFile reads the set-up file of a tree: the head's, never the change's.
// Invalid: what stands there is none, so that nobody knows what workspaces need.
func (k *Kernel) setupFile(tree rmg.Graph) (tasks.SetupFile, error) {
	doc := headFile{op: "setup", path: tasks.SetupPath, check: "jitos gates check " + tasks.SetupPath}
	data, ok, err := k.readHeadFile(tree, doc)
	if !ok || err != nil {
		return tasks.SetupFile{}, err
	}
	f, err := tasks.ParseSetup(tasks.SetupPath, data)
	if err != nil {
		return tasks.SetupFile{}, doc.bad(err.Error())
	}
	return f, nil
}

// setupGate is a step as it is approved and run.
func setupGate(root rmg.Path, s tasks.SetupStep) work.Gate {
	g := work.Gate{Name: s.Name, Kind: work.GateCommand, Argv: s.Command, Module: orText(s.Dir, "."), TimeoutMillis: s.TimeoutMillis()}
	data, err := json.Marshal(struct {
		Repository rmg.Path
		Command    []string
		Dir        string
	}{root.Parent(), s.Command, path.Clean(g.Module)})
	if err != nil {
		panic("plain strings can be marshalled: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte("jitos setup command 1\x00"), data...))
	g.Approval = hex.EncodeToString(sum[:])
	return g
}

// setupOf says what a folder of a tree needs by the set-up file of head, the branch
// that it merges with. O(tree) for each step; nothing is run.
func (k *Kernel) setupOf(head, tree rmg.Graph, root rmg.Path, top string) (setup, error) {
	f, err := k.setupFile(head)
	if err != nil {
		return setup{}, err
	}
	out := setup{root: root, top: top, copy: f.Copy}
	for i, s := range f.Steps {
		x := setupStep{gate: setupGate(root, s), keeps: s.Keeps}
		if x.tree, err = visible(tree, s.Inputs); err == nil {
			x.tree, err = withFiles(x.tree, head, namedIn(head, s.Dir, s.Command))
		}
		if err != nil {
			return setup{}, err
		}
		x.key = k.setupKey(x, out.made(i), top)
		out.steps = append(out.steps, x)
	}
	return out, nil
}

// setupKey is the hash of all that decides what a step makes.
func (k *Kernel) setupKey(s setupStep, before []string, top string) string {
	data, err := json.Marshal(struct {
		Run, Top string
		Keeps    []string
	}{k.opt.Runner.Key(work.Proof{Input: s.tree.Digest(), Made: before}, s.gate), top, s.keeps})
	if err != nil {
		panic("plain strings can be marshalled: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte("jitos setup 1\x00"), data...))
	return hex.EncodeToString(sum[:])
}

// withFiles is a tree with files of another, at the same names.
func withFiles(tree, from rmg.Graph, names []string) (rmg.Graph, error) {
	if len(names) == 0 {
		return tree, nil
	}
	o := rmg.NewOverlay(tree)
	for _, name := range names {
		p := rmg.Root.Join(split(name)...)
		if err := withParents(o, from, p.Parent()); err != nil {
			return rmg.Graph{}, err
		}
		if _, ok := o.Get(p); ok {
			if err := o.Remove(p, true); err != nil {
				return rmg.Graph{}, err
			}
		}
		e, _ := from.Get(p)
		if err := o.Graft(p, e); err != nil {
			return rmg.Graph{}, err
		}
	}
	return o.Graph(), nil
}

// placed gives a folder that holds what s says: what is missing of it is made
// first.
func (k *Kernel) placed(ctx context.Context, s setup, place func(SettingUp, Needs) (Folder, error)) (Folder, error) {
	wt := k.opt.SettingUp
	if wt == nil {
		return nil, &rmg.Error{Op: "setup", Path: s.root, Code: rmg.Unavailable, Msg: "nothing here can set workspaces up, which " + tasks.SetupPath + " asks for"}
	}
	for try := 1; ; try++ {
		if err := k.setUp(ctx, wt, s); err != nil {
			return nil, err
		}
		f, err := place(wt, Needs{Copy: s.copy, Made: s.made(len(s.steps))})
		if try == maxStale || !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
			return f, err
		}
	}
}

// setUp makes what the steps make and nobody has made yet. Denied: a command is
// not approved. GateFailed: one of them failed.
func (k *Kernel) setUp(ctx context.Context, wt SettingUp, s setup) error {
	for i, x := range s.steps {
		if !k.isApproved(x.gate.Approval) {
			return &rmg.Error{
				Op: "setup", Path: s.root, Code: rmg.Denied, Msg: fmt.Sprintf("nobody has approved the command of set-up step %s: %s", x.gate.Name, quoted(x.gate.Argv)),
				Hint: "after a look at it: jitos gates approve " + short(x.gate.Approval),
			}
		}
		err := wt.Make(ctx, x.key, x.tree, s.made(i), func(name string) bool { return matchAny(x.keeps, name) }, func(f Folder) error {
			return k.runStep(ctx, s, x, f)
		})
		if err != nil {
			return fmt.Errorf("set-up step %s: %w", x.gate.Name, err)
		}
	}
	return nil
}

// runStep runs a step's command in its folder.
func (k *Kernel) runStep(ctx context.Context, s setup, x setupStep, f Folder) error {
	k.log.Info("setting up", "root", s.root, "step", x.gate.Name, "key", short(x.key))
	ran, err := k.opt.Runner.Prove(ctx, work.Proof{
		Folder: f.Path(), Scratch: f.Scratch(), Own: s.top, Input: x.tree.Digest(), Gates: []work.Gate{x.gate}, PutBlob: k.putBytes,
	})
	if err == nil {
		err = ctx.Err()
	}
	switch {
	case err != nil:
		return err
	case len(ran) != 1:
		return &rmg.Error{Op: "setup", Code: rmg.Internal, Msg: fmt.Sprintf("the runner answered %d times for one command", len(ran))}
	case !ran[0].Green:
		msg := ran[0].Reason
		if said, err := readBlob(k.store, ran[0].Output); err == nil {
			msg += lastLines(string(said))
		}
		return &rmg.Error{
			Op: "setup", Path: s.root, Code: rmg.GateFailed, Msg: quoted(x.gate.Argv) + ": " + msg,
			Hint: "it saw its inputs alone and had no network: mend " + tasks.SetupPath + ", or what the step reads, and commit it with git",
		}
	}
	return nil
}

// lastLines is the end of what a command said, on lines of their own.
func lastLines(said string) string {
	const shown = 5
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if len(lines) < 2 {
		return "" // the reason has it
	}
	return "\n" + strings.Join(lines[max(0, len(lines)-shown):], "\n")
}

// headOf is the tree of a branch as the system has it; tree itself where the
// branch is in no system.
func (k *Kernel) headOf(root rmg.Path, tree rmg.Graph) rmg.Graph {
	if e, ok := k.now().world.Get(root); ok {
		return e.Graph
	}
	return tree
}

// fresh is freshFor with what head's set-up file asks for.
func (k *Kernel) fresh(ctx context.Context, name string, tree, head rmg.Graph, root rmg.Path) (Folder, error) {
	need, err := k.setupOf(head, tree, root, originOf(k.now().world, root).Top)
	if err != nil {
		return nil, err
	}
	return k.freshFor(ctx, name, tree, need)
}

// freshFor is a fresh folder of a tree with what steps make: nothing of the person's.
func (k *Kernel) freshFor(ctx context.Context, name string, tree rmg.Graph, need setup) (Folder, error) {
	if len(need.steps) == 0 {
		return k.opt.Worktree.Fresh(ctx, name, tree)
	}
	return k.placed(ctx, need, func(wt SettingUp, n Needs) (Folder, error) { return wt.FreshWith(ctx, name, tree, n.Made) })
}

// madeFor is what gates that are run together see of a set-up: hooks see nothing.
func madeFor(need setup, gates []work.Gate) []string {
	if isHook(gates[0]) {
		return nil
	}
	return need.made(len(need.steps))
}
