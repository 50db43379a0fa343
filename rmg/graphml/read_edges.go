package graphml

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// writeEdge adds an edge if both of its ends are there.
func (r *reader) writeEdge(d *draft, l *level) error {
	err := r.addEdge(d, l, d.from, d.to)
	if codeOf(err) != rmg.NotFound {
		return r.placed(d, err)
	}
	from, to := r.end(l, d.from), r.end(l, d.to)
	if from == nil || to == nil {
		return nil // the one that is missing may come yet
	}
	if err := r.refer(d, l, PropSource, from); err != nil {
		return err
	}
	if err := r.refer(d, l, PropTarget, to); err != nil {
		return err
	}
	return r.placed(d, r.addEdge(d, l, from[0], to[0]))
}

// refer notes the node that an edge really ends at, if that is deeper down.
func (r *reader) refer(d *draft, l *level, prop string, way []string) error {
	if len(way) == 1 {
		return nil
	}
	p := pathTo(l.at, way)
	d.props[prop] = rmg.Ref(p)
	return r.filled(len(p))
}

// pathTo is p.Join(ids...), in time in proportion to what it gives.
func pathTo(p rmg.Path, ids []string) rmg.Path {
	var b strings.Builder
	if p != rmg.Root {
		b.WriteString(string(p))
	}
	for _, id := range ids {
		b.WriteString(string(rmg.Root.Child(id)))
	}
	return rmg.Path(b.String())
}

// end finds what an id names: a node of the level, or else one deeper down. It
// gives the ids on the way there; none if there is no such node.
func (r *reader) end(l *level, id string) []string {
	if _, here := r.o.Get(l.at.Child(id)); here {
		return []string{id}
	}
	var way []string
	for p := l.scope[id]; p != nil; p = p.up {
		way = append(way, p.id)
		if p.up == l.holder {
			slices.Reverse(way)
			return way
		}
	}
	return nil
}

// addEdge adds an edge under its id. In documents of others that may be taken, or
// be longer than rmg has them.
func (r *reader) addEdge(d *draft, l *level, from, to string) error {
	props := rmg.PropsOf(d.props)
	err := r.o.AddEdge(d.at, d.kind, from, to, props)
	if r.native {
		d.written = err == nil
		return err
	}
	names := []string{d.from + "->" + d.to, fmt.Sprintf("%s->%s#%d", d.from, d.to, d.number), fmt.Sprintf("#%d", d.number)}
	for i, name := range names {
		if c := codeOf(err); c != rmg.Exists && (c != rmg.Limit || i == 0 && !d.unnamed) {
			break
		}
		d.at = l.at.EdgeChild(name)
		err = r.o.AddEdge(d.at, d.kind, from, to, props)
		if err == nil && !d.unnamed {
			r.sum.Renamed++
		}
	}
	d.written = err == nil
	return err
}

func codeOf(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
