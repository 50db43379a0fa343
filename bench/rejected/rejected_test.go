package rejected

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/bench/peers"
)

// itemOf is key's item in some state.
func itemOf(key string, state int) peers.Item {
	return peers.Item{Path: "/" + key, Kind: fmt.Sprint("K", state%3), Props: strings.Repeat("p", state%5)}
}

// keysToDraw are few enough to meet again: short and long ones, prefixes of each
// other, zero bytes, the same first eight bytes, the same hash, and such as end
// nodes of a content-split tree on several levels.
func keysToDraw() []string {
	out := []string{"", "\x00", "\x00\x00", "a", "a\x00", "ab", "abcdefgh", "abcdefgh\x00", "abcdefghi", "abcdefghj", strings.Repeat("long", 20)}
	out = append(out, colliding(6)...)
	for i := range 100 {
		out = append(out, fmt.Sprintf("node-%d", i))
	}
	return append(out, ending(20, 2)...)
}

// colliding makes keys of 16 bytes with one hash: the first eight make one
// factor of the product zero.
func colliding(n int) []string {
	const a, c = 0xa0761d6478bd642f, 0x8ebc6af09c88c6e3
	length := uint64(16)
	first := length*c ^ a
	var out []string
	for i := range n {
		b := make([]byte, 16)
		for j := range 8 {
			b[j] = byte(first >> (56 - 8*j))
		}
		b[15] = byte(i)
		out = append(out, string(b))
	}
	return out
}

// ending finds keys that end nodes on at least so many levels.
func ending(n, levels int) []string {
	var out []string
	for i := 0; len(out) < n; i++ {
		if key := fmt.Sprintf("end-%d", i); ends(key) >= levels {
			out = append(out, key)
		}
	}
	return out
}

func TestColliding(t *testing.T) {
	keys := colliding(3)
	if hashOf(keys[0]) != hashOf(keys[1]) || hashOf(keys[1]) != hashOf(keys[2]) {
		t.Fatal("the keys that are to collide do not")
	}
}

// check compares a version with a plain map, and its digest and shape with
// those of the same content put together in another order.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, p peers.Peer, v Version, want map[string]peers.Item, seed uint64,
) {
	t.Helper()
	if v.Len() != len(want) {
		t.Fatalf("%s has %d records, want %d", p.Name, v.Len(), len(want))
	}
	for key, it := range want {
		r := v.Find(key)
		if r == nil || *r != (Record{key, it.Kind, it.Props}) {
			t.Fatalf("%s: %q is %v, want %v", p.Name, key, r, it)
		}
	}
	keys := slices.Sorted(maps.Keys(want))
	if p.Ordered && len(keys) > 0 {
		i := int(seed % uint64(len(keys)))
		for _, kinds := range []bool{false, true} {
			got, _ := v.Page(keys[i], len(keys), kinds, nil)
			if !slices.Equal(got, keys[i:]) {
				t.Fatalf("%s: from %q on there are %q, want %q", p.Name, keys[i], got, keys[i:])
			}
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	rnd.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	again := p.Build(len(keys), func(i int) peers.Item { return want[keys[i]] }).(Version)
	if again.Digest() != v.Digest() {
		t.Fatalf("%s: %d records have another digest in another order", p.Name, len(keys))
	}
}

// TestAgainstMap edits forks of forks, one record at a time and in batches, and
// compares all of them with plain maps after every step's end.
func TestAgainstMap(t *testing.T) {
	all := keysToDraw()
	for _, p := range All() {
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
			type fork struct {
				v    Version
				want map[string]peers.Item
			}
			keys := rapid.SampledFrom(all)
			forks := []fork{{p.Build(0, nil).(Version), map[string]peers.Item{}}}
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				f := forks[rapid.IntRange(0, len(forks)-1).Draw(t, "fork")]
				next := fork{f.v, maps.Clone(f.want)}
				switch rapid.IntRange(0, 3).Draw(t, "op") {
				case 0:
					it := itemOf(keys.Draw(t, "key"), rapid.IntRange(0, 9).Draw(t, "state"))
					next.v = f.v.Set(it).(Version)
					next.want[it.Key()] = it
				case 1, 2:
					var items []peers.Item
					for range rapid.IntRange(0, 60).Draw(t, "items") {
						it := itemOf(keys.Draw(t, "key"), rapid.IntRange(0, 9).Draw(t, "state"))
						items = append(items, it)
						next.want[it.Key()] = it
					}
					next.v = f.v.Edit(items).(Version)
				case 3:
					gone := rapid.SliceOfN(keys, 0, 40).Draw(t, "gone")
					if rapid.Bool().Draw(t, "all") {
						gone = append(gone, slices.Sorted(maps.Keys(f.want))...)
					}
					for _, key := range gone {
						delete(next.want, key)
					}
					next.v = f.v.Without(gone)
				}
				forks = append(forks, next)
			}
			seed := rapid.Uint64().Draw(t, "seed")
			for _, f := range forks {
				check(t, p, f.v, f.want, seed)
			}
		}))
	}
}

// TestLarge grows a map over several levels and takes it down again, one key at
// a time at the end, with a version kept at every stop.
func TestLarge(t *testing.T) {
	const n = 5000
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(7, 7))
			order := rnd.Perm(n)
			item := func(i int) peers.Item { return itemOf(fmt.Sprintf("node-%d", i), i) }
			want := map[string]peers.Item{}
			v := p.Build(0, nil).(Version)
			type stop struct {
				v    Version
				want map[string]peers.Item
			}
			var stops []stop
			for from := 0; from < n; from += 500 {
				var items []peers.Item
				for _, i := range order[from : from+500] {
					items = append(items, item(i))
					want[item(i).Key()] = item(i)
				}
				v = v.Edit(items).(Version)
				v.Digest()
				stops = append(stops, stop{v, maps.Clone(want)})
			}
			for i, at := range rnd.Perm(n) {
				key := item(at).Key()
				v = v.Without([]string{key})
				delete(want, key)
				if i%500 == 499 {
					stops = append(stops, stop{v, maps.Clone(want)})
				}
			}
			for i, s := range stops {
				check(t, p, s.v, s.want, uint64(i))
			}
		})
	}
}

