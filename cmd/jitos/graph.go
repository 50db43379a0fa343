package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/rmg/graphml"
)

func (a *app) rewriteCmd() *cobra.Command {
	var file, document, at, view string
	cmd := &cobra.Command{
		Use: "rewrite -f FILE | --graphml FILE", Short: "Apply ops to the system graph or a workspace", Args: cobra.NoArgs,
		Example: `  echo '[{"op":"add_node","path":"/svc","kind":"Group"}]' | jitos rewrite -f -
  jitos rewrite --graphml network.graphml --at /svc`,
		Long: `The file holds a list of ops, or {"ops":[...],"view":"sws:w12","expect":{"seq":41},"reason":"..."}.
A rewrite applies whole or not at all.

With --graphml it holds a graph, as jitos, yEd, NetworkX or igraph write it. All
that is in it is added below --at; what is there already refuses it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (file == "") == (document == "") || at != "" && document == "" {
				return &usageError{fmt.Errorf("give either -f FILE or --graphml FILE, and --at with the latter alone\nusage: jitos rewrite -f ops.json")}
			}
			req, sum, err := a.rewriteRequest(file, document, at)
			if err != nil {
				return err
			}
			if view != "" {
				req.View = view
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			rec, err := c.Rewrite(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.show(rec, func(w io.Writer) {
				if document != "" {
					printRead(w, document, sum)
				}
				fmt.Fprintf(w, "seq %d, tick %d, digest %s\n", rec.Seq, rec.Tick, rec.Digest)
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "JSON; - is standard input")
	cmd.Flags().StringVar(&document, "graphml", "", "a GraphML document; - is standard input")
	cmd.Flags().StringVar(&at, "at", "", "the graph path below which the document's graph is added (default /)")
	cmd.Flags().StringVar(&view, "view", "", "system or sws:ID")
	return cmd
}

// rewriteRequest is what a file of ops asks for, or a GraphML document.
func (a *app) rewriteRequest(file, document, at string) (req wire.RewriteRequest, sum graphml.Summary, err error) {
	if document != "" {
		p := rmg.Root
		if at != "" {
			if p, err = rmg.ParsePath(at); err != nil {
				return req, sum, err
			}
		}
		req.Ops, sum, err = a.graphmlOps(document, p)
		return req, sum, err
	}
	data, err := readInput(a.in, file)
	if err != nil {
		return req, sum, err
	}
	if req, err = parseRewrite(data); err != nil {
		err = wire.NewProblem(rmg.Invalid, "%s: %v", file, err)
	}
	return req, sum, err
}

// parseRewrite reads a list of ops or a whole request; unknown fields are
// refused.
func parseRewrite(data []byte) (wire.RewriteRequest, error) {
	var req wire.RewriteRequest
	if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
		return req, json.Unmarshal(data, &req.Ops)
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	return req, dec.Decode(&req)
}

func (a *app) graphCmd() *cobra.Command {
	var view string
	var depth, limit int
	cmd := &cobra.Command{
		Use: "graph [PATH | SELECTOR]", Short: "Dump the graph at a path, or list what a selector selects", Args: cobra.MaximumNArgs(1),
		Example: "  jitos graph\n  jitos graph /proc --depth 2\n  jitos graph /repo --view seq:40\n  jitos graph /svc --depth 3 -o dot | dot -Tsvg > svc.svg\n" + selectExamples,
		Long: `Dump the graph that the element at a path holds, --depth levels of it, or list
the elements that a selector selects.

Of a path -o json is the answer of the daemon. -o dot and -o mermaid draw it for
Graphviz and for Markdown: outer levels first, up to a number of elements, and the
drawing says what is not in it. -o graphml is for yEd, Gephi, NetworkX and igraph,
and for jitos rewrite --graphml, which reads back what was written.

` + selectLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && isSelector(args[0]) {
				if cmd.Flags().Changed("depth") {
					return &usageError{fmt.Errorf("--depth is for a path; a selector says itself how deep: /svc/** is all below /svc")}
				}
				return a.selected(cmd.Context(), args[0], view, limit)
			}
			if cmd.Flags().Changed("limit") {
				return &usageError{fmt.Errorf("--limit is for a selector; a path is dumped whole, --depth says how deep")}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			p := rmg.Root
			if len(args) == 1 {
				if p, err = a.place(cmd.Context(), c, args[0]); err != nil {
					return err
				}
			}
			q := client.GraphQuery{View: view, Path: p, Depth: depth}
			if done, err := a.drawn(cmd.Context(), c, q); done {
				return err
			}
			g, err := c.Graph(cmd.Context(), q)
			if err != nil {
				return err
			}
			for next := g.Next; next != ""; {
				more, err := c.Graph(cmd.Context(), client.GraphQuery{View: view, Path: p, Depth: depth, Cursor: next})
				if err != nil {
					return err
				}
				g.Graph.Nodes = append(g.Graph.Nodes, more.Graph.Nodes...)
				g.Graph.Edges = append(g.Graph.Edges, more.Graph.Edges...)
				next = more.Next
			}
			g.Next = ""
			return a.showOr(g, "table, json, jsonl, yaml, dot, mermaid or graphml", func(w io.Writer) { printGraph(w, g) })
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "a version: system, sws:ID, sws:ID@N, seq:N")
	cmd.Flags().IntVar(&depth, "depth", 1, "levels of inner graphs; of a path only")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many matches, 0 for all; of a selector only")
	return cmd
}

func printGraph(w io.Writer, g wire.GraphAnswer) {
	fmt.Fprintf(w, "%s  %s at seq %d, world %s\n", g.Path, g.View, g.Seq, g.Digest)
	if g.Element.Kind != "" {
		row(w, g.Element.Kind, props(g.Element.Props))
	}
	if g.Graph != nil {
		printLevel(w, *g.Graph, "  ")
	}
}

func printLevel(w io.Writer, g wire.Graph, indent string) {
	for _, n := range g.Nodes {
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", indent, printable(string(n.ID)), printable(n.Kind), printable(props(n.Props)))
		if n.Graph != nil {
			printLevel(w, *n.Graph, indent+"  ")
		}
	}
	for _, e := range g.Edges {
		fmt.Fprintf(w, "%s~%s\t%s\t%s -> %s %s\n", indent, printable(string(e.ID)), printable(e.Kind), printable(string(e.From)), printable(string(e.To)), printable(props(e.Props)))
		if e.Graph != nil {
			printLevel(w, *e.Graph, indent+"  ")
		}
	}
}

// props prints props on one line, long values cut.
func props(p rmg.Props) string {
	var parts []string
	for name, v := range p.All() {
		data, err := v.MarshalJSON()
		if err != nil {
			continue
		}
		parts = append(parts, name+"="+cut(string(data), 60))
	}
	return strings.Join(parts, " ")
}
