package server

import (
	"context"
	"maps"
	"strings"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// maxTake is how long POST /lease waits for a task at most.
const maxTake = time.Minute

func leaseCalls() []call {
	id := pathParam("id", "a lease")
	return []call{
		{
			method: post, path: "/lease", id: "take-lease", working: true, summary: "Take a task, to do it on another machine",
			about:  "Takes the capability work. Without a lease in the answer there was no task in time.",
			params: []param{textParam("wait", "how long to wait for a task, at most 1m; 30s if absent")},
			body:   wire.TakeRequest{}, answer: wire.TakeAnswer{}, do: (*exchange).takeLease,
		},
		{
			method: get, path: "/lease/{id}/tree", id: "lease-tree", working: true, summary: "Read what a leased task works on",
			about:  "Contents are to be had by GET /blob. Of a tree that the machine has only the difference is told, if it was sent from here lately.",
			params: []param{id, textParam("have", "digests of trees that are there, by commas; at most 16")}, answer: wire.LeaseTree{}, do: (*exchange).leaseTree,
		},
		{
			method: post, path: "/lease/{id}/heartbeat", id: "heartbeat", working: true, summary: "Give a sign of life, and say what the worker says",
			about:  "A lease that is over is a 412: whoever had it stops.",
			params: []param{id}, body: wire.BeatRequest{}, maybe: true, answer: wire.BeatAnswer{}, do: (*exchange).heartbeat,
		},
		{
			method: post, path: "/lease/{id}/result", id: "return-lease", working: true, summary: "Bring back what came of a task",
			about:  "It is judged as what any worker does; a change that may not be made fails the attempt, and is refused here with the reason. The lease is over then, too.",
			params: []param{id}, body: wire.ReturnRequest{}, large: true, answer: wire.ReturnAnswer{}, do: (*exchange).returnLease,
		},
		{
			method: get, path: "/machine", id: "machines", summary: "List the machines that take tasks",
			answer: wire.MachinesAnswer{}, do: (*exchange).machines,
		},
	}
}

// mayWork refuses who does no tasks, and keeps who does nothing else to the calls
// that this takes.
func (c *call) mayWork(who kernel.Caller) error {
	who = who.Told()
	switch {
	case c.working && who.Caps&kernel.CapWork == 0 && c.path != "/blob" && c.path != "/blob/{id}":
		return wire.NewProblem(rmg.Denied, "%s lacks the capability work", who.Name).WithHint("on the daemon's machine: jitos token new NAME --cap work")
	case !c.working && !c.open && who.Caps == kernel.CapWork:
		return wire.NewProblem(rmg.Denied, "%s may do tasks, and that is all", who.Name).WithHint("jitos worker run uses the token; another token looks and writes")
	}
	return nil
}

// leases are the daemon's, if it lends any.
func (x *exchange) leases() (work.Leases, error) {
	if x.s.opt.Leases == nil {
		return nil, wire.NewProblem(rmg.Unavailable, "this daemon lends no tasks")
	}
	return x.s.opt.Leases, nil
}

func (x *exchange) takeLease() (any, error) {
	var in wire.TakeRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	all, err := x.leases()
	if err != nil {
		return nil, err
	}
	wait, err := x.wait(defaultWait)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(x.r.Context(), min(wait, maxTake))
	defer stop()
	defer context.AfterFunc(x.s.ctx, stop)()
	l, ok, err := all.Take(ctx, work.Machine{Name: in.Machine, Caller: x.caller.Name, Labels: in.Labels, Workers: in.Workers})
	if !ok || err != nil {
		return wire.TakeAnswer{}, err
	}
	out := leaseOf(l)
	return wire.TakeAnswer{Lease: &out}, nil
}

func leaseOf(l work.Lease) wire.Lease {
	a := l.Assignment
	b := a.Budget
	out := wire.Lease{
		ID: l.ID, TermMS: l.TermMillis, Process: a.Process, Task: a.Task, Attempt: a.Attempt, Lane: a.Lane, Worker: l.Worker, Action: a.Action, Args: a.Args,
		Inputs: map[string]map[string]rmg.Value{}, SWS: a.Workspace.ID(), Rights: a.Rights,
		Repo: wire.LeaseRepo{Name: a.Repo.Name, Branch: a.Repo.Branch, Root: a.Repo.Root, Module: a.Repo.Module, Target: a.Repo.Target, Symbol: a.Repo.Symbol},
		Budget: wire.LeaseBudget{
			Candidates: b.Candidates, WallMS: b.WallMillis, OutputMax: b.OutputMax, MemoryMax: b.MemoryMax, ScratchMax: b.ScratchMax,
			Tokens: b.Tokens, MoneyMicros: b.MoneyMicros,
		},
	}
	for task, props := range a.Inputs {
		out.Inputs[task] = maps.Collect(props.All())
	}
	return out
}

func (x *exchange) leaseTree() (any, error) {
	all, err := x.leases()
	if err != nil {
		return nil, err
	}
	l, err := all.Held(x.id(), x.caller.Name)
	if err != nil {
		return nil, err
	}
	root := l.Assignment.Repo.Root
	world := l.Assignment.Workspace.Graph()
	if root == "" {
		return wire.LeaseTree{Ops: []rewrite.Op{}}, nil
	}
	here, ok := world.Get(root)
	if !ok {
		return nil, &rmg.Error{Op: "lease", Path: root, Code: rmg.NotFound, Msg: "the branch is not in the workspace"}
	}
	digest := here.Graph.Digest()
	base, from, known := x.s.sent.any(root, strings.Split(x.text("have"), ","))
	x.s.sent.keep(root, digest, world)
	if known {
		return wire.LeaseTree{Digest: digest, Base: base, Ops: append([]rewrite.Op{}, rewrite.Between(from, world, root)...)}, nil
	}
	return wire.LeaseTree{Digest: digest, Ops: wholeTree(world, root)}, nil
}

// wholeTree is ops that make what is at root, and what it stands in, of nothing.
func wholeTree(world rmg.Graph, root rmg.Path) []rewrite.Op {
	var out []rewrite.Op
	at := rmg.Root
	for _, s := range root.Segments() {
		at = at.Child(s.ID)
		e, _ := world.Get(at)
		out = append(out, rewrite.Op{Op: rewrite.AddNode, Path: at, Kind: e.Kind})
	}
	for p, e := range world.Walk(root) {
		op := rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: e.Kind, Props: maps.Collect(e.Props.All())}
		if p.Base().Edge {
			op.Op, op.From, op.To = rewrite.AddEdge, e.From, e.To
		}
		out = append(out, op)
	}
	return out
}

