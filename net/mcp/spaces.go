package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// The limits of what is shown of workspaces.
const (
	maxSpaces  = 200       // listed
	maxChanges = 2000      // of a diff
	maxPatch   = 200 << 10 // bytes of a diff's patch
	maxRecords = 100       // of a log
)

// collapsePoll is how long a tool waits for a collapse before it tells how it
// stands.
const collapsePoll = 5 * time.Second

func (s *Server) spaceTools() {
	tool(s, sdk.Tool{
		Name: "workspace_create", Annotations: writes("Fork a workspace", false),
		Description: "Fork an isolated workspace to work in. Without arguments it is of the repository that you were started in, at the head of the branch checked out there; it becomes the current workspace, which all other tools use unless told otherwise. Make one for each way of doing something that you want to try. Costs almost nothing, whatever the repository's size.",
	}, createSpace)
	tool(s, sdk.Tool{
		Name: "workspace_open", Annotations: writes("Take up a workspace", false),
		Description: "Make a workspace that you or your user made earlier the current one, for instance after a reconnection or to switch between several. workspace_list shows what there is. One that belongs to somebody else cannot be taken up; fork from it instead.",
	}, openSpace)
	tool(s, sdk.Tool{
		Name: "workspace_list", Annotations: reads("List workspaces"),
		Description: "List workspaces, the newest first: id, state, owner, what they were forked from, and which of them this session holds.",
	}, listSpaces)
	tool(s, sdk.Tool{
		Name: "workspace_diff", Annotations: reads("Show what a workspace changed"),
		Description: "Show what the workspace changed from its base: each changed path, and a unified diff of file contents. Look at it before you collapse.",
	}, diffSpace)
	tool(s, sdk.Tool{
		Name: "workspace_log", Annotations: reads("Show a workspace's records"),
		Description: "List the rewrites made in the workspace, the newest first: who wrote what and why.",
	}, logSpace)
	tool(s, sdk.Tool{
		Name: "workspace_collapse", Annotations: writes("Prove and land a workspace", true),
		Description: "Merge the workspace into what it was forked from, prove the result by the repository's gates, and land it as a commit. This is the only way a change becomes real. If a gate is red or something conflicts, nothing has changed and the answer says why: fix it in the same workspace and call again. If state is waiting, a person has to approve: tell your user, and call again with operation to wait on.",
	}, collapseSpace)
	tool(s, sdk.Tool{
		Name: "workspace_discard", Annotations: writes("Drop a workspace", false),
		Description: "Drop a workspace that leads nowhere, and say why: the reason is remembered for who tries next. Its contents stay and jitos sws restore brings it back.",
	}, discardSpace)
	tool(s, sdk.Tool{
		Name: "workspace_rebase", Annotations: writes("Bring a workspace up to date", false),
		Description: "Merge what happened in the parent since the fork into the workspace. Call it when a collapse conflicts. Conflicts are listed and stand until workspace_resolve settles each.",
	}, rebaseSpace)
	tool(s, sdk.Tool{
		Name: "workspace_resolve", Annotations: writes("Settle a conflict", false),
		Description: "Settle conflicts of a rebase, by a side (take) or by a text that you merged yourself (text, with path). The last one settled completes the rebase.",
	}, resolveSpace)
}

// spaceInfo is a workspace as a tool tells it.
type spaceInfo struct {
	Workspace string `json:"workspace" jsonschema:"its id"`
	State     string `json:"state" jsonschema:"open, collapsed or discarded"`
	From      string `json:"from,omitempty" jsonschema:"the version it was forked from"`
	Base      uint64 `json:"base" jsonschema:"seq of that version"`
	Root      string `json:"root,omitempty" jsonschema:"graph path that relative paths are below"`
	Repo      string `json:"repo,omitempty" jsonschema:"the repository's folder on disk; what is written there is not in the workspace"`
	Owner     string `json:"owner,omitempty"`
	Process   string `json:"process,omitempty" jsonschema:"the process it belongs to"`
	Records   int    `json:"records" jsonschema:"rewrites made in it"`
	Changes   int    `json:"changes,omitempty" jsonschema:"elements that differ from the base"`
	Conflicts int    `json:"conflicts,omitempty" jsonschema:"open conflicts of a rebase"`
	Reason    string `json:"reason,omitempty"`
	Outcome   string `json:"outcome,omitempty" jsonschema:"why it ended"`
	Held      bool   `json:"held,omitempty" jsonschema:"this session holds it"`
	Current   bool   `json:"current,omitempty" jsonschema:"the session's current workspace"`
}

