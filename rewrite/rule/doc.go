// Package rule is declarative graph rewriting: rules as data, their matches in
// a graph, and the programs that apply them.
//
// A [Set] is what a YAML or JSON document says. It is matched in an [Image]: a
// flat, mutable copy of a graph's elements, made once in O(graph) and kept up
// with by what changes. A [Run] applies a program to an image and writes what
// came of it, the net change, into an [rmg.Overlay] or as ops.
//
//	rules:
//	  - rule: take
//	    match: ["r:Resource -[t:token]-> p:Process -[q:request]-> r"]
//	    delete: [t, q]
//	    create: ["r -[h:held_by]-> p"]
//	run: take*10
//
// A match is an assignment of elements to the variables of the left side. It
// is found by backtracking over a plan: the rarest kind first, then along
// adjacency. What could match anew after a change is looked for around that
// change; nothing looks at the whole graph twice.
package rule
