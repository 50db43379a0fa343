package wire

import (
	"cmp"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// What a daemon says of what it does not know. A program that is newer than its daemon
// tells by these words why it was refused, so they stay as they are.
const (
	UnknownField     = "unknown field"
	UnknownParameter = "unknown parameter"
	NotInThisVersion = "is not in this version"
)

// Unknown reports whether something was refused because the daemon does not know it:
// a call, a parameter, a field.
func (p *Problem) Unknown() bool {
	switch p.Code {
	case rmg.NotFound:
		_, path, _ := strings.Cut(p.Detail, " ") // a call; a branch may not be in a version either
		return strings.HasPrefix(path, "/") && strings.HasSuffix(path, NotInThisVersion)
	case rmg.Invalid:
		for _, text := range [...]string{UnknownField, UnknownParameter, NotInThisVersion} {
			if strings.Contains(p.Detail, text) { // the faults of a body stand there too
				return true
			}
		}
	}
	return false
}

// WithSkew says, of something that was not known, which side is the older one and what
// to do; nothing if both are of one version. Versions are those of releases.
func (p *Problem) WithSkew(daemon, program string) *Problem {
	older := compareVersions(daemon, program)
	var hint string
	switch {
	case daemon == program || daemon == "" || program == "":
		return p
	case older > 0:
		hint = "the daemon is jitos " + daemon + ", and this program " + program + ", which is older: take the one of the daemon"
	case older < 0:
		hint = "the daemon is jitos " + daemon + ", older than this program, which is " + program + ": end the daemon (kill, or systemctl --user restart jitosd; its work goes on afterwards) and start it from this one: jitos daemon"
	default:
		hint = "the daemon is jitos " + daemon + ", and this program " + program + ": use both of one version"
	}
	if p.Hint != "" {
		hint = p.Hint + "; or " + hint
	}
	p.Hint = hint
	return p
}

// compareVersions orders two versions as 1.2.3 and 1.2.3-rc are ordered, which comes
// before it; 0: they are equal, or one is none.
func compareVersions(a, b string) int {
	x, pre, ok := numbers(a)
	y, preY, okY := numbers(b)
	if !ok || !okY {
		return 0
	}
	for i := range x {
		if c := cmp.Compare(x[i], y[i]); c != 0 {
			return c
		}
	}
	switch {
	case pre == preY:
		return 0
	case pre == "":
		return 1
	case preY == "":
		return -1
	}
	return 0
}

// numbers cuts a version.
func numbers(v string) (out [3]int, pre string, ok bool) {
	v, pre, _ = strings.Cut(strings.TrimPrefix(v, "v"), "-")
	parts := strings.Split(v, ".")
	if len(parts) != len(out) {
		return out, "", false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return out, "", false
		}
		out[i] = n
	}
	return out, pre, true
}
