package rmg

import (
	"math"
	"math/bits"
	"slices"
)

// Which lines changed between two texts.
//
// A diff is not only to be short. Where lines repeat there are many shortest
// ones, and which of them is told decides whether two changes touch: a merge
// that is to be clean exactly where git's is has to tell the same one. So this
// is what git's diff library (xdiff, by Davide Libenzi) does, written anew from
// what it does: the linear-space search from both ends (Myers 1986, section 4b),
// the lines that are left out of it, the point at which it stops to look for the
// shortest, and where a change is put that could stand in several places.

// span is a run of lines [from, to).
type span struct{ from, to int }

func (s span) empty() bool { return s.from == s.to }

// hunk is a change: the lines old became the lines now.
type hunk struct{ old, now span }

// diffLines tells what changed from a to b, given as numbers below count that
// are equal for equal lines. The hunks are in order, with at least one line
// that stayed between any two.
//
// For n lines of which d changed O(n * d), and never more than
// O(n * max(256, sqrt(n))): where there are more edits than that it is not the
// shortest diff. O(n) room.
func diffLines(a, b []int, count int) []hunk {
	goneA, goneB := changedLines(a, b, count)
	gapsA, gapsB := gaps(goneA), gaps(goneB)
	settle(a, gapsA, gapsB)
	settle(b, gapsB, gapsA)
	var out []hunk
	for i := range gapsA {
		if !gapsA[i].empty() || !gapsB[i].empty() {
			out = append(out, hunk{gapsA[i], gapsB[i]})
		}
	}
	return out
}

// gaps lists what stands before, between and after the lines that stayed: one
// more than those, most of them empty. Since the lines that stayed are the same
// in two texts, so is the number of gaps, and a gap of one became the gap of the
// same number of the other.
func gaps(gone []bool) []span {
	var out []span
	from := 0
	for i, g := range gone {
		if !g {
			out = append(out, span{from, i})
			from = i + 1
		}
	}
	return append(out, span{from, len(gone)})
}

// settle chooses where the changes of a text stand. A change that begins with
// the line that follows it, or ends with the one before it, can as well be told
// one line lower or higher. It joins other changes that it meets on the way, and
// comes to stand as low as it can, but where it could stand beside a change of
// the other text: then at the lowest such place.
func settle(lines []int, g, other []span) {
	for k := 0; k < len(g); k++ {
		if g[k].empty() {
			continue
		}
		beside := -1
		for grown := true; grown; {
			size := g[k].to - g[k].from
			for up(lines, g, k) {
				k--
			}
			beside = -1
			if !other[k].empty() {
				beside = k
			}
			for down(lines, g, k) {
				k++
				if !other[k].empty() {
					beside = k
				}
			}
			grown = g[k].to-g[k].from != size
		}
		for beside >= 0 && k > beside {
			up(lines, g, k)
			k--
		}
	}
}

// up moves the change in gap k over the line before it, if that makes no
// difference to the text; it then stands in gap k-1 with what was there.
func up(lines []int, g []span, k int) bool {
	s := g[k]
	if k == 0 || lines[s.from-1] != lines[s.to-1] {
		return false
	}
	g[k-1].to, g[k] = s.to-1, span{s.to, s.to}
	return true
}

// down moves the change in gap k over the line after it, into gap k+1.
func down(lines []int, g []span, k int) bool {
	s := g[k]
	if k == len(g)-1 || lines[s.from] != lines[s.to] {
		return false
	}
	g[k+1].from, g[k] = s.from+1, span{s.from, s.from}
	return true
}

// changedLines finds which lines of either text do not stay, by a diff that is
// the shortest but for what sparse leaves out and for what search gives up.
func changedLines(a, b []int, count int) (goneA, goneB []bool) {
	goneA, goneB = make([]bool, len(a)), make([]bool, len(b))
	pre, post := 0, 0
	for pre < min(len(a), len(b)) && a[pre] == b[pre] {
		pre++
	}
	for post < min(len(a), len(b))-pre && a[len(a)-1-post] == b[len(b)-1-post] {
		post++
	}
	inA, inB := make([]int, count), make([]int, count)
	for _, id := range a {
		inA[id]++
	}
	for _, id := range b {
		inB[id]++
	}
	s := search{goneA: goneA, goneB: goneB}
	s.a, s.atA = sparse(a, span{pre, len(a) - post}, inB, goneA)
	s.b, s.atB = sparse(b, span{pre, len(b) - post}, inA, goneB)
	n := len(s.a) + len(s.b) + 3
	s.zero = len(s.b) + 1
	s.fore, s.back = make([]int, n), make([]int, n)
	s.most = max(manyEdits, roughRoot(n))
	s.box(span{0, len(s.a)}, span{0, len(s.b)}, false)
	return goneA, goneB
}

