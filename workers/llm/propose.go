package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks/schema"
	"jitos.dev/work"
)

// want is what is asked about a method.
type want struct {
	Text       string
	Tasks      []string
	Primitives []string
	Sample     string
	Said       string // what the model wrote before; empty the first time
	Fault      string // what was wrong with it
}

// proposal is the answer: files as a person would write them.
type proposal struct {
	Method string `json:"method"`
	Tests  string `json:"tests"`
}

// propose has the model write a method for what a text says. The result is its word,
// which the kernel holds to the library like anybody's; it may ask again with what
// was wrong.
func (w *Worker) propose(ctx context.Context, a work.Assignment) (work.Result, error) {
	in := want{Tasks: argTexts(a, "tasks"), Primitives: argTexts(a, "primitives")}
	in.Text, _ = a.Args["text"].(string)
	in.Sample, _ = a.Args["sample"].(string)
	in.Said, _ = a.Args["said"].(string)
	in.Fault, _ = a.Args["fault"].(string)
	if in.Text == "" || len(in.Primitives) == 0 {
		return work.Result{}, &rmg.Error{Op: "llm", Code: rmg.Invalid, Msg: "arguments text and primitives are needed"}
	}
	box := map[string]tool{
		"propose": {spec: Spec{"propose", "Write the method.", json.RawMessage(`{"type":"object","additionalProperties":false,"required":["method"],"properties":{
			"method":{"type":"string","minLength":1,"description":"a file of methods, in YAML"},
			"tests":{"type":"string","description":"golden tests of it, in YAML"}}}`)}, do: sayProposal},
		"decline": {spec: Spec{"decline", "Say that it cannot be done with what there is.", texts("why", "one sentence for the person")}, do: decline},
	}
	for name, t := range box {
		var err error
		if t.check, err = schema.Compile(t.spec.Schema); err != nil {
			return work.Result{}, fmt.Errorf("tool %s: %w", name, err)
		}
		box[name] = t
	}
	var first strings.Builder
	if err := w.prompts.want.Execute(&first, in); err != nil {
		return work.Result{}, fmt.Errorf("prompt: %w", err)
	}
	t := w.talk(&desk{a: a}, w.prompts.propose, box)
	t.said = []Message{{Role: roleUser, Text: strings.TrimSpace(first.String())}}
	res, err := t.answered(ctx, "write the method", func() (work.Result, bool, error) {
		m := t.d.made
		if m == nil {
			return work.Result{}, false, nil
		}
		return work.Result{OK: true, Summary: "a method is proposed", Output: rmg.PropsOf(map[string]rmg.Value{
			"method": rmg.String(m.Method), "tests": rmg.String(m.Tests),
		})}, true, nil
	})
	return t.keep(res), err
}

func sayProposal(_ context.Context, d *desk, in json.RawMessage) (string, error) {
	m := &proposal{}
	if err := json.Unmarshal(in, m); err != nil {
		return "", err
	}
	d.made = m
	return "", nil
}
