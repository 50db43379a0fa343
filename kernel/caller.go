package kernel

import (
	"fmt"
	"strings"

	"jitos.dev/rmg"
)

// CallerKind says what sort of caller asks.
type CallerKind string

// The kinds of caller. A caller without a kind is a worker if it has a process,
// else a person.
const (
	KindPerson  CallerKind = "person"  // who holds the daemon's secret: its owner
	KindWorker  CallerKind = "worker"  // works on a task of one process
	KindProcess CallerKind = "process" // an intent's process, or automation with a token
	KindAgent   CallerKind = "agent"   // an agent of a person's, with a token
	KindRule    CallerKind = "rule"    // a rule that fires by itself; nobody calls as one
)

// Caps are capabilities: what a caller may be heard on at all. Policy decides
// on top of them.
type Caps uint16

// The capabilities. Reading needs none.
const (
	CapAdmin    Caps = 1 << iota // change /policy, make tokens
	CapSystem                    // rewrite the world directly, outside /repo
	CapRewrite                   // make, write and drop workspaces
	CapExec                      // run commands in workspaces
	CapIntent                    // submit, cancel and retry intents
	CapCollapse                  // collapse workspaces
	CapPush                      // land outside: pushes, pull requests, in the owner's name
	CapReact                     // let rules fire by themselves
	CapWork                      // do tasks of plans, on leases, and see what these need
	capEnd
)

// capNames are the capabilities' names, in the order of their bits.
func capNames() []string {
	return []string{"admin", "system", "rewrite", "exec", "intent", "collapse", "push", "react", "work"}
}

// ParseCaps reads capabilities by name.
func ParseCaps(names []string) (Caps, error) {
	var c Caps
	for _, n := range names {
		bit := Caps(0)
		for i, known := range capNames() {
			if n == known {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, &rmg.Error{
				Op: "capability", Code: rmg.Invalid, Msg: fmt.Sprintf("there is no capability %q", n), Hint: "there are " + strings.Join(capNames(), ", "),
			}
		}
		c |= bit
	}
	return c, nil
}

// Names lists the capabilities by name, in their order.
func (c Caps) Names() []string {
	out := []string{}
	for i, n := range capNames() {
		if c&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// String lists the capabilities, separated by commas.
func (c Caps) String() string { return strings.Join(c.Names(), ",") }

// kind is what the caller is.
func (c Caller) kind() CallerKind {
	switch {
	case c.Kind != "":
		return c.Kind
	case c.Process != "":
		return KindWorker
	}
	return KindPerson
}

// caps are what the caller holds: a person who knows the daemon's secret owns
// the daemon, and a worker writes in workspaces, whatever it claims.
func (c Caller) caps() Caps {
	switch c.kind() {
	case KindPerson:
		return capEnd - 1
	case KindWorker:
		return CapRewrite
	}
	return c.Caps
}

// Told is the caller with its kind and capabilities as they count.
func (c Caller) Told() Caller {
	c.Kind, c.Caps = c.kind(), c.caps()
	return c
}

// needs refuses a caller without a capability.
func (c Caller) needs(want Caps, op string, p rmg.Path) error {
	if c.caps()&want == want {
		return nil
	}
	hint := "jitos token new --cap " + want.String() + " makes a token that has it"
	switch {
	case c.kind() == KindWorker:
		hint = "a worker writes in the workspaces of its process, and that is all"
	case want == CapAdmin:
		hint = "the owner of the daemon has it: run it without JITOS_TOKEN"
	}
	return &rmg.Error{Op: op, Path: p, Code: rmg.Denied, Msg: fmt.Sprintf("%s lacks the capability %s", orText(c.Name, "the caller"), want), Hint: hint}
}

// process is the id of the process that a worker works for.
func (c Caller) process() string {
	id, _, _ := strings.Cut(c.Process, "/")
	return id
}
