package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestUnderstand turns texts into SLAPS, by the shipped phrases or by those of
// a library in the file. Commands: library (its YAML, until the next), targets
// (lines "type name ref file"), understand and resolve (one text a line).
func TestUnderstand(t *testing.T) {
	var lib *Library
	var targets []Target
	goldens(t, "understand", func(t *testing.T, cmd string, args []string, input string) string {
		var out strings.Builder
		switch cmd {
		case "library":
			lib = shipped(t)
			if input != "" {
				var err error
				if lib, err = Load(sources(input)...); err != nil {
					return err.Error()
				}
			}
		case "targets":
			targets = nil
			for line := range strings.Lines(input) {
				f := strings.Fields(line)
				targets = append(targets, Target{Type: f[0], Name: f[1], Ref: f[2], File: f[3]})
			}
		case "understand":
			for text := range strings.SplitSeq(input, "\n") {
				s, err := lib.Understand(text, targets)
				fmt.Fprintf(&out, "%s\n", understood(s, err))
			}
		case "resolve":
			for name := range strings.SplitSeq(input, "\n") {
				ref, err := ResolveTarget(name, targets)
				fmt.Fprintf(&out, "%s\n", understood(SLAPS{Target: ref}, err))
			}
		default:
			t.Fatal("no such command:", cmd)
		}
		return out.String()
	})
}

// understood writes an answer on one line; a SLAPS without its text, which has
// to be valid.
func understood(s SLAPS, err error) string {
	var not *NotUnderstood
	var none *NoTarget
	switch {
	case errors.As(err, &not):
		return err.Error() + "; nearest: " + strings.Join(not.Nearest, " | ")
	case errors.As(err, &none):
		var refs []string
		for _, a := range none.Ambiguous {
			refs = append(refs, a.Type+" "+a.Ref)
		}
		return fmt.Sprintf("%v; nearest: %v; ambiguous: %v", err, none.Nearest, refs)
	case err != nil:
		return fmt.Sprintf("%T %v", err, err)
	}
	out := strings.TrimSpace(fmt.Sprintf("%s %s %q %s", s.Intent, s.Target.Type, s.Target.Name, s.Target.Ref))
	if s.Intent != "" {
		if err := s.Validate(); err != nil {
			out += " NOT VALID: " + err.Error()
		}
	}
	if len(s.Parameters) > 0 {
		data, _ := json.Marshal(s.Parameters)
		out += " " + string(data)
	}
	if s.Context.Environment != "" {
		out += " environment=" + s.Context.Environment
	}
	return out
}

// TestUnderstandIsQuick: a text of a megabyte beside ten thousand targets is
// answered, not measured against each.
func TestUnderstandIsQuick(t *testing.T) {
	var targets []Target
	for i := range 10_000 {
		targets = append(targets, Target{Name: fmt.Sprintf("Symbol%d", i), Type: "symbol", Ref: fmt.Sprint("/repo/x/main/", i), File: "x.go"})
	}
	lib := shipped(t)
	for _, text := range []string{
		"fix " + strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20), strings.Repeat("fix ", 1<<18), strings.Repeat("in ", 199),
		"fix the " + strings.Repeat("bug in ", 95), strings.Repeat("\"", 1<<20), strings.Repeat("' ", 1<<19),
	} {
		if s, err := lib.Understand(text, targets); err == nil {
			t.Errorf("%.20q... is understood as %.200v", text, s)
		}
	}
}
