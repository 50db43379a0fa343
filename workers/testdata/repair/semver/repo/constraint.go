package semver

import (
	"fmt"
	"strings"
)

// Constraint is the condition of one range such as ">=1.2.0" or "^1.4.2".
type Constraint struct {
	op   string
	base Version
}

// ops are the operators; of two with a common start the longer comes first.
var ops = []string{">=", "<=", ">", "<", "=", "^", "~"}

// ParseConstraint reads an operator and a version. Without an operator the
// version must match exactly.
func ParseConstraint(text string) (Constraint, error) {
	c := Constraint{op: "="}
	rest := strings.TrimSpace(text)
	for _, op := range ops {
		if after, ok := strings.CutPrefix(rest, op); ok {
			c.op, rest = op, strings.TrimSpace(after)
			break
		}
	}
	var err error
	if c.base, err = Parse(rest); err != nil {
		return Constraint{}, fmt.Errorf("constraint %q: %w", text, err)
	}
	return c, nil
}

// Matches reports whether v fulfils the constraint.
func (c Constraint) Matches(v Version) bool {
	d := Compare(v, c.base)
	switch c.op {
	case ">=":
		return d >= 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	case "<":
		return d < 0
	case "^":
		return d >= 0 && v.Major == c.base.Major
	case "~":
		return d >= 0 && v.Major == c.base.Major && v.Minor == c.base.Minor
	}
	return d == 0
}
