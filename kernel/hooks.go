package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Hooks are those of a repository that are run before a commit is made there, or
// pushed from there.
type Hooks struct {
	Names []string // "pre-commit", "commit-msg", "pre-push"
	Sum   string   // of the folder that they stand in
}

// Hooking runs the person's hooks of git as gates.
type Hooking interface {
	Hooks(ctx context.Context, top string) (Hooks, error)
	// Staged makes a folder as Fresh does, in which git works: tree is staged over
	// base. reads are folders outside of it that git reads.
	Staged(ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks) (f Folder, reads []string, err error)
	// ToPush makes one in which the change is committed as what will be pushed.
	ToPush(ctx context.Context, name string, base, tree rmg.Graph, of Origin, hooks Hooks, p Pushing) (f Folder, reads []string, commit string, err error)
}

// Pushing is a push that a hook is asked about; see work.Push.
type Pushing struct{ Remote, Branch, To, At, Message string }

const prePush = "pre-push"

// findHooks notes the hooks that have a say in a collapse: none where no commit is
// made, and pre-push where one leaves the repository.
func (k *Kernel) findHooks(ctx context.Context, c *collapse) error {
	if c.root == "" || c.land == landNone {
		return nil
	}
	h, err := k.opt.Worktree.Hooks(ctx, c.top)
	if err != nil {
		return err
	}
	c.hooks = h
	how, remote := cutLand(c.land)
	if how == landPush || how == landPull {
		c.to, err = k.opt.Worktree.Target(ctx, c.top, c.branch, remote, how == landPull)
		return err
	}
	c.hooks.Names = slices.DeleteFunc(slices.Clone(h.Names), func(name string) bool { return name == prePush })
	return nil
}

// hookGates are the hooks as gates. The message is the commit's but for the number
// of a record that is not yet made.
func (k *Kernel) hookGates(c *collapse, cand candidate) []work.Gate {
	var out []work.Gate
	for _, name := range c.hooks.Names {
		g := work.Gate{
			Name: name, Kind: work.GateHook, Argv: []string{".git/hooks/" + name}, Module: ".", Hooks: c.hooks.Sum, Over: cand.base.Digest().String(), TimeoutMillis: gateMillis,
		}
		switch name {
		case "commit-msg":
			g.Message = k.message(c, 0)
		case prePush:
			g.Argv = append(g.Argv, c.to.Remote, c.to.URL)
			g.Push = k.pushOf(c)
		}
		out = append(out, g)
	}
	return out
}

// pushOf is the push that a collapse will end with, if it gets there.
func (k *Kernel) pushOf(c *collapse) *work.Push {
	out := &work.Push{Remote: c.to.Remote, From: "jitos/" + c.process, To: c.to.Base, At: c.to.At, Message: k.message(c, 0)}
	if how, _ := cutLand(c.land); how == landPull {
		e, _ := k.now().ledger.Get(procPath(c.process))
		out.To, out.At = out.From, e.Props.String(propPushed)
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

// staged makes the folder that hooks are run in; commit is what a pre-push hook is
// asked about there.
func (k *Kernel) staged(ctx context.Context, p proof, tree rmg.Graph, push *work.Push) (f Folder, reads []string, commit string, err error) {
	e, _ := p.head.Get(p.root)
	of := Origin{Top: p.top, Branch: p.root.Base().ID, Commit: e.Props.String(propGitBase)}
	if push != nil {
		to := Pushing{Remote: push.Remote, Branch: push.From, To: push.To, At: push.At, Message: push.Message}
		return k.opt.Worktree.ToPush(ctx, p.name, p.base, tree, of, p.hooks, to)
	}
	f, reads, err = k.opt.Worktree.Staged(ctx, p.name, p.base, tree, of, p.hooks)
	return f, reads, "", err
}
