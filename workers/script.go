package workers

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// Script runs commands in the materialised workspace, in the sandbox. What they
// change in the folder becomes one rewrite of the workspace.
type Script struct {
	tool *gotool.Toolchain
}

// NewScript makes the worker; tool may be nil.
func NewScript(tool *gotool.Toolchain) *Script { return &Script{tool: tool} }

// Describe names its one action.
func (s *Script) Describe() work.Description {
	return work.Description{Name: "script", Summary: "runs a command in the workspace", Actions: []string{"run"}, Needs: []string{work.NeedCommands}}
}

// Run runs args argv (a list of strings; a single string is split at spaces,
// no shell) in the module's folder. It is OK if the command exits with 0, or
// args say allow_fail. It reaches the hosts that the rights name, and no other. Of
// the output props exit is the exit status; sandbox, network and hosts say what was
// in force, and connections what it tried to reach. In a race the
// command finds its lane in JITOS_LANE. What it read is asked of the sandbox; where
// that cannot tell, args inputs (a list of globs) count as read, if there are any.
func (s *Script) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	if a.Action != "run" {
		return work.Result{}, &rmg.Error{Op: "script", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
	}
	argv, err := commandOf(a.Args)
	if err != nil {
		return work.Result{}, err
	}
	inputs, err := listOf(a.Args, "inputs")
	if err != nil {
		return work.Result{}, err
	}
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return work.Result{}, err
	}
	defer f.Close()
	place := gotool.Place{Folder: f.Path(), Scratch: f.Scratch(), Module: a.Repo.Module, Own: a.Repo.Top}
	timeout := time.Duration(a.Budget.WallMillis) * time.Millisecond
	c, err := CommandIn(s.tool, place, timeout, argv)
	if err != nil {
		return work.Result{}, err
	}
	if a.Lane > 0 {
		c.Env = append(c.Env, fmt.Sprintf("JITOS_LANE=%d", a.Lane))
	}
	c.MemoryMax, c.DiskMax = a.Budget.MemoryMax, a.Budget.ScratchMax
	c.Reads = a.Reads
	Reach(&c, a.Rights.Hosts, a.Emit)
	out, err := streamed(ctx, c, func(stream, line string) {
		a.Emit(work.Event{Text: line, Data: map[string]any{"stream": stream}})
	})
	if err != nil {
		return work.Result{}, err
	}
	if out.Over != "" {
		return work.Result{Output: rmg.PropsOf(Reached(out))}, &rmg.Error{Op: "run", Code: rmg.Limit, Msg: argv[0] + " was killed, " + out.Over, Hint: MoreOf(out.Over)}
	}
	ops, err := f.Scan(ctx)
	if err != nil {
		return work.Result{}, err
	}
	if len(ops) > 0 {
		err = a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: "run " + strings.Join(argv, " ")})
		if err != nil {
			return work.Result{}, err
		}
	}
	output := map[string]rmg.Value{"exit": rmg.Int(int64(out.Exit)), "changes": rmg.Int(int64(len(ops)))}
	maps.Copy(output, Reached(out))
	res := work.Result{
		OK:      out.Exit == 0 || a.Args["allow_fail"] == true,
		Summary: fmt.Sprintf("%s: exit %d, %d changes", argv[0], out.Exit, len(ops)),
		Output:  rmg.PropsOf(output),
		Reads:   out.Reads,
	}
	if a.Reads && res.Reads == nil && len(inputs) > 0 {
		res.Reads = &work.Reads{By: work.ReadsDeclared, Names: inputs}
	}
	if out.TimedOut {
		res.OK, res.Summary = false, fmt.Sprintf("%s: still running after %v; it was killed", argv[0], timeout)
	}
	if !res.OK {
		res.Reasons = []string{res.Summary, gotool.FirstLine(append(out.Stderr, out.Stdout...))}
	}
	return res, nil
}

// commandOf reads the command from a task's arguments.
func commandOf(args map[string]any) ([]string, error) {
	argv, err := listOf(args, "argv")
	if err == nil && (len(argv) == 0 || argv[0] == "") {
		err = badArg("argv", "a command is needed")
	}
	return argv, err
}

// listOf reads a list of texts from a task's arguments; a single text is split at
// spaces.
func listOf(args map[string]any, name string) ([]string, error) {
	switch v := args[name].(type) {
	case string:
		return strings.Fields(v), nil
	case []string:
		return v, nil
	case []any:
		var out []string
		for i, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, badArg(name, fmt.Sprintf("element %d is no string", i))
			}
			out = append(out, s)
		}
		return out, nil
	}
	return nil, nil
}

func badArg(name, why string) error {
	return &rmg.Error{Op: "task", Code: rmg.Invalid, Msg: fmt.Sprintf("argument %s: %s", name, why)}
}

// text reads a string argument.
func text(args map[string]any, name string) (string, error) {
	s, ok := args[name].(string)
	if !ok || s == "" {
		return "", badArg(name, "a text is needed")
	}
	return s, nil
}