func (x *exchange) heartbeat() (any, error) {
	var in wire.BeatRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	all, err := x.leases()
	if err != nil {
		return nil, err
	}
	if err := all.Beat(x.id(), x.caller.Name, in.Said); err != nil {
		return nil, err
	}
	l, err := all.Held(x.id(), x.caller.Name)
	return wire.BeatAnswer{TermMS: l.TermMillis}, err
}

func (x *exchange) returnLease() (any, error) {
	var in wire.ReturnRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	all, err := x.leases()
	if err != nil {
		return nil, err
	}
	err = all.Return(x.id(), x.caller.Name, work.Returned{
		Ops: in.Ops, Reason: in.Reason, Failure: in.Failure,
		Result: work.Result{
			OK: in.OK, Nothing: in.Nothing, Summary: in.Summary, Reasons: in.Reasons, Output: rmg.PropsOf(in.Output),
			Spent: work.Spent{Tokens: in.Tokens, MoneyMicros: in.MoneyMicros},
		},
	})
	return wire.ReturnAnswer{Taken: err == nil}, err
}

// machineAt is the machine that policy sees at a path, as it was last heard of; by
// its name alone if it was not.
func (x *exchange) machineAt(p rmg.Path) work.Machine {
	name, ok := strings.CutPrefix(string(p), "/machine/")
	if !ok {
		return work.Machine{}
	}
	if x.s.opt.Leases != nil {
		for _, m := range x.s.opt.Leases.Machines() {
			if m.Name == name {
				return m
			}
		}
	}
	return work.Machine{Name: name}
}

func (x *exchange) machines() (any, error) {
	out := wire.MachinesAnswer{Machines: []work.Machine{}}
	if x.s.opt.Leases != nil {
		out.Machines = append(out.Machines, x.s.opt.Leases.Machines()...)
	}
	return out, nil
}