func infoOf(w wire.Workspace, p *space) spaceInfo {
	out := spaceInfo{
		Workspace: w.ID, State: w.State, From: w.From, Base: w.Base, Owner: w.Owner, Process: w.Process, Records: w.Records,
		Conflicts: w.Open, Reason: w.Reason, Outcome: w.Outcome,
	}
	if w.Changes != nil {
		out.Changes = *w.Changes
	}
	if p != nil {
		out.Root, out.Repo, out.Held = string(p.root), p.dir, true
	}
	return out
}

type createInput struct {
	Repo   string `json:"repo,omitempty" jsonschema:"absolute path of a folder in a git repository; where you were started, if absent"`
	From   string `json:"from,omitempty" jsonschema:"a version to fork from instead of the branch's head: sws:w12, sws:w12@40, seq:40"`
	Reason string `json:"reason,omitempty" jsonschema:"what it is for, in a few words"`
	TTL    string `json:"ttl,omitempty" jsonschema:"how long it may stay open: 90s, 2h"`
}

func createSpace(ctx context.Context, x *exchange, in createInput) (spaceInfo, error) {
	dir := in.Repo
	if dir == "" {
		dir = x.s.opt.Dir
	}
	req := wire.ForkRequest{From: in.From, Reason: in.Reason, TTL: in.TTL}
	if in.From == "" {
		req.Dir = dir
	}
	w, err := x.c.Fork(ctx, req)
	if err != nil {
		return spaceInfo{}, err
	}
	p := &space{id: w.ID, dir: dir}
	if dir != "" {
		// A folder that the daemon does not know is only a fault where the
		// workspace was to be made of it.
		if p.root, err = x.rootOf(ctx, dir); err != nil && in.From == "" {
			return spaceInfo{}, err
		}
	}
	if err := x.take(p); err != nil {
		return spaceInfo{}, err
	}
	out := infoOf(w, p)
	out.Current = true
	return out, nil
}

// rootOf is the graph path of the branch that is checked out in a folder's
// repository.
func (x *session) rootOf(ctx context.Context, dir string) (rmg.Path, error) {
	g, err := x.c.Graph(ctx, client.GraphQuery{Path: rmg.Path("file:" + dir)})
	if err != nil {
		return "", err
	}
	segs := g.Path.Segments()
	if len(segs) < 3 {
		return g.Path, nil
	}
	return rmg.Root.Join(segs[0].ID, segs[1].ID, segs[2].ID), nil
}

type openInput struct {
	Workspace string `json:"workspace" jsonschema:"its id, such as w12"`
	Repo      string `json:"repo,omitempty" jsonschema:"absolute path of a folder in the git repository that it is of; where you were started, if absent"`
}

func openSpace(ctx context.Context, x *exchange, in openInput) (spaceInfo, error) {
	w, err := x.c.Workspace(ctx, in.Workspace)
	if err != nil {
		return spaceInfo{}, err
	}
	self, err := x.who(ctx)
	if err != nil {
		return spaceInfo{}, err
	}
	person, _, _ := strings.Cut(self.Name, "/")
	switch {
	case w.State != "open":
		return spaceInfo{}, wire.NewProblem(rmg.Invalid, "%s is %s", w.ID, w.State).WithHint("workspace_create makes a new one; jitos sws restore brings one back that was discarded")
	case w.Process != "":
		return spaceInfo{}, wire.NewProblem(rmg.Denied, "%s belongs to process %s", w.ID, w.Process).WithHint("fork from it: workspace_create with from=sws:%s", w.ID)
	case w.Owner != self.Name && w.Owner != person && !strings.HasPrefix(w.Owner, person+"/"):
		return spaceInfo{}, wire.NewProblem(rmg.Denied, "%s belongs to %s, not to %s", w.ID, w.Owner, self.Name).WithHint("fork from it: workspace_create with from=sws:%s", w.ID)
	}
	p := &space{id: w.ID, dir: in.Repo}
	if p.dir == "" {
		p.dir = x.s.opt.Dir
	}
	if old, err := x.space(w.ID); err == nil && in.Repo == "" {
		p.dir = old.dir
	}
	if p.dir != "" {
		if p.root, err = x.rootOf(ctx, p.dir); err != nil {
			return spaceInfo{}, err
		}
	}
	if err := x.take(p); err != nil {
		return spaceInfo{}, err
	}
	out := infoOf(w, p)
	out.Current = true
	return out, nil
}

type listInput struct {
	All bool `json:"all,omitempty" jsonschema:"those that have ended, too"`
}

type listOutput struct {
	Workspaces []spaceInfo `json:"workspaces"`
	More       int         `json:"more,omitempty" jsonschema:"older ones that are not listed"`
}

