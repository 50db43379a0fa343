package kernel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// How a process may land.
const (
	landCommit = "commit"
	landBranch = "branch" // on jitos/<process>
	landPatch  = "patch"
	landPush   = "push" // to the branch that corresponds to it on a remote
	landPull   = "pr"   // jitos/<process> on a remote, and a pull request
	landNone   = "none"
)

func landings() []string {
	return []string{landCommit, landBranch, landPatch, landPush, landPull, landNone}
}

// The results of an attempt.
const (
	resultOK      = "ok"
	resultNothing = "nothing"
	resultFailed  = "failed"
)

// Processes lists the processes in order of their numbers.
func (k *Kernel) Processes() []Process {
	now := k.now()
	e, ok := now.ledger.Get(procRoot)
	if !ok {
		return nil
	}
	var out []Process
	for n := range e.Graph.Nodes("") {
		out = append(out, k.readProcess(n))
	}
	slices.SortFunc(out, func(a, b Process) int { return compareIDs(a.ID, b.ID) })
	return out
}

// Process shows one process.
func (k *Kernel) Process(id string) (Process, error) {
	e, ok := k.now().ledger.Get(procPath(id))
	if !ok {
		return Process{}, &rmg.Error{
			Op: "process", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no process %q", id), Hint: "jitos ps lists them",
		}
	}
	return k.readProcess(e), nil
}

// readProcess reads a process from its ledger entry; its status is derived.
func (k *Kernel) readProcess(e rmg.Element) Process {
	p := e.Props
	proc := Process{
		ID: e.ID, Text: p.String("text"), Owner: p.String("owner"), Branch: p.String("branch"), Top: p.String("top"),
		Base: p.String("base"), Land: p.String("land"), Commit: p.String("commit"), LandedOn: p.String("landed_on"),
		Code: rmg.Code(p.String("code")), Collapse: uint64(p.Int("collapse")), Rounds: int(p.Int("rounds")),
		Started: time.UnixMilli(p.Int("started_ms")).UTC(), ToolMillis: p.Int("tool_ms"),
		Isolation: orText(p.String("isolation"), isolationSnapshot), Evicted: readEviction(p), Spent: readSpent(p),
	}
	if ms := p.Int("ended_ms"); ms != 0 {
		proc.Ended = time.UnixMilli(ms).UTC()
	}
	if segs := refOf(p, "root").Segments(); len(segs) == 3 {
		proc.Repo = segs[1].ID
	}
	if segs := refOf(p, "sws").Segments(); len(segs) == 2 {
		proc.Workspace = segs[1].ID
	}
	proc.Dirty, proc.Patch, proc.URL = texts(p, "dirty"), p.Blob(propPatch), p.String(propURL)
	// These three were written by this program from the same types; a log that
	// holds something else shows as an empty plan, not as a failure to list.
	_ = json.Unmarshal([]byte(p.String("slaps")), &proc.SLAPS)
	_ = json.Unmarshal([]byte(p.String("rights")), &proc.Rights)
	var plan tasks.Plan
	if json.Unmarshal([]byte(p.String("plan")), &plan) == nil && len(plan.Tasks) > 0 {
		proc.Plan = &plan
		proc.refused = readTree(p, &plan)
		for _, t := range slices.Concat(plan.Tasks, plan.Finally) {
			proc.Tasks = append(proc.Tasks, k.readTask(e.Graph, t))
		}
		if proc.back = readBack(p); proc.back != nil {
			for _, t := range proc.back.tasks(&plan) {
				proc.Tasks = append(proc.Tasks, k.readTask(e.Graph, t))
			}
		}
	}
	proc.Evidence = readEvidence(e.Graph)
	proc.Lanes = k.readLanes(e)
	proc.Approvals = readApprovals(procPath(e.ID), e.Graph)
	proc.ask = p.String("approve") == approveAsk
	proc.UndoneBy = k.undoneBy(procPath(e.ID))
	proc.Status, proc.Reason = k.statusOf(p, proc)
	if proc.UndoneBy != 0 {
		proc.Reason += fmt.Sprintf("; undone by seq %d", proc.UndoneBy)
	}
	proc.Next = nextOf(proc)
	return proc
}

