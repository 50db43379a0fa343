package main

import (
	"fmt"
	"runtime"
	"slices"

	"jitos.dev/bench/peers"
	"jitos.dev/rmg"
)

// growthSizes are the sizes that a cost is followed through.
var growthSizes = []int{1e4, 1e5, 1e6, 5e6}

// growth is one cost, in nanoseconds, at one size.
type growth struct {
	name string
	unit string
	run  func(g rmg.Graph, n int) (float64, error)
	// bar is how much the cost may grow from the smallest size to the largest; 0 is
	// no matter.
	bar float64
	// lines says that the cost is lines of memory that are in no cache, of each
	// record that is compared or hashed: one line alone costs several times as much
	// in a graph of a gigabyte as in one that fits the second cache, whatever the
	// structure. Go's own map, where a lookup takes the same few steps at any size,
	// says how much; the bar is for what is grown beyond that. What is copied has no
	// part in it, so edit100bytes stands for what the structure itself adds.
	lines bool
}

// onMap is the cost that lines are compared with.
var onMap = growth{name: "gomap", unit: "ns", run: func(_ rmg.Graph, n int) (float64, error) {
	return getTime(peers.All()[0].Build(n, func(i int) peers.Item { return itemOf(i, 0) }), n)
}}

// growing are the costs of one change among a hundred, so that few changes meet
// in one node even in the smallest graph.
var growing = []growth{
	{"fork", "ns", func(g rmg.Graph, _ int) (float64, error) { return forkTime(g, forkOften) }, 2, false},
	onMap,
	{"get", "ns", func(g rmg.Graph, n int) (float64, error) { return getTime(graphMap{g}, n) }, 0, false},
	{"edit100", "ns a key", editTime, 0, false},
	{"edit100bytes", "B a key", editBytes, 2, false},
	{"digest100", "ns a key", func(g rmg.Graph, n int) (float64, error) { return digestTime(g, n, 100) }, 2, true},
	{"diff100", "ns a key", func(g rmg.Graph, n int) (float64, error) { return diffTime(g, n, 100) }, 2, true},
	{"merge100", "ns a key", func(g rmg.Graph, n int) (float64, error) {
		x, err := mergeTime(g, n, 100)
		return x / 200, err
	}, 2, true},
}

// growthRows follow each cost through the sizes, all costs at one size before
// the next, and say how much each has grown since the smallest.
func growthRows() []measure {
	known := map[string]float64{}
	at := func(c growth, n int) (float64, error) {
		key := c.name + "/" + sizeName(n)
		if x, ok := known[key]; ok {
			return x, nil
		}
		x, err := c.run(graphOf(n), n)
		if err == nil {
			known[key] = x
		}
		return x, err
	}
	smallest, largest := growthSizes[0], growthSizes[len(growthSizes)-1]
	cost := func(c growth, n int) measure {
		return measure{"rmg/" + c.name + "/" + sizeName(n), func() (row, error) {
			x, err := at(c, n)
			return row{Value: x, Unit: c.unit, Holds: err == nil, N: rounds}, err
		}}
	}
	ratio := func(c growth, n int) measure {
		return measure{"rmg/" + c.name + "/growth/" + sizeName(n), func() (row, error) {
			y, err := at(c, n)
			if err != nil {
				return row{}, err
			}
			x, err := at(c, smallest)
			r := row{Value: y / x, Unit: fmt.Sprintf("x for %dx the graph", n/smallest), Holds: err == nil, N: rounds}
			switch {
			case err != nil || c.bar == 0 || n != largest:
			case !c.lines:
				r = r.within(c.bar, fmt.Sprintf("<= %g", c.bar))
			default:
				y, err := at(onMap, n)
				if err != nil {
					return row{}, err
				}
				x, err := at(onMap, smallest)
				if err != nil {
					return row{}, err
				}
				r.Peers = map[string]float64{"go map": y / x}
				r = r.within(c.bar*y/x, fmt.Sprintf("<= %gx what a Go map's lookup grows", c.bar))
			}
			return r, err
		}}
	}
	var out []measure
	for i, n := range growthSizes {
		for _, c := range growing {
			// Some have a row with a bar at that size already.
			if n != *nodes || !slices.Contains([]string{"fork", "get", "edit100", "digest100"}, c.name) {
				out = append(out, cost(c, n))
			}
		}
		for _, c := range growing {
			if i >= 2 {
				out = append(out, ratio(c, n))
			}
		}
	}
	return out
}

// getTime is the time of a lookup.
func getTime(m peers.Map, n int) (float64, error) {
	seed := 0
	xs, err := median(func() (float64, error) {
		seed++
		items := sample(n, min(n, 100_000), seed)
		t, err := collected(func() error {
			for _, i := range items {
				if _, ok := m.Get(i.Key()); !ok {
					return fmt.Errorf("%s is missing", i.Key())
				}
			}
			return nil
		})
		return t / float64(len(items)), err
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

// editTime is the time of a change in an overlay of a hundred.
func editTime(g rmg.Graph, n int) (float64, error) {
	seed := 0
	xs, err := median(func() (float64, error) {
		const changes = 10_000
		seed++
		items := sample(n, changes, seed)
		t, err := collected(func() error {
			for some := range slices.Chunk(items, 100) {
				keptGraph = overlayOf(g, some).Graph()
			}
			return nil
		})
		return t / changes, err
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

// editBytes is the memory that a change in an overlay of a hundred takes,
// garbage included: what is copied, which no cache has a part in.
func editBytes(g rmg.Graph, n int) (float64, error) {
	const changes = 10_000
	items := sample(n, changes, 1)
	runtime.GC()
	return allocated(func() {
		for some := range slices.Chunk(items, 100) {
			keptGraph = overlayOf(g, some).Graph()
		}
	}) / changes, nil
}
