package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/work"
	"jitos.dev/workers"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
)

// commandTime is how long a command of the model's may take.
const commandTime = 5 * time.Minute

// command runs a program on the workspace as it is, in the sandbox.
func (d *desk) command(ctx context.Context, argv []string) (sandbox.Outcome, error) {
	var err error
	if d.folder == nil {
		d.folder, err = d.space.Materialise(ctx, 0)
	} else {
		err = d.folder.Update(ctx, d.space)
	}
	if err != nil {
		return sandbox.Outcome{}, err
	}
	place := gotool.Place{Folder: d.folder.Path(), Scratch: d.folder.Scratch(), Module: d.a.Repo.Module}
	c, err := workers.CommandIn(d.tool, place, commandTime, argv)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	c.Stdout = beats{d.a.Beat}
	c.MemoryMax, c.DiskMax = d.a.Budget.MemoryMax, d.a.Budget.ScratchMax
	workers.Reach(&c, d.a.Rights.Hosts, d.a.Emit)
	return sandbox.Run(ctx, c)
}

// beats takes output as a sign of life.
type beats struct{ beat func() }

func (b beats) Write(p []byte) (int, error) {
	b.beat()
	return len(p), nil
}

// tell is what the model is shown of a command.
func (d *desk) tell(argv []string, out sandbox.Outcome) string {
	end := fmt.Sprintf("exit %d", out.Exit)
	if out.Over != "" {
		end = "killed, limit " + out.Over
	}
	if out.TimedOut {
		end = fmt.Sprintf("still running after %v; it was killed", commandTime)
	}
	text := steady(string(out.Stdout)+string(out.Stderr), d.folder.Path(), d.folder.Scratch())
	return fmt.Sprintf("$ %s\n%s\n%s", strings.Join(argv, " "), end, text)
}

// steady takes out of output what differs from run to run, so that a conversation
// can be replayed: places, times, addresses, numbers of goroutines and processes.
func steady(s string, places ...string) string {
	for i, p := range places {
		s = strings.ReplaceAll(s, p, []string{".", "$SCRATCH"}[min(i, 1)])
	}
	for _, v := range [][2]string{
		{`\b\d+(\.\d+)?(ns|µs|ms|s)\b`, "TIME"}, {`\b0x[0-9a-f]+\b`, "0xADDR"}, {`\bgoroutine \d+\b`, "goroutine N"}, {`\bgo-build\d+\b`, "go-buildN"},
	} {
		s = regexp.MustCompile(v[0]).ReplaceAllString(s, v[1])
	}
	return s
}

// run runs an allowed command, and takes what it changes into the workspace.
func run(ctx context.Context, d *desk, raw json.RawMessage) (string, error) {
	var in struct{ Argv []string }
	if err := json.Unmarshal(raw, &in); err != nil {
		return "", err
	}
	if !allowed(d.allow, in.Argv) {
		return "", fault("%q is not allowed; what is: %s", strings.Join(in.Argv, " "), commandList(d.allow))
	}
	out, err := d.command(ctx, in.Argv)
	if err != nil {
		return "", err
	}
	told := d.tell(in.Argv, out)
	ops, err := d.folder.Scan(ctx)
	if err != nil || len(ops) == 0 {
		return told, err
	}
	err = d.space.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: "run " + strings.Join(in.Argv, " ")})
	if err != nil && !ends(err) {
		return told + "\nwhat it changed was refused: " + err.Error(), nil
	}
	return told + fmt.Sprintf("\nit changed %d places", len(ops)), err
}

// allowed reports whether a command begins as one of the list does.
func allowed(list [][]string, argv []string) bool {
	return slices.ContainsFunc(list, func(l []string) bool { return len(argv) >= len(l) && slices.Equal(l, argv[:len(l)]) })
}

func commandList(list [][]string) string {
	if len(list) == 0 {
		return "none"
	}
	var out []string
	for _, l := range list {
		out = append(out, strings.Join(l, " "))
	}
	return strings.Join(out, "; ")
}

// runGates runs all gates. What they change is thrown away.
func runGates(ctx context.Context, d *desk, _ json.RawMessage) (string, error) {
	text, _, err := d.prove(ctx)
	return text, err
}

// prove runs the gates, and says whether all are green. It is a courtesy to the
// model: the kernel runs its own. A tree that was green is not run again.
func (d *desk) prove(ctx context.Context) (string, bool, error) {
	at := d.space.Graph().Digest()
	if d.proven == at {
		return "all gates are green", true, nil
	}
	var told []string
	green := true
	for _, g := range d.gates {
		out, err := d.command(ctx, g)
		if err != nil {
			return "", false, err
		}
		if out.Exit == 0 && !out.TimedOut {
			told = append(told, fmt.Sprintf("$ %s\ngreen", strings.Join(g, " ")))
			continue
		}
		green = false
		told = append(told, d.tell(g, out)+"\nred")
	}
	if !green {
		return strings.Join(told, "\n"), false, nil
	}
	d.proven = at
	return strings.Join(append(told, "all gates are green"), "\n"), true, nil
}

// packages is the pattern of Go packages that an intent is about, relative to the
// module.
func packages(r work.Repo) string {
	dir := r.Target
	if strings.HasSuffix(dir, ".go") {
		dir = path.Dir(dir)
	}
	if r.Module != "" && r.Module != "." {
		rel, ok := strings.CutPrefix(dir, r.Module+"/")
		if !ok {
			return "./..."
		}
		dir = rel
	}
	if dir == "" || dir == "." {
		return "./..."
	}
	return "./" + dir + "/..."
}

// commands reads a list of commands from a task's arguments; each is a text, split
// at spaces, or a list of texts. The word {target} stands for the Go packages that
// the intent is about.
func commands(a work.Assignment, name string) ([][]string, error) {
	v, ok := a.Args[name]
	if !ok {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fault("argument %s: a list of commands is needed", name)
	}
	var out [][]string
	for i, x := range list {
		var argv []string
		switch x := x.(type) {
		case string:
			argv = strings.Fields(x)
		case []any:
			argv = names(x)
		}
		for j, word := range argv {
			if word == "{target}" {
				argv[j] = packages(a.Repo)
			}
		}
		if len(argv) == 0 {
			return nil, fault("argument %s: element %d is no command", name, i)
		}
		out = append(out, argv)
	}
	return out, nil
}
