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
)

func (a *app) rewriteCmd() *cobra.Command {
	var file, view string
	cmd := &cobra.Command{
		Use: "rewrite -f FILE", Short: "Apply ops to the system graph or a workspace", Args: cobra.NoArgs,
		Example: `  echo '[{"op":"add_node","path":"/svc","kind":"Group"}]' | jitos rewrite -f -`,
		Long: `The file holds a list of ops, or {"ops":[...],"view":"sws:w12","expect":{"seq":41},"reason":"..."}.
A rewrite applies whole or not at all.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return &usageError{fmt.Errorf("-f FILE is missing\nusage: jitos rewrite -f ops.json")}
			}
			data, err := readInput(a.in, file)
			if err != nil {
				return err
			}
			req, err := parseRewrite(data)
			if err != nil {
				return wire.NewProblem(rmg.Invalid, "%s: %v", file, err)
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
			return a.show(rec, func(w io.Writer) { fmt.Fprintf(w, "seq %d, tick %d, digest %s\n", rec.Seq, rec.Tick, rec.Digest) })
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "JSON; - is standard input")
	cmd.Flags().StringVar(&view, "view", "", "system or sws:ID")
	return cmd
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
	var depth int
	cmd := &cobra.Command{
		Use: "graph [PATH]", Short: "Dump the graph at a path", Args: cobra.MaximumNArgs(1),
		Example: "  jitos graph\n  jitos graph /proc --depth 2\n  jitos graph /repo --view seq:40",
		RunE: func(cmd *cobra.Command, args []string) error {
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
			g, err := c.Graph(cmd.Context(), client.GraphQuery{View: view, Path: p, Depth: depth})
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
			return a.show(g, func(w io.Writer) { printGraph(w, g) })
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "a version: system, sws:ID, sws:ID@N, seq:N")
	cmd.Flags().IntVar(&depth, "depth", 1, "levels of inner graphs")
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
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", indent, printable(n.ID), printable(n.Kind), printable(props(n.Props)))
		if n.Graph != nil {
			printLevel(w, *n.Graph, indent+"  ")
		}
	}
	for _, e := range g.Edges {
		fmt.Fprintf(w, "%s~%s\t%s\t%s -> %s %s\n", indent, printable(e.ID), printable(e.Kind), printable(e.From), printable(e.To), printable(props(e.Props)))
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
