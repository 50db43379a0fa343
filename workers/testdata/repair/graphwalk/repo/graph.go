// Package graphwalk keeps directed graphs of named nodes and walks over them.
package graphwalk

import (
	"maps"
	"slices"
)

// Graph maps every node to the nodes that it points to.
type Graph struct {
	out map[string][]string
}

// New returns an empty graph.
func New() *Graph { return &Graph{out: map[string][]string{}} }

// AddNode adds a node, if it is not there.
func (g *Graph) AddNode(name string) {
	if _, ok := g.out[name]; !ok {
		g.out[name] = nil
	}
}

// AddEdge adds an edge, and its nodes where they are missing. A second edge
// between the same nodes changes nothing.
func (g *Graph) AddEdge(from, to string) {
	g.AddNode(from)
	g.AddNode(to)
	if !slices.Contains(g.out[from], to) {
		g.out[from] = append(g.out[from], to)
	}
}

// Nodes are the names of all nodes, sorted.
func (g *Graph) Nodes() []string { return slices.Sorted(maps.Keys(g.out)) }

// Next are the nodes that name points to, sorted.
func (g *Graph) Next(name string) []string { return slices.Sorted(slices.Values(g.out[name])) }
