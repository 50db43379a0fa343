package sched_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// conflict is the whole truth about two pending rewrites.
func conflict(a, b sched.Pending) bool { return a.View == b.View && a.Footprint.Conflicts(b.Footprint) }

// first orders by the rule: what lost too often, then who came first.
func first(a, b sched.Pending) int {
	starved := func(p sched.Pending) int {
		if p.Deferrals > sched.MaxDeferrals {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(starved(a), starved(b)), cmp.Compare(a.Arrival, b.Arrival))
}

// naive puts each rewrite into the tick after the last one it conflicts with
// among those before it, looking at every pair.
func naive(pending []sched.Pending) []sched.Tick {
	order := make([]int, len(pending))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return first(pending[i], pending[j]) })
	at := make([]int, len(pending))
	var ticks []sched.Tick
	for k, i := range order {
		for _, j := range order[:k] {
			if conflict(pending[i], pending[j]) {
				at[i] = max(at[i], at[j]+1)
			}
		}
		if at[i] == len(ticks) {
			ticks = append(ticks, nil)
		}
		ticks[at[i]] = append(ticks[at[i]], i)
	}
	return ticks
}

func drawPath(t *rapid.T) rmg.Path {
	p := rmg.Root
	for range rapid.IntRange(0, 3).Draw(t, "depth") {
		p = p.Child(rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "id"))
	}
	return p
}

func drawFootprint(t *rapid.T) rewrite.Footprint {
	list := func(atMost int) []rmg.Path {
		l := make([]rmg.Path, rapid.IntRange(0, atMost).Draw(t, "n"))
		for i := range l {
			l[i] = drawPath(t)
		}
		slices.Sort(l)
		return slices.Compact(l)
	}
	slots := func() []rewrite.Slot {
		var l []rewrite.Slot
		for range rapid.IntRange(0, 2).Draw(t, "slots") {
			l = append(l, rewrite.Slot{At: drawPath(t), Kind: rapid.SampledFrom([]string{"", "K", "L"}).Draw(t, "kind"), Side: rewrite.Side(rapid.IntRange(0, 3).Draw(t, "side"))})
		}
		return l
	}
	return rewrite.Footprint{Reads: list(2), Writes: list(1), Whole: list(1), Ways: list(1), Absent: slots(), Ties: slots(), All: rapid.IntRange(0, 30).Draw(t, "all") == 0}
}

func drawPending(t *rapid.T) []sched.Pending {
	n := rapid.IntRange(0, 14).Draw(t, "pending")
	arrivals := make([]uint64, n)
	for i := range arrivals {
		arrivals[i] = uint64(i * 3)
	}
	arrivals = rapid.Permutation(arrivals).Draw(t, "arrivals")
	out := make([]sched.Pending, n)
	for i := range out {
		out[i] = sched.Pending{
			Arrival: arrivals[i], View: rapid.SampledFrom([]string{"system", "system", "w1"}).Draw(t, "view"), Footprint: drawFootprint(t),
			Deferrals: rapid.SampledFrom([]int{0, 0, 0, 1, sched.MaxDeferrals, sched.MaxDeferrals + 1, sched.MaxDeferrals + 2}).Draw(t, "deferrals"),
		}
	}
	return out
}

