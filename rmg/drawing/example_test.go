package drawing_test

import (
	"os"

	"jitos.dev/rmg"
	"jitos.dev/rmg/drawing"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func services() rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/client", "Program", rmg.Props{}))
	must(o.AddNode("/svc", "Group", rmg.Props{}))
	must(o.AddNode("/svc/auth", "Service", rmg.Props{}))
	must(o.AddNode("/svc/db", "Service", rmg.Props{}))
	must(o.AddEdge("/svc/~auth-db", "depends_on", "auth", "db", rmg.Props{}))
	must(o.AddEdge("/~client-svc", "calls", "client", "svc", rmg.Props{}))
	return o.Graph()
}

// A node that holds a graph is a cluster, at whose frame edges end.
func ExampleDOT() {
	must(drawing.DOT(os.Stdout, services(), drawing.Options{}))
	// Output:
	// digraph {
	//   compound=true
	//   node [shape=box, style=rounded, fontname="sans-serif"]
	//   edge [fontname="sans-serif", fontsize=11]
	//   graph [fontname="sans-serif", style=rounded]
	//   "/client" [label="client\nProgram"]
	//   subgraph "cluster_/svc" {
	//     label="svc\nGroup"
	//     "/svc" [shape=point, style=invis, label=""]
	//     "/svc/auth" [label="auth\nService"]
	//     "/svc/db" [label="db\nService"]
	//     "/svc/auth" -> "/svc/db" [label="depends_on"]
	//   }
	//   "/client" -> "/svc" [label="calls", lhead="cluster_/svc"]
	// }
}

func ExampleMermaid() {
	must(drawing.Mermaid(os.Stdout, services(), drawing.Options{}))
	// Output:
	// flowchart TB
	//   n1["client<br/>Program"]
	//   subgraph n2["svc<br/>Group"]
	//     n4["auth<br/>Service"]
	//     n5["db<br/>Service"]
	//     n4 -->|"depends_on"| n5
	//   end
	//   n1 -->|"calls"| n2
}

// What is not drawn is counted in the drawing.
func ExampleOptions() {
	must(drawing.Mermaid(os.Stdout, services(), drawing.Options{Depth: 1, Max: 2}))
	// Output:
	// flowchart TB
	//   n1["client<br/>Program"]
	//   n2["svc<br/>Group<br/>holds 2 nodes, 1 edge"]
	//   note1("1 edge not drawn")
	//   style note1 stroke-dasharray: 5 5
}
