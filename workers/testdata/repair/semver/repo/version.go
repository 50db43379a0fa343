// Package semver reads and orders semantic versions (semver.org, 2.0.0).
package semver

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is major.minor.patch-pre. Build metadata is not kept.
type Version struct {
	Major, Minor, Patch int
	Pre                 []string // the identifiers of a pre-release
}

// SyntaxError reports a text that is no version.
type SyntaxError string

func (e SyntaxError) Error() string { return fmt.Sprintf("semver: %q is no version", string(e)) }

// Parse reads a version, with or without a leading "v".
func Parse(text string) (Version, error) {
	rest, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return Version{}, SyntaxError(text)
	}
	var nums [3]int
	for i, p := range parts {
		n, ok := number(p)
		if !ok {
			return Version{}, SyntaxError(text)
		}
		nums[i] = n
	}
	v := Version{Major: nums[0], Minor: nums[1], Patch: nums[2]}
	if hasPre {
		v.Pre = strings.Split(pre, ".")
		for _, id := range v.Pre {
			if id == "" {
				return Version{}, SyntaxError(text)
			}
		}
	}
	return v, nil
}

// number reads digits without a leading zero.
func number(s string) (int, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// String writes the version without a leading "v".
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if len(v.Pre) > 0 {
		s += "-" + strings.Join(v.Pre, ".")
	}
	return s
}
