package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"jitos.dev/rmg"
)

// The contract's table of codes, HTTP statuses and exit codes.
func TestCodes(t *testing.T) {
	want := map[rmg.Code][2]int{
		"invalid": {400, 2}, "not_found": {404, 4}, "exists": {409, 5}, "conflict": {409, 5}, "stale": {412, 5},
		"denied": {403, 6}, "gate_failed": {422, 7}, "limit": {429, 1}, "unavailable": {503, 3}, "internal": {500, 1},
	}
	if len(Codes()) != len(want) {
		t.Errorf("%d codes, want %d", len(Codes()), len(want))
	}
	for _, c := range Codes() {
		p := NewProblem(c, "")
		if p.Status != want[c][0] || p.Exit() != want[c][1] || p.Title == "" || p.Detail == "" || p.Type != "urn:jitos:problem:"+string(c) {
			t.Errorf("%s: %+v exit %d", c, p, p.Exit())
		}
	}
	if p := NewProblem("invented", "x"); p.Code != rmg.Internal || p.Status != 500 {
		t.Errorf("%+v", p)
	}
	if ExitOf("invented") != 1 {
		t.Error("a code that is not known is not internal")
	}
}

func TestProblemsAreErrors(t *testing.T) {
	inner := &rmg.Error{Op: "set", Path: "/a", Code: rmg.Stale, Msg: "it moved", Hint: "read it again"}
	p, known := ProblemOf(fmt.Errorf("op 3: %w", inner))
	if !known || p.Code != rmg.Stale || p.Path != "/a" || p.Hint != "read it again" || p.Error() != "op 3: set /a: it moved" {
		t.Errorf("%v %+v", known, p)
	}
	wrapped := fmt.Errorf("collapse: %w", p)
	if !errors.Is(wrapped, &rmg.Error{Code: rmg.Stale}) || errors.Is(wrapped, &rmg.Error{Code: rmg.Limit}) || !errors.Is(wrapped, &Problem{Code: rmg.Stale}) {
		t.Error("a problem does not match by its code")
	}
	if q, known := ProblemOf(wrapped); !known || q != p {
		t.Error("a problem does not stay itself")
	}
	for _, err := range []error{errors.New("secret"), &rmg.Error{Code: rmg.Internal, Msg: "secret"}, &rmg.Error{Code: "invented", Msg: "secret"}} {
		if p, known := ProblemOf(err); known || p.Code != rmg.Internal || p.Error() == err.Error() {
			t.Errorf("%v: %v %+v", err, known, p)
		}
	}
}

func TestTimes(t *testing.T) {
	at := At(time.Date(2026, 11, 23, 10, 40, 5, 7_999_999, time.FixedZone("CET", 3600)))
	data, err := json.Marshal(struct {
		A Time `json:"a"`
		B Time `json:"b,omitzero"`
		C Time `json:"c"`
	}{A: at})
	if err != nil || string(data) != `{"a":"2026-11-23T09:40:05.007Z","b":null,"c":null}` && string(data) != `{"a":"2026-11-23T09:40:05.007Z","c":null}` {
		t.Errorf("%s %v", data, err)
	}
	var back Time
	for text, want := range map[string]Time{`"2026-11-23T09:40:05.007Z"`: at, `"2026-11-23T10:40:05.007+01:00"`: at, `null`: {}} {
		if err := json.Unmarshal([]byte(text), &back); err != nil || !back.Equal(want.Time) {
			t.Errorf("%s: %v %v", text, back, err)
		}
	}
	for _, text := range []string{`5`, `"yesterday"`, `""`, `{}`} {
		if err := json.Unmarshal([]byte(text), &back); err == nil {
			t.Errorf("%s is taken for a time", text)
		}
	}
}

func TestLiveProcesses(t *testing.T) {
	ended := At(time.Unix(1, 0))
	for _, c := range []struct {
		p    Process
		want bool
	}{
		{Process{Status: "running"}, true},
		{Process{Status: "collapsed"}, true}, // not landed yet
		{Process{Status: "collapsed", Ended: ended}, false},
		{Process{Status: "failed"}, false},
		{Process{Status: "interrupted"}, false},
	} {
		if c.p.Live() != c.want {
			t.Errorf("%+v: %v", c.p, c.p.Live())
		}
	}
}

func TestNearest(t *testing.T) {
	list := []string{"token.go", "tokens.go", "taken.go", "signer.go", "README", "w12", "w21"}
	for word, want := range map[string]string{
		"tokne.go": "[token.go tokens.go taken.go]", "token.go": "[tokens.go taken.go]", "readme": "[README]", "w13": "[w12]", "nothing": "[]", "": "[]",
	} {
		if got := fmt.Sprint(Nearest(word, list)); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
