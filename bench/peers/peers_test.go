package peers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

func item(i int) Item {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return Item{Path: "/" + hex.EncodeToString(sum[:8]), Kind: "K", Props: fmt.Sprintf("%064d", i)}
}

// TestPeers: what is measured does what it is measured for.
func TestPeers(t *testing.T) {
	const n = 1000
	var keys []string
	for i := range n {
		keys = append(keys, item(i).Key())
	}
	slices.Sort(keys)
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			m := p.Build(n, item)
			kind := func(m Map, i int, want string) {
				t.Helper()
				if got, ok := m.Get(item(i).Key()); !ok || got != want {
					t.Fatalf("item %d has kind %q, %v; want %q", i, got, ok, want)
				}
			}
			for i := range n {
				kind(m, i, "K")
			}
			if _, ok := m.Get("none"); ok {
				t.Fatal("it finds what is not there")
			}
			var items []Item
			for i := range 100 {
				it := item(7 * i)
				it.Kind = "L"
				items = append(items, it)
			}
			one, all := m.Set(items[3]), m.Fork().Edit(items)
			two := m.Fork().Edit(items[:50])
			kind(one, 21, "L")
			for i := range 100 {
				kind(all, 7*i, "L")
			}
			if p.Versions {
				kind(m, 21, "K")
				kind(one, 14, "K")
				kind(two, 7*49, "L")
				kind(two, 7*50, "K")
			}
			if !p.Ordered {
				return
			}
			ids, sum := all.Page(keys[500], 100, true, nil)
			if !slices.Equal(ids, keys[500:600]) || sum != 100 {
				t.Fatalf("a page is %q, of kinds of %d bytes", ids, sum)
			}
		})
	}
}
