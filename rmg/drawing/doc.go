// Package drawing writes graphs as drawings: DOT, which Graphviz lays out, and
// Mermaid flowcharts, which Markdown viewers show.
//
//	err := drawing.DOT(w, g, drawing.Options{Depth: 2})
//	err := drawing.Mermaid(w, g, drawing.Options{})
//
// # What is drawn
//
// A node is a box with its id and its kind, an edge is an arrow with its kind. A
// node that holds a graph is a frame around it. An edge that holds a graph is a
// dashed frame, with a line from where the edge begins and an arrow to where it
// ends. Edges at a frame end at the frame.
//
//	           +- svc Group -------------------------+
//	client --> |  auth Service --depends_on--> db    |
//	           +-------------------------------------+
//
// Props are not drawn.
//
// # What is left out
//
// A drawing of more than some hundreds of things helps nobody. Options.Depth says
// how many levels are drawn and Options.Max how many elements: outer levels before
// inner ones, and in a level nodes before edges, both in order of ids; an edge
// is drawn if both of its ends are. The drawing says of itself what is not in it:
// a box that holds more tells how much, and a note in each frame counts the nodes
// and edges of that graph that are left out.
//
// # Text
//
// Ids may be any bytes. What is shown of one is its text, with %XX for bytes that
// are not UTF-8 and for controls, cut after [MaxLabel] characters. Nothing in an id
// or a kind is taken for syntax, markup or a directive by either language.
//
// Equal graphs give equal bytes. Writing holds the elements that are drawn and no
// more; the number of elements looked at is that of the levels that are drawn.
package drawing
