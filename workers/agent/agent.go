// Package agent is the worker that lets somebody else's coding agent work in the
// workspace: by its command line, whose output is read line by line, or by the
// Agent Client Protocol, JSON-RPC over stdin and stdout.
//
// The agent is a program like any other. It runs in the sandbox, in a materialised
// copy, with a HOME of its own and the few variables of the environment that it
// was given. What it leaves in the folder is one change, judged by the rights of
// the process and then by the kernel's gates; what it says proves nothing.
package agent

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
)

//go:embed prompts
var promptFiles embed.FS

// The limits of an agent.
const (
	silence       = 15 * time.Minute
	defaultTime   = 30 * time.Minute
	maxTranscript = 4 << 20 // bytes
	maxSummary    = 300     // bytes
	maxSuspects   = 10
)

// Options says which agent is run.
type Options struct {
	Command Command
	Go      *gotool.Toolchain // nil if this machine has no Go
	// Permit are the kinds of tool call that an agent which asks is allowed; nil
	// for DefaultPermit.
	Permit []string
	// Hosts are those that it may reach whatever the process may, "name:port": of
	// its model. Without any, and none of the process's, it has no network.
	Hosts []string
}

// Worker is work.Worker. Action: implement.
type Worker struct {
	opt    Options
	prompt *template.Template
}

// New makes the worker.
func New(opt Options) (*Worker, error) {
	if opt.Permit == nil {
		opt.Permit = DefaultPermit()
	}
	hosts, err := work.ParseHosts(opt.Hosts)
	if err != nil {
		return nil, err
	}
	opt.Hosts = hosts
	t, err := template.New("implement.md.tmpl").Option("missingkey=error").ParseFS(promptFiles, "prompts/implement.md.tmpl")
	return &Worker{opt, t}, err
}

// Describe lists the actions.
func (w *Worker) Describe() work.Description {
	return work.Description{
		Name: "agent", Summary: "lets " + w.opt.Command.Name + " work in the workspace",
		Actions: []string{"implement"}, Needs: []string{work.NeedCommands}, HeartbeatMillis: silence.Milliseconds(), Home: true,
	}
}

// told is what an agent said of its work.
type told struct {
	summary string
	failed  string // why it says that it failed
	tokens  int64
	money   int64 // millionths
}

