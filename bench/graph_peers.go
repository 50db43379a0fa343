package main

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"jitos.dev/bench/peers"
	"jitos.dev/rmg"
)

// peerRows put the graph beside other people's maps.
func peerRows(n int) []measure {
	stands := func() []stand { return fieldOf("peers", n, append(peers.All(), graphPeer)) }
	name := func(what string) string { return "rmg/" + what + "/" + sizeName(n) }
	load := sync.OnceValues(func() (loads, error) { return loadRows(n) })
	return []measure{
		{name("get"), func() (row, error) {
			r, err := getRow(stands(), n)
			return r.within(2.2*r.Peers["go map"], "<= 2.2x go map"), err
		}},
		{name("update"), func() (row, error) {
			r, err := updateRow(stands(), n)
			best := math.Inf(1)
			for name, x := range r.Peers {
				if name != "go map" {
					best = min(best, x)
				}
			}
			return r.within(best, "<= the fastest persistent peer"), err
		}},
		{name("edit100"), func() (row, error) {
			r, err := edit100Row(stands(), n)
			return r.within(3000, "<= 3000 ns"), err
		}},
		{name("page"), func() (row, error) {
			r, err := pageRow(stands(), n, false)
			return r.within(2*r.Peers["tidwall/btree"], "<= 2x tidwall/btree"), err
		}},
		{name("page") + "/kinds", func() (row, error) {
			r, err := pageRow(stands(), n, true)
			return r.within(2*r.Peers["tidwall/btree"], "<= 2x tidwall/btree"), err
		}},
		{name("overlaymem") + "/peers", func() (row, error) { return overlayRow(stands(), n) }},
		{name("memory") + "/nodes", func() (row, error) { return bytesRow(stands()) }},
		{name("load"), func() (row, error) {
			r, err := load()
			return r.thread.within(1300, "<= 1300 ns"), err
		}},
		{name("load") + "/wall", func() (row, error) {
			r, err := load()
			return r.wall, err
		}},
	}
}

// getRow finds elements and reads the kind of each. What is asked for is never
// the same string in memory as what is stored, and is laid out anew for each, so
// that none finds it in the cache.
func getRow(stands []stand, n int) (row, error) {
	count := min(n, 200_000)
	var all string
	last := 0
	return compare(stands, "ns", anyPeer, func(s stand, seed int) (float64, error) {
		if seed != last {
			var b strings.Builder
			for _, i := range sample(n, count, seed) {
				b.WriteString(i.Key())
			}
			last, all = seed, b.String()
		}
		keys := make([]string, count)
		mine := strings.Clone(all)
		for i := range keys {
			keys[i] = mine[16*i : 16*i+16]
		}
		t, err := nanoseconds(func() error {
			for _, k := range keys {
				if kind, ok := s.m.Get(k); !ok || len(kind) != len("service") {
					return missing(s, k)
				}
			}
			return nil
		})
		return t / float64(count), err
	})
}

// updateRow makes a version of each change, each from the one before.
func updateRow(stands []stand, n int) (row, error) {
	const changes = 10_000
	return compare(stands, "ns", anyPeer, func(s stand, seed int) (float64, error) {
		items := sample(n, changes, seed)
		m := s.m
		t, err := nanoseconds(func() error {
			for _, i := range items {
				m = m.Set(i)
			}
			return nil
		})
		return t / changes, err
	})
}

// edit100Row makes batches of a hundred changes, each a fork of the one base.
func edit100Row(stands []stand, n int) (row, error) {
	const changes = 10_000
	return compare(stands, "ns a key", anyPeer, func(s stand, seed int) (float64, error) {
		items := sample(n, changes, seed)
		t, err := nanoseconds(func() error {
			for some := range slices.Chunk(items, 100) {
				s.m.Fork().Edit(some)
			}
			return nil
		})
		return t / changes, err
	})
}

// insert100Row makes batches of a hundred new elements.
func insert100Row(stands []stand, n int) (row, error) {
	const changes = 10_000
	return compare(stands, "ns a key", anyPeer, func(s stand, seed int) (float64, error) {
		items := make([]peers.Item, changes)
		for i := range items {
			items[i] = itemOf(n+seed*changes+i, 0)
		}
		t, err := nanoseconds(func() error {
			for some := range slices.Chunk(items, 100) {
				insert(s.m.Fork(), some)
			}
			return nil
		})
		return t / changes, err
	})
}