// roughRoot is a power of two, from the square root of n up to twice that.
func roughRoot(n int) int { return 1 << ((bits.Len(uint(n)) + 1) / 2) }

// How sparse sees a line.
const (
	unmatched = iota // the other text does not have it
	rare
	frequent // the other text has it very often
)

// sparse returns the lines of within that are worth a search, and where they
// stand, and marks the others as gone: those that the other text does not have,
// and frequent ones in the middle of such, which would tear a change apart.
func sparse(lines []int, within span, inOther []int, gone []bool) (ids, at []int) {
	many := min(roughRoot(len(lines)), 1024)
	sort := make([]uint8, len(lines))
	for i := within.from; i < within.to; i++ {
		switch n := inOther[lines[i]]; {
		case n >= many:
			sort[i] = frequent
		case n > 0:
			sort[i] = rare
		}
	}
	for i := within.from; i < within.to; i++ {
		if sort[i] == rare || sort[i] == frequent && !amidUnmatched(sort, within, i) {
			ids, at = append(ids, lines[i]), append(at, i)
		} else {
			gone[i] = true
		}
	}
	return ids, at
}

// amidUnmatched reports whether a frequent line stands among lines of which
// nearly all are not matched, with some of these on either side. It looks up to
// 100 lines far, and no farther than to the next rare line.
func amidUnmatched(sort []uint8, within span, i int) bool {
	const far = 100
	look := func(step int) (without, with int) {
		for j, n := i+step, 1; j >= within.from && j < within.to && n <= far && sort[j] != rare; j, n = j+step, n+1 {
			if sort[j] == unmatched {
				without++
			} else {
				with++
			}
		}
		return without, with
	}
	before, withBefore := look(-1)
	if before == 0 {
		return false
	}
	after, withAfter := look(1)
	with := withBefore + withAfter + 2
	return after > 0 && with*4 < with+before+after
}

// When the search stops to look for the shortest diff.
const (
	manyEdits = 256 // so many edits from either end are too many
	longSnake = 20  // so many equal lines in a row are a good place to cut
)

// search is the search for a diff of a and b, which stand in the texts at atA
// and atB. fore and back hold for each diagonal how far the search from either
// end came in a.
type search struct {
	a, b         []int
	atA, atB     []int
	goneA, goneB []bool
	fore, back   []int
	zero         int // where diagonal 0 stands in them
	most         int
}

// box marks what does not stay of two runs. It cuts them at a point that the
// search says, and goes on with either half. shortest is for a half to which a
// shortest way is known to be cheap.
func (s *search) box(x, y span, shortest bool) {
	for {
		for !x.empty() && !y.empty() && s.a[x.from] == s.b[y.from] {
			x.from++
			y.from++
		}
		for !x.empty() && !y.empty() && s.a[x.to-1] == s.b[y.to-1] {
			x.to--
			y.to--
		}
		if x.empty() || y.empty() {
			break
		}
		c := s.cut(x, y, shortest)
		s.box(span{x.from, c.x}, span{y.from, c.y}, c.shortestBefore)
		x.from, y.from, shortest = c.x, c.y, c.shortestAfter
	}
	for i := x.from; i < x.to; i++ {
		s.goneA[s.atA[i]] = true
	}
	for i := y.from; i < y.to; i++ {
		s.goneB[s.atB[i]] = true
	}
}

// cut is a point that a diff goes through.
type cut struct {
	x, y                          int
	shortestBefore, shortestAfter bool
}

// diagonals are the diagonals x-y that a search looks at, every second one.
type diagonals struct{ from, to int }

// grow adds a diagonal on either side, or takes one off where the box ends.
// Beyond the ends stands edge, which is worse than any point.
func (d *diagonals) grow(limit diagonals, v []int, zero, edge int) {
	if d.from > limit.from {
		d.from--
		v[zero+d.from-1] = edge
	} else {
		d.from++
	}
	if d.to < limit.to {
		d.to++
		v[zero+d.to+1] = edge
	} else {
		d.to--
	}
}