// readTask reads the state of one task from its attempts.
func (k *Kernel) readTask(g rmg.Graph, t tasks.Task) TaskState {
	st := TaskState{Task: t, State: "waiting"}
	e, ok := g.Node(t.ID)
	if !ok {
		return st
	}
	a, n := lastAttempt(e.Graph)
	st.Attempts = n
	if n > 0 {
		st.Summary, st.Reasons = a.Props.String("summary"), texts(a.Props, "reasons")
		if v, ok := a.Props.Get("output"); ok {
			st.Output, _ = v.AsMap()
		}
		switch r := a.Props.String("result"); {
		case r != "":
			st.State = r
		case uint64(a.Props.Int("epoch")) == k.epoch:
			st.State = "running"
		default:
			st.State = "interrupted"
		}
	}
	if st.State == resultOK || st.State == resultNothing || st.State == "running" {
		return st
	}
	if n == 0 || st.State != resultFailed {
		ready := true
		for _, id := range t.Needs {
			ready = ready && taskDone(g, id)
		}
		if n == 0 && ready {
			st.State = "ready"
		}
	}
	return st
}

// lastAttempt returns a task's newest attempt, and its number.
func lastAttempt(g rmg.Graph) (rmg.Element, int) {
	var last rmg.Element
	n := 0
	for a := range g.Nodes("") {
		if a.Kind != kindAttempt {
			continue
		}
		if i, err := strconv.Atoi(a.ID); err == nil && i > n {
			last, n = a, i
		}
	}
	return last, n
}

// taskDone reports whether a task has an accepted result that lets others go on.
func taskDone(g rmg.Graph, id string) bool {
	e, ok := g.Node(id)
	if !ok {
		return false
	}
	a, n := lastAttempt(e.Graph)
	r := a.Props.String("result")
	return n > 0 && (r == resultOK || r == resultNothing)
}

// statusOf derives a process's status from what the ledger says happened.
func (k *Kernel) statusOf(p rmg.Props, proc Process) (status, reason string) {
	why := p.String("why")
	switch {
	case p.Bool("cancelled"):
		return "cancelled", orText(why, "cancelled")
	case p.Bool("failed"):
		return "failed", why
	case p.Bool("unlanded"):
		return "unlanded", why
	case p.Bool("landed"):
		switch {
		case proc.LandedOn == "":
			return "landed", fmt.Sprintf("commit %s as a patch", short(proc.Commit))
		case proc.URL != "":
			return "landed", fmt.Sprintf("commit %s on %s: %s", short(proc.Commit), proc.LandedOn, proc.URL)
		}
		return "landed", fmt.Sprintf("commit %s on %s", short(proc.Commit), proc.LandedOn)
	case p.String(propAnswer) != "":
		return "answered", why
	case p.Bool("done"):
		return "collapsed", why
	}
	for _, a := range proc.Approvals {
		if a.State == ApprovalOpen {
			return "waiting", a.ID + " asks a person: " + a.Question
		}
	}
	if uint64(p.Int("epoch")) != k.epoch {
		if proc.back != nil {
			return "interrupted", "the daemon stopped while it undid what it did, after: " + proc.back.Why
		}
		return "interrupted", "the daemon stopped while it ran"
	}
	if proc.Collapse != 0 {
		return "collapsed", "landing" // which the next start finishes or takes back
	}
	if k.isDropped(proc.ID) {
		return "interrupted", "how it ended could not be recorded"
	}
	status = "planned"
	for _, t := range proc.Tasks {
		switch {
		case proc.back != nil && t.Undoes == "" && t.Closes == "":
			status = "running" // what was cut off has no result, and is over
		case t.State == "running" && t.Worker == workerKernel && t.Action != actionBisect:
			return "proving", t.Name
		case t.State == "running":
			return "running", t.Name
		case t.Attempts > 0:
			status = "running"
		}
	}
	return status, ""
}

