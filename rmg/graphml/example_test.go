package graphml_test

import (
	"bytes"
	"fmt"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/rmg/graphml"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// services is a graph of two services, one of which depends on the other; how it
// does is a graph that the edge holds.
func services() rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/svc", "Group", rmg.Props{}))
	must(o.AddNode("/svc/auth", "Service", rmg.PropsOf(map[string]rmg.Value{
		"lang": rmg.String("go"), "version": rmg.Int(2), "load": rmg.Float(2), "tags": rmg.List(rmg.String("a"), rmg.Int(1)), "owner": rmg.Ref("/people/ada"),
	})))
	must(o.AddNode("/svc/db 1", "Service", rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("c"), "live": rmg.Bool(true)})))
	must(o.AddEdge("/svc/~auth-db", "depends_on", "auth", "db 1", rmg.PropsOf(map[string]rmg.Value{"directed": rmg.Bool(false)})))
	must(o.AddNode("/svc/~auth-db/pool", "Pool", rmg.PropsOf(map[string]rmg.Value{"esc": rmg.String("\x1b[0m")})))
	return o.Graph()
}

// A graph goes out as a document and comes back as it was.
func Example() {
	var doc bytes.Buffer
	must(graphml.Write(&doc, services()))
	o := rmg.NewOverlay(rmg.Graph{})
	sum, err := graphml.Read(&doc, o, rmg.Root, graphml.Options{})
	must(err)
	fmt.Println(sum.Nodes, "nodes,", sum.Edges, "edges, same content:", o.Graph().Same(services()))
	// Output: 4 nodes, 1 edges, same content: true
}

func ExampleWrite() {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/svc", "Group", rmg.Props{}))
	must(o.AddNode("/svc/auth", "Service", rmg.PropsOf(map[string]rmg.Value{"version": rmg.Int(2)})))
	var doc strings.Builder
	must(graphml.Write(&doc, o.Graph()))
	_, body, _ := strings.Cut(doc.String(), "\n  <graph ")
	fmt.Println("  <graph " + strings.TrimSpace(body))
	// Output:
	//   <graph edgedefault="directed">
	//     <node id="svc">
	//       <data key="kind">Group</data>
	//       <graph edgedefault="directed">
	//         <node id="svc::auth">
	//           <data key="kind">Service</data>
	//           <data key="p0">2</data>
	//         </node>
	//       </graph>
	//     </node>
	//   </graph>
	// </graphml>
}

// Documents of other programs are read too. What rmg has no form for becomes
// props.
func ExampleRead() {
	const doc = `<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
	  <key id="d0" for="edge" attr.name="km" attr.type="double"/>
	  <graph edgedefault="undirected">
	    <node id="Bern"/>
	    <node id="Thun"/>
	    <edge source="Bern" target="Thun"><data key="d0">31</data></edge>
	  </graph>
	</graphml>`
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/trains", "Map", rmg.Props{}))
	_, err := graphml.Read(strings.NewReader(doc), o, "/trains", graphml.Options{Max: 1000})
	must(err)
	for p, e := range o.Graph().Walk("/trains") {
		props, err := e.Props.MarshalJSON()
		must(err)
		fmt.Println(p, e.Kind, string(props))
	}
	// Output:
	// /trains/Bern Node {}
	// /trains/Thun Node {}
	// /trains/~Bern->Thun Edge {"directed":false,"km":31.0}
}

func ExampleID() {
	fmt.Println(graphml.ID("/svc/auth"), graphml.ID("/svc/~auth-db"), graphml.ID("/a b"))
	// Output: svc::auth svc:_auth-db a:20b
}