func listSpaces(ctx context.Context, x *exchange, in listInput) (listOutput, error) {
	q := client.WorkspaceQuery{State: "open"}
	if in.All {
		q.State = ""
	}
	var all []spaceInfo
	for w, err := range x.c.Workspaces(ctx, q) {
		if err != nil {
			return listOutput{}, err
		}
		all = append(all, infoOf(w, nil))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	out := listOutput{Workspaces: []spaceInfo{}, More: max(0, len(all)-maxSpaces)}
	for i := len(all) - 1; i >= out.More; i-- {
		w := all[i]
		for _, p := range x.spaces {
			if p.id == w.Workspace {
				w.Root, w.Repo, w.Held, w.Current = string(p.root), p.dir, true, p == x.current
			}
		}
		out.Workspaces = append(out.Workspaces, w)
	}
	return out, nil
}

type diffInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Path      string `json:"path,omitempty" jsonschema:"only at and below this"`
}

type diffOutput struct {
	Workspace string       `json:"workspace"`
	Changes   []changeInfo `json:"changes"`
	Total     int          `json:"total" jsonschema:"how many changes there are"`
	Patch     string       `json:"patch,omitempty" jsonschema:"unified diff of file contents"`
	Truncated bool         `json:"truncated,omitempty" jsonschema:"more than is shown; narrow it by path"`
}

type changeInfo struct {
	Path   string `json:"path"`
	Change string `json:"change" jsonschema:"added, removed, changed or moved"`
	From   string `json:"from,omitempty" jsonschema:"where it was, if moved"`
}

func diffSpace(ctx context.Context, x *exchange, in diffInput) (diffOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return diffOutput{}, err
	}
	at := rmg.Root
	if in.Path != "" {
		if at, err = p.place(in.Path); err != nil {
			return diffOutput{}, err
		}
	}
	w, err := x.c.Workspace(ctx, p.id)
	if err != nil {
		return diffOutput{}, err
	}
	d, err := x.c.Diff(ctx, w.BaseAt, p.view(), at, maxChanges)
	if err != nil {
		return diffOutput{}, err
	}
	out := diffOutput{Workspace: p.id, Changes: []changeInfo{}, Total: d.Total, Truncated: d.Truncated}
	var patch strings.Builder
	for _, ch := range d.Changes {
		out.Changes = append(out.Changes, changeInfo{Path: p.shown(ch.Path), Change: string(ch.Change), From: p.fromShown(ch.From)})
		if patch.Len() > maxPatch {
			out.Truncated = true
			continue
		}
		text, err := x.patch(ctx, p, ch)
		if err != nil {
			return diffOutput{}, err
		}
		patch.WriteString(text)
	}
	if out.Patch = patch.String(); len(out.Patch) > maxPatch {
		out.Patch, out.Truncated = strings.ToValidUTF8(out.Patch[:maxPatch], "")+"\n", true
	}
	return out, nil
}

func (p *space) fromShown(at rmg.Path) string {
	if at == "" {
		return ""
	}
	return p.shown(at)
}

// patch is the unified diff of a file's content; empty if it is no file, or its
// content is the same.
func (x *session) patch(ctx context.Context, p *space, ch wire.Change) (string, error) {
	pc, ok := ch.Props["blob"]
	if !ok {
		return "", nil
	}
	from, to := "a/"+p.shown(ch.Path), "b/"+p.shown(ch.Path)
	old, err := x.blobText(ctx, pc.Old)
	if err != nil {
		return "", err
	}
	next, err := x.blobText(ctx, pc.New)
	if err != nil {
		return "", err
	}
	if pc.Old.IsZero() {
		from = "/dev/null"
	}
	if pc.New.IsZero() {
		to = "/dev/null"
	}
	if strings.ContainsRune(old, 0) || strings.ContainsRune(next, 0) {
		return fmt.Sprintf("binary %s and %s differ\n", from, to), nil
	}
	return udiff.Unified(from, to, old, next), nil
}

func (x *session) blobText(ctx context.Context, v rmg.Value) (string, error) {
	b, ok := v.AsBlob()
	if !ok || b.Size == 0 {
		return "", nil
	}
	if b.Size > maxFile {
		return "\x00", nil // shown as binary: too long for a diff
	}
	data, err := x.c.ReadBlob(ctx, fmt.Sprintf("%x", b.Sum))
	return string(data), err
}

type logInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Limit     int    `json:"limit,omitempty" jsonschema:"records, 1 to 100; 20 if absent"`
}

type logOutput struct {
	Workspace string       `json:"workspace"`
	Records   []recordInfo `json:"records"`
}

type recordInfo struct {
	Seq    uint64   `json:"seq"`
	At     string   `json:"at"`
	Author string   `json:"author"`
	Reason string   `json:"reason,omitempty"`
	Ops    []string `json:"ops" jsonschema:"what was done where, the first 20"`
}

