package workers

import (
	"context"
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Builtin are the actions that are Go functions of this program: nothing is
// run, everything is a rewrite of the workspace.
type Builtin struct {
	actions map[string]func(context.Context, work.Assignment) (work.Result, error)
}

// NewBuiltin makes the worker.
func NewBuiltin() *Builtin {
	return &Builtin{actions: map[string]func(context.Context, work.Assignment) (work.Result, error){
		"append": appendEvent, "copy": copyArtifact, "mark": mark, "query": query, "render": render, "write": writeFile,
	}}
}

// Describe lists the actions.
func (b *Builtin) Describe() work.Description {
	return work.Description{
		Name: "builtin", Summary: "writes files, events and marks, copies artifacts, renders reports",
		Actions: []string{"append", "copy", "mark", "query", "render", "write"},
	}
}

// Run does one action.
func (b *Builtin) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	do, ok := b.actions[a.Action]
	if !ok {
		return work.Result{}, &rmg.Error{Op: "builtin", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
	}
	return do(ctx, a)
}

// inRepo is a path given as an argument: a graph path, or one relative to the
// repository.
func inRepo(a work.Assignment, name string) (rmg.Path, error) {
	s, err := text(a.Args, name)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(s, "/") {
		return rmg.ParsePath(s)
	}
	if a.Repo.Root == "" {
		return "", badArg(name, "the process has no repository; give a graph path")
	}
	ids := strings.Split(s, "/")
	for _, id := range ids {
		if id == "" || id == "." || id == ".." {
			return "", badArg(name, fmt.Sprintf("%q is no path inside the repository", s))
		}
	}
	return a.Repo.Root.Join(ids...), nil
}

// rewriteWith applies ops and says so.
func rewriteWith(ctx context.Context, a work.Assignment, summary string, ops ...rewrite.Op) (work.Result, error) {
	if err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: summary}); err != nil {
		return work.Result{}, err
	}
	return work.Result{OK: true, Summary: summary}, nil
}

// writeFile writes args text to args path.
func writeFile(ctx context.Context, a work.Assignment) (work.Result, error) {
	p, err := inRepo(a, "path")
	if err != nil {
		return work.Result{}, err
	}
	content, ok := a.Args["text"].(string)
	if !ok {
		return work.Result{}, badArg("text", "a text is needed")
	}
	b, err := a.Workspace.PutBlob([]byte(content))
	if err != nil {
		return work.Result{}, err
	}
	return rewriteWith(ctx, a, "write "+string(p), rewrite.Op{Op: rewrite.Write, Path: p, Blob: b})
}

// appendEvent adds a node of args kind (default Event) below args path, named
// by the next number there, with args props.
func appendEvent(ctx context.Context, a work.Assignment) (work.Result, error) {
	at, err := inRepo(a, "path")
	if err != nil {
		return work.Result{}, err
	}
	props, err := propsArg(a)
	if err != nil {
		return work.Result{}, err
	}
	e, ok := a.Workspace.Graph().Get(at)
	if !ok {
		return work.Result{}, &rmg.Error{Op: "append", Path: at, Code: rmg.NotFound, Msg: "there is no such node to append to"}
	}
	kind, _ := a.Args["kind"].(string)
	if kind == "" {
		kind = "Event"
	}
	n, _ := e.Graph.Len()
	id := fmt.Sprintf("%06d", n+1)
	for {
		if _, taken := e.Graph.Node(id); !taken {
			break
		}
		n++
		id = fmt.Sprintf("%06d", n+1)
	}
	return rewriteWith(ctx, a, "append to "+string(at), rewrite.Op{Op: rewrite.AddNode, Path: at.Child(id), Kind: kind, Props: props})
}

// mark sets args props on args path.
func mark(ctx context.Context, a work.Assignment) (work.Result, error) {
	p, err := inRepo(a, "path")
	if err != nil {
		return work.Result{}, err
	}
	props, err := propsArg(a)
	if err != nil {
		return work.Result{}, err
	}
	return rewriteWith(ctx, a, "mark "+string(p), rewrite.Op{Op: rewrite.Set, Path: p, Props: props})
}

// propsArg reads args props: strings, numbers and booleans.
func propsArg(a work.Assignment) (map[string]rmg.Value, error) {
	m, ok := a.Args["props"].(map[string]any)
	if !ok || len(m) == 0 {
		return nil, badArg("props", "a map of props is needed")
	}
	out := map[string]rmg.Value{}
	for name, v := range m {
		switch x := v.(type) {
		case string:
			out[name] = rmg.String(x)
		case bool:
			out[name] = rmg.Bool(x)
		case int:
			out[name] = rmg.Int(int64(x))
		case int64:
			out[name] = rmg.Int(x)
		case float64:
			if x == float64(int64(x)) {
				out[name] = rmg.Int(int64(x))
			} else {
				out[name] = rmg.Float(x)
			}
		default:
			return nil, badArg("props", fmt.Sprintf("%s is neither text, number nor boolean", name))
		}
	}
	return out, nil
}

// copyArtifact copies the file args from to args to.
func copyArtifact(ctx context.Context, a work.Assignment) (work.Result, error) {
	from, err := inRepo(a, "from")
	if err != nil {
		return work.Result{}, err
	}
	to, err := inRepo(a, "to")
	if err != nil {
		return work.Result{}, err
	}
	e, ok := a.Workspace.Graph().Get(from)
	if !ok || e.Kind != rewrite.KindFile {
		return work.Result{}, &rmg.Error{Op: "copy", Path: from, Code: rmg.NotFound, Msg: "there is no such file"}
	}
	op := rewrite.Op{Op: rewrite.Write, Path: to, Blob: e.Props.Blob(rewrite.PropBlob), Mode: e.Props.String(rewrite.PropMode)}
	return rewriteWith(ctx, a, fmt.Sprintf("copy %s to %s", from, to), op)
}
