package server

import (
	"errors"
	"slices"
	"strings"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of reading the log.
const (
	defaultRecords = 100
	maxRecords     = 1000
	maxBlock       = 4096 // records read at once when going backwards
)

// history reads the log: newest first, or oldest first from a seq.
func (x *exchange) history() (any, error) {
	q, err := x.logRequest()
	if err != nil {
		return nil, err
	}
	out := wire.LogAnswer{Records: []wire.Record{}}
	if q.forward {
		err = x.forward(q, &out)
	} else {
		err = x.backward(q, &out)
	}
	return out, err
}

type logRequest struct {
	forward  bool
	from, to uint64
	limit    int
	ops      int
	filter
}

func (x *exchange) logRequest() (logRequest, error) {
	var q logRequest
	var err error
	var bounded bool
	if q.from, q.forward, err = x.seq("from"); err != nil {
		return q, err
	}
	if q.to, bounded, err = x.seq("to"); err != nil {
		return q, err
	}
	if q.limit, err = x.count("limit", defaultRecords, 1, maxRecords); err != nil {
		return q, err
	}
	if q.ops, err = x.opsShown(); err != nil {
		return q, err
	}
	if q.filter, err = x.filter(); err != nil {
		return q, err
	}
	head, _ := x.s.opt.Kernel.Watch(0)
	if !bounded || q.to > head {
		q.to = head
	}
	q.from = max(q.from, 1)
	return q, nil
}

// opsShown is how many ops of a record are wanted; -1 for all.
func (x *exchange) opsShown() (int, error) {
	return x.count("ops", -1, 0, rewrite.MaxOps)
}

func (x *exchange) forward(q logRequest, out *wire.LogAnswer) error {
	if q.from > q.to {
		return nil
	}
	for r, err := range x.s.opt.Kernel.Records(q.from, q.to) {
		switch {
		case err != nil:
			return err
		case x.r.Context().Err() != nil:
			return x.r.Context().Err()
		case q.over(r):
			return nil
		case !q.wants(r):
			continue
		case len(out.Records) == q.limit:
			out.Next = r.Seq
			return nil
		}
		out.Records = append(out.Records, wireRecord(r, q.ops))
	}
	return nil
}

// backward reads blocks that grow, each forwards and then turned round: a short
// answer costs little, a long search few reads.
func (x *exchange) backward(q logRequest, out *wire.LogAnswer) error {
	size := uint64(min(q.limit, maxBlock))
	for to := q.to; to > 0; {
		if err := x.r.Context().Err(); err != nil {
			return err
		}
		from := uint64(1)
		if to > size {
			from = to - size + 1
		}
		var block []kernel.Record
		early := false // whether the block reaches back to before what is wanted
		for r, err := range x.s.opt.Kernel.Records(from, to) {
			if err != nil {
				return err
			}
			early = early || q.before(r)
			if q.wants(r) {
				block = append(block, r)
			}
		}
		for _, r := range slices.Backward(block) {
			if len(out.Records) == q.limit {
				out.Next = r.Seq
				return nil
			}
			out.Records = append(out.Records, wireRecord(r, q.ops))
		}
		if early {
			return nil
		}
		to = from - 1
		size = min(2*size, maxBlock)
	}
	return nil
}

// touches reports whether a record concerns the path or what is below it: one of
// its ops is there, or takes away or brings what holds it.
func touches(r kernel.Record, at rmg.Path) bool {
	if at == rmg.Root {
		return true
	}
	return slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool {
		if at.Has(op.Path) || op.Dest != "" && at.Has(op.Dest) {
			return true
		}
		switch op.Op {
		case rewrite.Remove:
			return op.Path.Has(at)
		case rewrite.Move:
			return op.Path.Has(at) || op.Dest.Has(at)
		}
		return false
	})
}

// ofProcess reports whether a record was caused by the process or is about it.
func ofProcess(r kernel.Record, id string) bool {
	return r.Cause == id || strings.HasPrefix(r.Cause, id+"/") || touches(r, rmg.Root.Join("proc", id))
}

// withNear names what stands beside a path at which nothing is in the system.
func (x *exchange) withNear(err error, place rmg.Path) error {
	v, failed := x.s.opt.Kernel.View("")
	if failed != nil {
		return err
	}
	if _, ok := v.Get(place); ok {
		return err // it is something else that is not there
	}
	p, _ := wire.ProblemOf(err)
	_, p.Nearest = nearAt(v, place)
	return p
}

func (x *exchange) why() (any, error) {
	line, err := x.count("line", 0, 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	place, err := x.pathOrFile("path")
	if err != nil {
		return nil, err
	}
	if x.text("prop") != "" && line > 0 {
		return nil, wire.NewProblem(rmg.Invalid, "a line and a prop are asked for; one is answered")
	}
	e, err := x.s.opt.Kernel.Why(x.r.Context(), kernel.WhyQuery{Path: place, Prop: x.text("prop"), Line: line})
	if errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
		return nil, x.withNear(err, place)
	}
	if err != nil {
		return nil, err
	}
	out := wire.WhyAnswer{Path: e.Path, Prop: e.Prop, Line: e.Line, Text: e.Text, Chain: []wire.Reason{}}
	if e.Origin != e.Path {
		out.Origin = e.Origin
	}
	if e.OriginLine != e.Line {
		out.OriginLine = e.OriginLine
	}
	for _, r := range e.Chain {
		out.Chain = append(out.Chain, wire.Reason{
			Kind: r.Kind, Seq: r.Seq, At: at(r.At), Author: r.Author, Cause: r.Cause, Text: r.Text, Process: r.Process, SWS: r.Space,
			Task: r.Task, Attempt: r.Attempt, Worker: r.Worker, Model: r.Model, Prompt: r.Prompt, Commit: r.Commit, Evidence: r.Evidence,
		})
	}
	return out, nil
}

// check looks at the world of a view and at the ledger beside it.
func (x *exchange) check() (any, error) {
	v, err := x.s.opt.Kernel.View(x.text("view"))
	if err != nil {
		return nil, err
	}
	found := append(rmg.Check(v.World), rmg.Check(v.Ledger)...)
	return wire.CheckAnswer{View: v.Name, Seq: v.Seq, Digest: v.Digest(), OK: len(found) == 0, Findings: append([]rmg.Finding{}, found...)}, nil
}

func (x *exchange) verify() (any, error) {
	v, err := x.s.opt.Kernel.Verify(x.r.Context())
	if err != nil {
		return nil, err
	}
	return wire.VerifyAnswer{
		OK: len(v.Problems) == 0, Records: v.Records, Ticks: v.Ticks, Segments: v.Segments, Blobs: v.Blobs,
		Bytes: v.Bytes, World: v.World, Ledger: v.Ledger, Problems: append([]string{}, v.Problems...),
		GivenUp: v.GivenUp, Gone: v.Gone,
	}, nil
}