// TestTicks holds Ticks to the naive scheduler and to its own words.
func TestTicks(t *testing.T) {
	several := 0
	rapid.Check(t, func(t *rapid.T) {
		pending := drawPending(t)
		before := fmt.Sprintf("%+v", pending)
		ticks := sched.Ticks(pending)
		if after := fmt.Sprintf("%+v", pending); after != before {
			t.Fatalf("the queue was changed:\n%s\n%s", before, after)
		}
		if want := naive(pending); !slices.EqualFunc(ticks, want, slices.Equal) {
			t.Fatalf("ticks %v, want %v for %+v", ticks, want, pending)
		}
		if len(ticks) > 1 && len(ticks) < len(pending) {
			several++
		}
		at := map[int]int{}
		for n, tick := range ticks {
			if len(tick) == 0 {
				t.Fatalf("tick %d is empty", n)
			}
			for k, i := range tick {
				if _, twice := at[i]; twice {
					t.Fatalf("%d stands in two places of %v", i, ticks)
				}
				at[i] = n
				for _, j := range tick[:k] {
					if conflict(pending[i], pending[j]) {
						t.Fatalf("%d and %d conflict in one tick of %v", i, j, ticks)
					}
					if first(pending[j], pending[i]) > 0 {
						t.Fatalf("%d stands before %d in %v", j, i, ticks)
					}
				}
			}
		}
		if len(at) != len(pending) {
			t.Fatalf("%d of %d are in %v", len(at), len(pending), ticks)
		}
		for i := range pending {
			for j := range pending {
				if first(pending[i], pending[j]) < 0 && conflict(pending[i], pending[j]) && at[i] >= at[j] {
					t.Fatalf("%d overtakes %d in %v", j, i, ticks)
				}
			}
		}
	})
	if several == 0 {
		t.Error("no queue needed several ticks and shared one")
	}
}

// TestTicksOrderOfQueue: only arrival counts, not where in the list a rewrite
// stands, and the same queue gives the same ticks every time.
func TestTicksOrderOfQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pending := drawPending(t)
		shuffled := rapid.Permutation(pending).Draw(t, "shuffled")
		arrivals := func(p []sched.Pending) string {
			var out [][]uint64
			for _, tick := range sched.Ticks(p) {
				var in []uint64
				for _, i := range tick {
					in = append(in, p[i].Arrival)
				}
				out = append(out, in)
			}
			return fmt.Sprint(out)
		}
		if a, b := arrivals(pending), arrivals(shuffled); a != b || a != arrivals(pending) {
			t.Fatalf("%s, and shuffled %s", a, b)
		}
	})
}

