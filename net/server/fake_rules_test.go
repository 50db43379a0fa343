package server

import (
	"context"
	"fmt"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
)

func someRules() []kernel.RuleInfo {
	return []kernel.RuleInfo{{Name: "grow", Doc: "a link more", At: "/chain", Deep: true, Priority: 1}}
}

func (f *fake) Rules(view string) ([]kernel.RuleInfo, error) {
	return someRules(), f.call("Rules", " ", view)
}

func (f *fake) CheckRules(view, file string, text []byte) ([]kernel.RuleInfo, error) {
	return someRules(), f.call("CheckRules", " ", view, " ", file, " ", string(text))
}

func (f *fake) AddRules(_ context.Context, c kernel.Caller, view, file string, text []byte) ([]kernel.RuleInfo, kernel.Receipt, error) {
	return someRules(), kernel.Receipt{Seq: 42, Tick: 40}, f.call("AddRules", " ", c.Name, " ", view, " ", file, " ", string(text))
}

func (f *fake) SwitchRule(_ context.Context, c kernel.Caller, name string, on bool, reason string) (kernel.RuleInfo, kernel.Receipt, error) {
	r := kernel.RuleInfo{Name: name, At: "/chain", Reactive: true, Fault: "kind B", On: on, Off: "why", By: "ada", Since: 44, Fired: 3, Last: 50}
	return r, kernel.Receipt{Seq: 44, Tick: 42}, f.call("SwitchRule", " ", c.Name, " ", name, " ", fmt.Sprint(on), " ", reason)
}

func (f *fake) ApplyRules(_ context.Context, c kernel.Caller, q kernel.RulesRequest) (kernel.RulesApplied, error) {
	return kernel.RulesApplied{
		Program: "grow!", Applied: map[string]int{"grow": 3}, Rewrites: 3, Plans: map[string]string{"grow": "begin with a:Link: 1\n"},
		Ops: []rewrite.Op{{Op: rewrite.Remove, Path: "/chain/a"}}, Receipt: kernel.Receipt{Seq: 43, Tick: 41},
	}, f.call("ApplyRules", " ", c.Name, " ", fmt.Sprint(q))
}
