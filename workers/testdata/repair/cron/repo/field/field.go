// Package field parses one field of a crontab line: "*", "5", "1-5", "*/15",
// "10-40/10", and lists of those.
package field

import (
	"fmt"
	"strconv"
	"strings"
)

// Set is a set of small numbers, 0 to 63.
type Set uint64

// Has reports whether n is in the set.
func (s Set) Has(n int) bool { return s>>n&1 == 1 }

// Parse reads text; its numbers must lie from lo to hi.
func Parse(text string, lo, hi int) (Set, error) {
	var s Set
	for part := range strings.SplitSeq(text, ",") {
		p, err := parsePart(part, lo, hi)
		if err != nil {
			return 0, err
		}
		s |= p
	}
	return s, nil
}

func parsePart(text string, lo, hi int) (Set, error) {
	span, stepText, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("field: bad step in %q", text)
		}
		step = n
	}
	from, to := lo, hi
	if span != "*" {
		a, b, ranged := strings.Cut(span, "-")
		var err error
		if from, err = strconv.Atoi(a); err != nil {
			return 0, fmt.Errorf("field: bad number in %q", text)
		}
		to = from
		if ranged {
			if to, err = strconv.Atoi(b); err != nil {
				return 0, fmt.Errorf("field: bad number in %q", text)
			}
		}
	}
	if from < lo || to > hi || from > to {
		return 0, fmt.Errorf("field: %q is not within %d-%d", text, lo, hi)
	}
	var s Set
	for n := from; n <= to; n += step {
		s |= 1 << n
	}
	return s, nil
}
