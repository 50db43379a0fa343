package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks/schema"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// maxToolOutput is how much of what a tool says the model is shown, in bytes.
const maxToolOutput = 16 << 10

// desk is where a conversation's tools work: a child of the task's workspace.
type desk struct {
	a      work.Assignment
	space  work.Workspace
	tool   *gotool.Toolchain // nil if there is no Go
	allow  [][]string        // beginnings of commands that may be run
	gates  [][]string
	folder work.Folder // nil until a command is run
	proven rmg.Digest  // of the tree on which all gates were green last
	ended  *ending
	meant  *meaning // of a text that is read
	made   *proposal
}

// ending is what the model says when it is done.
type ending struct {
	Summary string `json:"summary"`
	Done    bool   `json:"done"`
}

// tool is something that the model may use.
type tool struct {
	spec  Spec
	check *schema.Schema
	do    func(ctx context.Context, d *desk, in json.RawMessage) (string, error)
}

// text is the schema of an object of required texts, with their meanings; names
// that end in "?" may be left out.
func texts(pairs ...string) json.RawMessage {
	props := map[string]any{}
	required := []string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, optional := strings.CutSuffix(pairs[i], "?")
		props[name] = map[string]any{"type": "string", "description": pairs[i+1]}
		if !optional {
			required = append(required, name)
		}
	}
	out, err := json.Marshal(map[string]any{"type": "object", "additionalProperties": false, "properties": props, "required": required})
	if err != nil {
		panic(err) // of strings alone
	}
	return out
}

// toolbox makes the tools, by name. It fails only if a schema of this package is
// wrong.
func toolbox() (map[string]tool, error) {
	list := []tool{
		{Spec{"list", "List the files below a folder, with their sizes.", texts("path?", `folder, relative to the repository; "." for all`)}, nil, list},
		{Spec{"read", "Read a text file. Lines are numbered; the numbers are not part of the file.", texts("path", "file, relative to the repository")}, nil, read},
		{Spec{"search", "Search the files by a regular expression (RE2). Gives path:line: text.", texts("pattern", "regular expression", "path?", "folder or file to search in")}, nil, search},
		{Spec{"write", "Write a whole file, new or not.", texts("path", "file, relative to the repository", "text", "all of its content")}, nil, write},
		{Spec{"edit", "Replace a piece of a file, which must stand in it exactly once.", texts("path", "file", "old", "the piece, exactly as it stands there", "new", "what replaces it")}, nil, edit},
		{Spec{"patch", "Apply a unified diff of one or more files. Context lines must match exactly.", texts("diff", "the diff, with --- and +++ lines")}, nil, patch},
		{Spec{"run", "Run one of the allowed commands in the repository; no shell, no network.", json.RawMessage(
			`{"type":"object","additionalProperties":false,"properties":{"argv":{"type":"array","minItems":1,"items":{"type":"string"},"description":"the command and its arguments"}},"required":["argv"]}`)}, nil, run},
		{Spec{"gates", "Run all checks that the change will be judged by.", texts()}, nil, runGates},
		{Spec{"finish", "Say that the work is done, or that it cannot be done.", json.RawMessage(
			`{"type":"object","additionalProperties":false,"properties":{"done":{"type":"boolean","description":"false if it cannot be done"},"summary":{"type":"string","minLength":1,"maxLength":2000,"description":"one sentence: what was wrong and what was changed, or why it cannot be done"}},"required":["done","summary"]}`)}, nil, finish},
	}
	out := map[string]tool{}
	for _, t := range list {
		var err error
		if t.check, err = schema.Compile(t.spec.Schema); err != nil {
			return nil, fmt.Errorf("tool %s: %w", t.spec.Name, err)
		}
		out[t.spec.Name] = t
	}
	return out, nil
}

// specs lists the tools for a model, by name.
func specs(box map[string]tool) []Spec {
	var out []Spec
	for _, t := range box {
		out = append(out, t.spec)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// use does one call. What goes wrong is told to the model, which may do better;
// the error is for what ends the conversation.
func (d *desk) use(ctx context.Context, box map[string]tool, c Call) (Result, error) {
	failed := func(format string, args ...any) (Result, error) {
		return Result{ID: c.ID, Text: shorten(fmt.Sprintf(format, args...), maxToolOutput), Failed: true}, nil
	}
	t, ok := box[c.Name]
	if !ok {
		return failed("there is no tool %q", c.Name)
	}
	var in any
	if err := json.Unmarshal(c.Input, &in); err != nil {
		return failed("the input is no JSON: %v", err)
	}
	if faults := t.check.Faults(in); len(faults) > 0 {
		return failed("the input does not fit the tool's schema: %s", told(faults))
	}
	out, err := t.do(ctx, d, c.Input)
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil && ends(err):
		return Result{}, err
	case err != nil:
		return failed("%v", err)
	}
	return Result{ID: c.ID, Text: shorten(out, maxToolOutput)}, nil
}

// told lists faults in one line.
func told(faults []schema.Fault) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.String())
	}
	return strings.Join(out, "; ")
}

// ends reports whether an error is not the model's to mend: a budget that is used
// up, a lease that is over, a daemon that stops.
func ends(err error) bool {
	switch codeOf(err) {
	case rmg.Limit, rmg.Stale, rmg.Unavailable, rmg.Internal:
		return true
	}
	return false
}

// shorten cuts the middle out of a text that is too long.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	half := most / 2
	return strings.ToValidUTF8(s[:half], "") + fmt.Sprintf("\n... %d bytes left out ...\n", len(s)-2*half) + strings.ToValidUTF8(s[len(s)-half:], "")
}

func finish(_ context.Context, d *desk, in json.RawMessage) (string, error) {
	d.ended = &ending{}
	return "", json.Unmarshal(in, d.ended)
}
