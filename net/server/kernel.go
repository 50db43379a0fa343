package server

import (
	"context"
	"io"
	"iter"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Kernel is what the server asks of *kernel.Kernel, which implements it.
// Methods are called from any goroutine. Errors with a code (*rmg.Error, and
// those of tasks) are shown to the caller; all others are internal.
type Kernel interface {
	graphs
	rules
	spaces
	processes
	history
	policies
	gates
	folders
}

var _ Kernel = (*kernel.Kernel)(nil)

type graphs interface {
	View(version string) (kernel.View, error)
	Rewrite(ctx context.Context, c kernel.Caller, view string, rw rewrite.Rewrite) (kernel.Receipt, error)
	Diff(from, to string, at rmg.Path) ([]rmg.Change, error)
	Resolve(ctx context.Context, file string) (rmg.Path, error)
	PutBlob(r io.Reader) (rmg.Blob, error)
	BlobBySum(sum [32]byte) (io.ReadSeekCloser, int64, error)
}

type rules interface {
	Rules(view string) ([]kernel.RuleInfo, error)
	CheckRules(view, file string, text []byte) ([]kernel.RuleInfo, error)
	AddRules(ctx context.Context, c kernel.Caller, view, file string, text []byte) ([]kernel.RuleInfo, kernel.Receipt, error)
	SwitchRule(ctx context.Context, c kernel.Caller, name string, on bool, reason string) (kernel.RuleInfo, kernel.Receipt, error)
	ApplyRules(ctx context.Context, c kernel.Caller, q kernel.RulesRequest) (kernel.RulesApplied, error)
}

type spaces interface {
	Fork(ctx context.Context, c kernel.Caller, r kernel.ForkRequest) (kernel.Workspace, error)
	// Workspaces lists a page; next is the After of the one that follows.
	Workspaces(q kernel.WorkspaceQuery) (list []kernel.Workspace, next string, err error)
	Workspace(id string) (kernel.Workspace, error)
	Discard(ctx context.Context, c kernel.Caller, id, reason string) (kernel.Receipt, error)
	Restore(ctx context.Context, c kernel.Caller, id string) (kernel.Workspace, error)
	Freeze(ctx context.Context, c kernel.Caller, id, reason string) (kernel.Workspace, error)
	Thaw(ctx context.Context, c kernel.Caller, id string) (kernel.Workspace, error)
	// Rebase and Settle tell the conflicts that are open; for Rebase that is an
	// error, Conflict.
	Rebase(ctx context.Context, c kernel.Caller, id, onto string) (kernel.Rebased, error)
	Settle(ctx context.Context, c kernel.Caller, id string, r kernel.Resolution) (kernel.Rebased, error)
	// NoteRead is told of what a caller is shown of a view: an element, or with
	// graph all below it.
	NoteRead(c kernel.Caller, view string, p rmg.Path, graph bool)
	// Collapse blocks until it ended. With Conflict the answer's Conflicts are
	// filled, with GateFailed its Evidence.
	Collapse(ctx context.Context, c kernel.Caller, id string, r kernel.CollapseRequest) (kernel.Collapsed, error)
	// Exec may call emit from any goroutine, but not after it returned.
	Exec(ctx context.Context, c kernel.Caller, id string, r kernel.ExecRequest, emit func(work.Event)) (exit int, err error)
}

type processes interface {
	Intent(ctx context.Context, c kernel.Caller, r kernel.IntentRequest) (kernel.Process, error)
	Processes() []kernel.Process
	Process(id string) (kernel.Process, error)
	// Lines returns the lines after the given one. more is closed when there
	// are further ones or the process changed; nil once it has ended.
	Lines(id string, after uint64) (lines []kernel.Line, more <-chan struct{}, err error)
	Cancel(ctx context.Context, c kernel.Caller, id string) (kernel.Process, error)
	Retry(ctx context.Context, c kernel.Caller, id string) (kernel.Process, error)
	Methods() []tasks.MethodInfo
	Method(name string) (tasks.MethodInfo, bool)
	AddMethod(ctx context.Context, c kernel.Caller, text, tests string) (kernel.AddedMethod, error)
	ProposeMethod(ctx context.Context, c kernel.Caller, words string) (kernel.AddedMethod, error)
	Proposals() []kernel.AddedMethod
	ApproveMethod(ctx context.Context, c kernel.Caller, name, digest string) (kernel.AddedMethod, error)
}

type history interface {
	// Records ranges from one seq to another, both included; to 0 is the last.
	Records(from, to uint64) iter.Seq2[kernel.Record, error]
	// Watch returns the last published seq, and a channel that is closed once
	// there is one beyond after.
	Watch(after uint64) (seq uint64, more <-chan struct{})
	// Undo blocks like Collapse, and fills the same of its answer.
	Undo(ctx context.Context, c kernel.Caller, q kernel.UndoRequest) (kernel.Undone, error)
	// Bisect calls seen while it runs, and not after it returned.
	Bisect(ctx context.Context, c kernel.Caller, q kernel.BisectRequest, seen func(kernel.BisectStep)) (kernel.Bisection, error)
	Why(ctx context.Context, q kernel.WhyQuery) (kernel.Explanation, error)
	// Replay calls seen while it runs, and not after it returned.
	Replay(ctx context.Context, q kernel.ReplayRequest, seen func(kernel.ReplayProgress)) (kernel.Replayed, error)
	Purge(ctx context.Context, c kernel.Caller, q kernel.PurgeRequest) (kernel.Purged, error)
	GC(ctx context.Context, c kernel.Caller, q kernel.GCRequest) (kernel.GCReport, error)
	Backup(ctx context.Context, c kernel.Caller, to string) (kernel.Backed, error)
	Verify(ctx context.Context) (kernel.Verification, error)
	Status() kernel.Status
}

type folders interface {
	AddFolder(ctx context.Context, c kernel.Caller, dir string) (kernel.AddedFolder, error)
	ForgetFolder(ctx context.Context, c kernel.Caller, dir string, dryRun bool) (kernel.ForgottenFolder, error)
}

type gates interface {
	Gates(ctx context.Context, dir string) (kernel.OwnGates, error)
	ApproveGates(ctx context.Context, c kernel.Caller, dir string, which []string) ([]kernel.OwnGate, error)
	RevokeGates(ctx context.Context, c kernel.Caller, dir string, which []string) ([]kernel.OwnGate, error)
	// RunGates calls emit while it runs, and not after it returned.
	RunGates(ctx context.Context, c kernel.Caller, r kernel.GateRun, emit func(work.Event)) ([]work.Evidence, error)
}

type policies interface {
	Policy() (kernel.PolicyView, error)
	SetPolicy(ctx context.Context, c kernel.Caller, document []byte, reason string) (kernel.Receipt, error)
	Costs(since string) ([]kernel.Cost, error)
	ExplainPolicy(c kernel.Caller, q kernel.PolicyQuestion) (kernel.PolicyAnswer, error)
	Inbox(all bool) []kernel.Approval
	Approval(id string) (kernel.Approval, error)
	ChangeOf(id string) ([]kernel.FileChange, error)
	Answer(ctx context.Context, c kernel.Caller, id string, r kernel.Reply) (kernel.Approval, error)
	NewToken(ctx context.Context, c kernel.Caller, r kernel.TokenRequest) (kernel.Token, error)
	Tokens() []kernel.Token
	RevokeToken(ctx context.Context, c kernel.Caller, id string) (kernel.Token, error)
	// TokenCaller recognises the secret of a token that is valid now.
	TokenCaller(secret string) (kernel.Caller, bool)
}
