package server

import (
	"context"
	"fmt"

	"jitos.dev/kernel"
	"jitos.dev/work"
)

func ownGates() []kernel.OwnGate {
	return []kernel.OwnGate{{
		Gate: work.Gate{Name: "lint", Kind: work.GateCommand, Argv: []string{"make", "lint"}, Module: ".", TimeoutMillis: 600_000},
		Hash: "abcdef", Approved: true, By: "ada@host", At: began, Protected: []string{"lint/**"},
	}}
}

func (f *fake) Gates(_ context.Context, dir string) (kernel.OwnGates, error) {
	return kernel.OwnGates{Root: "/repo/app/main", File: "/repo/app/main/.jitos/gates.yaml", Gates: ownGates(), Protected: []string{".jitos/gates.yaml"}}, f.call("Gates", " ", dir)
}

func (f *fake) AddFolder(_ context.Context, c kernel.Caller, dir string) (kernel.AddedFolder, error) {
	return kernel.AddedFolder{Root: "/repo/notes/main", Top: dir, Head: "abc"}, f.call("AddFolder", " ", c.Name, " ", dir)
}

func (f *fake) ForgetFolder(_ context.Context, c kernel.Caller, dir string, dryRun bool) (kernel.ForgottenFolder, error) {
	return kernel.ForgottenFolder{Root: "/repo/notes", Top: dir, Bytes: 9}, f.call("ForgetFolder", " ", c.Name, " ", dir, " ", dryRun)
}

func (f *fake) ApproveGates(_ context.Context, c kernel.Caller, dir string, which []string) ([]kernel.OwnGate, error) {
	return ownGates(), f.call("ApproveGates", " ", c.Name, " ", dir, " ", which)
}

func (f *fake) RevokeGates(_ context.Context, c kernel.Caller, dir string, which []string) ([]kernel.OwnGate, error) {
	return ownGates(), f.call("RevokeGates", " ", c.Name, " ", dir, " ", which)
}

func (f *fake) RunGates(_ context.Context, c kernel.Caller, r kernel.GateRun, emit func(work.Event)) ([]work.Evidence, error) {
	emit(work.Event{Text: "green lint: exit 0"})
	return []work.Evidence{
		{Gate: "lint", Kind: work.GateCommand, Green: true, Reason: "exit 0", Demanded: true},
		{Gate: "unit", Kind: work.GateTest, Reason: "1 test red", Tests: []work.Test{{Package: "p", Name: "TestA", Status: work.TestFail}}, Tries: []work.Evidence{{Gate: "unit"}}},
	}, f.call("RunGates", " ", c.Name, " ", fmt.Sprint(r))
}
