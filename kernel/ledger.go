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
	switch topOf(p) {
	case procRoot, swsRoot, workerRoot, purgeRoot, onceRoot, gcRoot:
		return true
	}
	return false
}

// inRepo reports whether p stands under /repo.
func inRepo(p rmg.Path) bool { return topOf(p) == repoRoot }

// topOf is the path of p's first segment. It is asked of every op, often.
func topOf(p rmg.Path) rmg.Path {
	if end := strings.IndexByte(string(p[min(1, len(p)):]), '/'); end >= 0 {
		return p[:end+1]
	}
	return p
}

// branchOf returns the /repo/<name>/<branch> that p stands in or below.
func branchOf(p rmg.Path) (rmg.Path, bool) {
	if !inRepo(p) {
		return "", false
	}
	segs := p.Segments()
	if len(segs) < 3 || segs[1].Edge || segs[2].Edge {
		return "", false
	}
	return repoRoot.Join(segs[1].ID, segs[2].ID), true
}
