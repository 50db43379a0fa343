package tasks

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestReadSLAPS reads documents: "slaps NAME" gives what was read, as JSON, or
// every violation with its place; "check NAME" holds it to the shipped library too.
func TestReadSLAPS(t *testing.T) {
	l := shipped(t)
	goldens(t, "slaps", func(t *testing.T, cmd string, args []string, input string) string {
		read := map[string]func(string, []byte) (SLAPS, error){"slaps": ParseSLAPS, "check": l.Check}[cmd]
		if read == nil {
			t.Fatal("no such command:", cmd)
		}
		s, err := read(args[0], []byte(strings.NewReplacer("→", "\t", "␍", "\r", "␀", "\x00", "␤", "\n").Replace(input)))
		if err != nil {
			if _, ok := err.(Violations); !ok {
				return fmt.Sprintf("%T: %v", err, err)
			}
			return err.Error()
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	})
}

// TestSLAPSKeepsText reads back what encoding/json wrote: the parser is one of
// YAML, and the wire carries JSON.
func TestSLAPSKeepsText(t *testing.T) {
	for _, text := range []string{
		"tab\there", "\u00e9 \U0001F600\u200d", `q"uo'te \ \n`, "<a&b>", "\u2028\u0085\u00a0", "\x01\x1f\x7f", "two\nlines\r\n", "a: b # c", " edges ",
		"~", "null", "true", "1e3", "0x10", "- a", "{a}", "*a &b !c", strings.Repeat("[", 500), strings.Repeat("{}", 500), strings.Repeat("- ", 500), "%YAML", "---", "...",
	} {
		want := SLAPS{Version: "1", Intent: "FixBug", Text: text, Target: TargetRef{Name: "a" + text}, Parameters: map[string]any{
			text: text, "n": 1e30, "m": -0.25, "k": 1e-9, "i": math.MaxInt32 + 0.0, "b": true, "l": []any{text, 1e21, false},
		}}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseSLAPS("x.json", data)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		again, err := json.Marshal(got)
		if err != nil || string(again) != string(data) {
			t.Errorf("%q: read as\n%s, want\n%s", text, again, data)
		}
		if err := want.Validate(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestValidateHasNoPlaces: a document that was never text has pointers and no
// lines.
func TestValidateHasNoPlaces(t *testing.T) {
	err := SLAPS{Version: "2", Success: []Criterion{{Type: "tset"}}, Budget: Budget{Candidates: -1}}.Validate()
	want := `/budget/candidates: minimum: got -1, want 0
/intent: minLength: got 0, want 1
/slaps_version: value must be '1'
/success_criteria/0/type: value must be one of 'test', 'command', 'file', 'query', 'human'
/success_criteria/0/value: minLength: got 0, want 1
/target/name: minLength: got 0, want 1`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if err := (SLAPS{Version: "1", Intent: "A", Target: TargetRef{Name: "a"}, Parameters: map[string]any{"x": math.NaN()}}).Validate(); err == nil {
		t.Error("a parameter that JSON does not have is let in")
	}
}
