package wire

import (
	"strings"
	"testing"

	"jitos.dev/rmg"
)

func TestWhoIsOlder(t *testing.T) {
	for _, c := range []struct{ daemon, program, want string }{
		{"0.1.0", "0.2.0", "older than this program"},
		{"0.2.0-dev", "0.2.0", "older than this program"},
		{"0.9.0", "0.10.0", "older than this program"},
		{"0.2.0", "0.1.9", "which is older"},
		{"1.0.0", "1.0.0-rc.1", "which is older"},
		{"0.2.0-a", "0.2.0-b", "both of one version"},
		{"mine", "0.2.0", "both of one version"},
		{"0.2.0", "0.2.0", ""},
		{"", "0.2.0", ""},
		{"0.2.0", "", ""},
	} {
		p := NewProblem(rmg.Invalid, `unknown parameter "x"`).WithSkew(c.daemon, c.program)
		if !strings.Contains(p.Hint, c.want) || (c.want == "") != (p.Hint == "") {
			t.Errorf("daemon %q, program %q: %q, want %q", c.daemon, c.program, p.Hint, c.want)
		}
	}
	if p := NewProblem(rmg.Invalid, "").WithHint("it takes y").WithSkew("0.1.0", "0.2.0"); !strings.HasPrefix(p.Hint, "it takes y; or the daemon is") {
		t.Errorf("what was said before: %q", p.Hint)
	}
}