func logSpace(ctx context.Context, x *exchange, in logInput) (logOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return logOutput{}, err
	}
	n := in.Limit
	if n <= 0 {
		n = 20
	}
	a, err := x.c.Log(ctx, client.LogQuery{Limit: min(n, maxRecords), Ops: maxListed, Filter: client.Filter{View: p.view()}})
	if err != nil {
		return logOutput{}, err
	}
	out := logOutput{Workspace: p.id, Records: []recordInfo{}}
	for _, r := range a.Records {
		info := recordInfo{Seq: r.Seq, At: r.At.String(), Author: r.Author, Reason: r.Reason, Ops: []string{}}
		for _, op := range r.Ops {
			info.Ops = append(info.Ops, string(op.Op)+" "+p.shown(op.Path))
		}
		if r.OpsOmitted > 0 {
			info.Ops = append(info.Ops, fmt.Sprintf("and %d more", r.OpsOmitted))
		}
		out.Records = append(out.Records, info)
	}
	return out, nil
}

type discardInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Reason    string `json:"reason,omitempty" jsonschema:"why it leads nowhere"`
}

type discardOutput struct {
	Workspace string `json:"workspace"`
	Seq       uint64 `json:"seq"`
	Current   string `json:"current,omitempty" jsonschema:"the session's current workspace now"`
}

func discardSpace(ctx context.Context, x *exchange, in discardInput) (discardOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return discardOutput{}, err
	}
	rec, err := x.c.Discard(ctx, p.id, in.Reason)
	if err != nil {
		return discardOutput{}, err
	}
	x.drop(p.id)
	out := discardOutput{Workspace: p.id, Seq: rec.Seq}
	if q, err := x.space(""); err == nil {
		out.Current = q.id
	}
	return out, nil
}

type rebaseInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Onto      string `json:"onto,omitempty" jsonschema:"a version of the parent; the newest, if absent"`
}

type rebaseOutput struct {
	Workspace string         `json:"workspace"`
	Base      string         `json:"base,omitempty" jsonschema:"the version it stands on now; absent while conflicts are open"`
	Conflicts []conflictInfo `json:"conflicts" jsonschema:"that are open; workspace_resolve settles them"`
}

type conflictInfo struct {
	Path      string `json:"path"`
	Prop      string `json:"prop,omitempty"`
	Kind      string `json:"kind"`
	Reason    string `json:"reason"`
	System    string `json:"system,omitempty" jsonschema:"the parent's side, as JSON"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the workspace's side, as JSON"`
	ChangedBy string `json:"changed_by,omitempty" jsonschema:"who wrote the parent's side"`
}

// rebaseSpace tells conflicts as its result: they are what it found, and the
// workspace holds them.
func rebaseSpace(ctx context.Context, x *exchange, in rebaseInput) (rebaseOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return rebaseOutput{}, err
	}
	got, err := x.c.Rebase(ctx, p.id, in.Onto)
	if problem, _ := wire.ProblemOf(err); err != nil && problem.Code == rmg.Conflict && len(problem.Conflicts) > 0 {
		got, err = wire.Rebased{Conflicts: problem.Conflicts}, nil
	}
	if err != nil {
		return rebaseOutput{}, err
	}
	return p.rebased(got), nil
}

func (p *space) rebased(got wire.Rebased) rebaseOutput {
	out := rebaseOutput{Workspace: p.id, Base: got.Base, Conflicts: []conflictInfo{}}
	for _, c := range got.Conflicts {
		out.Conflicts = append(out.Conflicts, conflictInfo{
			Path: p.shown(c.Path), Prop: c.Prop, Kind: string(c.Kind), Reason: c.Reason,
			System: valueText(c.System), Workspace: valueText(c.Workspace), ChangedBy: c.SystemBy,
		})
	}
	return out
}

func valueText(v rmg.Value) string {
	if v.IsZero() {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(data)
}

type resolveInput struct {
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
	Path      string `json:"path,omitempty" jsonschema:"of the conflict; all that are open, if absent"`
	Prop      string `json:"prop,omitempty" jsonschema:"of the element there; all its conflicts, if absent"`
	Take      string `json:"take,omitempty" jsonschema:"the side that counts: system, workspace or base"`
	Text      string `json:"text,omitempty" jsonschema:"the merged content of a file, instead of take"`
}

func resolveSpace(ctx context.Context, x *exchange, in resolveInput) (rebaseOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return rebaseOutput{}, err
	}
	req := wire.ResolveRequest{Prop: in.Prop, Take: in.Take}
	if in.Path != "" {
		if req.Path, err = p.place(in.Path); err != nil {
			return rebaseOutput{}, err
		}
	}
	if in.Take == "" {
		req.Text = &in.Text
	}
	got, err := x.c.ResolveIn(ctx, p.id, req)
	if err != nil {
		return rebaseOutput{}, err
	}
	return p.rebased(got), nil
}
