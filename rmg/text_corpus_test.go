package rmg_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// triple is what a merge of texts is tried on.
type triple struct{ base, system, workspace []byte }

// The sorts of triples, with how many of a hundred there are of each.
var textSorts = []struct {
	name  string
	share int
	draw  func(*rand.Rand) triple
}{
	{"source", 42, func(r *rand.Rand) triple { return developed(r, 1+r.IntN(12), 1+r.IntN(5)) }},
	{"repetitive", 24, func(r *rand.Rand) triple { return scribbled(r, 5+r.IntN(20), 1+r.IntN(80), 4) }},
	{"tiny alphabet", 24, func(r *rand.Rand) triple { return scribbled(r, 2+r.IntN(2), 1+r.IntN(30), 4) }},
	{"rewritten", 4, rewritten},
	// Long enough for what the diff does where there are very many edits, or
	// lines that are very frequent.
	{"long source", 2, func(r *rand.Rand) triple { return developed(r, 50+r.IntN(250), 1+r.IntN(60)) }},
	{"long repetitive", 1, func(r *rand.Rand) triple { return scribbled(r, 2+r.IntN(300), 500+r.IntN(3000), 1<<r.IntN(10)) }},
	{"shuffled", 1, func(r *rand.Rand) triple { return shuffledLines(r, 1000+r.IntN(3000), 1+r.IntN(60)) }},
	{"zero byte", 2, zeroByte},
}

// drawTriple makes the triple of a seed, and names its sort.
func drawTriple(seed uint64) (sort string, t triple) {
	r := rand.New(rand.NewPCG(seed, 0))
	n := r.IntN(100)
	for _, s := range textSorts {
		if n -= s.share; n < 0 {
			return s.name, s.draw(r)
		}
	}
	panic("the shares are less than a hundred")
}

// ended joins lines; some texts lack the last line end, and some have those of
// Windows.
func ended(r *rand.Rand, lines []string) []byte {
	end := "\n"
	if r.IntN(40) == 0 {
		end = "\r\n"
	}
	text := strings.Join(lines, end)
	if len(lines) > 0 && r.IntN(8) > 0 {
		text += end
	}
	return []byte(text)
}

// scribbled draws lines of few letters, and edits them with no regard to what
// they say: put in, taken out, replaced, swapped, repeated.
func scribbled(r *rand.Rand, letters, size, edits int) triple {
	words := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprint("l", r.IntN(letters))
		}
		return out
	}
	base := words(size)
	scribble := func() []byte {
		out := slices.Clone(base)
		for range r.IntN(edits) {
			at := r.IntN(len(out) + 1)
			n := min(r.IntN(4), len(out)-at)
			switch r.IntN(5) {
			case 0:
				out = slices.Insert(out, at, words(1+r.IntN(3))...)
			case 1:
				out = slices.Delete(out, at, at+n)
			case 2:
				out = slices.Replace(out, at, at+n, words(n)...)
			case 3:
				out = slices.Insert(out, at, slices.Clone(out[at:at+n])...)
			default:
				slices.Reverse(out[at : at+n])
			}
		}
		return ended(r, out)
	}
	return triple{ended(r, base), scribble(), scribble()}
}

// developed is source code that two people went on with.
func developed(r *rand.Rand, functions, edits int) triple {
	var base []string
	for range functions {
		base = append(base, function(r)...)
	}
	develop := func() []byte {
		out := slices.Clone(base)
		for range r.IntN(edits + 1) {
			out = developOnce(r, out)
		}
		return ended(r, out)
	}
	return triple{ended(r, base), develop(), develop()}
}

var names = strings.Fields("err n i ok out data path list node edge graph text line count size key value next prev left right")

func statement(r *rand.Rand, indent string) []string {
	x, y := names[r.IntN(len(names))], names[r.IntN(len(names))]
	body := [][]string{
		{x + " := " + y + "()"},
		{x + " = append(" + x + ", " + y + ")"},
		{x + "++"},
		{"// " + x + " is the " + y},
		{"if err != nil {", "\treturn nil, err", "}"},
		{"for _, " + x + " := range " + y + " {", "\t" + y + "(" + x + ")", "}"},
		{"if " + x + " == nil {", "\tcontinue", "}"},
		{""},
	}[r.IntN(8)]
	out := make([]string, len(body))
	for i, l := range body {
		if out[i] = indent + l; l == "" {
			out[i] = ""
		}
	}
	return out
}

