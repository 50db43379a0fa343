package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"jitos.dev/bench/peers"
	"jitos.dev/rmg"
)

// versionRows measure what the peers do not have: many versions, their digests,
// what they differ in, and how two become one.
func versionRows(n int) []measure {
	name := func(what string) string { return "rmg/" + what + "/" + sizeName(n) }
	return []measure{
		{name("snapshot"), func() (row, error) {
			x, err := snapshotTime(graphOf(n), n)
			return row{Value: x, Unit: "ns", Holds: err == nil, N: rounds}.within(50, "<= 50 ns"), err
		}},
		{name("snapshot") + "/bytes", func() (row, error) {
			overlays := freshOverlays(graphOf(n), n, 1)
			x := allocated(func() { freeze(overlays) }) / float64(len(overlays))
			return row{Value: x, Unit: "B", N: 1}.within(0, "0 B"), nil
		}},
		{name("fork"), func() (row, error) {
			x, err := forkTime(graphOf(n), forkOften)
			return row{Value: x, Unit: "ns", N: rounds}.within(50, "<= 50 ns"), err
		}},
		{name("fork") + "/bytes", func() (row, error) {
			g := graphOf(n)
			x := allocated(func() { forkOften(g) }) / forks
			return row{Value: x, Unit: "B", N: 1}.within(0, "0 B"), nil
		}},
		// With the overlay itself in an allocation of its own.
		{name("fork") + "/new", func() (row, error) {
			x, err := forkTime(graphOf(n), forkAnew)
			return row{Value: x, Unit: "ns", N: rounds}.within(50, "<= 50 ns"), err
		}},
		{name("overlaymem"), func() (row, error) { return overlaymemRow(graphOf(n), n, false), nil }},
		{name("overlaymem") + "/digest", func() (row, error) { return overlaymemRow(graphOf(n), n, true), nil }},
		{"rmg/overlays10k", func() (row, error) { return manyOverlaysRow(graphOf(n), n) }},
		{name("digest100"), func() (row, error) {
			x, err := digestTime(graphOf(n), n, 100)
			return row{Value: x, Unit: "ns a key", N: rounds}.within(4000, "<= 4000 ns"), err
		}},
		{name("diff"), func() (row, error) {
			x, err := diffTime(graphOf(n), n, 1000)
			return row{Value: x, Unit: "ns a key", N: rounds}.within(2500, "<= 2500 ns"), err
		}},
		{name("merge"), func() (row, error) {
			x, err := mergeTime(graphOf(n), n, 1000)
			return row{Value: x / 1e6, Unit: "ms", N: rounds}.within(3, "<= 3 ms"), err
		}},
	}
}

// What is made only to be timed goes here, so that it is made indeed.
var (
	keptGraph    rmg.Graph
	keptOverlay  *rmg.Overlay
	keptOverlays = make([]rmg.Overlay, 1024)
)

// freshOverlays are overlays with a change each that nobody has taken a version
// of yet; few enough to be in the cache, as an overlay that was just edited is.
func freshOverlays(g rmg.Graph, n, seed int) []*rmg.Overlay {
	out := make([]*rmg.Overlay, 100)
	for i, item := range sample(n, len(out), seed) {
		out[i] = overlayOf(g, []peers.Item{item})
	}
	return out
}

func freeze(overlays []*rmg.Overlay) {
	for _, o := range overlays {
		keptGraph = o.Graph()
	}
}