// nextOf says what a person can do about a process.
func nextOf(p Process) string {
	switch p.Status {
	case "waiting":
		for _, a := range p.Approvals {
			if a.State == ApprovalOpen {
				return a.Next()
			}
		}
		return ""
	case "interrupted", "failed", "cancelled":
		switch {
		case p.back != nil && len(p.backLeft()) > 0:
			return "jitos retry " + p.ID + " undoes what is left to undo; jitos logs " + p.ID + " shows what happened"
		case p.back != nil && p.Status != "interrupted":
			return "jitos logs " + p.ID + " shows what happened; jitos intent begins anew"
		}
		return "jitos retry " + p.ID + " goes on from the last accepted result; jitos logs " + p.ID + " shows what happened"
	case "unlanded":
		if how, _ := cutLand(p.Land); (how == landPush || how == landPull) && p.Commit != "" {
			again := "jitos retry " + p.ID
			if p.Plan == nil {
				again = "jitos sws collapse " + p.Workspace + " --land " + p.Land
			}
			return fmt.Sprintf("%s sends it again, after git pull if the remote moved on; git push does it by hand from %s", again, p.LandedOn)
		}
		if p.Commit != "" {
			return fmt.Sprintf("your own changes were not touched; when they are out of the way: git merge %s", p.LandedOn)
		}
		return "jitos retry " + p.ID + " tries to land it again"
	case "landed":
		if p.UndoneBy != 0 {
			return fmt.Sprintf("jitos undo %d brings it back", p.UndoneBy)
		}
		if p.LandedOn == "" {
			return "jitos show " + p.ID + " --patch | git am --keep-cr"
		}
		return fmt.Sprintf("jitos why PATH:LINE explains a line; jitos undo %d takes it back", p.Collapse)
	default:
		return ""
	}
}

func refOf(p rmg.Props, name string) rmg.Path {
	v, _ := p.Get(name)
	r, _ := v.AsRef()
	return r
}

// texts reads a list of strings.
func texts(p rmg.Props, name string) []string {
	v, _ := p.Get(name)
	list, _ := v.AsList()
	var out []string
	for _, x := range list {
		if s, ok := x.AsString(); ok {
			out = append(out, s)
		} else if b, ok := x.AsBytes(); ok {
			out = append(out, string(b))
		}
	}
	return out
}

func textList(ss []string) rmg.Value {
	vs := make([]rmg.Value, len(ss))
	for i, s := range ss {
		vs[i] = textValue(s)
	}
	return rmg.List(vs...)
}

// evidenceOps puts a proof's evidence into a process's inner graph, in place of
// what stood there.
func evidenceOps(at rmg.Path, g rmg.Graph, list []work.Evidence) ([]rewrite.Op, error) {
	var ops []rewrite.Op
	for n := range g.Nodes("") {
		if n.Kind == kindEvidence {
			ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: at.Child(n.ID), Cascade: true})
		}
	}
	for i, e := range list {
		e.OutputSum = sumText(e.Output)
		data, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		props := map[string]rmg.Value{
			"gate": rmg.String(e.Gate), "green": rmg.Bool(e.Green), "reason": textValue(e.Reason), "key": rmg.String(e.Key),
			"evidence": rmg.String(string(data)),
		}
		if e.Output.Size > 0 {
			props["output"] = rmg.BlobOf(e.Output)
		}
		ops = append(ops, addOp(at.Child(fmt.Sprintf("gate-%02d", i+1)), kindEvidence, props))
	}
	return ops, nil
}

func sumText(b rmg.Blob) string {
	if b == (rmg.Blob{}) {
		return ""
	}
	return fmt.Sprintf("%x", b.Sum)
}

// readEvidence reads the evidence that stands in a process's inner graph.
func readEvidence(g rmg.Graph) []work.Evidence {
	var out []work.Evidence
	for n := range g.Nodes("") {
		if n.Kind != kindEvidence {
			continue
		}
		var e work.Evidence
		if json.Unmarshal([]byte(n.Props.String("evidence")), &e) == nil {
			e.Output = n.Props.Blob("output")
			out = append(out, e)
		}
	}
	return out
}

// root is the branch that the process works on; the graph's root without one.
func (p Process) root() rmg.Path {
	if p.Repo == "" {
		return rmg.Root
	}
	return repoRoot.Join(p.Repo, p.Branch)
}