// cut finds where a shortest way from one corner of a box to the other, which
// are not empty and differ at both ends, is cut in half: by one search from each
// corner, one more edit at a time, until two of them meet.
func (s *search) cut(x, y span, shortest bool) cut {
	limit := diagonals{x.from - y.to, x.to - y.from}
	f, b := diagonals{x.from - y.from, x.from - y.from}, diagonals{x.to - y.to, x.to - y.to}
	fmid, bmid := f.from, b.from // the diagonals of the two corners
	odd := (fmid-bmid)%2 != 0
	fore, back := s.fore, s.back
	fore[s.zero+fmid], back[s.zero+bmid] = x.from, x.to
	for edits := 1; ; edits++ {
		long := false
		f.grow(limit, fore, s.zero, -1)
		for k := f.to; k >= f.from; k -= 2 {
			i := max(fore[s.zero+k-1]+1, fore[s.zero+k+1])
			start := i
			for i < x.to && i-k < y.to && s.a[i] == s.b[i-k] {
				i++
			}
			long = long || i-start > longSnake
			fore[s.zero+k] = i
			if odd && b.from <= k && k <= b.to && back[s.zero+k] <= i {
				return cut{i, i - k, true, true}
			}
		}
		b.grow(limit, back, s.zero, math.MaxInt)
		for k := b.to; k >= b.from; k -= 2 {
			i := min(back[s.zero+k-1], back[s.zero+k+1]-1)
			start := i
			for i > x.from && i-k > y.from && s.a[i-1] == s.b[i-k-1] {
				i--
			}
			long = long || start-i > longSnake
			back[s.zero+k] = i
			if !odd && f.from <= k && k <= f.to && i <= fore[s.zero+k] {
				return cut{i, i - k, true, true}
			}
		}
		if shortest {
			continue
		}
		if long && edits > manyEdits {
			if c, ok := s.good(x, y, f, b, fmid, bmid, edits); ok {
				return c
			}
		}
		if edits >= s.most {
			return s.farthest(x, y, f, b)
		}
	}
}

// good looks for a way that came far for its edits, leaving out diagonals that
// are far from where it began, and that ends a long snake.
func (s *search) good(x, y span, f, b diagonals, fmid, bmid, edits int) (c cut, ok bool) {
	best := 4 * edits
	snake := func(i, j int) bool { return slices.Equal(s.a[i:i+longSnake], s.b[j:j+longSnake]) }
	for k := f.to; k >= f.from; k -= 2 {
		i := s.fore[s.zero+k]
		j := i - k
		far := i - x.from + j - y.from - abs(k-fmid)
		if far > best && x.from+longSnake <= i && i < x.to && y.from+longSnake <= j && j < y.to && snake(i-longSnake, j-longSnake) {
			best, c, ok = far, cut{x: i, y: j, shortestBefore: true}, true
		}
	}
	if ok {
		return c, true
	}
	for k := b.to; k >= b.from; k -= 2 {
		i := s.back[s.zero+k]
		j := i - k
		far := x.to - i + y.to - j - abs(k-bmid)
		if far > best && x.from < i && i <= x.to-longSnake && y.from < j && j <= y.to-longSnake && snake(i, j) {
			best, c, ok = far, cut{x: i, y: j, shortestAfter: true}, true
		}
	}
	return c, ok
}

// farthest is the end of the way that came farthest, of both searches.
func (s *search) farthest(x, y span, f, b diagonals) cut {
	fore := cut{x: -1, y: 0, shortestBefore: true}
	for k := f.to; k >= f.from; k -= 2 {
		i := min(s.fore[s.zero+k], x.to, y.to+k)
		if i+i-k > fore.x+fore.y {
			fore.x, fore.y = i, i-k
		}
	}
	back := cut{x: math.MaxInt, shortestAfter: true}
	for k := b.to; k >= b.from; k -= 2 {
		i := max(s.back[s.zero+k], x.from, y.from+k)
		if i+i-k < back.x+back.y {
			back.x, back.y = i, i-k
		}
	}
	if x.to+y.to-back.x-back.y < fore.x+fore.y-x.from-y.from {
		return fore
	}
	return back
}

func abs(n int) int { return max(n, -n) }
