package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of commands.
const (
	headOutput     = 16 << 10 // bytes kept of a command's first output
	tailOutput     = 48 << 10 // and of its last
	gateOutput     = 8 << 10  // bytes shown of a red gate's output
	defaultTimeout = 10 * time.Minute
	maxTimeout     = 2 * time.Hour
)

func (s *Server) runTools() {
	tool(s, sdk.Tool{
		Name: "run_command", Annotations: writes("Run a command in the workspace", true),
		Description: "Run a command in the workspace's files, in the sandbox: no network, and nothing outside of the workspace can be written. What it changes is in the workspace when it has ended. Give argv, or command for a shell. The exit code is part of the answer; one that is not 0 is no error of the tool.",
	}, runCommand)
	tool(s, sdk.Tool{
		Name: "gates_run", Annotations: writes("Run the repository's gates", false),
		Description: "Run the checks that a collapse would have to pass, on what the workspace comes to when it is merged with today's branch. Nothing is landed. Call it before workspace_collapse when you want to see red gates' output.",
	}, runGates)
}

type runInput struct {
	Argv      []string `json:"argv,omitempty" jsonschema:"program and arguments; no shell stands between"`
	Command   string   `json:"command,omitempty" jsonschema:"instead of argv: a line for sh -c"`
	Timeout   int      `json:"timeout_seconds,omitempty" jsonschema:"600 if absent, 7200 at most"`
	Workspace string   `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type runOutput struct {
	Exit      int    `json:"exit" jsonschema:"0 is success"`
	Output    string `json:"output" jsonschema:"standard output and error, as they came"`
	Truncated bool   `json:"truncated,omitempty" jsonschema:"the middle of the output is left out"`
	TimedOut  bool   `json:"timed_out,omitempty" jsonschema:"it was stopped at the timeout; what it changed until then is in the workspace"`
}

func runCommand(ctx context.Context, x *exchange, in runInput) (runOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return runOutput{}, err
	}
	argv := in.Argv
	switch {
	case (len(argv) == 0) == (in.Command == ""):
		return runOutput{}, wire.NewProblem(rmg.Invalid, "give either argv or command").WithHint(`for example argv ["go","test","./..."]`)
	case in.Command != "":
		argv = []string{"sh", "-c", in.Command}
	}
	limit := defaultTimeout
	if in.Timeout > 0 {
		limit = min(time.Duration(in.Timeout)*time.Second, maxTimeout)
	}
	within, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var said ends
	for e, err := range x.c.Exec(within, p.id, wire.ExecRequest{Argv: argv}) {
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return runOutput{Exit: -1, Output: said.String(), Truncated: said.cut(), TimedOut: true}, nil
		case err != nil:
			return runOutput{}, err
		case e.Output != nil:
			said.add(e.Output.Text + "\n")
			x.tell(ctx, e.Output.Text)
		case e.Exit != nil:
			return runOutput{Exit: e.Exit.Exit, Output: said.String(), Truncated: said.cut()}, nil
		}
	}
	return runOutput{}, wire.NewProblem(rmg.Unavailable, "the daemon said nothing of how the command ended")
}

// ends keeps the beginning and the end of an output.
type ends struct {
	head    strings.Builder
	tail    []string
	size    int // of tail, in bytes
	dropped int
}

func (e *ends) add(text string) {
	if len(e.tail) == 0 && e.head.Len()+len(text) <= headOutput {
		e.head.WriteString(text)
		return
	}
	e.tail = append(e.tail, text)
	e.size += len(text)
	for e.size > tailOutput && len(e.tail) > 1 {
		e.size -= len(e.tail[0])
		e.dropped += len(e.tail[0])
		e.tail = e.tail[1:]
	}
	if last := e.tail[0]; len(last) > tailOutput { // one endless line
		e.dropped += len(last) - tailOutput
		e.tail[0] = strings.ToValidUTF8(last[len(last)-tailOutput:], "")
		e.size = len(e.tail[0])
	}
}

func (e *ends) cut() bool { return e.dropped > 0 }

// String is what is kept, and how much is not.
func (e *ends) String() string {
	out := e.head.String()
	if e.dropped > 0 {
		out += fmt.Sprintf("… %d bytes left out …\n", e.dropped)
	}
	return out + strings.Join(e.tail, "")
}

type gatesInput struct {
	Names     []string `json:"names,omitempty" jsonschema:"those gates only"`
	Workspace string   `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type gatesOutput struct {
	Green bool       `json:"green" jsonschema:"all of them are"`
	Gates []gateInfo `json:"gates"`
}

type gateInfo struct {
	Gate   string   `json:"gate"`
	Green  bool     `json:"green"`
	Reason string   `json:"reason" jsonschema:"why it is green or red"`
	Exit   int      `json:"exit"`
	Millis int64    `json:"ms"`
	Argv   []string `json:"argv,omitempty"`
	Output string   `json:"output,omitempty" jsonschema:"the end of what a red one printed"`
}

func runGates(ctx context.Context, x *exchange, in gatesInput) (gatesOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return gatesOutput{}, err
	}
	if p.dir == "" {
		return gatesOutput{}, wire.NewProblem(rmg.Invalid, "%s is of no repository", p.id).WithHint("workspace_open with repo says which")
	}
	for e, err := range x.c.RunGates(ctx, wire.RunGatesRequest{Repo: p.dir, SWS: p.id, Names: in.Names}) {
		switch {
		case err != nil:
			return gatesOutput{}, err
		case e.Output != nil:
			x.tell(ctx, e.Output.Text)
		case e.Proven != nil:
			return gatesOutput{Green: e.Proven.Green, Gates: x.gates(ctx, e.Proven.Evidence)}, nil
		}
	}
	return gatesOutput{}, wire.NewProblem(rmg.Unavailable, "the daemon said nothing of how the gates ended")
}

// gates shows evidence, with the end of what red gates printed.
func (x *session) gates(ctx context.Context, list []work.Evidence) []gateInfo {
	out := []gateInfo{}
	for _, e := range list {
		g := gateInfo{Gate: e.Gate, Green: e.Green, Reason: e.Reason, Exit: e.Exit, Millis: e.Millis, Argv: e.Argv}
		if !e.Green && e.OutputSum != "" {
			data, err := x.c.ReadBlob(ctx, e.OutputSum)
			if err != nil {
				data = []byte("what it printed cannot be read: " + err.Error())
			}
			g.Output = strings.ToValidUTF8(string(data[max(0, len(data)-gateOutput):]), "")
		}
		out = append(out, g)
	}
	return out
}
