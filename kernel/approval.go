package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// How an intent's collapse is approved.
const (
	approveAuto = "auto" // by policy
	approveAsk  = "ask"  // by a person, whatever policy says
)

// The states of an approval, derived from the ledger.
const (
	ApprovalOpen       = "open"
	ApprovalApproved   = "approved"
	ApprovalRejected   = "rejected"
	ApprovalSuperseded = "superseded" // what it asked about has changed since
)

// What an approval is about.
const (
	AboutCollapse = "collapse"
	AboutConflict = "conflict"
)

// propAmended is the prop of a question whose answer changed the workspace: the seq
// of that.
const propAmended = "amended"

// The limits of what an approval holds and of an answer.
const (
	maxAsked   = 100  // places listed; the digest covers all of them
	maxComment = 4096 // bytes
)

// Asked is one thing that has to be approved.
type Asked struct {
	Verb Verb     `json:"verb"`
	Path rmg.Path `json:"path"`
	Rule string   `json:"rule"`
	Why  string   `json:"why,omitempty"`
}

// Approval is a question to a person, in the ledger with the process (or, where
// a collapse has none, the workspace) that waits for it. It stands for exactly
// the candidate whose digest it carries: what changed later is asked again.
type Approval struct {
	ID        string // "a57": by the seq of its record
	About     string // AboutCollapse, AboutConflict
	State     string
	Process   string
	Workspace string
	Question  string
	Digest    string // hex, of the change and of what is asked about it
	Asked     []Asked
	More      int // places that are not listed
	Conflicts []rmg.MergeConflict
	At        time.Time
	Answer    string // "approve", "reject"
	By        string
	Comment   string
	Answered  time.Time
	Head      uint64 // seq of the workspace's last record when it was asked
	Around    string // digest of what it is about besides the workspace
	Amended   uint64 // seq of the answer, if that changed the workspace; 0 otherwise
	Amends    string // what it changed, in words

	at rmg.Path // of its entry
}

// Next says what a person can do about an open one.
func (a Approval) Next() string {
	if a.About == AboutPermission {
		return fmt.Sprintf("jitos logs -f %s shows what it does; jitos answer %s approve|reject", a.Process, a.ID)
	}
	if a.About == AboutConflict {
		return fmt.Sprintf("settle it in the workspace (jitos sws diff %s shows its side), then: jitos answer %s approve", a.Workspace, a.ID)
	}
	return fmt.Sprintf("jitos inbox %[1]s shows the change; jitos answer %[1]s approve|reject -m COMMENT; approve --reject FILE:N and --edit FILE change it first", a.ID)
}

// readApprovals reads the approvals in an entry's inner graph, oldest first.
func readApprovals(at rmg.Path, g rmg.Graph) []Approval {
	var out []Approval
	for n := range g.Nodes("") {
		if n.Kind == kindApproval {
			out = append(out, readApproval(at.Child(n.ID), n.Props))
		}
	}
	slices.SortFunc(out, func(a, b Approval) int { return compareIDs(a.ID, b.ID) })
	return out
}

func readApproval(at rmg.Path, p rmg.Props) Approval {
	a := Approval{
		at: at, ID: p.String("id"), About: p.String("about"), Question: p.String("question"), Digest: p.String("digest"), More: int(p.Int("more")),
		Workspace: p.String("sws"), At: time.UnixMilli(p.Int("at_ms")).UTC(), Answer: p.String("answer"), By: p.String("by"), Comment: p.String("comment"),
		Head: uint64(p.Int("head")), Around: p.String("around"), Amended: uint64(p.Int(propAmended)), Amends: p.String("amends"),
	}
	if at.Parent().Parent() == procRoot {
		a.Process = at.Parent().Base().ID
	}
	if ms := p.Int("answered_ms"); ms != 0 {
		a.Answered = time.UnixMilli(ms).UTC()
	}
	// Both were written by this program from the same types.
	_ = json.Unmarshal([]byte(p.String("asked")), &a.Asked)
	_ = json.Unmarshal([]byte(p.String("conflicts")), &a.Conflicts)
	switch {
	case a.Answer == "approve":
		a.State = ApprovalApproved
	case a.Answer == "reject":
		a.State = ApprovalRejected
	case p.Bool("superseded"):
		a.State = ApprovalSuperseded
	default:
		a.State = ApprovalOpen
	}
	return a
}