// Run lets the agent do args what.
func (w *Worker) Run(ctx context.Context, a work.Assignment) (res work.Result, err error) {
	if a.Action != "implement" {
		return res, &rmg.Error{Op: "agent", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
	}
	prompt, err := w.promptFor(a)
	if err != nil {
		return res, err
	}
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	said := &transcript{}
	t, out, err := w.talk(ctx, a, f, prompt, said)
	if err != nil {
		return res, err
	}
	res = work.Result{Spent: work.Spent{Tokens: t.tokens, MoneyMicros: t.money}}
	blob, err := a.Workspace.PutBlob(w.opt.Command.censor(said.bytes()))
	if err != nil {
		return res, err
	}
	output := workers.Reached(out)
	output["agent"], output["exit"] = rmg.String(w.opt.Command.Name), rmg.Int(int64(out.Exit))
	output["tokens"], output["transcript"] = rmg.Int(t.tokens), rmg.BlobOf(blob)
	res.Output = rmg.PropsOf(output)
	switch {
	case out.Over != "":
		return res, &rmg.Error{Op: "agent", Code: rmg.Limit, Msg: "the agent was killed, " + out.Over, Hint: workers.MoreOf(out.Over)}
	case out.TimedOut:
		return ended(res, "the agent was still at work at the end of its time"), nil
	case t.failed != "":
		return ended(res, "the agent says: "+t.failed), nil
	case out.Exit != 0:
		return ended(res, fmt.Sprintf("the agent ended with exit %d: %s", out.Exit, firstOf(t.summary, lastLine(out.Stderr)))), nil
	}
	ops, err := f.Scan(ctx)
	if err != nil {
		return res, err
	}
	if len(ops) == 0 {
		return ended(res, "the agent changed nothing: "+t.summary), nil
	}
	child, err := a.Workspace.Fork(ctx, "what the agent did: "+t.summary, ops)
	if denied(err) {
		return ended(res, "what the agent changed is refused: "+err.Error()), nil
	}
	if err != nil {
		return res, err
	}
	res.OK, res.Adopt, res.Summary = true, child.ID(), firstOf(t.summary, fmt.Sprintf("%d changes", len(ops)))
	return res, nil
}

func denied(err error) bool {
	var e *rmg.Error
	return errors.As(err, &e) && e.Code == rmg.Denied
}

func ended(res work.Result, why string) work.Result {
	res.Summary = short(why)
	res.Reasons = []string{res.Summary}
	return res
}

// talk runs the agent to its end.
func (w *Worker) talk(ctx context.Context, a work.Assignment, f work.Folder, prompt string, said *transcript) (told, sandbox.Outcome, error) {
	limit := defaultTime
	if a.Budget.WallMillis > 0 {
		limit = min(limit, time.Duration(a.Budget.WallMillis)*time.Millisecond)
	}
	place := gotool.Place{Folder: f.Path(), Scratch: f.Scratch()}
	c, err := workers.CommandIn(w.opt.Go, place, limit, w.opt.Command.argv(prompt))
	if err != nil {
		return told{}, sandbox.Outcome{}, err
	}
	c.Env = append(c.Env, w.opt.Command.Env...)
	c.Read = append(c.Read, w.opt.Command.Read...)
	c.MemoryMax, c.DiskMax = a.Budget.MemoryMax, a.Budget.ScratchMax
	hosts := slices.Concat(w.opt.Hosts, a.Rights.Hosts)
	slices.Sort(hosts)
	workers.Reach(&c, slices.Compact(hosts), a.Emit)
	if w.opt.Command.ACP {
		return w.converse(ctx, a, c, prompt, said)
	}
	r := &reader{say: a.Emit, said: said}
	lines := &lineWriter{each: r.line}
	c.Stdout = lines
	c.Stderr = &lineWriter{each: func(l string) { a.Emit(work.Event{Text: short(l), Data: map[string]any{"stream": "stderr"}}) }}
	out, err := sandbox.Run(ctx, c)
	lines.flush()
	return r.told, out, err
}

// promptFor is what the agent is asked.
func (w *Worker) promptFor(a work.Assignment) (string, error) {
	b := struct {
		What, Repository, Module, Target, Write string
		Failing, Suspects                       []string
	}{Repository: a.Repo.Name, Module: firstOf(a.Repo.Module, "."), Target: firstOf(a.Repo.Target, "."), Write: strings.Join(a.Rights.Write, ", ")}
	b.What, _ = a.Args["what"].(string) // a task may say it itself
	if b.What == "" {
		b.What = "Make the failing tests of " + b.Target + " pass without breaking others."
	}
	if goal, _ := a.Args["goal"].(string); goal != "" {
		b.What = goal + " " + b.What // what the method says of every such task
	}
	for _, id := range slices.Sorted(maps.Keys(a.Inputs)) {
		b.Failing = append(b.Failing, stringsOf(a.Inputs[id], "failing")...)
		b.Suspects = append(b.Suspects, stringsOf(a.Inputs[id], "suspects")...)
	}
	b.Suspects = b.Suspects[:min(len(b.Suspects), maxSuspects)]
	var out strings.Builder
	if err := w.prompt.Execute(&out, b); err != nil {
		return "", fmt.Errorf("prompt: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

func stringsOf(p rmg.Props, name string) []string {
	v, _ := p.Get(name)
	list, _ := v.AsList()
	var out []string
	for _, x := range list {
		if s, ok := x.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

func firstOf(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// short makes one line of a text, and not a long one.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxSummary {
		s = strings.ToValidUTF8(s[:maxSummary], "") + "..."
	}
	return s
}

func lastLine(data []byte) string {
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

// transcript keeps what an agent said, up to a limit.
type transcript struct {
	mu   sync.Mutex // guards data
	data bytes.Buffer
}

func (t *transcript) line(mark, s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.data.Len()+len(s) < maxTranscript {
		t.data.WriteString(mark + s + "\n")
	}
}

func (t *transcript) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.data.Bytes())
}

// maxLine is how long a line of output may be; the rest of a longer one is left
// out.
const maxLine = 4 << 20

// lineWriter passes whole lines on.
type lineWriter struct {
	each func(string)
	part []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n':
			l.each(string(l.part))
			l.part = l.part[:0]
		case len(l.part) < maxLine:
			l.part = append(l.part, b)
		}
	}
	return len(p), nil
}

func (l *lineWriter) flush() {
	if len(l.part) > 0 {
		l.each(string(l.part))
		l.part = l.part[:0]
	}
}