func function(r *rand.Rand) []string {
	out := []string{fmt.Sprintf("func %s%d(%s int) error {", names[r.IntN(len(names))], r.IntN(100), names[r.IntN(len(names))])}
	for range 1 + r.IntN(6) {
		out = append(out, statement(r, "\t")...)
	}
	return append(out, "\treturn nil", "}", "")
}

// developOnce makes one change as people make them.
func developOnce(r *rand.Rand, out []string) []string {
	at := r.IntN(len(out) + 1)
	n := min(1+r.IntN(4), len(out)-at)
	switch r.IntN(8) {
	case 0, 1:
		return slices.Insert(out, at, statement(r, "\t")...)
	case 2:
		return slices.Delete(out, at, at+n)
	case 3:
		return slices.Insert(out, starts(r, out), function(r)...)
	case 4: // renamed everywhere nearby
		old, now := names[r.IntN(len(names))], names[r.IntN(len(names))]
		for i := at; i < min(at+15, len(out)); i++ {
			out[i] = strings.ReplaceAll(out[i], old, now)
		}
		return out
	case 5: // wrapped
		for i := at; i < at+n; i++ {
			out[i] = "\t" + out[i]
		}
		return slices.Insert(slices.Insert(out, at+n, "\t}"), at, "\tif ok {")
	case 6: // a function moved, or made from another
		from := starts(r, out)
		to := min(from+8, len(out))
		piece := slices.Clone(out[from:to])
		if r.IntN(2) == 0 {
			out = slices.Delete(out, from, to)
		}
		return slices.Insert(out, starts(r, out), piece...)
	default:
		return slices.Replace(out, at, at+n, statement(r, "\t")...)
	}
}

// starts is a line before which a function begins, or the end.
func starts(r *rand.Rand, lines []string) int {
	at := r.IntN(len(lines) + 1)
	for at < len(lines) && !strings.HasPrefix(lines[at], "func") {
		at++
	}
	return at
}

// rewritten is source of which one side wrote a long run anew, with nothing in
// common but what stands everywhere.
func rewritten(r *rand.Rand) triple {
	often := 2 + r.IntN(8) // one line of so many stands everywhere
	draw := func(n int, name string) []string {
		out := make([]string, n)
		for i := range out {
			if out[i] = fmt.Sprint(name, " ", r.IntN(1000)); r.IntN(often) == 0 {
				out[i] = "}"
			}
		}
		return out
	}
	base := draw(100+r.IntN(600), "old")
	at := r.IntN(len(base))
	anew := slices.Replace(slices.Clone(base), at, at+r.IntN(len(base)-at), draw(r.IntN(400), "new")...)
	edited := slices.Clone(base)
	for range r.IntN(6) {
		i := r.IntN(len(edited))
		edited = slices.Replace(edited, i, min(i+r.IntN(3), len(edited)), draw(r.IntN(3), "old")...)
	}
	return triple{ended(r, base), ended(r, anew), ended(r, edited)}
}

// shuffledLines is long, and each side put its part in another order, so many
// lines at a time: more edits than are worth a search for the shortest diff.
func shuffledLines(r *rand.Rand, size, whole int) triple {
	base := make([]string, size)
	for i := range base {
		base[i] = fmt.Sprint("line ", r.IntN(size))
	}
	shuffle := func(from, to int) []byte {
		out := slices.Clone(base)
		for at, i := range r.Perm((to - from) / whole) {
			copy(out[from+at*whole:], base[from+i*whole:from+(i+1)*whole])
		}
		return ended(r, out)
	}
	middle := size - r.IntN(size/2)
	return triple{ended(r, base), shuffle(0, middle), shuffle(min(middle+r.IntN(3), size), size)}
}

// zeroByte has one somewhere in one text; no two texts are equal.
func zeroByte(r *rand.Rand) triple {
	base := bytes.Repeat([]byte("a line that is there often enough\n"), 10+r.IntN(500))
	t := triple{base, append([]byte("first\n"), base...), append(bytes.Clone(base), "last\n"...)}
	hit := [][]byte{t.base, t.system, t.workspace}[r.IntN(3)]
	hit[r.IntN(len(hit))] = 0
	return t
}
