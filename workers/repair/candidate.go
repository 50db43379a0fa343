package repair

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"go/format"
	"slices"
	"strings"
)

// candidate is one small change of one file.
type candidate struct {
	pkg      *pkg
	file     *file
	from, to int    // bytes of the file that are replaced
	text     string // what replaces them
	operator string
	line     int
	score    float64 // suspicion of the line times the operator's prior
}

// source is the file after the change, formatted if it was before.
func (c candidate) source() []byte {
	out := make([]byte, 0, len(c.file.src)+len(c.text))
	out = append(out, c.file.src[:c.from]...)
	out = append(out, c.text...)
	out = append(out, c.file.src[c.to:]...)
	if c.file.formatted {
		if nice, err := format.Source(out); err == nil {
			return nice
		}
	}
	return out
}

// String says where and what: `token/signer.go:42: a > b -> a >= b`.
func (c candidate) String() string {
	return fmt.Sprintf("%s:%d: %s: %s -> %s", c.file.name, c.line, c.operator, shorten(string(c.file.src[c.from:c.to])), shorten(c.text))
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	switch {
	case s == "":
		return "nothing"
	case len(s) > 60:
		return s[:57] + "..."
	}
	return s
}

// order sorts candidates into the one order in which they are tried: by score,
// then file, place, text. It depends on nothing else.
func order(list []candidate) {
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score), strings.Compare(a.file.name, b.file.name), cmp.Compare(a.from, b.from),
			cmp.Compare(a.to, b.to), strings.Compare(a.text, b.text),
		)
	})
}

// viable keeps the first max candidates, in order, that type-check and are not
// the same text as an earlier one.
func viable(list []candidate, max int, done func() bool) []candidate {
	seen := map[[32]byte]bool{}
	var out []candidate
	for _, c := range list {
		if len(out) == max || done() {
			break
		}
		src := c.source()
		sum := sha256.Sum256(append([]byte(c.file.name+"\x00"), src...))
		if seen[sum] {
			continue
		}
		seen[sum] = true
		if c.pkg.compiles(c.file, src) {
			out = append(out, c)
		}
	}
	return out
}
