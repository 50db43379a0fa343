package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks/schema"
	"jitos.dev/work"
)

// maxReadings is how many answers a model has to say what a text means.
const maxReadings = 4

// wish is what is asked about a text.
type wish struct {
	Text  string
	Tasks []string // "FixBug(what: text): make the failing tests pass"
	Names []string // what stands in the repository
	Said  string   // what the model said before; empty the first time
	Fault string   // what was wrong with it
}

// meaning is the answer: a task of the library, and what a person could have said
// in its words. Rights, network and budget are not asked for, and not taken.
type meaning struct {
	Intent     string            `json:"intent"`
	Target     string            `json:"target"`
	Parameters map[string]string `json:"parameters"`
}

// understand asks the model which task a text means. The result is its word, which
// the kernel holds to the library and the repository; it may ask again with what was
// wrong.
func (w *Worker) understand(ctx context.Context, a work.Assignment) (work.Result, error) {
	in := wish{Tasks: argTexts(a, "tasks"), Names: argTexts(a, "names")}
	in.Text, _ = a.Args["text"].(string)
	in.Said, _ = a.Args["said"].(string)
	in.Fault, _ = a.Args["fault"].(string)
	if in.Text == "" || len(in.Tasks) == 0 {
		return work.Result{}, &rmg.Error{Op: "llm", Code: rmg.Invalid, Msg: "arguments text and tasks are needed"}
	}
	box, err := readingBox(in.Tasks)
	if err != nil {
		return work.Result{}, err
	}
	var first strings.Builder
	if err := w.prompts.wish.Execute(&first, in); err != nil {
		return work.Result{}, fmt.Errorf("prompt: %w", err)
	}
	t := w.talk(&desk{a: a}, w.prompts.understand, box)
	t.said = []Message{{Role: roleUser, Text: strings.TrimSpace(first.String())}}
	res, err := t.read(ctx)
	return t.keep(res), err
}

// read talks until the model has said what it takes the text for.
func (t *talk) read(ctx context.Context) (work.Result, error) {
	return t.answered(ctx, "say what it means", func() (work.Result, bool, error) {
		m := t.d.meant
		if m == nil {
			return work.Result{}, false, nil
		}
		data, err := json.Marshal(m)
		return work.Result{OK: true, Summary: m.Intent + " on " + m.Target, Output: rmg.PropsOf(map[string]rmg.Value{"meaning": rmg.String(string(data))})}, true, err
	})
}

// answered talks until there is an answer, or the model has declined.
func (t *talk) answered(ctx context.Context, what string, answer func() (work.Result, bool, error)) (work.Result, error) {
	for t.turns < maxReadings {
		next, err := t.turn(ctx)
		if err != nil {
			return work.Result{}, err
		}
		if res, ok, err := answer(); ok || err != nil {
			return res, err
		}
		if end := t.d.ended; end != nil {
			return failed(shorten(strings.Join(strings.Fields(end.Summary), " "), maxSummary)), nil
		}
		t.said = append(t.said, next)
	}
	return failed(fmt.Sprintf("the model did not %s within %d answers", what, maxReadings)), nil
}

// readingBox makes the tools of a reading: the tasks that there are, and no other.
func readingBox(list []string) (map[string]tool, error) {
	var names []string
	for _, t := range list {
		name, _, _ := strings.Cut(t, "(")
		names = append(names, strings.TrimSpace(name))
	}
	slices.Sort(names)
	mean, err := json.Marshal(map[string]any{
		"type": "object", "additionalProperties": false, "required": []string{"intent", "target"},
		"properties": map[string]any{
			"intent":     map[string]any{"type": "string", "enum": names, "description": "the task"},
			"target":     map[string]any{"type": "string", "minLength": 1, "description": `what it is about: "." for the whole repository`},
			"parameters": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}, "description": "the task's parameters but for its target, by name"},
		},
	})
	if err != nil {
		return nil, err
	}
	box := map[string]tool{
		"mean":    {spec: Spec{"mean", "Say which task the person wants.", mean}, do: sayMeaning},
		"decline": {spec: Spec{"decline", "Say that none of the tasks is wanted, or that the words do not say enough.", texts("why", "one sentence for the person")}, do: decline},
	}
	for name, t := range box {
		if t.check, err = schema.Compile(t.spec.Schema); err != nil {
			return nil, fmt.Errorf("tool %s: %w", name, err)
		}
		box[name] = t
	}
	return box, nil
}

func sayMeaning(_ context.Context, d *desk, in json.RawMessage) (string, error) {
	m := &meaning{}
	if err := json.Unmarshal(in, m); err != nil {
		return "", err
	}
	d.meant = m
	return "", nil
}

func decline(_ context.Context, d *desk, in json.RawMessage) (string, error) {
	var why struct{ Why string }
	err := json.Unmarshal(in, &why)
	d.ended = &ending{Summary: why.Why}
	return "", err
}

// argTexts reads an argument that is a list of texts, sorted.
func argTexts(a work.Assignment, name string) []string {
	var out []string
	switch list := a.Args[name].(type) {
	case []string:
		out = slices.Clone(list)
	case []any:
		for _, x := range list {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
	}
	sort.Strings(out)
	return out
}
