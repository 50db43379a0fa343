package kernel

import (
	"strings"
	"testing"

	"jitos.dev/work"
)

// tests reads "A+ B- C0": names with pass, fail or skip.
func tests(spec string) []work.Test {
	var out []work.Test
	for _, f := range strings.Fields(spec) {
		st := map[byte]work.TestStatus{'+': work.TestPass, '-': work.TestFail, '0': work.TestSkip}[f[len(f)-1]]
		out = append(out, work.Test{Package: "p", Name: f[:len(f)-1], Status: st})
	}
	return out
}

// TestJudgeTests: a test gate is judged by names against the head it merges
// with, so that a worker cannot turn it green by taking tests away.
func TestJudgeTests(t *testing.T) {
	for name, c := range map[string]struct {
		head, here string
		exit       int
		redBefore  bool
		green      bool
		reason     string
		drop       string
	}{
		"fixed":                       {"A- B+", "A+ B+", 0, true, true, "1 of them red before", ""},
		"still red":                   {"A- B+", "A- B+", 1, true, false, "still red", ""},
		"another broke":               {"A- B+", "A+ B-", 1, true, false, "green at the head and not here: p.B", ""},
		"a green test is gone":        {"A- B+", "A+", 0, true, false, "green at the head and not here: p.B", ""},
		"a green test is skipped now": {"A- B+", "A+ B0", 0, true, false, "green at the head and not here", ""},
		"the red test is gone":        {"A- B+", "B+", 0, true, false, "skipped or gone that the head has: p.A", ""},
		"the red test is skipped":     {"A- B+", "A0 B+", 0, true, false, "skipped or gone that the head has: p.A", ""},
		"none was red":                {"A+ B+", "A+ B+", 0, true, false, "no test was red before", ""},
		"none ran":                    {"A+", "", 0, false, false, "no test ran", ""},
		"nothing to fix asked for":    {"A+ B+", "A+ B+", 0, false, true, "2 tests green", ""},
		"red before and after":        {"A- B+", "A- B+", 1, false, true, "red before and after: p.A", ""},
		"a new red test":              {"B+", "B+ C-", 1, false, false, "red: p.C", ""},
		"a new green test":            {"B+", "B+ C+", 0, false, true, "2 tests green", ""},
		"exit without a failing test": {"B+", "B+", 2, false, false, "exit 2", ""},
		"all are skipped":             {"", "A0 B0", 0, false, false, "no test ran: 2 tests skipped", ""},
		"a red one is skipped":        {"A- B+", "A0 B+", 0, false, false, "1 test skipped or gone that the head has: p.A", ""},
		"a red one is gone":           {"A- B+", "B+", 0, false, false, "1 test skipped or gone that the head has: p.A", ""},
		"a skipped one is gone":       {"A0 B+", "B+", 0, false, false, "1 test skipped or gone that the head has: p.A", ""},
		"a skipped one stays so":      {"A0 B+", "A0 B+", 0, false, true, "1 test green", ""},
		"a skipped one runs":          {"A0 B+", "A+ B+", 0, false, true, "2 tests green", ""},
		"a skipped one runs red":      {"A0 B+", "A- B+", 1, false, false, "1 test red: p.A", ""},
		"a new one is skipped":        {"B+", "B+ C0", 0, false, true, "1 test green", ""},
		"renamed":                     {"Old+ B+", "New+ B+", 0, false, false, "green at the head and not here: p.Old", ""},
		"renamed as asked":            {"Old+ B+", "New+ B+", 0, false, true, "dropped as the intent asks: p.Old", "p.Old"},
		"skipped as asked":            {"A+ B+", "A0 B+", 0, false, true, "dropped as the intent asks: p.A", "*A"},
		"red is not dropped":          {"A+ B+", "A- B+", 1, false, false, "green at the head and not here: p.A", "*"},
		"all dropped as asked":        {"A+", "A0", 0, false, false, "no test ran", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			e := work.Evidence{Exit: c.exit, Tests: tests(c.here)}
			judgeTests(&e, work.Evidence{Tests: tests(c.head)}, work.Gate{Kind: work.GateTest, RedBefore: c.redBefore}, strings.Fields(c.drop))
			if e.Green != c.green || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("green %v: %s", e.Green, e.Reason)
			}
		})
	}
}

// TestARunWithAFaultIsRed whatever its tests say.
func TestARunWithAFaultIsRed(t *testing.T) {
	e := work.Evidence{Tests: tests("A+"), Fault: "the run changed a_test.go", Green: true}
	judgeTests(&e, work.Evidence{Tests: tests("A+")}, work.Gate{Kind: work.GateTest}, nil)
	if e.Green || e.Reason != e.Fault {
		t.Errorf("green %v: %s", e.Green, e.Reason)
	}
	judgeTests(&e, work.Evidence{Tests: tests("A+"), Fault: "the run changed b_test.go"}, work.Gate{Kind: work.GateTest}, nil)
	if e.Green {
		t.Error("another fault of the head excuses it")
	}
	judgeTests(&e, work.Evidence{Tests: tests("A+"), Fault: e.Fault}, work.Gate{Kind: work.GateTest}, nil)
	if !e.Green || e.Reason != "1 test green; as at the head, the run changed a_test.go" {
		t.Errorf("as at the head: green %v: %s", e.Green, e.Reason)
	}
	judgeTests(&e, work.Evidence{Tests: tests("A+ B+"), Fault: e.Fault}, work.Gate{Kind: work.GateTest}, nil)
	if e.Green {
		t.Error("a fault of the head excuses tests that are gone")
	}
}

func TestTestPattern(t *testing.T) {
	for _, c := range []struct{ value, module, want string }{
		{"./...", ".", "./..."},
		{"/repo/a/main", ".", "./..."},
		{"/repo/a/main/pkg", ".", "./pkg/..."},
		{"/repo/a/main/pkg/x.go", ".", "./pkg/..."},
		{"/repo/a/main/sub/pkg", "sub", "./pkg/..."},
		{"/repo/a/main/sub", "sub", "./..."},
	} {
		if got := testPattern(c.value, "/repo/a/main", c.module); got != c.want {
			t.Errorf("%s in %s: %s, not %s", c.value, c.module, got, c.want)
		}
	}
}
