package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of dumps and diffs.
const (
	defaultElements = 1000 // matches of a selector too
	maxElements     = 10_000
	defaultChanges  = 10_000
	maxChanges      = 100_000
)

func (x *exchange) rewrite() (any, error) {
	var in wire.RewriteRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if in.View == "" {
		in.View = "system"
	}
	return x.apply(in.View, rewrite.Rewrite{Ops: in.Ops, Expect: in.Expect, Reason: in.Reason})
}

// apply has the kernel apply a rewrite.
func (x *exchange) apply(view string, rw rewrite.Rewrite) (any, error) {
	if len(rw.Ops) == 0 {
		return nil, wire.NewProblem(rmg.Invalid, "the rewrite has no ops").WithHint(`for example {"ops":[{"op":"add_node","path":"/svc","kind":"Folder"}]}`)
	}
	if len(rw.Ops) > rewrite.MaxOps {
		return nil, wire.NewProblem(rmg.Limit, "the rewrite has %d ops; the limit is %d", len(rw.Ops), rewrite.MaxOps).WithHint("split it")
	}
	got, err := x.s.opt.Kernel.Rewrite(x.r.Context(), x.caller, view, rw)
	if err != nil {
		return nil, err
	}
	return wire.Receipt{Seq: got.Seq, Tick: got.Tick, Digest: got.Digest}, nil
}

func (x *exchange) graph() (any, error) {
	if x.query.Has("select") {
		return x.selected()
	}
	at := rmg.Root
	var err error
	if x.text("path") != "" {
		at, err = x.pathOrFile("path")
	}
	if err != nil {
		return nil, err
	}
	depth, err := x.count("depth", 1, 0, rmg.MaxDepth)
	if err != nil {
		return nil, err
	}
	limit, err := x.count("limit", defaultElements, 1, maxElements)
	if err != nil {
		return nil, err
	}
	after, err := parseCursor(x.text("cursor"), at, x.text("view"))
	if err != nil {
		return nil, err
	}
	v, err := x.s.opt.Kernel.View(after.View)
	if err != nil {
		return nil, err
	}
	e, ok := v.Get(at)
	if !ok {
		x.s.opt.Kernel.NoteRead(x.caller, after.View, at, false)
		return nil, absentAt(v, at)
	}
	x.s.opt.Kernel.NoteRead(x.caller, after.View, at, depth > 0)
	if x.same(tagOf(v, at)) {
		return nil, nil
	}
	out := wire.GraphAnswer{
		View: v.Name, Seq: v.Seq, Digest: v.Digest(), Path: at,
		Element: wire.Element{ID: rmg.ID(e.ID), Kind: e.Kind, From: rmg.ID(e.From), To: rmg.ID(e.To), Props: e.Props},
	}
	if depth > 0 {
		page := dump{left: limit, room: maxPageBytes}
		out.Graph = page.top(e.Graph, depth, after)
		if page.more {
			out.Next = page.next(v.Name, v.Seq, at)
		}
	}
	return out, nil
}

// maxBeside is how many elements are looked at for one that was meant.
const maxBeside = 5000

// absentAt is the problem of a path at which nothing is. It names what is there
// of the path, and what may have been meant instead.
func absentAt(v kernel.View, at rmg.Path) *wire.Problem {
	err := &rmg.Error{Op: "graph", Path: at, Code: rmg.NotFound, Msg: "there is no such element in " + v.Name}
	p, _ := wire.ProblemOf(err)
	there, near := nearAt(v, at)
	p.Nearest = near
	return p.WithHint("jitos graph %s shows what is there", there)
}

// nearAt is how much of a path is there, and what stands there that may have been
// meant.
func nearAt(v kernel.View, at rmg.Path) (there rmg.Path, near []string) {
	missing := at
	beside, ok := v.Get(missing.Parent())
	for !ok {
		missing = missing.Parent()
		beside, ok = v.Get(missing.Parent())
	}
	var names []string
	for n := range beside.Graph.Nodes("") {
		if names = append(names, n.ID); len(names) == maxBeside {
			break
		}
	}
	for _, name := range wire.Nearest(missing.Base().ID, names) {
		near = append(near, string(missing.Parent().Child(name)))
	}
	return missing.Parent(), near
}

