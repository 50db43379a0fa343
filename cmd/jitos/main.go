// Command jitos is the whole program: the command line, and the daemon as
// `jitos daemon`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/workers/sandbox"
)

// version is set at link time for releases.
var version = "0.1.0-dev"

func main() {
	sandbox.Main()
	os.Exit(Main(os.Args[1:]))
}

// Main runs the program with the arguments given and returns its exit code.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, config: readConfig(configName())}
	root := a.root()
	root.SetArgs(args)
	code := a.exit(ctx, root.ExecuteContext(ctx))
	if a.release != nil {
		a.release()
	}
	return code
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// exitError ends the program with a code and, if it has a text, one line.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// verdictError is the answer of a search, which stands although the time is up.
type verdictError struct{ *exitError }

// Unwrap is how the program ends.
func (e *verdictError) Unwrap() error { return e.exitError }

// exit prints what went wrong, why, and what to do next, and returns the code.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	var code *exitError
	var verdict *verdictError
	if a.timedOut() && !errors.As(err, &verdict) {
		fmt.Fprintf(a.err, "jitos: the timeout of %s is over: %v\n", a.timeout, err)
		return 124
	}
	if errors.As(err, &code) {
		if code.text != "" {
			fmt.Fprintln(a.err, "jitos: "+code.text)
		}
		return code.code
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.err, "jitos: interrupted")
		return 130
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(a.err, "jitos: %v\n", err)
		return wire.ExitOf(rmg.Invalid)
	}
	p, known := wire.ProblemOf(err)
	if !known {
		fmt.Fprintf(a.err, "jitos: %v\n", err)
		return 1
	}
	a.problem(p)
	return p.Exit()
}

// problem prints a problem for a person.
func (a *app) problem(p *wire.Problem) {
	fmt.Fprintf(a.err, "jitos: %s\n", p.Detail)
	for _, c := range p.Conflicts {
		where := string(c.Path)
		if c.Prop != "" {
			where += " " + c.Prop
		}
		fmt.Fprintf(a.err, "  conflict: %s: %s\n", where, c.Reason)
		if c.SystemBy != "" {
			fmt.Fprintf(a.err, "    changed by %s\n", printable(c.SystemBy))
		}
	}
	for _, e := range p.Evidence {
		if !e.Green {
			fmt.Fprintf(a.err, "  red %s: %s\n", e.Gate, e.Reason)
		}
	}
	for i, n := range p.Nearest {
		if i == 0 {
			fmt.Fprintln(a.err, "did you mean:")
		}
		fmt.Fprintf(a.err, "  %s\n", n)
	}
	if p.Hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", p.Hint)
	}
	if p.Reference != "" {
		fmt.Fprintf(a.err, "hint: the daemon's log has more under %s\n", p.Reference)
	}
}