// TestTicksCases names what the rules mean.
func TestTicksCases(t *testing.T) {
	set := func(p rmg.Path) rewrite.Footprint { return rewrite.Footprint{Writes: []rmg.Path{p}} }
	whole := func(p rmg.Path) rewrite.Footprint { return rewrite.Footprint{Whole: []rmg.Path{p}} }
	for _, c := range []struct {
		name    string
		pending []sched.Pending
		want    string
	}{
		{"nothing", nil, "[]"},
		{"apart", []sched.Pending{{Arrival: 1, Footprint: set("/a")}, {Arrival: 2, Footprint: set("/b")}}, "[[0 1]]"},
		{"one place", []sched.Pending{{Arrival: 1, Footprint: set("/a")}, {Arrival: 2, Footprint: set("/a")}}, "[[0] [1]]"},
		{"one place in two views", []sched.Pending{{Arrival: 1, View: "x", Footprint: set("/a")}, {Arrival: 2, View: "y", Footprint: set("/a")}}, "[[0 1]]"},
		{"arrival decides", []sched.Pending{{Arrival: 2, Footprint: set("/a")}, {Arrival: 1, Footprint: set("/a")}}, "[[1] [0]]"},
		{"all", []sched.Pending{{Arrival: 1}, {Arrival: 2, Footprint: rewrite.Footprint{All: true}}, {Arrival: 3}}, "[[0] [1] [2]]"},
		{"below a removed one", []sched.Pending{{Arrival: 1, Footprint: whole("/a")}, {Arrival: 2, Footprint: set("/a/b/c")}}, "[[0] [1]]"},
		{"above a removed one", []sched.Pending{{Arrival: 1, Footprint: whole("/a/b")}, {Arrival: 2, Footprint: set("/a")}}, "[[0 1]]"},
		{"looked where another puts an edge", []sched.Pending{{Arrival: 1, Footprint: rewrite.Footprint{Absent: []rewrite.Slot{{At: "/a", Kind: "K", Side: rewrite.Out}}}}, {Arrival: 2, Footprint: rewrite.FootprintOf([]rewrite.Op{{Op: rewrite.AddEdge, Path: "/~e", Kind: "K", From: "a", To: "b"}})}}, "[[0] [1]]"},
		{"looked where another puts an edge of another kind", []sched.Pending{{Arrival: 1, Footprint: rewrite.Footprint{Absent: []rewrite.Slot{{At: "/a", Kind: "L", Side: rewrite.Out}}}}, {Arrival: 2, Footprint: rewrite.FootprintOf([]rewrite.Op{{Op: rewrite.AddEdge, Path: "/~e", Kind: "K", From: "a", To: "b"}})}}, "[[0 1]]"},
		{"two edges at one node", []sched.Pending{{Arrival: 1, Footprint: rewrite.FootprintOf([]rewrite.Op{{Op: rewrite.AddEdge, Path: "/~d", Kind: "K", From: "a", To: "b"}})}, {Arrival: 2, Footprint: rewrite.FootprintOf([]rewrite.Op{{Op: rewrite.AddEdge, Path: "/~e", Kind: "K", From: "a", To: "b"}})}}, "[[0 1]]"},
		{
			// 1 waits for 0, and 2, which is apart from 0, may not pass 1.
			"no overtaking",
			[]sched.Pending{{Arrival: 1, Footprint: set("/a")}, {Arrival: 2, Footprint: rewrite.Footprint{Writes: []rmg.Path{"/a", "/b"}}}, {Arrival: 3, Footprint: set("/b")}, {Arrival: 4, Footprint: set("/c")}},
			"[[0 3] [1] [2]]",
		},
		{"an edge that both take away", []sched.Pending{{Arrival: 1, Footprint: rewrite.Footprint{Whole: []rmg.Path{"/~e"}}}, {Arrival: 2, Footprint: rewrite.Footprint{Whole: []rmg.Path{"/~e"}}}}, "[[0] [1]]"},
		{"lost often enough to wait on", []sched.Pending{{Arrival: 1, Footprint: set("/a")}, {Arrival: 2, Footprint: set("/a"), Deferrals: sched.MaxDeferrals}}, "[[0] [1]]"},
		{"lost too often", []sched.Pending{{Arrival: 1, Footprint: set("/a")}, {Arrival: 2, Footprint: set("/a"), Deferrals: sched.MaxDeferrals + 1}}, "[[1] [0]]"},
		{
			"both lost too often: arrival decides",
			[]sched.Pending{{Arrival: 2, Footprint: set("/a"), Deferrals: sched.MaxDeferrals + 9}, {Arrival: 1, Footprint: set("/a"), Deferrals: sched.MaxDeferrals + 1}},
			"[[1] [0]]",
		},
	} {
		if got := fmt.Sprint(sched.Ticks(c.pending)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestTicksLarge: a long queue that is apart is one tick, one that meets in one
// place is a tick each; neither is looked at pair by pair.
func TestTicksLarge(t *testing.T) {
	const n = 20_000
	apart := make([]sched.Pending, n)
	for i := range apart {
		apart[i] = sched.Pending{Arrival: uint64(i), Footprint: rewrite.Footprint{Writes: []rmg.Path{rmg.Root.Child(fmt.Sprint(i))}, Reads: []rmg.Path{"/"}}}
	}
	if ticks := sched.Ticks(apart); len(ticks) != 1 || len(ticks[0]) != n {
		t.Errorf("%d ticks", len(ticks))
	}
	same := make([]sched.Pending, n)
	for i := range same {
		same[i] = sched.Pending{Arrival: uint64(i), Footprint: rewrite.Footprint{Writes: []rmg.Path{"/a"}}}
	}
	if ticks := sched.Ticks(same); len(ticks) != n {
		t.Errorf("%d ticks, want %d", len(ticks), n)
	}
}
