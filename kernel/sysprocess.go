package kernel

import (
	"slices"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// capSystem is the capability of a system process: to rewrite the world directly,
// outside /repo.
const capSystem = "system"

// maySystem judges whether what acts for a process may rewrite the world itself: if
// the process was given the capability.
func (k *Kernel) maySystem(c Caller) error {
	p, err := k.Process(c.process())
	if err != nil {
		return &rmg.Error{Op: "rewrite", Code: rmg.Denied, Msg: c.Name + " works for no process that there is, so it may not rewrite the world itself", Hint: "a person may: run it without a worker's token", Err: err}
	}
	if slices.Contains(p.Rights.Capabilities, capSystem) {
		return nil
	}
	return &rmg.Error{
		Op: "rewrite", Code: rmg.Denied, Msg: p.ID + " has no capability \"system\", so it may not rewrite the world itself",
		Hint: "write in its workspace: sws:" + p.Workspace,
	}
}

// capabilitiesOf are those that a person gives a process with its intent, as the
// parameter "capabilities". A process gives none.
func capabilitiesOf(c Caller, s tasks.SLAPS) []string {
	list, _ := s.Parameters["capabilities"].([]any)
	if c.Process != "" {
		return nil
	}
	var out []string
	for _, x := range list {
		if x == capSystem {
			out = append(out, capSystem)
		}
	}
	return slices.Compact(out)
}
