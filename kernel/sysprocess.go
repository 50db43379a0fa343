package kernel

import (
	"slices"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// capSystem is the capability of a system process: to rewrite the world directly,
// outside /repo.
const capSystem = "system"

// maySystem judges who may rewrite the world itself. A person may; what acts for
// a process may only if the process was given the capability.
func (k *Kernel) maySystem(c Caller, v Version) error {
	if c.Process == "" || v.Space != "" {
		return nil
	}
	p, err := k.Process(processOf(c.Process))
	if err != nil {
		return err
	}
	if slices.Contains(p.Rights.Capabilities, capSystem) {
		return nil
	}
	return &rmg.Error{
		Op: "rewrite", Code: rmg.Denied, Msg: p.ID + " has no capability \"system\", so it may not rewrite the world itself",
		Hint: "write in its workspace: sws:" + p.Workspace,
	}
}

// processOf is the process of what a worker's token works for: "p12/implement".
func processOf(cause string) string {
	id, _, _ := strings.Cut(cause, "/")
	return id
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
