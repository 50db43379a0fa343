package kernel

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// withArtifacts is a task's good result, or that it did not leave what it has to in the
// workspace that it worked in. What git ignores is no part of a workspace.
func (k *Kernel) withArtifacts(p Process, t tasks.Task, res work.Result) (work.Result, error) {
	if len(t.Artifacts) == 0 {
		return res, nil
	}
	s, ok := k.space(p.laneSpace(t.Lane))
	if !ok {
		return res, noSpace(p.laneSpace(t.Lane))
	}
	tree, err := treeAt(s.last().world, p.root())
	if err != nil {
		return res, err
	}
	left := slices.Clone(t.Artifacts)
	for at, e := range tree.Walk(rmg.Root) {
		if len(left) == 0 {
			break
		}
		if rel, ok := relTo(rmg.Root, at); ok && e.Kind != rewrite.KindDir {
			left = slices.DeleteFunc(left, func(g string) bool { return matchAny([]string{g}, rel) })
		}
	}
	if len(left) == 0 {
		return res, nil
	}
	res.OK, res.Nothing = false, false
	res.Summary = fmt.Sprintf("it ended well, but left no %s", strings.Join(left, ", no "))
	res.Reasons = []string{"its artifacts say what has to be there; what git ignores does not count"}
	return res, nil
}

// mayBegin refuses a task that needs what its process was not granted, and says what to
// grant.
func mayBegin(r work.Rights, t tasks.Task) error {
	for _, c := range t.Capabilities {
		sort, about := tasks.Capability(c)
		var has bool
		var hint string
		switch sort {
		case tasks.CapabilityHost:
			has, hint = slices.Contains(r.Hosts, about), "grant it with --network "+about+", or scope.network of the document"
		case tasks.CapabilityNetwork:
			has, hint = len(r.Hosts) > 0, "grant a host with --network NAME:PORT, or scope.network of the document"
		case tasks.CapabilityProtected:
			has, hint = covers(r.Granted, about), fmt.Sprintf("grant it with --grant '%s', or scope.protected of the document", about)
		case tasks.CapabilityWrite:
			has, hint = covers(r.Write, about), fmt.Sprintf("name %s in scope.include of the document", about)
		case tasks.CapabilitySystem:
			has, hint = slices.Contains(r.Capabilities, capSystem), "grant it with capabilities: [system] among the parameters of the document"
		}
		if !has {
			return &rmg.Error{Op: t.ID, Code: rmg.Denied, Msg: fmt.Sprintf("%s needs the capability %s, which the process does not have", t.ID, c), Hint: hint}
		}
	}
	return nil
}

// covers reports whether globs let in all that another does: a path that one of them
// matches, or a glob that stands among them.
func covers(globs []string, one string) bool {
	if slices.Contains(globs, one) || slices.Contains(globs, "**") {
		return true
	}
	return !strings.ContainsAny(one, "*?[{\\") && matchAny(globs, one)
}
