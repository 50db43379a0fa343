package mcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// The limits of what is told of processes.
const (
	maxProcesses = 50
	maxLines     = 200
	maxWait      = 10 * time.Minute
)

func (s *Server) processTools() {
	tool(s, sdk.Tool{
		Name: "intent_submit", Annotations: writes("Submit an intent", true),
		Description: "Hand a job to JITOS itself instead of doing it in a workspace of yours: 'Fix the failing test in ./pkg'. It is planned into tasks, worked on beside you, proven and landed. Answered when it is planned; process_show follows it. With plan_only nothing is started.",
	}, submitIntent)
	tool(s, sdk.Tool{
		Name: "process_show", Annotations: reads("Show a process"),
		Description: "Show how an intent's process stands: status, tasks with what came of each, its last lines, evidence, what to do next. With wait_seconds it answers when the process ends or the time is over. Without process it lists the latest.",
	}, showProcess)
	tool(s, sdk.Tool{
		Name: "why", Annotations: reads("Explain a line"),
		Description: "Explain why a line of a file, or any element of the graph, is as it is: which record wrote it, for which task and intent, proven by which gates, approved by whom, landed as which commit. Ask before you change a line whose purpose you do not see.",
	}, explain)
	tool(s, sdk.Tool{
		Name: "inbox_list", Annotations: reads("List questions to people"),
		Description: "List what waits for a person's answer: approvals of collapses and conflicts. Tell your user of those that concern your work.",
	}, listInbox)
	tool(s, sdk.Tool{
		Name: "inbox_answer", Annotations: writes("Answer a question", true),
		Description: "Answer a question of the inbox by approve or reject. Only a person may: an agent's own identity is refused, and the refusal says what your user types.",
	}, answerInbox)
}

type intentInput struct {
	Text     string `json:"text" jsonschema:"what is wanted, in a sentence"`
	Repo     string `json:"repo,omitempty" jsonschema:"absolute path of a folder in the repository; the current workspace's, if absent"`
	PlanOnly bool   `json:"plan_only,omitempty" jsonschema:"show the plan, start nothing"`
	Race     int    `json:"race,omitempty" jsonschema:"attempts side by side, at most 8, of which the first that is proven wins"`
	Approve  string `json:"approve,omitempty" jsonschema:"ask: a person approves the collapse in any case; auto (default): as policy says"`
	Land     string `json:"land,omitempty" jsonschema:"commit (default), branch or none"`
}

type intentOutput struct {
	Process   string     `json:"process,omitempty" jsonschema:"process_show follows it"`
	Workspace string     `json:"workspace,omitempty"`
	Branch    string     `json:"branch,omitempty"`
	Base      string     `json:"base,omitempty" jsonschema:"commit it starts from"`
	Tasks     []taskInfo `json:"tasks"`
	Dirty     []string   `json:"dirty,omitempty" jsonschema:"the user's uncommitted paths, left alone"`
}

type taskInfo struct {
	ID      string   `json:"id"`
	Summary string   `json:"summary,omitempty"`
	Worker  string   `json:"worker"`
	Needs   []string `json:"needs,omitempty"`
	State   string   `json:"state,omitempty"`
	Outcome string   `json:"outcome,omitempty" jsonschema:"what came of it"`
	Reasons []string `json:"reasons,omitempty" jsonschema:"of a failure, and what to try"`
}

func taskOf(t tasks.Task) taskInfo {
	return taskInfo{ID: t.ID, Summary: t.Summary, Worker: t.Worker + "/" + t.Action, Needs: t.Needs}
}

func submitIntent(ctx context.Context, x *exchange, in intentInput) (intentOutput, error) {
	repo := in.Repo
	if repo == "" {
		if repo = x.s.opt.Dir; repo == "" {
			if p, err := x.space(""); err == nil {
				repo = p.dir
			}
		}
	}
	a, err := x.c.Intent(ctx, wire.IntentRequest{Text: in.Text, Repo: repo, PlanOnly: in.PlanOnly, Race: in.Race, Approve: in.Approve, Land: in.Land})
	if err != nil {
		return intentOutput{}, err
	}
	out := intentOutput{Process: a.Process, Workspace: a.SWS, Branch: a.Branch, Base: a.Base, Dirty: a.Dirty, Tasks: []taskInfo{}}
	if a.Plan != nil {
		for _, t := range a.Plan.Tasks {
			out.Tasks = append(out.Tasks, taskOf(t))
		}
	}
	return out, nil
}

