package server

import (
	"path/filepath"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (x *exchange) gc() (any, error) {
	var in wire.GCRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	g, err := x.s.opt.Kernel.GC(x.r.Context(), x.caller, kernel.GCRequest{DryRun: in.DryRun, Reason: in.Reason})
	if err != nil {
		return nil, err
	}
	return wire.GCAnswer{
		DryRun: in.DryRun, Seq: g.Seq, Spaces: append([]string{}, g.Spaces...), Kept: g.Kept, KeepDiscarded: g.Policy,
		GivenUp: wire.Content(g.GivenUp), Unnamed: wire.Content(g.Unnamed),
		Removed: wire.Content(g.Removed), Left: wire.Content(g.Left), Recent: g.Recent, Marks: g.Marks,
	}, nil
}

func (x *exchange) backup() (any, error) {
	var in wire.BackupRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(in.To) {
		return nil, wire.NewProblem(rmg.Invalid, "%q is no absolute path", in.To).WithHint("the daemon has a working folder of its own")
	}
	b, err := x.s.opt.Kernel.Backup(x.r.Context(), x.caller, in.To)
	if err != nil {
		return nil, err
	}
	return wire.BackupAnswer{To: in.To, Seq: b.Seq, Files: b.Files, Bytes: b.Bytes}, nil
}
