package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/rmg/drawing"
	"jitos.dev/rmg/graphml"
)

// drawn writes a graph in the form of other programs that was asked for; false
// if that is none of them.
func (a *app) drawn(ctx context.Context, c *client.Client, q client.GraphQuery) (done bool, err error) {
	ask := q
	switch a.format {
	case "dot", "mermaid":
		// A drawing says of what it draws how much is inside.
		ask.Depth = min(q.Depth+1, rmg.MaxDepth)
	case "graphml":
	default:
		return false, nil
	}
	if q.Depth == 0 {
		return true, &usageError{fmt.Errorf("--depth 0 leaves nothing for -o %s; it draws what is inside an element", a.format)}
	}
	o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
	if err := (&fetcher{c: c, o: o}).fetch(ctx, ask, rmg.Root); err != nil {
		return true, err
	}
	switch a.format {
	case "dot":
		err = drawing.DOT(a.out, o.Graph(), drawing.Options{Depth: q.Depth})
	case "mermaid":
		err = drawing.Mermaid(a.out, o.Graph(), drawing.Options{Depth: q.Depth})
	default:
		err = graphml.Write(a.out, o.Graph())
	}
	return true, err
}

// fetcher makes a graph of the daemon's dumps again.
type fetcher struct {
	c    *client.Client
	o    *rmg.Overlay
	view string // the version that all of them are of
}

// fetch adds what a query asks for to the element at a place of the overlay.
func (f *fetcher) fetch(ctx context.Context, q client.GraphQuery, at rmg.Path) error {
	var edges []wire.Edge // a page of nodes may end in the middle
	for {
		if f.view != "" {
			q.View = f.view
		}
		page, err := f.c.Graph(ctx, q)
		if err != nil {
			return err
		}
		f.view = pinned(page)
		if page.Graph == nil {
			return nil
		}
		if err := f.nodes(ctx, page.Graph.Nodes, q, at); err != nil {
			return err
		}
		edges = append(edges, page.Graph.Edges...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return f.edges(ctx, edges, q, at)
		}
	}
}

// pinned names the version of a dump so that it does not move.
func pinned(g wire.GraphAnswer) string {
	switch {
	case g.View == "system":
		return fmt.Sprintf("seq:%d", g.Seq)
	case strings.HasPrefix(g.View, "sws:") && !strings.Contains(g.View, "@"):
		return fmt.Sprintf("%s@%d", g.View, g.Seq)
	}
	return g.View
}

func (f *fetcher) nodes(ctx context.Context, list []wire.Node, q client.GraphQuery, at rmg.Path) error {
	for _, n := range list {
		p := at.Child(string(n.ID))
		if err := f.o.AddNode(p, n.Kind, n.Props); err != nil {
			return err
		}
		if err := f.inner(ctx, n.Graph, q, q.Path.Child(string(n.ID)), p); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetcher) edges(ctx context.Context, list []wire.Edge, q client.GraphQuery, at rmg.Path) error {
	for _, e := range list {
		p := at.EdgeChild(string(e.ID))
		if err := f.o.AddEdge(p, e.Kind, string(e.From), string(e.To), e.Props); err != nil {
			return err
		}
		if err := f.inner(ctx, e.Graph, q, q.Path.EdgeChild(string(e.ID)), p); err != nil {
			return err
		}
	}
	return nil
}

// inner adds an inner graph. One that was too large for its page is asked for
// anew.
func (f *fetcher) inner(ctx context.Context, g *wire.Graph, q client.GraphQuery, from, at rmg.Path) error {
	if g == nil {
		return nil
	}
	q.Path, q.Depth, q.Cursor = from, q.Depth-1, ""
	if g.Truncated {
		return f.fetch(ctx, q, at)
	}
	if err := f.nodes(ctx, g.Nodes, q, at); err != nil {
		return err
	}
	return f.edges(ctx, g.Edges, q, at)
}

// graphmlOps reads a GraphML document as the ops that add what it holds below a
// place, whatever is there.
func (a *app) graphmlOps(file string, at rmg.Path) ([]rewrite.Op, graphml.Summary, error) {
	in := a.in
	if file != "-" {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, graphml.Summary{}, wire.NewProblem(rmg.NotFound, "there is no file %s", file)
		}
		if err != nil {
			return nil, graphml.Summary{}, err
		}
		defer f.Close()
		in = f
	}
	o, err := wayTo(at)
	if err != nil {
		return nil, graphml.Summary{}, err
	}
	base := o.Graph()
	sum, err := graphml.Read(in, o, at, graphml.Options{Max: rewrite.MaxOps})
	if err != nil {
		return nil, sum, fmt.Errorf("%s: %w", file, err)
	}
	ops := rewrite.Between(base, o.Graph(), at)
	if len(ops) == 0 {
		return nil, sum, wire.NewProblem(rmg.Invalid, "%s holds no nodes", file)
	}
	return ops, sum, nil
}

// wayTo makes an element at a place, and those on the way to it.
func wayTo(at rmg.Path) (*rmg.Overlay, error) {
	const kind = "Way"
	o, p := rmg.NewOverlay(rmg.Graph{}).Unchecked(), rmg.Root
	for _, s := range at.Segments() {
		if !s.Edge {
			p = p.Child(s.ID)
			if err := o.AddNode(p, kind, rmg.Props{}); err != nil {
				return nil, err
			}
			continue
		}
		if err := o.AddNode(p.Child("end"), kind, rmg.Props{}); err != nil {
			return nil, err
		}
		p = p.EdgeChild(s.ID)
		if err := o.AddEdge(p, kind, "end", "end", rmg.Props{}); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// printRead says what a document was read as.
func printRead(w io.Writer, file string, sum graphml.Summary) {
	fmt.Fprintf(w, "%s: %d nodes, %d edges", file, sum.Nodes, sum.Edges)
	if sum.Renamed > 0 {
		fmt.Fprintf(w, "; %d edges had the id of another and got one of their own", sum.Renamed)
	}
	if sum.Skipped > 0 {
		fmt.Fprintf(w, "; %d ports, drawings or data of graphs are left out", sum.Skipped)
	}
	fmt.Fprintln(w)
}
