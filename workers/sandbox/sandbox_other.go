//go:build !linux

package sandbox

import (
	"context"
	"os"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// consentHint says how commands can be run all the same.
const consentHint = "run the daemon on Linux, or start it with " + ConsentVar + "=1: commands may then do all that you may"

func refused() error {
	return &rmg.Error{Op: "sandbox", Code: rmg.Unavailable, Msg: "there is no sandbox on this system, and nothing is run without one", Hint: consentHint}
}

// Run runs the command with nothing around it if the daemon's owner consented to
// that, and refuses otherwise: Linux alone has a sandbox in this version.
func Run(ctx context.Context, c Command) (Outcome, error) {
	if os.Getenv(ConsentVar) != "1" {
		return Outcome{}, refused()
	}
	return bare(ctx, c)
}

// InForce says what a command would run under on this machine.
func InForce() work.Sandbox {
	in := unconfined()
	if os.Getenv(ConsentVar) != "1" {
		in.Lacks = []string{"a sandbox for this system: no command is run; " + consentHint}
	}
	return in
}

// Main does nothing on this system.
func Main() {}

// Narrow refuses: it is asked for where a test binary is to be kept from what it was
// built from.
func Narrow([]string, []string, []string) error { return refused() }
