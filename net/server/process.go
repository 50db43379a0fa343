package server

import (
	"errors"
	"slices"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

func (x *exchange) intent() (any, error) {
	var in wire.IntentRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if err := notYet(in); err != nil {
		return nil, err
	}
	req := kernel.IntentRequest{
		Text: in.Text, Dir: in.Repo, PlanOnly: in.PlanOnly, Land: in.Land, Race: in.Race, Isolation: in.Isolation, Approve: in.Approve,
		Protected: in.Protected, DropTests: in.DropTests, Network: in.Network, Labels: in.Labels, Dirty: in.Dirty,
	}
	structured := len(in.SLAPS) > 0 && string(in.SLAPS) != "null"
	if (req.Text != "") == structured {
		return nil, wire.NewProblem(rmg.Invalid, "give either text or slaps").WithHint(`for example {"text":"Fix the failing test in ./pkg","repo":"/home/me/app"}`)
	}
	if structured {
		doc, err := parseSLAPS(in.SLAPS)
		if err != nil {
			return nil, err
		}
		req.SLAPS = &doc
	}
	p, err := x.s.opt.Kernel.Intent(x.r.Context(), x.caller, req)
	if err != nil {
		return nil, err
	}
	return wire.IntentAnswer{
		Process: p.ID, SWS: p.Workspace, Plan: p.Plan, SLAPS: &p.SLAPS,
		Repo: p.Repo, Branch: p.Branch, Base: p.Base, Dirty: p.Dirty,
	}, nil
}

// parseSLAPS reads the document inside a body. Its faults keep their pointers,
// which are the document's own, but not lines and columns, which would be those
// of a body that nobody has seen.
func parseSLAPS(data []byte) (tasks.SLAPS, error) {
	doc, err := tasks.ParseSLAPS("", data)
	var found tasks.Violations
	if errors.As(err, &found) {
		found = slices.Clone(found)
		for i := range found {
			found[i].Line, found[i].Column = 0, 0
		}
		return doc, found
	}
	return doc, err
}

// notYet refuses what the contract has and this version has not.
func notYet(in wire.IntentRequest) error {
	refuse := func(what, hint string) error {
		return wire.NewProblem(rmg.Invalid, "%s "+wire.NotInThisVersion, what).WithHint("%s", hint)
	}
	switch {
	case in.Approve != "" && in.Approve != "auto" && in.Approve != "ask":
		return refuse("approve="+in.Approve, "use auto (as policy says) or ask (a person approves the collapse)")
	case in.From != "":
		return refuse("from", "leave it out: the base is the branch's head")
	case in.Worker != "":
		return refuse("worker", "leave it out: the method chooses")
	}
	return nil
}

func (x *exchange) processes() (any, error) {
	out := wire.ProcessesAnswer{Processes: []wire.Process{}}
	for _, p := range x.s.opt.Kernel.Processes() {
		w := wireProcess(p)
		w.SLAPS, w.Plan, w.Rights, w.Evidence, w.Approvals = nil, nil, nil, nil, nil
		out.Processes = append(out.Processes, w)
	}
	return out, nil
}

func (x *exchange) process() (any, error) {
	return processAnswer(x.s.opt.Kernel.Process(x.id()))
}

func (x *exchange) cancel() (any, error) {
	return processAnswer(x.s.opt.Kernel.Cancel(x.r.Context(), x.caller, x.id()))
}

func (x *exchange) retry() (any, error) {
	return processAnswer(x.s.opt.Kernel.Retry(x.r.Context(), x.caller, x.id()))
}

func processAnswer(p kernel.Process, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wireProcess(p), nil
}

// processLog streams the lines of a process, then its end.
func (x *exchange) processLog() (any, error) {
	id := x.id()
	after, _, err := x.seq("after")
	if err != nil {
		return nil, err
	}
	if last, ok, err := x.lastEvent(); err != nil {
		return nil, err
	} else if ok {
		after = last
	}
	follow, err := x.flag("follow", true)
	if err != nil {
		return nil, err
	}
	lines, more, err := x.s.opt.Kernel.Lines(id, after)
	if err != nil {
		return nil, err
	}
	if err := x.s.takeStream(); err != nil {
		return nil, err
	}
	defer x.s.streams.Add(-1)
	st := x.stream()
	for {
		for _, l := range lines {
			after = l.N
			if err := st.send(l.N, wire.EventLine, wireLine(l)); err != nil {
				return nil, nil // the reader went away
			}
		}
		if more == nil || !follow {
			break
		}
		if !st.await(x.r.Context(), x.s.ctx, more) {
			return nil, nil
		}
		if lines, more, err = x.s.opt.Kernel.Lines(id, after); err != nil {
			x.s.problem(x.r, err) // logs what is ours; the stream breaks off, which tells the reader
			return nil, nil
		}
	}
	p, err := x.s.opt.Kernel.Process(id)
	if err != nil {
		x.s.problem(x.r, err)
		return nil, nil
	}
	if st.send(after, wire.EventEnd, wire.ProcessEnd{
		Process: p.ID, Status: p.Status, Reason: p.Reason, Next: p.Next, Code: p.Code, Commit: p.Commit, LandedOn: p.LandedOn,
	}) == nil {
		_ = st.flush() // a reader that went away needs no end
	}
	return nil, nil
}

func (x *exchange) methods() (any, error) {
	out := wire.MethodsAnswer{Methods: []tasks.MethodInfo{}}
	for _, m := range x.s.opt.Kernel.Methods() {
		m.Source = ""
		out.Methods = append(out.Methods, m)
	}
	for _, m := range x.s.opt.Kernel.Proposals() {
		out.Proposed = append(out.Proposed, addedMethod(m))
	}
	return out, nil
}

func (x *exchange) method() (any, error) {
	if m, ok := x.s.opt.Kernel.Method(x.id()); ok {
		return m, nil
	}
	return nil, wire.NewProblem(rmg.NotFound, "there is no method %q", x.id()).WithHint("jitos method list shows them")
}
