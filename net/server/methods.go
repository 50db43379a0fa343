package server

import (
	"jitos.dev/kernel"
	"jitos.dev/net/wire"
)

func (x *exchange) addMethod() (any, error) {
	var in wire.MethodRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	m, err := x.s.opt.Kernel.AddMethod(x.r.Context(), x.caller, in.Text, in.Tests)
	return addedMethod(m), err
}

func (x *exchange) proposeMethod() (any, error) {
	var in wire.ProposeRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	m, err := x.s.opt.Kernel.ProposeMethod(x.r.Context(), x.caller, in.Words)
	return addedMethod(m), err
}

func (x *exchange) approveMethod() (any, error) {
	var in wire.ApproveMethodRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	m, err := x.s.opt.Kernel.ApproveMethod(x.r.Context(), x.caller, x.id(), in.Digest)
	return addedMethod(m), err
}

func addedMethod(m kernel.AddedMethod) wire.AddedMethod {
	return wire.AddedMethod{
		Name: m.Name, Text: m.Text, Tests: m.Tests, Digest: m.Digest, Tested: m.Tested, Proposed: m.Proposed, By: m.By, Words: m.Words, Model: m.Model,
	}
}
