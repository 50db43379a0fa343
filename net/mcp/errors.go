package mcp

import (
	"fmt"
	"strings"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// maxListed is how many of a problem's conflicts, gates and the like are told.
const maxListed = 20

// refusal is a problem in words that a model acts on: the code, what happened,
// the particulars, and what to do next.
type refusal struct {
	text string
	err  error
}

// Error is the whole of it.
func (e *refusal) Error() string { return e.text }

// Unwrap shows the problem.
func (e *refusal) Unwrap() error { return e.err }

// forAgent makes an error fit to be a tool's answer.
func forAgent(err error) error {
	p, known := wire.ProblemOf(err)
	if !known {
		p = wire.NewProblem(rmg.Internal, "%s", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.Code, p.Detail)
	list := func(n int, line func(i int) string) {
		for i := range min(n, maxListed) {
			if text := line(i); text != "" {
				b.WriteString("- " + text + "\n")
			}
		}
		if n > maxListed {
			fmt.Fprintf(&b, "- and %d more\n", n-maxListed)
		}
	}
	list(len(p.Conflicts), func(i int) string { return conflictText(p.Conflicts[i]) })
	list(len(p.Evidence), func(i int) string {
		if e := p.Evidence[i]; !e.Green {
			return "red gate " + e.Gate + ": " + e.Reason
		}
		return ""
	})
	list(len(p.Violations), func(i int) string { return strings.TrimSpace(p.Violations[i].Pointer + " " + p.Violations[i].Message) })
	if len(p.Nearest) > 0 {
		b.WriteString("did you mean: " + strings.Join(p.Nearest, ", ") + "\n")
	}
	if p.Hint != "" {
		b.WriteString("next: " + p.Hint + "\n")
	}
	if p.Reference != "" {
		b.WriteString("the daemon's log has more under " + p.Reference + "\n")
	}
	return &refusal{text: strings.TrimRight(b.String(), "\n"), err: err}
}

func conflictText(c wire.Conflict) string {
	where := string(c.Path)
	if c.Prop != "" {
		where += " " + c.Prop
	}
	out := where + ": " + c.Reason
	if c.SystemBy != "" {
		out += " (changed by " + c.SystemBy + ")"
	}
	return out
}