// approve is the step between prove and commit. It judges every place that the
// candidate changes by the policy of the head it merges with, and returns when
// what has to be approved is: a person has answered for exactly this candidate.
// Denied: a rule says no, or a person did. It may wait for days; no queue may
// be held meanwhile (see settled).
func (k *Kernel) approve(ctx context.Context, c *collapse, cand candidate, evidence []work.Evidence) error {
	c.judged, c.answer = cand.from, nil
	asked, err := k.judgeCandidate(c, cand, evidence)
	if err != nil || len(asked) == 0 {
		return err
	}
	digest, err := c.binding(cand, asked)
	if err != nil {
		return err
	}
	around, err := c.around(cand)
	if err != nil {
		return err
	}
	a, ok := k.findApproval(c, answersFor(digest, around, cand, asked))
	if !ok || a.Answer == "" {
		a, err = k.ask(ctx, c, Approval{About: AboutCollapse, Digest: digest, Asked: asked, Question: questionOf(asked), Head: cand.head, Around: around})
	}
	if err != nil {
		return err
	}
	if a.State == ApprovalRejected {
		return rejected(a)
	}
	c.answer = []work.Evidence{{
		Gate: "approval " + a.ID, Kind: work.GateAnswer, Green: true, Key: digest, Input: cand.merged.Digest(), Tools: "kernel",
		Reason: answered(a), Sandbox: work.Sandbox{Tier: "none", Network: "none"},
	}}
	return nil
}

// settled reports whether approve will return at once: nothing is asked, or it
// is answered already.
func (k *Kernel) settled(c *collapse, cand candidate, evidence []work.Evidence) bool {
	asked, err := k.judgeCandidate(c, cand, evidence)
	if err != nil || len(asked) == 0 {
		return true
	}
	digest, err := c.binding(cand, asked)
	if err != nil {
		return true
	}
	around, err := c.around(cand)
	if err != nil {
		return true
	}
	a, ok := k.findApproval(c, answersFor(digest, around, cand, asked))
	return ok && a.Answer != ""
}

// answersFor picks the question about a candidate: it has its digest, or its answer
// made the workspace what was merged.
func answersFor(digest, around string, cand candidate, asked []Asked) func(Approval) bool {
	is := ofDigest(digest)
	return func(a Approval) bool { return is(a) || a.stands(AboutCollapse, cand.head, around, asked) }
}

// ofDigest picks a question by its digest. Whose answer changed what was asked about
// does not stand for that.
func ofDigest(digest string) func(Approval) bool {
	return func(a Approval) bool { return a.Digest == digest && a.Amended == 0 }
}

func rejected(a Approval) error {
	return &rmg.Error{
		Op: "approve", Path: a.at, Code: rmg.Denied, Msg: answered(a), Hint: "jitos show " + orText(a.Process, a.Workspace) + " has the question; another change is asked about anew",
	}
}

// answered says who answered, and what.
func answered(a Approval) string {
	text := a.State + " by " + a.By
	if a.Amends != "" {
		text += ", " + a.Amends
	}
	if a.Comment != "" {
		text += ": " + a.Comment
	}
	return text
}

// approvalWanted is why something is asked that no rule asks about.
const approvalWanted = "the intent asks for approval"

