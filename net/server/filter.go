package server

import (
	"slices"
	"strings"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// filter says which records are wanted; what is zero asks for nothing.
type filter struct {
	path         rmg.Path // touched at or below
	process      string   // caused by the process, or about it
	author       string
	cause        string // the cause itself, or what is below it: "p12" has "p12/implement"
	view         string
	op           rewrite.OpKind // one of its ops is of this kind
	text         string         // in the reason, whatever the case of its letters
	since, until time.Time      // recorded time, both included
}

// filterParams are the parameters that a filter is read from.
func filterParams() []param {
	return []param{
		textParam("path", "only records that touch this or what is below it"),
		textParam("process", "only records of a process, or about it"),
		textParam("author", "only records by this author"),
		textParam("cause", "only records with this cause, or one below it"),
		textParam("view", "only records of system, or of sws:ID"),
		textParam("op", "only records with an op of this kind"),
		textParam("text", "only records whose reason has this text, whatever the case"),
		textParam("since", "only records from this time on, RFC 3339"),
		textParam("until", "only records up to this time, RFC 3339"),
	}
}

// filter reads the parameters.
func (x *exchange) filter() (filter, error) {
	f := filter{
		process: x.text("process"), author: x.text("author"), cause: x.text("cause"), view: x.text("view"),
		op: rewrite.OpKind(x.text("op")), text: strings.ToLower(x.text("text")),
	}
	var err error
	if f.path, err = x.place("path", rmg.Root); err != nil {
		return f, err
	}
	if f.op != "" && !slices.Contains(rewrite.OpKinds(), f.op) {
		return f, wire.NewProblem(rmg.Invalid, "there is no op %q", f.op)
	}
	if v, err := kernel.ParseVersion(f.view); err != nil || v.Seq != 0 || v.At != 0 {
		return f, wire.NewProblem(rmg.Invalid, "parameter \"view\" is %q, not system or sws:ID", f.view)
	}
	if f.since, err = x.time("since"); err != nil {
		return f, err
	}
	f.until, err = x.time("until")
	return f, err
}

// time returns a parameter that is a time; zero if it is absent.
func (x *exchange) time(name string) (time.Time, error) {
	v := x.query.Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return t, wire.NewProblem(rmg.Invalid, "parameter %q is %q, not a time", name, v).WithHint("for example 2026-11-23T09:40:05Z")
	}
	return t, nil
}

// wants reports whether a record is asked for.
func (f filter) wants(r kernel.Record) bool {
	switch {
	case f.author != "" && r.Author != f.author,
		f.cause != "" && r.Cause != f.cause && !strings.HasPrefix(r.Cause, f.cause+"/"),
		f.view != "" && r.View != f.view,
		!f.since.IsZero() && r.At.Before(f.since),
		!f.until.IsZero() && r.At.After(f.until),
		f.text != "" && !strings.Contains(strings.ToLower(r.Reason), f.text),
		f.op != "" && !slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return op.Op == f.op }),
		f.process != "" && !ofProcess(r, f.process):
		return false
	}
	return touches(r, f.path)
}

// over reports whether no later record can be wanted: recorded times never
// decrease.
func (f filter) over(r kernel.Record) bool { return !f.until.IsZero() && r.At.After(f.until) }

// before reports whether no earlier record can be wanted.
func (f filter) before(r kernel.Record) bool { return !f.since.IsZero() && r.At.Before(f.since) }
