//go:build !linux

package sandbox

import (
	"context"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Run refuses: this version has a sandbox for Linux only, and nothing is run
// without one.
func Run(context.Context, Command) (Outcome, error) {
	return Outcome{}, &rmg.Error{Op: "sandbox", Code: rmg.Unavailable, Msg: "there is no sandbox on this system", Hint: "run the daemon on Linux"}
}

// InForce says what a command would run under on this machine.
func InForce() work.Sandbox {
	return work.Sandbox{Tier: "none", Network: "open", Lacks: []string{"a sandbox for this system"}}
}

// Main does nothing on this system.
func Main() {}

// Narrow refuses.
func Narrow([]string, []string, []string) error {
	return &rmg.Error{Op: "sandbox", Code: rmg.Unavailable, Msg: "there is no sandbox on this system", Hint: "run the daemon on Linux"}
}
