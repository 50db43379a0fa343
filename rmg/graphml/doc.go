// Package graphml writes graphs as GraphML, the XML format of yEd, Gephi,
// NetworkX and igraph, and reads them back.
//
//	err := graphml.Write(w, g)                                  // all of g
//	sum, err := graphml.Read(r, o, rmg.Root, graphml.Options{}) // into an overlay
//
// Both sides stream. Write walks the graph as it writes, and Read writes into the
// overlay as it reads: neither holds a document.
//
// # What is written
//
// Every level of the graph is a <graph>; a graph that a node or an edge holds is
// nested in its <node> or <edge>, as the format has it. What Write writes, Read
// reads to the same content, with the same digest: kinds, types of props, ids of
// any bytes, inner graphs of nodes and of edges. It satisfies the format's own
// XML Schema.
//
//	<key id="rmg.format" for="graphml" attr.name="rmg.format" attr.type="int"><default>1</default></key>
//	<key id="kind" for="all" attr.name="kind" attr.type="string"></key>
//	<key id="p0" for="node" attr.name="version" attr.type="long"></key>
//	<key id="p1.json" for="node" attr.name="tags" attr.type="string"></key>
//	<graph edgedefault="directed">
//	  <node id="svc">
//	    <data key="kind">Group</data>
//	    <graph edgedefault="directed">
//	      <node id="svc::auth">
//	        <data key="kind">Service</data>
//	        <data key="p0">2</data>
//	        <data key="p1.json">["a","b"]</data>
//	      </node>
//
// Keys. The key rmg.format says that the rest of this section holds. The key kind
// is the element's kind. A prop has a key for each type that it has: boolean, long,
// double, string. Bytes, lists, maps, refs and blobs, and strings with characters
// that XML has no form for, are JSON as [rmg.Value.MarshalJSON] writes it, under a
// key whose id ends in ".json". The props whose names are no NMTOKENs, or beyond
// [MaxName], and those beyond [MaxKeys] stand together in one JSON object under the key props.json.
//
// Ids. The format wants the ids of a document to be unique and to be NMTOKENs,
// which have neither "/" nor "%". So an id is the element's path with other
// punctuation: "::" begins the id of a node inside the element named before it,
// ":_" that of an edge, and ":XX" is a byte that cannot stand as it is. The path
// /svc/~auth-db is svc:_auth-db, and /a b is a:20b. What stands for an edge's ends
// is the same. [ID] gives the id of a path.
//
// # What is read of other documents
//
// A document without the key rmg.format is somebody else's, and is read so:
//
//   - An id is taken as it is, nested or not. An edge without one, or whose id
//     another edge of its graph has, is called source->target, and if that is taken
//     source->target#n, where n counts the document's edges.
//   - The kind is the attribute kind, if that is a string of any length but none
//     and not beyond [rmg.MaxKind], else [NodeKind] or [EdgeKind].
//   - Every other attribute is a prop, under its attr.name, or else under the id of
//     its key: boolean is bool, int and long are int, float and double are float,
//     all else is string. Defaults of keys are filled in. A boolean or a number
//     that is empty is no prop.
//   - Of the drawing that yEd adds, the text of the first label becomes the prop
//     label. Other data that holds elements is left out, and counted.
//   - An edge that is not directed goes from source to target and has the prop
//     directed, which is false. Write says so in the document again.
//   - An edge may end at a node deeper than its own graph; in rmg it cannot. It
//     ends at the node of its own graph that holds that one, and the prop source or
//     target is a ref to the very node. An end that stands in an edge's graph is
//     out of reach.
//   - sourceport and targetport are props of the edge. Ports themselves, and data
//     of graphs and of the document, are left out, and counted.
//   - Edges may come before their nodes, up to [MaxPending]; those that hold a
//     graph may not.
//   - Hyperedges, locators and second graphs are refused.
//
// Keys stand before the first graph in both sorts of document.
//
// # Schemas
//
// An overlay fills in defaults of kinds and refuses what breaks a schema. For the
// very content that was written, read into [rmg.Overlay.Unchecked], and have
// [rmg.Check] look at the result.
//
// # Hostile documents
//
// A document that is refused leaves the overlay as it was. Every limit has a
// name: [rmg.MaxDepth] graphs in graphs, [MaxOpen] elements of XML in one another,
// [MaxText], [MaxAttribute], [MaxKeys], [MaxName], [MaxPending], [MaxPendingText],
// [MaxFilled] and [Options.Max]. What is read takes memory in proportion to the
// document. Entities are not declared: a document type with declarations of its own
// is refused, another is passed over and nothing is fetched. Errors are *rmg.Error
// and name the line and the byte up to which the document was read.
package graphml