// pageRow takes pages of a hundred ids from anywhere in the order, and reads the
// kinds of the elements too if it is told to.
func pageRow(stands []stand, n int, kinds bool) (row, error) {
	const pages, long = 500, 100
	ids := make([]string, 0, long)
	return compare(stands, "ns a page", orderedPeer, func(s stand, seed int) (float64, error) {
		items := sample(n, pages, seed)
		t, err := nanoseconds(func() error {
			for _, i := range items {
				ids, _ = s.m.Page(i.Key(), long, kinds, ids[:0])
				if len(ids) == 0 || ids[0] != i.Key() {
					return fmt.Errorf("%s: a page from %s on begins otherwise", s.Name, i.Key())
				}
			}
			return nil
		})
		return t / pages, err
	})
}

// overlayRow is the memory of a version with a hundred changes, while its base
// and a thousand such versions live.
func overlayRow(stands []stand, n int) (row, error) {
	const versions, changes = 1000, 100
	r := row{Unit: "B a version", Peers: map[string]float64{}, Holds: true, N: 1}
	before := liveHeap() // with nothing but the bases, as it is again after each
	for _, s := range stands {
		if !s.Versions {
			continue
		}
		kept := make([]peers.Map, versions)
		for i := range kept {
			kept[i] = s.m.Fork().Edit(sample(n, changes, i+1))
		}
		bytes := float64(liveHeap()-before) / versions
		runtime.KeepAlive(kept)
		if s.Name == graphPeer.Name {
			r.Value = bytes
		} else {
			r.Peers[s.Name] = bytes
		}
	}
	return r, nil
}

// bytesRow is the memory of a map for each of its elements: key, record, props
// and whatever holds them.
func bytesRow(stands []stand) (row, error) {
	r := row{Unit: "B a node", Peers: map[string]float64{}, Holds: true, N: 1}
	for _, s := range stands {
		if s.Name == graphPeer.Name {
			r.Value = s.bytes
		} else {
			r.Peers[s.Name] = s.bytes
		}
	}
	return r, nil
}

// loads are two ways to time a load.
type loads struct{ thread, wall row }

// loadRows build each map from nothing, of items and props that are there
// already, in no order. The digest is not part of it. A load is long enough for
// the heap to be collected within it, which other threads help with, so that the
// time on the wall is given too; that is the first row's only on an idle machine.
func loadRows(n int) (loads, error) {
	clearField()
	items := make([]peers.Item, n)
	props := make([]rmg.Props, n)
	for i := range items {
		items[i] = itemOf(i, 0)
		props[i] = propsOf(items[i].Rank)
	}
	graph := graphPeer
	graph.Build = func(n int, item func(int) peers.Item) peers.Map {
		return graphMap{loaded(n, item, func(i int) rmg.Props { return props[i] })}
	}
	one := graph
	one.Name += ", one by one"
	one.Build = graph.Build
	graph.Build = func(n int, item func(int) peers.Item) peers.Map {
		return graphMap{loadedAtOnce(n, item, func(i int) rmg.Props { return props[i] })}
	}
	var stands []stand
	for _, p := range append(peers.All(), one, graph) {
		stands = append(stands, stand{Peer: p})
	}
	walls := map[string][]float64{}
	thread, err := compare(stands, "ns a node", anyPeer, func(s stand, _ int) (float64, error) {
		defer debug.SetGCPercent(debug.SetGCPercent(100))
		runtime.GC()
		began := time.Now()
		t, err := nanoseconds(func() error {
			s.Build(n, func(i int) peers.Item { return items[i] })
			return nil
		})
		walls[s.Name] = append(walls[s.Name], float64(time.Since(began).Nanoseconds())/float64(n))
		return t / float64(n), err
	})
	if err != nil {
		return loads{}, err
	}
	wall := row{Value: middle(walls[graphPeer.Name]), Unit: "ns a node", Peers: map[string]float64{}, Holds: true, N: rounds}
	for name := range thread.Peers {
		wall.Peers[name] = middle(walls[name])
	}
	return loads{thread, wall}, nil
}