// TestBatchGoesOn: what a batch has handed out never changes again.
func TestBatchGoesOn(t *testing.T) {
	t.Run("CHAMP", func(t *testing.T) { batchGoesOn(t, Champ{}) })
	t.Run("CHAMP and order", func(t *testing.T) { batchGoesOn(t, NewOrderedChamp()) })
	t.Run("split B-tree", func(t *testing.T) { batchGoesOn(t, Split{}) })
	t.Run("treap", func(t *testing.T) { batchGoesOn(t, Treap{}) })
}

func batchGoesOn[S structure[S, E], E batch[S]](t *testing.T, empty S) {
	keys := keysToDraw()
	rnd := rand.New(rand.NewPCG(5, 5))
	e, now := empty.Edit(), map[string]*Record{}
	var kept []S
	var want []map[string]*Record
	for i := range 3000 {
		key := keys[rnd.IntN(len(keys))]
		if rnd.IntN(3) == 0 {
			e.Delete(key)
			delete(now, key)
		} else {
			r := &Record{Key: key, Kind: fmt.Sprint(i)}
			e.Put(r)
			now[key] = r
		}
		if i%50 == 49 {
			kept, want = append(kept, e.Snapshot()), append(want, maps.Clone(now))
		}
	}
	for i, s := range kept {
		again := empty.Edit()
		for _, key := range keys {
			if got := s.Get(key); got != want[i][key] {
				t.Fatalf("in version %d %q is %v, want %v", i, key, got, want[i][key])
			} else if got != nil {
				again.Put(got)
			}
		}
		if s.Len() != len(want[i]) || s.Digest() != again.Snapshot().Digest() {
			t.Fatalf("version %d has %d records, want %d; or another digest", i, s.Len(), len(want[i]))
		}
		if o, ok := any(s).(OrderedChamp); ok && o.keys.Len() != o.Len() {
			t.Fatalf("version %d has %d keys in order, want %d", i, o.keys.Len(), o.Len())
		}
	}
}

// TestSplitShape compares a tree, grown and cut down in steps, with what the
// definition says: a key ends its node at as many levels as its hash says.
func TestSplitShape(t *testing.T) {
	all := ending(30, 2)
	for i := range 3000 {
		all = append(all, fmt.Sprintf("node-%d", i))
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var s Split
	have := map[string]bool{}
	for i := range 2 * len(all) {
		if i < len(all) {
			s = s.Put(&Record{Key: all[i]})
			have[all[i]] = true
		} else {
			s = s.Delete(all[i-len(all)])
			delete(have, all[i-len(all)])
		}
		if i > 100 && i < 2*len(all)-100 && i%101 != 0 || len(have) == 0 {
			continue
		}
		// Each level is the keys that its nodes end with.
		level, nodes := 0, slices.Sorted(maps.Keys(have))
		want := [][]string{}
		for {
			var next []string
			for j, key := range nodes {
				if ends(key) > level || j+1 == len(nodes) {
					next = append(next, key)
				}
			}
			want = append(want, next)
			if len(next) == 1 {
				break
			}
			level, nodes = level+1, next
		}
		if s.height != len(want)-1 {
			t.Fatalf("%d keys: the height is %d, want %d", len(have), s.height, len(want)-1)
		}
		row := []*splitNode{s.root}
		for level := s.height; level >= 0; level-- {
			var got []string
			var below []*splitNode
			for _, n := range row {
				got = append(got, n.last())
				below = append(below, n.kids...)
				if len(n.heads) == 0 || level > 0 != (n.kids != nil) {
					t.Fatalf("%d keys: a node at %d is empty or of the wrong sort", len(have), level)
				}
			}
			if !slices.Equal(got, want[level]) {
				t.Fatalf("%d keys: the nodes at %d end with %q, want %q", len(have), level, got, want[level])
			}
			row = below
		}
	}
}

// TestTreapDepth: priorities are as good as random.
func TestTreapDepth(t *testing.T) {
	var s Treap
	for i := range 5000 {
		s = s.Put(&Record{Key: fmt.Sprintf("node-%06d", i)})
	}
	var depth func(*treapNode) int
	depth = func(n *treapNode) int {
		if n == nil {
			return 0
		}
		return 1 + max(depth(n.left), depth(n.right))
	}
	if d := depth(s.root); d > 50 {
		t.Fatalf("the treap of %d keys is %d deep", s.Len(), d)
	}
}

// TestDigestsDiffer: every part of a record tells, and the lengths between them.
func TestDigestsDiffer(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			seen := map[Digest]string{}
			for _, it := range []peers.Item{
				{Path: "/a", Kind: "b", Props: "c"},
				{Path: "/ab", Kind: "", Props: "c"},
				{Path: "/a", Kind: "bc", Props: ""},
				{Path: "/a", Kind: "b", Props: "d"},
				{Path: "/b", Kind: "b", Props: "c"},
			} {
				d := p.Build(1, func(int) peers.Item { return it }).(Version).Digest()
				if old, ok := seen[d]; ok {
					t.Fatalf("%+v has the digest of %s", it, old)
				}
				seen[d] = fmt.Sprintf("%+v", it)
			}
		})
	}
}
