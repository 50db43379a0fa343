package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// Rewrite applies a rewrite to the view it names. It is durable when this
// returns.
func (c *Client) Rewrite(ctx context.Context, r wire.RewriteRequest) (wire.Receipt, error) {
	return into[wire.Receipt](ctx, c, call{method: http.MethodPost, once: true, path: "/rewrite", body: r})
}

// GraphQuery asks for a dump of a graph.
type GraphQuery struct {
	View   string   // "" is system
	Path   rmg.Path // "" is root
	Depth  int      // levels of inner graphs; 0 is the element alone
	Limit  int      // elements in one answer; 0 is the server's default
	Cursor string   // Next of the page before
}

// Graph dumps the graph at a path, one page.
func (c *Client) Graph(ctx context.Context, q GraphQuery) (wire.GraphAnswer, error) {
	v := values("view", q.View, "path", string(q.Path), "limit", number(q.Limit), "cursor", q.Cursor)
	v.Set("depth", fmt.Sprint(q.Depth))
	return into[wire.GraphAnswer](ctx, c, call{method: http.MethodGet, path: "/rmg", query: v})
}

// SelectQuery asks for the elements that a selector selects.
type SelectQuery struct {
	View   string // "" is system
	Select rmg.Selector
	Limit  int    // matches in one answer; 0 is the server's default
	Cursor string // Next of the page before
}

// Select lists what a selector selects, one page. There are more as long as it
// has a Next, also if it has no match.
func (c *Client) Select(ctx context.Context, q SelectQuery) (wire.SelectAnswer, error) {
	v := values("view", q.View, "select", q.Select.String(), "limit", number(q.Limit), "cursor", q.Cursor)
	return into[wire.SelectAnswer](ctx, c, call{method: http.MethodGet, path: "/rmg", query: v})
}

// Diff lists what changed from one version to another at and below a path.
func (c *Client) Diff(ctx context.Context, from, to string, at rmg.Path, limit int) (wire.DiffAnswer, error) {
	q := values("from", from, "to", to, "path", string(at), "limit", number(limit))
	return into[wire.DiffAnswer](ctx, c, call{method: http.MethodGet, path: "/diff", query: q})
}

// Fork makes a workspace.
func (c *Client) Fork(ctx context.Context, r wire.ForkRequest) (wire.Workspace, error) {
	return into[wire.Workspace](ctx, c, call{method: http.MethodPost, once: true, path: "/sws", body: r})
}

// WorkspaceQuery selects workspaces; what is empty does not narrow it down.
type WorkspaceQuery struct {
	State, Owner, Process string
	Page                  int // workspaces in one answer; 0 is the server's default
}

// Workspaces ranges over workspaces by number, asking for page after page. An
// error is the last that comes.
func (c *Client) Workspaces(ctx context.Context, q WorkspaceQuery) iter.Seq2[wire.Workspace, error] {
	return func(yield func(wire.Workspace, error) bool) {
		for next := ""; ; {
			a, err := into[wire.WorkspacesAnswer](ctx, c, call{method: http.MethodGet, path: "/sws", query: values(
				"state", q.State, "owner", q.Owner, "process", q.Process, "limit", number(q.Page), "cursor", next,
			)})
			if err != nil {
				yield(wire.Workspace{}, err)
				return
			}
			for _, w := range a.Workspaces {
				if !yield(w, nil) {
					return
				}
			}
			if next = a.Next; next == "" {
				return
			}
		}
	}
}

// Workspace shows one.
func (c *Client) Workspace(ctx context.Context, id string) (wire.Workspace, error) {
	return into[wire.Workspace](ctx, c, call{method: http.MethodGet, path: "/sws/" + segment(id)})
}

