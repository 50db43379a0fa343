package kernel

import (
	"context"
	"fmt"
	"path/filepath"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A workspace may see what a person has not committed. It is written into the
// workspace by a record that moves its base there (see base.go): what collapses is
// what was changed over it, so that gates run, and commits are made, without those
// bytes. A change that touches them conflicts with the branch, which does not have
// them.

// propContext is the seq of the record that brought the uncommitted state in.
const propContext = "context"

// dirtyState is the uncommitted state of a branch's working tree; the zero one is
// of none.
type dirtyState struct {
	root   rmg.Path
	tree   rmg.Graph
	reason string
}

// uncommitted reads the state of a working tree whose branch was synced in.
func (k *Kernel) uncommitted(ctx context.Context, repo Repo, root rmg.Path) (dirtyState, error) {
	tree, err := k.opt.Worktree.Uncommitted(ctx, repo.Top, repo.Head)
	return dirtyState{root, tree, fmt.Sprintf("uncommitted state of %s %s at %s", filepath.Base(repo.Top), repo.Branch, short(repo.Head))}, err
}

// bringIn lets a new workspace see it.
func (k *Kernel) bringIn(ctx context.Context, d dirtyState, id string) error {
	if d.root == "" {
		return nil
	}
	s, ok := k.space(id)
	if !ok {
		return noSpace(id)
	}
	was, err := treeAt(s.last().world, d.root)
	if err != nil {
		return err
	}
	ops := branchOps(d.root, was, d.tree)
	if len(ops) == 0 {
		return nil
	}
	_, err = k.submit(&request{
		ctx: ctx, owner: ownerOf("sws:"+id, "git", "sync"), view: "sws:" + id, footprint: rewrite.Footprint{All: true}, size: 128 * len(ops),
		eval: func(f *fold, seq uint64) (draft, error) {
			note := setOp(swsPath(id), map[string]rmg.Value{propContext: rmg.Int(int64(seq))})
			return draft{view: "sws:" + id, author: "git", cause: "sync", reason: d.reason, ops: append([]rewrite.Op{note}, ops...)}, f.spaceIs(id, spaceOpen)
		},
	})
	return err
}
