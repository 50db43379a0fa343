// Package rmg is the recursive meta-graph: a versioned property graph whose
// nodes and edges hold graphs.
//
// A [Graph] is an immutable value: taking, keeping and sharing one costs
// nothing and needs no lock. An [Overlay] is the write side: it starts from a
// Graph, records every change and every move, and freezes into a new Graph
// that shares with the old one all that did not change. The two are different
// types so that a reader can never hold something that changes under it.
//
// # Structure
//
// Every level of a graph is a pair of treaps (Seidel and Aragon 1996), one of
// nodes and one of edges, ordered by id, whose priorities are hashes of the
// ids. Such a treap has one shape for one set of ids, whatever the order they
// came in, so its Merkle hash is a canonical digest, and two versions can be
// compared by skipping every subtree whose pointer or digest agrees: [Diff]
// and [Merge] cost what changed, times log n. A third treap holds adjacency;
// it is derived, and outside the digest.
//
// # Paths
//
// A [Path] names an element from the root: /repo/auth/main/token.go. Each
// segment is the id of a node in the graph that the segments before it hold;
// a segment that begins with "~" is the id of an edge.
//
// # Invariants
//
//  1. Same content, same digest; different content, different digest. Kind,
//     prop type, node or edge, absent or empty, and nesting all tell.
//  2. A Graph never changes after it was handed out.
//  3. Every edge's ends are nodes of the edge's own graph.
//  4. Iteration is in byte order of ids.
//
// The package is pure: no clock, no randomness, no goroutine, no I/O.
package rmg
