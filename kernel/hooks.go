package kernel

import (
	"context"
	"fmt"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Hooks are those of a repository that are run before a commit is made there.
type Hooks struct {
	Names []string // "pre-commit", "commit-msg"
	Sum   string   // of the folder that they stand in
}

// Hooking runs the person's hooks of git as gates.
type Hooking interface {
	Hooks(ctx context.Context, top string) (Hooks, error)
	// Staged makes a folder as Fresh does, in which git works: tree is staged over
	// base. reads are folders outside of it that git reads.
	Staged(ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks) (f Folder, reads []string, err error)
}

// findHooks notes the hooks that have a say in a collapse: none where no commit is
// made.
func (k *Kernel) findHooks(ctx context.Context, c *collapse) error {
	if c.root == "" || c.land == landNone {
		return nil
	}
	h, err := k.opt.Worktree.Hooks(ctx, c.top)
	c.hooks = h
	return err
}

// hookGates are the hooks as gates. The message is the commit's but for the number
// of a record that is not yet made.
func (k *Kernel) hookGates(c *collapse, cand candidate) []work.Gate {
	var out []work.Gate
	for _, name := range c.hooks.Names {
		g := work.Gate{
			Name: name, Kind: work.GateHook, Argv: []string{".git/hooks/" + name}, Module: ".", Hooks: c.hooks.Sum, Over: cand.base.Digest().String(), TimeoutMillis: gateMillis,
		}
		if name == "commit-msg" {
			g.Message = k.message(c, 0)
		}
		out = append(out, g)
	}
	return out
}

// hooked is the message as a hook left it, with the record's number.
func (k *Kernel) hooked(c *collapse, seq uint64, list []work.Evidence) string {
	text := ""
	for _, e := range list {
		if e.Kind == work.GateHook && e.Message != "" {
			text = e.Message
		}
	}
	if text == "" {
		return k.message(c, seq)
	}
	process, at := "Jitos-Process: "+c.process, strings.LastIndex(text, "\n\n")
	if !strings.Contains(text[max(at, 0):], process) {
		text += "\n\n" + process
	}
	return fmt.Sprintf("%s\nJitos-Seq: %d\n", text, seq)
}

// staged makes the folder that hooks are run in.
func (k *Kernel) staged(ctx context.Context, p proof, tree rmg.Graph) (Folder, []string, error) {
	e, _ := p.head.Get(p.root)
	of := Origin{Top: p.top, Branch: p.root.Base().ID, Commit: e.Props.String(propGitBase)}
	return k.opt.Worktree.Staged(ctx, p.name, p.base, tree, of, p.hooks)
}