// questionOf puts what is asked into a sentence.
func questionOf(asked []Asked) string {
	var rules, places []string
	why := "" // what the intent itself asks for
	for _, q := range asked {
		if q.Rule == "" && q.Verb == VerbCollapse {
			why = q.Why
		}
		if q.Rule != "" && !slices.Contains(rules, fmt.Sprintf("%q", q.Rule)) {
			rules = append(rules, fmt.Sprintf("%q", q.Rule))
		}
		what := string(q.Path)
		if q.Verb != VerbCollapse {
			what = fmt.Sprintf("%s (%s)", q.Path, q.Verb)
		}
		if !slices.Contains(places, what) {
			places = append(places, what)
		}
	}
	if len(rules) == 0 {
		return "collapse " + some(places) + "? T" + strings.TrimPrefix(orText(why, approvalWanted), "t")
	}
	if why != "" {
		why = "; " + why
	}
	return fmt.Sprintf("collapse %s? Asked by %s%s", some(places), some(rules), why)
}

// binding is the digest that an approval stands for: the branch before and
// after, what changes elsewhere, and what is asked. What others change elsewhere
// is not part of it.
func (c *collapse) binding(cand candidate, asked []Asked) (string, error) {
	after := rmg.Digest{}
	if c.root != "" {
		after = cand.next.Digest()
	}
	return c.bindingOf(cand, after, asked)
}

// around is the part of a binding that an answer which changes files of the branch
// leaves as it is: the branch before, and what changes elsewhere.
func (c *collapse) around(cand candidate) (string, error) {
	if c.root == "" {
		return "", nil // nothing is proven of it: what an answer changes is asked about anew
	}
	return c.bindingOf(cand, rmg.Digest{}, nil)
}

func (c *collapse) bindingOf(cand candidate, after rmg.Digest, asked []Asked) (string, error) {
	ops := rewrite.Between(cand.from, cand.merged, rmg.Root)
	before := rmg.Digest{}
	if c.root != "" {
		ops, before = withoutBranch(ops, c.root), cand.base.Digest()
	}
	data, err := json.Marshal(struct {
		Root          rmg.Path
		Before, After rmg.Digest
		Ops           []rewrite.Op
		Asked         []Asked
	}{c.root, before, after, ops, asked})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte("jitos candidate 1\x00"), data...))
	return hex.EncodeToString(sum[:]), nil
}

// entry is where a collapse's approvals stand.
func (c *collapse) entry() rmg.Path {
	if c.process != "" {
		return procPath(c.process)
	}
	return swsPath(c.space)
}

// findApproval finds what was asked. A collapse by hand is a
// process of its own each time, so that what stands with the earlier ones of
// its workspace counts too.
func (k *Kernel) findApproval(c *collapse, is func(Approval) bool) (Approval, bool) {
	ledger := k.now().ledger
	find := func(at rmg.Path, g rmg.Graph, open bool) (Approval, bool) {
		for _, a := range readApprovals(at, g) {
			if is(a) && (a.Answer != "" || open && a.State == ApprovalOpen) {
				return a, true
			}
		}
		return Approval{}, false
	}
	if e, ok := ledger.Get(c.entry()); ok {
		if a, ok := find(c.entry(), e.Graph, true); ok {
			return a, true
		}
	}
	procs, ok := ledger.Get(procRoot)
	if !ok || !c.byHand {
		return Approval{}, false
	}
	for n := range procs.Graph.Nodes("") {
		if refOf(n.Props, "sws") != swsPath(c.space) {
			continue
		}
		if a, ok := find(procPath(n.ID), n.Graph, false); ok {
			return a, true
		}
	}
	return Approval{}, false
}

// ask puts a question into the ledger, unless it stands there, and waits for
// its answer.
func (k *Kernel) ask(ctx context.Context, c *collapse, q Approval) (Approval, error) {
	k.runs.Lock()
	k.runs.waits[c.entry()]++
	k.runs.Unlock()
	defer func() {
		k.runs.Lock()
		defer k.runs.Unlock()
		if k.runs.waits[c.entry()]--; k.runs.waits[c.entry()] == 0 {
			delete(k.runs.waits, c.entry())
		}
	}()
	a, ok := k.findApproval(c, ofDigest(q.Digest))
	if !ok {
		var err error
		if a, err = k.raise(ctx, c, q); err != nil {
			return Approval{}, err
		}
	}
	if a.Answer == "" && c.emit != nil {
		c.emit(work.Event{Text: fmt.Sprintf("waiting for a person: %s %s", a.ID, a.Question), Data: map[string]any{"approval": a.ID}})
		c.emit(work.Event{Text: a.Next()})
	}
	return k.awaitAnswer(ctx, a)
}

