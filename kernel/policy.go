package kernel

import (
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// protectedGlobs stay as they are unless the intent grants otherwise: what
// judges a change must not be changed by it.
var protectedGlobs = []string{
	"**/*_test.go", "**/testdata/**", "**/go.mod", "**/go.sum", "**/go.work", "**/go.work.sum", "**/vendor/**",
	".jitos/**", ".github/**", ".gitlab-ci.yml", ".gitlab/**", ".circleci/**", ".travis.yml", ".ci/**",
	"azure-pipelines.yml", "Jenkinsfile", "bitbucket-pipelines.yml", "**/.gitattributes", "**/.gitmodules",
}

// mayRewrite judges a rewrite that a person or program sends directly.
func mayRewrite(v Version, ops []rewrite.Op) error {
	for i, op := range ops {
		for _, p := range []rmg.Path{op.Path, op.Dest} {
			if p == "" {
				continue
			}
			if err := mayTouch(v, p); err != nil {
				err.Msg = fmt.Sprintf("op %d: %s", i, err.Msg)
				return err
			}
		}
	}
	return nil
}

func mayTouch(v Version, p rmg.Path) *rmg.Error {
	deny := func(msg, hint string) *rmg.Error {
		return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Denied, Msg: msg, Hint: hint}
	}
	switch {
	case p == rmg.Root:
		return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Invalid, Msg: "the root cannot be changed"}
	case inLedger(p):
		return deny("the ledger is written by the kernel alone", "it changes through intents and workspaces")
	case inRepo(p) && v.Space == "":
		return deny("files of a repository change by collapse only", "jitos sws new, write there, then jitos sws collapse")
	case inRepo(p):
		if b, ok := branchOf(p); !ok || b == p {
			return deny("repositories and branches come in by sync only", "write below /repo/NAME/BRANCH/")
		}
	}
	return nil
}

// mayWrite judges a worker's write by the rights of its process.
func mayWrite(r work.Rights, root, p rmg.Path) error {
	deny := func(msg string) error {
		return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Denied, Msg: msg, Hint: "the intent's scope and rights decide what a worker may write"}
	}
	rel, ok := relTo(root, p)
	if !ok || rel == "" {
		return deny("outside the repository of the process")
	}
	if !matchAny(r.Write, rel) {
		return deny("outside what the process may write")
	}
	if matchAny(r.Protected, rel) && !matchAny(r.Granted, rel) {
		return deny("a protected path, which the intent does not ask to change")
	}
	return nil
}

// relTo returns p relative to root, with "/" between raw names.
func relTo(root, p rmg.Path) (string, bool) {
	if root == "" {
		return "", false
	}
	ids, ok := root.Rel(p)
	return strings.Join(ids, "/"), ok
}

func matchAny(globs []string, rel string) bool {
	for _, g := range globs {
		if globMatch(g, rel) {
			return true
		}
	}
	return false
}

// globMatch matches path against a glob: "*" and "?" within a segment, "**" for
// any number of segments, a pattern without "/" against the whole path only.
func globMatch(glob, name string) bool {
	return segsMatch(strings.Split(glob, "/"), strings.Split(name, "/"))
}

func segsMatch(gs, ns []string) bool {
	for len(gs) > 0 {
		if gs[0] == "**" {
			for i := 0; i <= len(ns); i++ {
				if segsMatch(gs[1:], ns[i:]) {
					return true
				}
			}
			return false
		}
		if len(ns) == 0 || !segMatch(gs[0], ns[0]) {
			return false
		}
		gs, ns = gs[1:], ns[1:]
	}
	return len(ns) == 0
}

// segMatch matches one segment by the greedy two-pointer method: linear but
// for one backtrack point, so that no glob is slow.
func segMatch(g, s string) bool {
	gi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		switch {
		case gi < len(g) && g[gi] == '*':
			star, mark = gi, si
			gi++
		case gi < len(g) && (g[gi] == '?' || g[gi] == s[si]):
			gi++
			si++
		case star >= 0:
			mark++
			gi, si = star+1, mark
		default:
			return false
		}
	}
	for gi < len(g) && g[gi] == '*' {
		gi++
	}
	return gi == len(g)
}
