package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"jitos.dev/rmg"
)

// graphRows look up and change elements of graphs of several sizes; the peer is
// Go's own map, which has neither versions nor a digest.
func graphRows() []measure {
	var out []measure
	for _, n := range []int{1e3, 1e5} {
		out = append(out,
			measure{fmt.Sprintf("rmg/get/%.0e", float64(n)), func() (row, error) { return getRow(n) }},
			measure{fmt.Sprintf("rmg/set/%.0e", float64(n)), func() (row, error) { return setRow(n) }})
	}
	return append(out, measure{"rmg/set/growth", growthRow})
}

func graphOf(n int) (rmg.Graph, []rmg.Path, error) {
	o := rmg.NewOverlay(rmg.Graph{})
	paths := make([]rmg.Path, n)
	for i := range n {
		paths[i] = rmg.Root.Child(fmt.Sprintf("node-%d", i))
		if err := o.AddNode(paths[i], "K", rmg.Props{}); err != nil {
			return rmg.Graph{}, nil, err
		}
	}
	return o.Graph(), paths, nil
}

const lookups = 20_000

func getRow(n int) (row, error) {
	g, paths, err := graphOf(n)
	if err != nil {
		return row{}, err
	}
	m := map[rmg.Path]int{}
	for i, p := range paths {
		m[p] = i
	}
	xs, err := median(func() (float64, error) {
		rnd := rand.New(rand.NewPCG(1, 1))
		began := time.Now()
		for range lookups {
			if _, ok := g.Get(paths[rnd.IntN(n)]); !ok {
				return 0, fmt.Errorf("an element is missing")
			}
		}
		return float64(time.Since(began).Nanoseconds()) / lookups, nil
	}, func() (float64, error) {
		rnd := rand.New(rand.NewPCG(1, 1))
		began := time.Now()
		for range lookups {
			if _, ok := m[paths[rnd.IntN(n)]]; !ok {
				return 0, fmt.Errorf("an element is missing")
			}
		}
		return float64(time.Since(began).Nanoseconds()) / lookups, nil
	})
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "ns", Peers: map[string]float64{"go map": xs[1]}, Holds: true, N: rounds}, nil
}

// setOne is the time of one change and the digest after it.
func setOne(n int) (float64, error) {
	g, paths, err := graphOf(n)
	if err != nil {
		return 0, err
	}
	g.Digest()
	rnd := rand.New(rand.NewPCG(1, 1))
	xs, err := median(func() (float64, error) {
		const changes = 500
		began := time.Now()
		for i := range changes {
			o := rmg.NewOverlay(g)
			if err := o.Set(paths[rnd.IntN(n)], map[string]rmg.Value{"x": rmg.Int(int64(i))}); err != nil {
				return 0, err
			}
			o.Graph().Digest()
		}
		return float64(time.Since(began).Nanoseconds()) / changes, nil
	})
	if err != nil {
		return 0, err
	}
	return xs[0], nil
}

func setRow(n int) (row, error) {
	x, err := setOne(n)
	return row{Value: x, Unit: "ns", Holds: err == nil, N: rounds}, err
}

// growthRow: a change and its digest cost what changed, not what there is.
func growthRow() (row, error) {
	small, err := setOne(1e3)
	if err != nil {
		return row{}, err
	}
	large, err := setOne(1e5)
	return row{Value: large / small, Unit: "x for 100x the graph", Must: "<= 6", Holds: large <= 6*small, N: rounds}, err
}
