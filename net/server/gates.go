package server

import (
	"context"
	"path/filepath"
	"slices"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

func gateCalls() []call {
	return []call{
		{
			method: get, path: "/gates", id: "gates", summary: "List what a repository's branch demands of every change",
			about:  "The branch that is checked out is brought in first. A gate file that cannot be read is a 400 that names each fault and its place.",
			params: []param{{name: "repo", kind: "string", about: "absolute path of a folder in the repository", required: true}},
			answer: wire.GatesAnswer{}, do: (*exchange).gates,
		},
		{
			method: post, path: "/gates/approve", id: "approve-gates", once: true, summary: "Let commands that a repository brings run, or no longer",
			about: "Takes the capability admin, and a person. An approval is of a command as it is: another one has another hash.",
			body:  wire.ApproveGatesRequest{}, answer: wire.ApproveGatesAnswer{}, do: (*exchange).approveGates,
		},
		{
			method: post, path: "/gates/run", id: "run-gates", summary: "Run a repository's gates without a collapse",
			about:  "On the branch as it is, or on what a workspace comes to there. Going away stops them.",
			body:   wire.RunGatesRequest{},
			events: []event{{wire.EventOutput, work.Event{}}, {wire.EventProven, wire.RunGatesAnswer{}}, {wire.EventError, wire.Problem{}}},
			do:     (*exchange).runGates,
		},
	}
}

// folder checks that a folder on disk is named from the root: the daemon has a
// working folder of its own.
func folder(name string) error {
	if filepath.IsAbs(name) {
		return nil
	}
	return wire.NewProblem(rmg.Invalid, "%q is no absolute path", name).WithHint("repo is a folder in the repository, from /")
}

func (x *exchange) gates() (any, error) {
	dir := x.text("repo")
	if err := folder(dir); err != nil {
		return nil, err
	}
	list, err := x.s.opt.Kernel.Gates(x.r.Context(), dir)
	if err != nil {
		return nil, err
	}
	return wire.GatesAnswer{Root: list.Root, File: list.File, Gates: wireGates(list.Gates), Setup: wireGates(list.Setup), Protected: list.Protected}, nil
}

func (x *exchange) approveGates() (any, error) {
	var in wire.ApproveGatesRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if err := folder(in.Repo); err != nil {
		return nil, err
	}
	if len(in.Which) == 0 {
		return nil, wire.NewProblem(rmg.Invalid, "which gates is not said").WithHint("which takes hashes or names; GET /gates has them")
	}
	do := x.s.opt.Kernel.ApproveGates
	if in.Revoke {
		do = x.s.opt.Kernel.RevokeGates
	}
	list, err := do(x.r.Context(), x.caller, in.Repo, in.Which)
	if err != nil {
		return nil, err
	}
	return wire.ApproveGatesAnswer{Gates: wireGates(list)}, nil
}

// runGates streams what the gates say, and then what they showed.
func (x *exchange) runGates() (any, error) {
	var in wire.RunGatesRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if err := folder(in.Repo); err != nil {
		return nil, err
	}
	q := kernel.GateRun{Dir: in.Repo, Space: in.SWS, Names: in.Names}
	return x.streamed(func(ctx context.Context, send func(string, any)) (string, any, error) {
		list, err := x.s.opt.Kernel.RunGates(ctx, x.caller, q, func(e work.Event) { send(wire.EventOutput, e) })
		green := !slices.ContainsFunc(list, func(e work.Evidence) bool { return !e.Green })
		return wire.EventProven, wire.RunGatesAnswer{Green: green, Evidence: append([]work.Evidence{}, list...)}, err
	})
}

func wireGates(list []kernel.OwnGate) []wire.Gate {
	out := []wire.Gate{}
	for _, g := range list {
		out = append(out, wire.Gate{Gate: g.Gate, Hash: g.Hash, Approved: g.Approved, By: g.By, At: at(g.At), Protected: g.Protected})
	}
	return out
}
