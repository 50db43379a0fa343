package repair

import (
	"cmp"
	"fmt"
	"go/format"
	"slices"
	"strings"
)

// candidate is one small change of one file, or two of them.
type candidate struct {
	pkg      *pkg
	file     *file
	from, to int    // bytes of the file that are replaced
	text     string // what replaces them
	operator string
	sort     sort // which of the operator's changes it is
	line     int
	score    float64 // suspicion of the line times the operator's prior

	also *candidate // the second change of a pair; has none itself
}

// text is what a file becomes.
type text struct {
	file *file
	src  []byte
}

// texts are the files that the candidate changes, as they become.
func (c candidate) texts() []text {
	if c.also == nil {
		return []text{{c.file, c.source()}}
	}
	if c.also.file != c.file {
		return []text{{c.file, c.source()}, {c.also.file, c.also.source()}}
	}
	first, second := c, *c.also
	if first.from > second.from {
		first, second = second, first
	}
	return []text{{c.file, c.file.with(first, second)}}
}

// with is the file after changes that are in order and apart.
func (f *file) with(changes ...candidate) []byte {
	var out []byte
	at := 0
	for _, c := range changes {
		out = append(append(out, f.src[at:c.from]...), c.text...)
		at = c.to
	}
	out = append(out, f.src[at:]...)
	if f.formatted {
		if nice, err := format.Source(out); err == nil {
			return nice
		}
	}
	return out
}

// operators names what made the candidate.
func (c candidate) operators() string {
	if c.also != nil {
		return c.operator + " and " + c.also.operator
	}
	return c.operator
}

// source is the file after the first change alone, formatted if it was before.
func (c candidate) source() []byte { return c.file.with(c) }

// String says where and what: `token/signer.go:42: a > b -> a >= b`.
func (c candidate) String() string {
	one := fmt.Sprintf("%s:%d: %s: %s -> %s", c.file.name, c.line, c.operator, shorten(string(c.file.src[c.from:c.to])), shorten(c.text))
	if c.also != nil {
		return one + " and " + c.also.String()
	}
	return one
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

// viable keeps the first max candidates, in order, that type-check and do not
// come to the same as the file does already, or as an earlier one.
func viable(list []candidate, max int, done func() bool) []candidate {
	seen := unchanged(list)
	var out []candidate
	for _, c := range list {
		if len(out) >= max || done() {
			break
		}
		t := c.texts()
		sum := meaning(t)
		if seen[sum] || !c.pkg.compiles(t...) {
			continue
		}
		seen[sum] = true
		out = append(out, c)
	}
	return out
}
