package mcp

import (
	"context"
	"encoding/json"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// maxElements is how many elements one graph_query shows.
const maxElements = 500

func (s *Server) graphTools() {
	tool(s, sdk.Tool{
		Name: "graph_query", Annotations: reads("Query the graph"),
		Description: "Read the graph: everything that JITOS holds, not files alone. With path, the element there and depth levels of what is inside it. With select, all elements that a selector matches: /svc/*[kind=Service][lang=\"go\"], /repo/app/main/**/*.go, /svc/api->depends_on. /proc, /sws and /worker tell of processes, workspaces and workers. Any past state is a view: seq:40.",
	}, queryGraph)
	tool(s, sdk.Tool{
		Name: "rewrite_apply", Annotations: writes("Change the graph in the workspace", true),
		Description: "Apply a list of ops in the workspace, whole or not at all: several files at once, moves, or nodes and edges of the graph. The system has them when the workspace collapses. With expect_digest it is refused as stale if the workspace changed since you read it.",
	}, applyRewrite)
}

type queryInput struct {
	Select string `json:"select,omitempty" jsonschema:"a selector, instead of path"`
	Path   string `json:"path,omitempty" jsonschema:"from / in the graph, or relative to the repository; / if absent"`
	Depth  int    `json:"depth,omitempty" jsonschema:"levels of inner graphs, 0 to 8; 0 is the element alone"`
	View   string `json:"view,omitempty" jsonschema:"a version: system, sws:w12, seq:40; the current workspace if absent, and without one the system"`
	Limit  int    `json:"limit,omitempty" jsonschema:"elements, 1 to 500; 100 if absent"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next of the answer before"`
}

type queryOutput struct {
	View     string    `json:"view"`
	Seq      uint64    `json:"seq" jsonschema:"the view's last record"`
	Digest   string    `json:"digest" jsonschema:"of the view's world; rewrite_apply takes it as expect_digest"`
	Elements []element `json:"elements" jsonschema:"in order of path"`
	Next     string    `json:"next,omitempty" jsonschema:"cursor of what follows"`
}

type element struct {
	Path  string         `json:"path"`
	Kind  string         `json:"kind,omitempty"`
	From  string         `json:"from,omitempty" jsonschema:"of an edge"`
	To    string         `json:"to,omitempty" jsonschema:"of an edge"`
	Props map[string]any `json:"props"`
	Inner int            `json:"inner,omitempty" jsonschema:"nodes inside that are not shown"`
}

func queryGraph(ctx context.Context, x *exchange, in queryInput) (queryOutput, error) {
	view, p := in.View, &space{}
	if cur, err := x.space(""); err == nil {
		if p = cur; view == "" {
			view = cur.view()
		}
	}
	limit := in.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, maxElements)
	if in.Select != "" {
		return x.selected(ctx, in.Select, view, limit, in.Cursor)
	}
	at := rmg.Root
	if in.Path != "" {
		var err error
		if at, err = p.place(in.Path); err != nil {
			return queryOutput{}, err
		}
	}
	g, err := x.c.Graph(ctx, client.GraphQuery{View: view, Path: at, Depth: min(in.Depth, 8), Limit: limit, Cursor: in.Cursor})
	if err != nil {
		return queryOutput{}, err
	}
	out := queryOutput{View: g.View, Seq: g.Seq, Digest: g.Digest.String(), Next: g.Next}
	out.Elements = []element{elementOf(g.Path, g.Element.Kind, string(g.Element.From), string(g.Element.To), g.Element.Props)}
	if g.Graph != nil {
		out.Elements = flatten(out.Elements, g.Path, *g.Graph)
	}
	return out, nil
}

func (x *session) selected(ctx context.Context, text, view string, limit int, cursor string) (queryOutput, error) {
	sel, err := rmg.ParseSelector(text)
	if err != nil {
		return queryOutput{}, err
	}
	a, err := x.c.Select(ctx, client.SelectQuery{View: view, Select: sel, Limit: limit, Cursor: cursor})
	if err != nil {
		return queryOutput{}, err
	}
	out := queryOutput{View: a.View, Seq: a.Seq, Digest: a.Digest.String(), Next: a.Next, Elements: []element{}}
	for _, m := range a.Matches {
		out.Elements = append(out.Elements, elementOf(m.Path, m.Kind, string(m.From), string(m.To), m.Props))
	}
	return out, nil
}

// flatten lists what is in a graph, each node followed by what is inside it.
func flatten(list []element, at rmg.Path, g wire.Graph) []element {
	add := func(p rmg.Path, e element, inner *wire.Counts, below *wire.Graph) {
		if below == nil && inner != nil {
			e.Inner = inner.Nodes
		}
		if list = append(list, e); below != nil {
			list = flatten(list, p, *below)
		}
	}
	for _, n := range g.Nodes {
		p := at.Child(string(n.ID))
		add(p, elementOf(p, n.Kind, "", "", n.Props), n.Inner, n.Graph)
	}
	for _, e := range g.Edges {
		p := at.EdgeChild(string(e.ID))
		add(p, elementOf(p, e.Kind, string(e.From), string(e.To), e.Props), e.Inner, e.Graph)
	}
	return list
}

func elementOf(at rmg.Path, kind, from, to string, props rmg.Props) element {
	e := element{Path: string(at), Kind: kind, From: from, To: to, Props: map[string]any{}}
	for name, v := range props.All() {
		data, err := v.MarshalJSON()
		if err != nil {
			data = []byte(`"?"`)
		}
		e.Props[name] = json.RawMessage(data)
	}
	return e
}

type applyInput struct {
	Ops       []op   `json:"ops" jsonschema:"applied in order"`
	Expect    string `json:"expect_digest,omitempty" jsonschema:"digest that the workspace must still have"`
	Reason    string `json:"reason,omitempty" jsonschema:"why; it is what jitos why tells later"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type applyOutput struct {
	Seq    uint64 `json:"seq" jsonschema:"of the record that holds the change"`
	Digest string `json:"digest" jsonschema:"of the workspace after it"`
}

func applyRewrite(ctx context.Context, x *exchange, in applyInput) (applyOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return applyOutput{}, err
	}
	rec, err := x.apply(ctx, p, in.Ops, in.Reason, in.Expect)
	if err != nil {
		return applyOutput{}, err
	}
	return applyOutput{Seq: rec.Seq, Digest: rec.Digest.String()}, nil
}
