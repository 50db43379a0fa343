package kernel

import (
	"strings"

	"jitos.dev/rmg"
)

// The ledger's places and kinds.
const (
	procRoot   = rmg.Path("/proc")
	swsRoot    = rmg.Path("/sws")
	workerRoot = rmg.Path("/worker")
	gcRoot     = rmg.Path("/gc")
	repoRoot   = rmg.Path("/repo")

	kindProcess   = "Process"
	kindTask      = "Task"
	kindAttempt   = "Attempt"
	kindEvidence  = "Evidence"
	kindWorkspace = "Workspace"
	kindWorker    = "Worker"
	kindNeeds     = "needs"
	kindApproval  = "Approval"
	kindToken     = "Token"
	kindApproved  = "ApprovedCommand"
	kindGC        = "GC"
)

func procPath(id string) rmg.Path { return procRoot.Child(id) }
func swsPath(id string) rmg.Path  { return swsRoot.Child(id) }

// inLedger reports whether p stands in the half that the kernel alone writes.
func inLedger(p rmg.Path) bool {
	for _, root := range []rmg.Path{procRoot, swsRoot, workerRoot, purgeRoot, onceRoot, gcRoot} {
		if p == root || strings.HasPrefix(string(p), string(root)+"/") {
			return true
		}
	}
	return false
}

// inRepo reports whether p stands under /repo.
func inRepo(p rmg.Path) bool {
	return p == repoRoot || strings.HasPrefix(string(p), string(repoRoot)+"/")
}

// branchOf returns the /repo/<name>/<branch> that p stands in or below.
func branchOf(p rmg.Path) (rmg.Path, bool) {
	segs := p.Segments()
	if len(segs) < 3 || segs[0].ID != "repo" || segs[0].Edge || segs[1].Edge || segs[2].Edge {
		return "", false
	}
	return repoRoot.Join(segs[1].ID, segs[2].ID), true
}