// snapshotTime is the time of the first Overlay.Graph after a change.
func snapshotTime(g rmg.Graph, n int) (float64, error) {
	seed := 0
	xs, err := median(func() (float64, error) {
		// So short that the clock of the wall is the better one, and the middle
		// of many is what no other thread came into.
		const batches = 50
		var each []float64
		for range batches {
			seed++
			overlays := freshOverlays(g, n, seed)
			began := time.Now()
			freeze(overlays)
			each = append(each, float64(time.Since(began).Nanoseconds())/float64(len(overlays)))
		}
		return middle(each), nil
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

const forks = 100_000

// forkOften makes overlays that outlive it, where their holder has room for them.
func forkOften(g rmg.Graph) {
	for i := range forks {
		keptOverlays[i%len(keptOverlays)].Reset(g)
	}
}

func forkAnew(g rmg.Graph) {
	for range forks {
		keptOverlay = rmg.NewOverlay(g)
	}
}

// forkTime is the time of one of the overlays that make makes.
func forkTime(g rmg.Graph, make func(rmg.Graph)) (float64, error) {
	xs, err := median(func() (float64, error) {
		t, err := collected(func() error { make(g); return nil })
		return t / forks, err
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

// overlaymemRow is the memory of an overlay that is still open, a thousand of
// which live beside their base.
func overlaymemRow(g rmg.Graph, n int, digest bool) row {
	const overlays, changes = 1000, 100
	kept := make([]*rmg.Overlay, overlays)
	before := liveHeap()
	for i := range kept {
		kept[i] = overlayOf(g, sample(n, changes, i+1))
		if digest {
			kept[i].Graph().Digest()
		}
	}
	bytes := float64(liveHeap()-before) / overlays
	runtime.KeepAlive(kept)
	return row{Value: bytes, Unit: "B an overlay", N: 1}.within(100_000, "<= 100 KB")
}

// manyOverlaysRow holds ten thousand overlays of a hundred changes at once, and
// reads some of them back.
func manyOverlaysRow(g rmg.Graph, n int) (row, error) {
	const overlays, changes = 10_000, 100
	kept := make([]*rmg.Overlay, overlays)
	before := liveHeap()
	for i := range kept {
		kept[i] = overlayOf(g, sample(n, changes, i+1))
	}
	bytes := float64(liveHeap() - before)
	for _, i := range []int{0, overlays / 2, overlays - 1} {
		for _, item := range sample(n, changes, i+1) {
			rank := func(o *rmg.Overlay) int64 {
				e, _ := o.Get(rmg.Path(item.Path))
				return e.Props.Int("rank")
			}
			// What another overlay says is its own or the base's.
			if got, other := rank(kept[i]), rank(kept[(i+1)%overlays]); got != item.Rank || other == item.Rank {
				return row{}, fmt.Errorf("overlay %d has rank %d at %s, and its neighbour %d; want %d in the first only", i, got, item.Path, other, item.Rank)
			}
			if e, ok := g.Get(rmg.Path(item.Path)); !ok || e.Props.Int("rank") == item.Rank {
				return row{}, fmt.Errorf("the base has changed at %s", item.Path)
			}
		}
	}
	runtime.KeepAlive(kept)
	return row{Value: bytes / 1e6, Unit: "MB", Must: "each reads back", Holds: true, N: 1}, nil
}

// digestTime is the time of the digest of a version whose base has one, for each
// of its changes. It is taken as soon as the changes are made, as whoever commits
// them does.
func digestTime(g rmg.Graph, n, changes int) (float64, error) {
	seed := 0
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	xs, err := median(func() (float64, error) {
		const versions = 20
		seed++
		runtime.GC()
		total := 0.0
		for items := range slices.Chunk(sample(n, versions*changes, seed), changes) {
			v := overlayOf(g, items).Graph()
			t, err := nanoseconds(func() error { v.Digest(); return nil })
			if err != nil {
				return 0, err
			}
			total += t
		}
		return total / versions / float64(changes), nil
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

// diffTime is the time of the diff of a base and a version, for each change;
// nobody has asked for the version's digest.
func diffTime(g rmg.Graph, n, changes int) (float64, error) {
	seed := 0
	xs, err := median(func() (float64, error) {
		const versions = 5
		seed++
		var all []rmg.Graph
		for items := range slices.Chunk(sample(n, versions*changes, seed), changes) {
			all = append(all, overlayOf(g, items).Graph())
		}
		t, err := collected(func() error {
			for _, v := range all {
				found := 0
				for range rmg.Diff(g, v) {
					found++
				}
				if found != changes {
					return fmt.Errorf("%d changes found of %d", found, changes)
				}
			}
			return nil
		})
		return t / versions / float64(changes), err
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

// mergeTime is the time of merging two versions with different changes each, in
// nanoseconds.
func mergeTime(g rmg.Graph, n, changes int) (float64, error) {
	seed := 0
	xs, err := median(func() (float64, error) {
		const pairs = 5
		seed++
		var all []rmg.MergeInput
		for items := range slices.Chunk(sample(n, pairs*2*changes, seed), 2*changes) {
			all = append(all, rmg.MergeInput{
				Base:      g,
				System:    overlayOf(g, items[:changes]).Graph(),
				Workspace: overlayOf(g, items[changes:]).Graph(),
			})
		}
		var merged rmg.Graph
		t, err := collected(func() error {
			for _, in := range all {
				var conflicts []rmg.MergeConflict
				var err error
				if merged, conflicts, err = rmg.Merge(in); err != nil || len(conflicts) > 0 {
					return fmt.Errorf("%d conflicts, %w", len(conflicts), err)
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		found := 0
		for range rmg.Diff(g, merged) {
			found++
		}
		if found != 2*changes {
			return 0, fmt.Errorf("the merged version has %d changes of %d", found, 2*changes)
		}
		return t / pairs, nil
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}
