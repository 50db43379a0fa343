package main

import (
	"runtime"
	"strings"
	"sync"

	"jitos.dev/bench/peers"
	"jitos.dev/rmg"
)

// memoryRows are bytes of heap for each node of a graph that has as many edges:
// every node has one that leaves it and one that reaches it. The ids, paths and
// props that it was made of are gone by then.
func memoryRows(n int) []measure {
	name := func(what string) string { return "rmg/memory/" + sizeName(n) + what }
	of := sync.OnceValue(func() memory { return measureMemory(n) })
	one := func(x float64) row { return row{Value: x, Unit: "B a node", Holds: true, N: 1} }
	return []measure{
		// A node of 16 bytes of id, a kind and 64 bytes of props, with its place in
		// the trie and in the adjacency of two edges, but without the records of
		// the edges themselves: they are content, as the node's props are.
		{name(""), func() (row, error) { return one(of().whole-of().edges).within(200, "<= 200 B"), nil }},
		{name("/whole"), func() (row, error) { return one(of().whole), nil }},
		{name("/edges"), func() (row, error) { return one(of().edges), nil }},
		{name("/adjacency"), func() (row, error) { return one(of().whole - of().edges - of().nodes), nil }},
		{name("/digest"), func() (row, error) { return one(of().digests), nil }},
	}
}

// memory is bytes for each node.
type memory struct {
	nodes   float64 // nodes alone
	whole   float64 // nodes, edges and adjacency
	edges   float64 // the records of as many edges, with their trie
	digests float64 // what the digest of all adds
}

// measureMemory builds a graph of n nodes, then gives it n edges. What an edge's
// own record takes is measured by a twin: a graph of n nodes, each with the id
// and kind of an edge, and in its props what From and To have in bytes, less
// what the encoding of props puts around it. The twin has the same trie over
// the same ids and the same content, and no adjacency.
func measureMemory(n int) memory {
	clearField()
	var m memory
	per := func(before int64) float64 { return float64(liveHeap()-before) / float64(n) }

	start := liveHeap()
	g := graphPeer.Build(n, func(i int) peers.Item { return itemOf(i, 0) }).(graphMap).g
	m.nodes = per(start)
	o := rmg.NewOverlay(g)
	for i := range n {
		must(o.AddEdge(rmg.Root.EdgeChild(edgeID(i)), "calls", idOf(i), idOf((i+1)%n), rmg.Props{}))
	}
	g, o = o.Graph(), nil
	m.whole = per(start)
	before := liveHeap()
	g.Digest()
	m.digests = per(before)
	runtime.KeepAlive(g)

	// A map of one entry, its name of one byte and the header of its bytes.
	const around = 1 + 2 + 2
	ends := rmg.PropsOf(map[string]rmg.Value{"e": rmg.String(strings.Repeat("e", 2*16-around))})
	g = rmg.Graph{}
	before = liveHeap()
	o = rmg.NewOverlay(g)
	for i := range n {
		must(o.AddNode(rmg.Root.Child(edgeID(i)), "calls", ends))
	}
	g, o = o.Graph(), nil
	m.edges = per(before)
	runtime.KeepAlive(g)
	return m
}

// edgeID is the id of the edge that leaves node i.
func edgeID(i int) string { return idOf(-1 - i) }