type processInput struct {
	Process string `json:"process,omitempty" jsonschema:"its id, such as p12; the latest are listed, if absent"`
	Wait    int    `json:"wait_seconds,omitempty" jsonschema:"how long to wait for its end, 600 at most"`
	After   uint64 `json:"after,omitempty" jsonschema:"only lines after this one"`
}

type processOutput struct {
	Processes []processInfo `json:"processes"`
	Lines     []lineInfo    `json:"lines,omitempty" jsonschema:"of its progress, the last 200"`
}

type processInfo struct {
	Process  string     `json:"process"`
	Status   string     `json:"status" jsonschema:"planned, running, waiting, proving, collapsed, landed, unlanded, failed, cancelled or interrupted"`
	Ended    bool       `json:"ended" jsonschema:"it does not go on by itself"`
	Text     string     `json:"text" jsonschema:"what was asked for"`
	Reason   string     `json:"reason,omitempty" jsonschema:"why it has that status"`
	Next     string     `json:"next,omitempty" jsonschema:"what to do"`
	Commit   string     `json:"commit,omitempty"`
	LandedOn string     `json:"landed_on,omitempty"`
	Tasks    []taskInfo `json:"tasks,omitempty"`
	Gates    []gateInfo `json:"gates,omitempty"`
}

type lineInfo struct {
	N    uint64 `json:"n"`
	Task string `json:"task,omitempty"`
	Text string `json:"text"`
}

func showProcess(ctx context.Context, x *exchange, in processInput) (processOutput, error) {
	out := processOutput{Processes: []processInfo{}}
	if in.Process == "" {
		list, err := x.c.Processes(ctx)
		if err != nil {
			return out, err
		}
		for i := len(list) - 1; i >= max(0, len(list)-maxProcesses); i-- {
			out.Processes = append(out.Processes, processOf(list[i]))
		}
		return out, nil
	}
	if in.Wait > 0 {
		if err := x.await(ctx, in.Process, min(time.Duration(in.Wait)*time.Second, maxWait)); err != nil {
			return out, err
		}
	}
	p, err := x.c.Process(ctx, in.Process)
	if err != nil {
		return out, err
	}
	info := processOf(p)
	for _, t := range p.Tasks {
		task := taskOf(t.Task)
		task.State, task.Outcome, task.Reasons = t.State, t.Outcome, t.Reasons
		info.Tasks = append(info.Tasks, task)
	}
	info.Gates = x.gates(ctx, p.Evidence)
	out.Processes = append(out.Processes, info)
	for e, err := range x.c.ProcessLog(ctx, in.Process, in.After, false) {
		if err != nil {
			return out, err
		}
		if e.Line != nil {
			out.Lines = append(out.Lines, lineInfo{N: e.Line.N, Task: e.Line.Task, Text: e.Line.Text})
		}
	}
	out.Lines = out.Lines[max(0, len(out.Lines)-maxLines):]
	return out, nil
}

// await follows a process until it ends or the time is over.
func (x *exchange) await(ctx context.Context, id string, limit time.Duration) error {
	within, stop := context.WithTimeout(ctx, limit)
	defer stop()
	for e, err := range x.c.ProcessLog(within, id, 0, true) {
		switch {
		case err != nil && ctx.Err() == nil && within.Err() != nil:
			return nil
		case err != nil:
			return err
		case e.Line != nil:
			x.tell(ctx, strings.TrimSpace(e.Line.Task+" "+e.Line.Text))
		}
	}
	return nil
}

func processOf(p wire.Process) processInfo {
	return processInfo{
		Process: p.ID, Status: p.Status, Ended: !p.Live(), Text: p.Text, Reason: p.Reason, Next: p.Next, Commit: p.Commit, LandedOn: p.LandedOn,
	}
}

type whyInput struct {
	Path string `json:"path" jsonschema:"a file, relative to the repository, or from / in the graph"`
	Line int    `json:"line,omitempty" jsonschema:"of a file, from 1"`
	Prop string `json:"prop,omitempty" jsonschema:"of an element, instead of a line"`
}

