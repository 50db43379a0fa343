// Package rmg is the recursive meta-graph: a versioned property graph whose
// nodes and edges hold graphs.
//
// A [Graph] is an immutable value: taking, keeping and sharing one costs nothing
// and needs no lock. An [Overlay] is the write side: it starts from a Graph,
// records every change and every move, and freezes into a new Graph that shares
// with the old one all that did not change. The two are different types so that
// a reader can never hold something that changes under it.
//
//	o := rmg.NewOverlay(g)                     // a fork: O(1)
//	err := o.Set("/svc/auth", map[string]rmg.Value{"version": rmg.Int(2)})
//	next := o.Graph()                          // a version: O(1)
//	for c := range rmg.Diff(g, next) { ... }   // O(what changed)
//
// # What there is
//
//   - [Graph] reads: by id, by path, in order from any point, along edges.
//   - [Overlay] writes: add, set, retype, count, move, remove, graft; marks to
//     go back to.
//   - [Diff] tells two versions apart, [Merge] joins two that come from one,
//     [Graph.Digest] names content.
//   - [Graph.Find] selects elements by what they are like ([Selector]);
//     [Graph.Reach] and [Graph.Route] walk along edges.
//   - [Index] finds elements by kind, by value and by reference; [Schemas] say
//     what a graph demands of its kinds.
//   - [Store] keeps versions as bytes and opens them lazily; [Graph.WriteJSON],
//     [Graph.WriteCBOR], [ReadJSON] and [ReadCBOR] carry one as a document;
//     [Check] looks at every invariant.
//
// # Structure
//
// Every level of a graph is a pair of tries, one of nodes and one of edges, from
// id to an immutable record: burst tries (Heinz, Zobel and Williams 2002), whose
// shape is a function of the ids in them. So ids come in byte order, the Merkle
// hash over a trie is a canonical digest, and two versions line up and are
// compared by skipping every part whose pointer or digest agrees. An overlay
// changes in place the parts that it has copied, and copies a part when it first
// changes it. Adjacency hangs on the records of nodes; it is derived, and
// outside the digest.
//
// # Paths
//
// A [Path] names an element from the root: /repo/auth/main/token.go. Each
// segment is the id of a node in the graph that the segments before it hold; a
// segment that begins with "~" is the id of an edge.
//
// # Costs
//
// n is the number of elements of a level; ids are some tens of bytes long.
//
//	Graph.Node, Edge, Get       a step for each segment; 3 to 5 trie nodes a step for a million ids
//	Graph.Nodes(after)          as Get to begin, then O(1) an element
//	Graph.Out, In               O(1) to begin, whatever the degree; a lookup an edge
//	Graph.Len, copying a Graph  O(1)
//	NewOverlay, Overlay.Graph   O(1)
//	an edit                     as Get, and a copy of those trie nodes the first time
//	Digest after k edits        O(k)
//	Diff, Merge of k changes    O(k)
//	Find                        what the selector leaves to be looked at, up to a budget
//	Index.At after k changes    O(k)
//	Store.Put, Store.Open       what the store does not hold; one read
//	WriteJSON, Check            O(size of the graph)
//
// # Invariants
//
//  1. Same content, same digest; different content, different digest. Kind, prop
//     type, node or edge, absent or empty, and nesting all tell.
//  2. A Graph never changes after it was handed out.
//  3. Every edge's ends are nodes of the edge's own graph.
//  4. Iteration is in byte order of ids.
//
// # Limits
//
// [MaxDepth] segments a path, [MaxSegment] bytes an id, [MaxKind] bytes a kind,
// [MaxValueDepth] lists in lists, [MaxObject] bytes an object of a store,
// [MaxSelector] bytes a selector. Large content is not for props: keep it beside
// the graph, and its name as a [Blob]. What is read from bytes takes no more
// memory than a multiple of them, whatever they say.
//
// # Errors
//
// What can fail returns an [*Error], whose [Code] says of which sort it is, and
// has done nothing. Reading has no errors, but for a stored graph whose source
// fails: see [Protect].
//
// The package is pure: no clock, no randomness, no goroutine, no I/O but through
// readers and writers handed in.
package rmg
