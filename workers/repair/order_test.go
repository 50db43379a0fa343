package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jitos.dev/work"
	"jitos.dev/workers/workertest"
)

// finished is a search of twelve candidates of which some were found green, in the
// order given.
func finished(t *testing.T, green ...int) (*search, *workertest.Space) {
	t.Helper()
	s := &search{first: -1, list: make([]candidate, 12)}
	for i := range s.list {
		s.list[i] = candidate{file: &file{name: fmt.Sprintf("f%02d.go", i), src: []byte("x")}, to: 1, text: "y", operator: "constant", line: 1}
	}
	space := workertest.NewSpace(t, map[string]string{"a.go": "package a\n"})
	for _, i := range green {
		child, err := space.Fork(t.Context(), "candidate", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.won(t.Context(), i, child); err != nil {
			t.Fatal(err)
		}
	}
	return s, space
}

// TestTheEarlierOneWins: which of several repairs is taken is decided by their order,
// whichever was found first, and so are the alternatives that are told: all that are
// green among those that are tried after it.
func TestTheEarlierOneWins(t *testing.T) {
	var first work.Result
	for _, order := range [][]int{{2, 3, 5, 6}, {6, 5, 3, 2}, {5, 2, 6, 3}, {3, 6, 2, 5}} {
		s, _ := finished(t, order...)
		res := s.result(nil)
		if res.Output.String("file") != "f02.go" || res.Output.Int("winner") != 3 || res.Adopt != s.winner.ID() {
			t.Errorf("%v: %+v", order, res)
		}
		var files []string
		for _, other := range listOf(res.Output, "alternatives") {
			_, text, _ := strings.Cut(other, ": ")
			files = append(files, text[:len("f00.go")])
		}
		if !slices.Equal(files, []string{"f03.go", "f05.go", "f06.go"}) {
			t.Errorf("%v: alternatives %v", order, files)
		}
		if first.Summary == "" {
			first = res
		}
		if res.Summary != first.Summary {
			t.Errorf("%v: %q, not %q", order, res.Summary, first.Summary)
		}
	}
}

// TestSoManyAreTriedAfterASuccess: the rest is not begun.
func TestSoManyAreTriedAfterASuccess(t *testing.T) {
	s, _ := finished(t, 2)
	var taken []int
	for i := s.take(); i >= 0; i = s.take() {
		taken = append(taken, i)
	}
	if len(taken) != 2+alternatives+1 || taken[len(taken)-1] != 2+alternatives {
		t.Errorf("%v", taken)
	}
}

// TestPairsAreApart: two changes that meet are none.
func TestPairsAreApart(t *testing.T) {
	f, g := &file{name: "f.go"}, &file{name: "g.go"}
	at := func(f *file, from, to int) candidate { return candidate{file: f, from: from, to: to} }
	for _, c := range []struct {
		a, b candidate
		want bool
	}{
		{at(f, 2, 5), at(f, 6, 8), true},
		{at(f, 6, 8), at(f, 2, 5), true},
		{at(f, 2, 5), at(f, 4, 8), false},
		{at(f, 4, 8), at(f, 2, 5), false},
		{at(f, 2, 9), at(f, 4, 5), false},
		{at(f, 2, 5), at(f, 5, 8), false},
		{at(f, 2, 5), at(g, 2, 5), true},
	} {
		if got := c.a.apart(c.b); got != c.want {
			t.Errorf("%d-%d and %d-%d: %v", c.a.from, c.a.to, c.b.from, c.b.to, got)
		}
	}
}

// slow is a language whose tests of some candidates take longer than a limit.
type slow struct {
	golang
	takes map[int]time.Duration
	tried []string
}

func (l *slow) judge(_ context.Context, s *search, _ work.Folder, i int) (string, error) {
	l.tried = append(l.tried, fmt.Sprint(i, " ", s.limit))
	switch takes, ok := l.takes[i]; {
	case !ok:
		return "red", nil
	case takes > s.limit:
		s.hangs(i)
		return "hangs", nil
	}
	return "", nil
}

// TestAMachineThatStoodStill: what reached the time limit is tried once more when
// nothing else is a repair, with a longer limit, in order, until one is.
func TestAMachineThatStoodStill(t *testing.T) {
	l := &slow{takes: map[int]time.Duration{2: time.Hour, 5: 4 * time.Second, 9: 4 * time.Second}}
	s, space := finished(t)
	s.w, s.language, s.limit, s.greened = &Worker{}, l, briefLimit, map[int]int{}
	s.a = work.Assignment{Workspace: space, Emit: func(work.Event) {}}
	if err := s.run(t.Context(), 1); err != nil || s.first >= 0 {
		t.Fatal(s.first, err)
	}
	l.tried = nil
	if err := s.again(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"2 10s", "5 10s"}; s.first != 5 || !slices.Equal(l.tried, want) {
		t.Errorf("candidate %d is taken, and tried were %v; not 5 and %v", s.first, l.tried, want)
	}
}