type whyOutput struct {
	Path  string       `json:"path"`
	Line  int          `json:"line,omitempty"`
	Text  string       `json:"text,omitempty" jsonschema:"the line"`
	Chain []reasonInfo `json:"chain" jsonschema:"the nearest reason first"`
}

type reasonInfo struct {
	Kind    string     `json:"kind"`
	Seq     uint64     `json:"seq,omitempty"`
	Author  string     `json:"author,omitempty"`
	Text    string     `json:"text"`
	Process string     `json:"process,omitempty"`
	Commit  string     `json:"commit,omitempty"`
	Gates   []gateInfo `json:"gates,omitempty"`
}

func explain(ctx context.Context, x *exchange, in whyInput) (whyOutput, error) {
	q := client.WhyQuery{Path: in.Path, Line: in.Line, Prop: in.Prop}
	switch cur, err := x.space(""); {
	case err == nil:
		at, err := cur.place(in.Path)
		if err != nil {
			return whyOutput{}, err
		}
		q.Path = string(at)
	case !strings.HasPrefix(in.Path, "/"):
		if x.s.opt.Dir == "" {
			return whyOutput{}, err
		}
		q.Path = "file:" + x.s.opt.Dir + "/" + in.Path
	}
	a, err := x.c.Why(ctx, q)
	if err != nil {
		return whyOutput{}, err
	}
	out := whyOutput{Path: string(a.Path), Line: a.Line, Text: a.Text, Chain: []reasonInfo{}}
	for _, r := range a.Chain {
		out.Chain = append(out.Chain, reasonInfo{
			Kind: r.Kind, Seq: r.Seq, Author: r.Author, Text: r.Text, Process: r.Process, Commit: r.Commit, Gates: x.gates(ctx, r.Evidence),
		})
	}
	return out, nil
}

type inboxInput struct {
	All bool `json:"all,omitempty" jsonschema:"those that were answered, too"`
}

type inboxOutput struct {
	Inbox []questionInfo `json:"inbox" jsonschema:"oldest first"`
}

type questionInfo struct {
	ID        string   `json:"id"`
	State     string   `json:"state" jsonschema:"open, approved, rejected or superseded"`
	About     string   `json:"about" jsonschema:"collapse or conflict"`
	Question  string   `json:"question"`
	Workspace string   `json:"workspace"`
	Process   string   `json:"process,omitempty"`
	Asked     []string `json:"asked,omitempty" jsonschema:"what has to be approved"`
	Next      string   `json:"next,omitempty"`
	By        string   `json:"by,omitempty" jsonschema:"who answered"`
	Comment   string   `json:"comment,omitempty"`
}

func questionOf(a wire.Approval) questionInfo {
	out := questionInfo{
		ID: a.ID, State: a.State, About: a.About, Question: a.Question, Workspace: a.SWS, Process: a.Process, Next: a.Next, By: a.By, Comment: a.Comment,
	}
	for _, q := range a.Asked {
		out.Asked = append(out.Asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", q.Verb, q.Path, q.Why)))
	}
	for _, c := range a.Conflicts {
		out.Asked = append(out.Asked, conflictText(c))
	}
	return out
}

func listInbox(ctx context.Context, x *exchange, in inboxInput) (inboxOutput, error) {
	list, err := x.c.Inbox(ctx, in.All)
	out := inboxOutput{Inbox: []questionInfo{}}
	for _, a := range list {
		out.Inbox = append(out.Inbox, questionOf(a))
	}
	return out, err
}

type answerInput struct {
	ID      string `json:"id" jsonschema:"of the question, such as a7"`
	Answer  string `json:"answer" jsonschema:"approve or reject"`
	Comment string `json:"comment,omitempty"`
}

func answerInbox(ctx context.Context, x *exchange, in answerInput) (questionInfo, error) {
	a, err := x.c.Answer(ctx, in.ID, wire.AnswerRequest{Answer: in.Answer, Comment: in.Comment})
	if problem, _ := wire.ProblemOf(err); err != nil && problem.Code == rmg.Denied {
		return questionInfo{}, problem.WithHint("ask your user to type: jitos answer %s %s", in.ID, in.Answer)
	}
	if err != nil {
		return questionInfo{}, err
	}
	return questionOf(a), nil
}