// RewriteIn applies a rewrite in a workspace.
func (c *Client) RewriteIn(ctx context.Context, id string, r wire.SpaceRewriteRequest) (wire.Receipt, error) {
	return into[wire.Receipt](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/rewrite", once: true, body: r})
}

// Discard drops a workspace's name, never its bytes.
func (c *Client) Discard(ctx context.Context, id, reason string) (wire.Receipt, error) {
	return into[wire.Receipt](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/discard", once: true, body: wire.DiscardRequest{Reason: reason}})
}

// Restore brings a discarded workspace back.
func (c *Client) Restore(ctx context.Context, id string) (wire.Workspace, error) {
	return into[wire.Workspace](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/restore", once: true})
}

// Freeze lets a workspace take no writes until it is thawed.
func (c *Client) Freeze(ctx context.Context, id, reason string) (wire.Workspace, error) {
	return into[wire.Workspace](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/freeze", once: true, body: wire.FreezeRequest{Reason: reason}})
}

// Thaw lets a frozen workspace be written again.
func (c *Client) Thaw(ctx context.Context, id string) (wire.Workspace, error) {
	return into[wire.Workspace](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/thaw", once: true})
}

// Rebase moves a workspace's base forward, to the newest state with "". Conflict
// carries the conflicts, which stand on the workspace until they are resolved.
func (c *Client) Rebase(ctx context.Context, id, onto string) (wire.Rebased, error) {
	return into[wire.Rebased](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/rebase", once: true, body: wire.RebaseRequest{Onto: onto}})
}

// ResolveIn settles conflicts of a workspace. The answer has those that are left;
// with none the rebase is complete.
func (c *Client) ResolveIn(ctx context.Context, id string, r wire.ResolveRequest) (wire.Rebased, error) {
	return into[wire.Rebased](ctx, c, call{method: http.MethodPost, path: "/sws/" + segment(id) + "/resolve", once: true, body: r})
}

// pollWait is how long one call waits for an operation.
const pollWait = 30 * time.Second

// Collapse merges a workspace into its parent and waits for the end. Conflict
// carries the conflicts, GateFailed the evidence. When ctx ends the collapse
// goes on without the caller.
func (c *Client) Collapse(ctx context.Context, id string, r wire.CollapseRequest) (wire.Collapsed, error) {
	op, err := c.StartCollapse(ctx, id, r, pollWait)
	return c.finish(ctx, op, err)
}

// Undo takes a record back and waits for the end, as Collapse does.
func (c *Client) Undo(ctx context.Context, r wire.UndoRequest) (wire.Collapsed, error) {
	op, err := c.start(ctx, "undo", call{method: http.MethodPost, path: "/undo", once: true, query: values("wait", pollWait.String()), body: r})
	return c.finish(ctx, op, err)
}

// finish waits for an operation's end.
func (c *Client) finish(ctx context.Context, op wire.Operation, err error) (wire.Collapsed, error) {
	for err == nil && op.State == wire.OperationRunning {
		op, err = c.Operation(ctx, op.ID, pollWait)
	}
	if err != nil {
		return wire.Collapsed{}, err
	}
	if op.Problem != nil {
		return wire.Collapsed{}, op.Problem
	}
	if op.Collapsed == nil {
		return wire.Collapsed{}, wire.NewProblem(rmg.Internal, "operation %s is %s without a result", op.ID, op.State)
	}
	return *op.Collapsed, nil
}

// StartCollapse begins a collapse and waits for it up to the time given. One
// that ended within it is an Operation that is done; one that failed is an
// error.
func (c *Client) StartCollapse(ctx context.Context, id string, r wire.CollapseRequest, wait time.Duration) (wire.Operation, error) {
	op, err := c.start(ctx, "collapse", call{
		method: http.MethodPost, path: "/sws/" + segment(id) + "/collapse",
		once: true, query: values("wait", wait.String()), body: r,
	})
	if op.Workspace == "" {
		op.Workspace = id
	}
	return op, err
}

// start does a call that is answered with the end of an operation, or with one
// that still runs.
func (c *Client) start(ctx context.Context, kind string, k call) (wire.Operation, error) {
	return again(ctx, k, func(k call) (wire.Operation, error) { return c.begin(ctx, kind, k) })
}

func (c *Client) begin(ctx context.Context, kind string, k call) (wire.Operation, error) {
	resp, err := c.send(ctx, k)
	if err != nil {
		return wire.Operation{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusAccepted {
		var op wire.Operation
		return op, c.read(ctx, resp, &op)
	}
	var done wire.Collapsed
	if err := c.read(ctx, resp, &done); err != nil {
		return wire.Operation{}, err
	}
	return wire.Operation{Kind: kind, State: wire.OperationDone, Collapsed: &done}, nil
}

// Operation shows an operation, waiting for its end up to the time given.
func (c *Client) Operation(ctx context.Context, id string, wait time.Duration) (wire.Operation, error) {
	return into[wire.Operation](ctx, c, call{method: http.MethodGet, path: "/operation/" + segment(id), query: values("wait", wait.String())})
}

// Intent submits an intent. It returns when the process is planned and
// started.
func (c *Client) Intent(ctx context.Context, r wire.IntentRequest) (wire.IntentAnswer, error) {
	return into[wire.IntentAnswer](ctx, c, call{method: http.MethodPost, once: true, path: "/intent", body: r})
}

// Processes lists processes by number.
func (c *Client) Processes(ctx context.Context) ([]wire.Process, error) {
	a, err := into[wire.ProcessesAnswer](ctx, c, call{method: http.MethodGet, path: "/process"})
	return a.Processes, err
}

// Process shows one.
func (c *Client) Process(ctx context.Context, id string) (wire.Process, error) {
	return into[wire.Process](ctx, c, call{method: http.MethodGet, path: "/process/" + segment(id)})
}

// Cancel stops a process; its workspace stays.
func (c *Client) Cancel(ctx context.Context, id string) (wire.Process, error) {
	return into[wire.Process](ctx, c, call{method: http.MethodPost, path: "/process/" + segment(id) + "/cancel", once: true})
}

// Retry goes on with a process that was interrupted, cancelled or failed.
func (c *Client) Retry(ctx context.Context, id string) (wire.Process, error) {
	return into[wire.Process](ctx, c, call{method: http.MethodPost, path: "/process/" + segment(id) + "/retry", once: true})
}

// LogQuery asks for a stretch of the log: newest first up to To, or, with From,
// oldest first from there.
type LogQuery struct {
	From, To uint64
	Limit    int // records; 0 is the server's default
	Ops      int // at most so many ops of each record; 0 is all
	Filter
}

// Filter says which records are wanted; what is empty asks for nothing.
type Filter struct {
	Path         rmg.Path // touched at or below
	Process      string   // caused by the process, or about it
	Author       string
	Cause        string // the cause itself, or one below it
	View         string // "system" or "sws:ID"
	Op           string // an op of this kind
	Text         string // in the reason, whatever the case
	Since, Until time.Time
}

// values are the filter's parameters, put into q.
func (f Filter) values(q url.Values) url.Values {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	for name, list := range values("path", string(f.Path), "process", f.Process, "author", f.Author, "cause", f.Cause, "view", f.View,
		"op", f.Op, "text", f.Text, "since", stamp(f.Since), "until", stamp(f.Until)) {
		q[name] = list
	}
	return q
}

// Log reads a stretch of the log.
func (c *Client) Log(ctx context.Context, q LogQuery) (wire.LogAnswer, error) {
	v := values("from", number(q.From), "to", number(q.To), "limit", number(q.Limit), "ops", number(q.Ops))
	return into[wire.LogAnswer](ctx, c, call{method: http.MethodGet, path: "/log", query: q.Filter.values(v)})
}

// WhyQuery asks about an element, a prop of it, or a line of a file.
type WhyQuery struct {
	Path string // a graph path, or "file:" and the absolute name of a file on disk
	Prop string
	Line int // from 1; 0 for the element as a whole
}

// Why explains why something is as it is.
func (c *Client) Why(ctx context.Context, q WhyQuery) (wire.WhyAnswer, error) {
	return into[wire.WhyAnswer](ctx, c, call{method: http.MethodGet, path: "/why", query: values("path", q.Path, "prop", q.Prop, "line", number(q.Line))})
}

// Purge removes content for good.
func (c *Client) Purge(ctx context.Context, r wire.PurgeRequest) (wire.PurgeAnswer, error) {
	return into[wire.PurgeAnswer](ctx, c, call{method: http.MethodPost, path: "/admin/purge", body: r})
}

// GC removes what nothing kept names, or says what it would.
func (c *Client) GC(ctx context.Context, r wire.GCRequest) (wire.GCAnswer, error) {
	return into[wire.GCAnswer](ctx, c, call{method: http.MethodPost, path: "/admin/gc", body: r})
}

// Backup copies the data folder's log, contents and checkpoint into a folder.
func (c *Client) Backup(ctx context.Context, r wire.BackupRequest) (wire.BackupAnswer, error) {
	return into[wire.BackupAnswer](ctx, c, call{method: http.MethodPost, path: "/admin/backup", body: r})
}

// Verify replays the log and checks it against what is held.
func (c *Client) Verify(ctx context.Context) (wire.VerifyAnswer, error) {
	return into[wire.VerifyAnswer](ctx, c, call{method: http.MethodPost, path: "/verify"})
}

// Check looks at every invariant of a view's graphs.
func (c *Client) Check(ctx context.Context, view string) (wire.CheckAnswer, error) {
	return into[wire.CheckAnswer](ctx, c, call{method: http.MethodGet, path: "/check", query: values("view", view)})
}

// Status describes the daemon.
func (c *Client) Status(ctx context.Context) (wire.Status, error) {
	return into[wire.Status](ctx, c, call{method: http.MethodGet, path: "/status"})
}

// Cost tells what was spent since a day; "" is ever.
func (c *Client) Cost(ctx context.Context, since string) (wire.CostAnswer, error) {
	return into[wire.CostAnswer](ctx, c, call{method: http.MethodGet, path: "/cost", query: values("since", since)})
}

// AddMethod adds a method to the daemon's library.
func (c *Client) AddMethod(ctx context.Context, r wire.MethodRequest) (wire.AddedMethod, error) {
	return into[wire.AddedMethod](ctx, c, call{method: http.MethodPost, path: "/method", once: true, body: r})
}

// ProposeMethod has the daemon's model write a method.
func (c *Client) ProposeMethod(ctx context.Context, words string) (wire.AddedMethod, error) {
	return into[wire.AddedMethod](ctx, c, call{method: http.MethodPost, path: "/method/propose", body: wire.ProposeRequest{Words: words}})
}

// ApproveMethod adds a proposed method to the library: the one of a digest, or of
// its beginning.
func (c *Client) ApproveMethod(ctx context.Context, name, digest string) (wire.AddedMethod, error) {
	return into[wire.AddedMethod](ctx, c, call{method: http.MethodPost, path: "/method/" + segment(name) + "/approve", once: true, body: wire.ApproveMethodRequest{Digest: digest}})
}

// Methods lists the daemon's method library, and what is proposed for it.
func (c *Client) Methods(ctx context.Context) (wire.MethodsAnswer, error) {
	return into[wire.MethodsAnswer](ctx, c, call{method: http.MethodGet, path: "/method"})
}

// Method shows one method.
func (c *Client) Method(ctx context.Context, name string) (tasks.MethodInfo, error) {
	return into[tasks.MethodInfo](ctx, c, call{method: http.MethodGet, path: "/method/" + segment(name)})
}

// Blob opens content by its SHA-256, in hex. The caller closes it.
func (c *Client) Blob(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: "/blob/" + segment(sha256)})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// ReadBlob reads content whole.
func (c *Client) ReadBlob(ctx context.Context, sha256 string) ([]byte, error) {
	r, err := c.Blob(ctx, sha256)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return data, nil
}

// PutBlob stores content, for a write op that names it.
func (c *Client) PutBlob(ctx context.Context, r io.Reader) (wire.Blob, error) {
	// A body that http knows how to close would be closed before the caller is
	// done with it.
	return into[wire.Blob](ctx, c, call{method: http.MethodPut, path: "/blob", raw: io.NopCloser(r)})
}

// Health asks whether a daemon answers; it needs no secret to be right.
func (c *Client) Health(ctx context.Context) (wire.Health, error) {
	return into[wire.Health](ctx, c, call{method: http.MethodGet, path: "/healthz"})
}

// Session asks for a one-time token for the web page.
func (c *Client) Session(ctx context.Context, in wire.SessionRequest) (wire.Session, error) {
	return into[wire.Session](ctx, c, call{method: http.MethodPost, path: "/session", body: in})
}

// Self tells who this client is to the daemon, and what it may be heard on.
func (c *Client) Self(ctx context.Context) (wire.Caller, error) {
	return into[wire.Caller](ctx, c, call{method: http.MethodGet, path: "/session"})
}

// Profile asks for a profile of the daemon, by name, as go tool pprof reads it.
// That of the processor's time (cpu) takes so many seconds; 0 is the server's
// default. The caller closes it.
func (c *Client) Profile(ctx context.Context, name string, seconds int) (io.ReadCloser, error) {
	resp, err := c.send(ctx, call{method: http.MethodGet, path: "/admin/profile/" + segment(name), query: values("seconds", number(seconds))})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