func (x *exchange) diff() (any, error) {
	at, err := x.place("path", rmg.Root)
	if err != nil {
		return nil, err
	}
	limit, err := x.count("limit", defaultChanges, 1, maxChanges)
	if err != nil {
		return nil, err
	}
	out := wire.DiffAnswer{From: orSystem(x.text("from")), To: orSystem(x.text("to")), Changes: []wire.Change{}}
	found, err := x.s.opt.Kernel.Diff(out.From, out.To, at)
	if err != nil {
		return nil, err
	}
	out.Total, out.Truncated = len(found), len(found) > limit
	for _, c := range found[:min(limit, len(found))] {
		out.Changes = append(out.Changes, wireChange(c))
	}
	return out, nil
}

func orSystem(version string) string {
	if version == "" {
		return "system"
	}
	return version
}

func wireChange(c rmg.Change) wire.Change {
	out := wire.Change{Path: c.Path, Change: c.Kind, From: c.From, Props: map[string]wire.PropChange{}}
	if c.Old.Kind != c.New.Kind {
		out.Kind = &wire.KindChange{Old: c.Old.Kind, New: c.New.Kind}
	}
	for _, e := range []rmg.Element{c.New, c.Old} {
		if e.Edge && out.Ends == nil {
			out.Ends = &wire.Ends{From: rmg.ID(e.From), To: rmg.ID(e.To)}
		}
	}
	for _, p := range c.Props {
		out.Props[p.Name] = wire.PropChange{Old: p.Old, New: p.New}
	}
	switch c.Kind {
	case rmg.Added:
		for name, v := range c.New.Props.All() {
			out.Props[name] = wire.PropChange{New: v}
		}
	case rmg.Removed:
		for name, v := range c.Old.Props.All() {
			out.Props[name] = wire.PropChange{Old: v}
		}
	}
	return out
}

func (x *exchange) blob() (any, error) {
	sum, err := parseSum(x.id())
	if err != nil {
		return nil, err
	}
	content, _, err := x.s.opt.Kernel.BlobBySum(sum)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	h := x.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", "attachment") // content is anybody's: no browser is to show it as a page of ours
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, immutable, max-age=31536000")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(x.w, x.r, "", time.Time{}, content)
	return nil, nil
}

// parseSum reads a SHA-256 in lower-case hex.
func parseSum(s string) ([32]byte, error) {
	var sum [32]byte
	n, err := hex.Decode(sum[:], []byte(s[:min(len(s), 64)]))
	if err != nil || n != len(sum) || len(s) != 64 {
		return sum, wire.NewProblem(rmg.Invalid, "%q is not a SHA-256 of 64 hex digits", s)
	}
	return sum, nil
}

// patient reads for as long as something comes: content may be large and the
// line slow, but a sender who has fallen silent is not waited for.
type patient struct {
	r     io.Reader
	rc    *http.ResponseController
	stall time.Duration
	err   error // why the content did not arrive whole
}

// Read reads, with a deadline of its own.
func (p *patient) Read(b []byte) (int, error) {
	// Not every ResponseWriter has a connection (tests have none).
	_ = p.rc.SetReadDeadline(time.Now().Add(p.stall))
	n, err := p.r.Read(b)
	if err != nil {
		_ = p.rc.SetReadDeadline(time.Time{})
		if err != io.EOF {
			p.err = err
		}
	}
	return n, err
}

func (x *exchange) putBlob() (any, error) {
	content := &patient{
		r:  http.MaxBytesReader(x.w, x.r.Body, x.s.opt.Limits.Blob),
		rc: http.NewResponseController(x.w), stall: x.s.opt.Limits.Stall,
	}
	b, err := x.s.opt.Kernel.PutBlob(content)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(content.err, &tooLarge):
		return nil, content.err
	case content.err != nil:
		return nil, wire.NewProblem(rmg.Invalid, "the content did not arrive whole: %s", content.err)
	case err != nil:
		return nil, err
	}
	return wire.Blob{SHA256: fmt.Sprintf("%x", b.Sum), Size: b.Size}, nil
}