// raise records a question; those before it that nobody answered are superseded.
func (k *Kernel) raise(ctx context.Context, c *collapse, q Approval) (Approval, error) {
	if n := len(q.Asked); n > maxAsked {
		q.Asked, q.More = q.Asked[:maxAsked], n-maxAsked
	}
	if n := len(q.Conflicts); n > maxAsked {
		q.Conflicts, q.More = q.Conflicts[:maxAsked], n-maxAsked
	}
	asked, err := json.Marshal(q.Asked)
	if err != nil {
		return Approval{}, err
	}
	conflicts, err := json.Marshal(q.Conflicts)
	if err != nil {
		return Approval{}, err
	}
	var at rmg.Path
	_, err = k.systemWith(ctx, "kernel", c.cause, "asks a person: "+q.Question, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		e, ok := f.ledger.Get(c.entry())
		if !ok {
			return nil, &rmg.Error{Op: "approve", Path: c.entry(), Code: rmg.NotFound, Msg: "what asks is gone"}
		}
		var ops []rewrite.Op
		for _, old := range readApprovals(c.entry(), e.Graph) {
			if old.State == ApprovalOpen && q.replaces(old) {
				ops = append(ops, setOp(old.at, map[string]rmg.Value{"superseded": rmg.Bool(true)}))
			}
		}
		at = c.entry().Child(fmt.Sprintf("approval-%d", seq))
		props := map[string]rmg.Value{
			"id": rmg.String(fmt.Sprintf("a%d", seq)), "about": rmg.String(q.About), "question": textValue(q.Question), "digest": rmg.String(q.Digest),
			"asked": rmg.String(string(asked)), "conflicts": rmg.String(string(conflicts)), "more": rmg.Int(int64(q.More)),
			"sws": rmg.String(c.space), "at_ms": rmg.Int(k.lastAt.UnixMilli()),
		}
		if q.Head != 0 {
			props["head"] = seqValue(q.Head)
		}
		if q.Around != "" {
			props["around"] = rmg.String(q.Around)
		}
		return append(ops, addOp(at, kindApproval, props)), nil
	})
	if err != nil {
		return Approval{}, err
	}
	e, _ := k.now().ledger.Get(at)
	return readApproval(at, e.Props), nil
}

// replaces reports whether a question that is asked leaves an open one without a
// point. What an agent wants to do says nothing of what others ask.
func (a Approval) replaces(old Approval) bool {
	if a.About == AboutPermission || old.About == AboutPermission {
		return a.About == old.About && a.Around == old.Around
	}
	return a.Workspace == old.Workspace
}

// awaitAnswer returns when the question is answered, or can no longer be.
func (k *Kernel) awaitAnswer(ctx context.Context, a Approval) (Approval, error) {
	for {
		now := k.now()
		e, ok := now.ledger.Get(a.at)
		if !ok {
			return a, &rmg.Error{Op: "approve", Path: a.at, Code: rmg.NotFound, Msg: "the question is gone"}
		}
		if a = readApproval(a.at, e.Props); a.State != ApprovalOpen {
			return a, nil
		}
		if p, ok := now.ledger.Get(procPath(a.Process)); ok && a.Process != "" && p.Props.Bool("cancelled") {
			return a, &rmg.Error{Op: "approve", Path: a.at, Code: rmg.Conflict, Msg: a.Process + " was cancelled before it was answered"}
		}
		_, news := k.Watch(now.seq)
		select {
		case <-news:
		case <-ctx.Done():
			return a, context.Cause(ctx)
		}
	}
}
