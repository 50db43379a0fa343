package rmg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// keys draws ids that share prefixes, are prefixes of one another, and hold
// zero and high bytes.
func keys() *rapid.Generator[string] {
	part := rapid.SampledFrom([]string{"a", "b", "\x00", "\xff", "node-", "00000000", "12345678", strings.Repeat("x", 40)})
	any := rapid.StringOfN(rapid.RuneFrom([]rune("abcdef012")), 1, 5, -1)
	return rapid.Custom(func(t *rapid.T) string {
		out := ""
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			out += part.Draw(t, "part")
		}
		if out == "" || rapid.Bool().Draw(t, "more") {
			out += any.Draw(t, "rest")
		}
		return out
	})
}

func item(id string, n int) *record {
	return newRecord(false, id, "K", "", "", PropsOf(map[string]Value{"n": Int(int64(n))}), nil)
}

func sortedItems(m map[string]int) []*record {
	var out []*record
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, item(k, m[k]))
	}
	return out
}

// shape writes a trie down, nodes and all.
func shape(n *node) string {
	if n == nil {
		return "-"
	}
	if !n.branch() {
		var out []string
		for _, e := range n.asBucket().recs() {
			out = append(out, fmt.Sprintf("%q=%d", e.id(), e.props().Int("n")))
		}
		return fmt.Sprintf("%d[%s]", n.count, strings.Join(out, " "))
	}
	var out []string
	for c, kid := range n.asBranch().labels {
		out = append(out, fmt.Sprintf("%d:%s", c, shape(kid)))
	}
	return fmt.Sprintf("%d@%d(%s)", n.count, n.depth(), strings.Join(out, " "))
}

type version struct {
	trie  *node
	model map[string]int
	shape string
}

// A trie has one shape for its content whatever happened before, old versions
// stay as they were, and what it answers is what a sorted map answers.
func TestTrieIsASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := rapid.SliceOfN(keys(), 1, 200).Draw(t, "pool")
		id := rapid.SampledFrom(pool)
		cur := version{model: map[string]int{}}
		var old []version
		tok := new(token)
		for i := range rapid.IntRange(1, 300).Draw(t, "steps") {
			k := id.Draw(t, "id")
			_, there := cur.model[k]
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op == 0:
				tok = new(token)
				old = append(old, version{cur.trie, maps.Clone(cur.model), shape(cur.trie)})
			case op == 1 && len(old) > 0:
				v := old[rapid.IntRange(0, len(old)-1).Draw(t, "version")]
				cur, tok = version{trie: v.trie, model: maps.Clone(v.model)}, new(token)
			case op <= 3 && there:
				cur.trie = cur.trie.remove(tok, k)
				delete(cur.model, k)
			default:
				cur.trie = cur.trie.put(tok, item(k, i))
				cur.model[k] = i
			}
		}
		old = append(old, version{cur.trie, cur.model, shape(cur.trie)})
		for _, v := range old {
			list := sortedItems(v.model)
			if got, want := shape(v.trie), shape(build(new(token), list)); got != want || got != v.shape {
				t.Fatalf("shape\n%s\nof\n%s\nwas\n%s", got, want, v.shape)
			}
			for _, k := range pool {
				n, there := v.model[k]
				if r := v.trie.get(k); there != (r != nil) || there && r.props().Int("n") != int64(n) {
					t.Fatalf("get %q: %v, want %v %d", k, r, there, n)
				}
				var got []string
				v.trie.from(k, func(r *record) bool { got = append(got, r.id()); return true })
				var want []string
				for _, r := range list {
					if r.id() >= k {
						want = append(want, r.id())
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("from %q: %q, want %q", k, got, want)
				}
			}
		}
		a, b := old[rapid.IntRange(0, len(old)-1).Draw(t, "a")], old[rapid.IntRange(0, len(old)-1).Draw(t, "b")]
		if rapid.Bool().Draw(t, "hashed") && a.trie != nil && b.trie != nil {
			new(hasher).node(a.trie)
			new(hasher).node(b.trie)
		}
		var got, want []string
		diffTries(a.trie, b.trie, func(id string, x, y *record) bool {
			got = append(got, fmt.Sprintf("%q %v %v", id, x != nil, y != nil))
			return true
		})
		all := maps.Clone(a.model)
		maps.Copy(all, b.model)
		for _, k := range slices.Sorted(maps.Keys(all)) {
			x, inA := a.model[k]
			y, inB := b.model[k]
			if inA != inB || x != y {
				want = append(want, fmt.Sprintf("%q %v %v", k, inA, inB))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("diff\n%q\nwant\n%q", got, want)
		}
	})
}

// What differs costs, not what is there: of two versions of a large trie only
// the nodes on the way to a change are looked at.
func TestTrieSharesWhatDidNotChange(t *testing.T) {
	const n = 100_000
	tok := new(token)
	var a *node
	for i := range n {
		a = a.insert(tok, item(fmt.Sprintf("node-%d", i*7919%n), 0))
	}
	b := a
	tok = new(token)
	for i := range 10 {
		b = b.replace(tok, item(fmt.Sprintf("node-%d", i*9973), 1))
	}
	mine := 0
	var count func(*node)
	count = func(n *node) {
		if n.owner != tok {
			return
		}
		mine++
		if n.branch() {
			for _, kid := range n.asBranch().kids() {
				count(kid)
			}
		}
	}
	count(b)
	if mine > 10*8 {
		t.Errorf("ten changes copied %d nodes", mine)
	}
	changed := 0
	diffTries(a, b, func(string, *record, *record) bool { changed++; return true })
	if changed != 10 {
		t.Errorf("%d changes", changed)
	}
}
