package kernel_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// steps is time that moves by a millisecond whenever it is looked at.
type steps struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *steps) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *steps) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// noRunner runs nothing: the graph alone is worked on here.
type noRunner struct{}

func (noRunner) Describe() []work.Description { return nil }
func (noRunner) Run(context.Context, string, work.Assignment) (work.Result, error) {
	return work.Result{}, errors.New("nothing runs here")
}

func (noRunner) Prove(context.Context, work.Proof) ([]work.Evidence, error) {
	return nil, errors.New("nothing runs here")
}
func (noRunner) Key(work.Proof, work.Gate) string { return "" }
func (noRunner) Busy() time.Duration              { return 0 }

// house is a kernel on a folder, and the people who use it.
type house struct {
	*kernel.Kernel
	t     *testing.T
	dir   string
	store *journal.Store
	clock *steps
}

var ada = kernel.Caller{Name: "ada@host"}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), clock: &steps{now: time.Unix(1_700_000_000, 0).UTC()}}
	h.open()
	t.Cleanup(h.close)
	h.put("system", ada, rewrite.Op{Op: rewrite.AddNode, Path: "/svc", Kind: "Folder"}, rewrite.Op{Op: rewrite.AddNode, Path: "/svc/auth", Kind: "Service"})
	return h
}

func (h *house) open() {
	h.t.Helper()
	store, err := journal.Open(h.dir, journal.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	lib, err := tasks.Load()
	if err != nil {
		h.t.Fatal(err)
	}
	h.Kernel, err = kernel.Open(context.Background(), kernel.Options{Journal: store, Clock: h.clock, Runner: noRunner{}, Library: lib})
	if err != nil {
		h.t.Fatal(err)
	}
	h.store = store
}

func (h *house) close() {
	if err := errors.Join(h.Kernel.Close(), h.store.Close()); err != nil {
		h.t.Error(err)
	}
}

func (h *house) try(view string, c kernel.Caller, ops ...rewrite.Op) error {
	_, err := h.Rewrite(context.Background(), c, view, rewrite.Rewrite{Ops: ops, Reason: "test"})
	return err
}

func (h *house) put(view string, c kernel.Caller, ops ...rewrite.Op) {
	h.t.Helper()
	if err := h.try(view, c, ops...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) set(document string) {
	h.t.Helper()
	if _, err := h.SetPolicy(context.Background(), ada, []byte(document), ""); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) fork() string {
	h.t.Helper()
	w, err := h.Fork(context.Background(), ada, kernel.ForkRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	return w.ID
}

func port(n int64) rewrite.Op {
	return rewrite.Op{Op: rewrite.Set, Path: "/svc/auth", Props: map[string]rmg.Value{"port": rmg.Int(n)}}
}

type ending struct {
	out kernel.Collapsed
	err error
}

// collapse begins a collapse, which may wait for a person.
func (h *house) collapse(ctx context.Context, id string) <-chan ending {
	done := make(chan ending, 1)
	go func() {
		out, err := h.Collapse(ctx, ada, id, kernel.CollapseRequest{})
		done <- ending{out, err}
	}()
	return done
}

// asked waits for an open question.
func (h *house) asked(done <-chan ending) kernel.Approval {
	h.t.Helper()
	for {
		seq, _ := h.Watch(0)
		if in := h.Inbox(false); len(in) > 0 {
			return in[0]
		}
		_, news := h.Watch(seq)
		select {
		case e := <-done:
			h.t.Fatalf("it ended without asking: %+v", e)
		case <-news:
		}
	}
}

func (h *house) answer(a kernel.Approval, word, comment string) {
	h.t.Helper()
	if _, err := h.Answer(context.Background(), ada, a.ID, kernel.Reply{Answer: word, Comment: comment}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) port() int64 {
	v, err := h.View("system")
	if err != nil {
		h.t.Fatal(err)
	}
	e, _ := v.Get("/svc/auth")
	return e.Props.Int("port")
}

func isCode(err error, c rmg.Code) bool { return errors.Is(err, &rmg.Error{Code: c}) }

const askSvc = "rules:\n  - {name: eyes, effect: ask, verbs: [collapse], paths: ['/svc/**'], reason: two pairs}\n"

// TestApprovalIsForExactlyOneCandidate: what changes while a person thinks is
// asked again, and the answer to the old question opens nothing.
func TestApprovalIsForExactlyOneCandidate(t *testing.T) {
	h := newHouse(t)
	h.set(askSvc)
	w := h.fork()
	h.put("sws:"+w, ada, port(80))
	done := h.collapse(context.Background(), w)
	first := h.asked(done)
	if first.Workspace != w || len(first.Asked) != 1 || first.Asked[0].Rule != "eyes" || first.Asked[0].Path != "/svc/auth" {
		t.Errorf("%+v", first)
	}
	h.put("sws:"+w, ada, port(81))
	h.answer(first, "approve", "80 is fine")
	second := h.asked(done)
	if second.ID == first.ID || second.Digest == first.Digest || h.port() != 0 {
		t.Fatalf("port %d; %+v", h.port(), second)
	}
	keyed := kernel.Caller{Name: ada.Name, Key: "k1"}
	for range 2 { // the second is a resend: it is answered, and does nothing
		if _, err := h.Answer(context.Background(), keyed, second.ID, kernel.Reply{Answer: "approve", Comment: "so is 81"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Answer(context.Background(), keyed, second.ID, kernel.Reply{Answer: "reject", Comment: ""}); !isCode(err, rmg.Conflict) || !strings.Contains(err.Error(), "idempotency key") {
		t.Errorf("another answer under the same key: %v", err)
	}
	if e := <-done; e.err != nil || h.port() != 81 {
		t.Fatalf("%v, port %d", e.err, h.port())
	} else if ev := e.out.Evidence; len(ev) != 1 || ev[0].Kind != work.GateAnswer || !strings.Contains(ev[0].Reason, "approved by ada@host: so is 81") {
		t.Errorf("%+v", ev)
	}
	all := h.Inbox(true)
	if len(all) != 2 || all[0].By != "ada@host" || all[1].Comment != "so is 81" || all[1].Answered.IsZero() {
		t.Errorf("%+v", all)
	}
	if _, err := h.Answer(context.Background(), ada, second.ID, kernel.Reply{Answer: "reject", Comment: ""}); !isCode(err, rmg.Conflict) {
		t.Errorf("answered twice: %v", err)
	}
}

// TestRejectedIsDenied and stays so for the same candidate; only people answer.
func TestRejectedIsDenied(t *testing.T) {
	h := newHouse(t)
	h.set(askSvc)
	w := h.fork()
	h.put("sws:"+w, ada, port(80))
	done := h.collapse(context.Background(), w)
	a := h.asked(done)
	for _, c := range []kernel.Caller{
		{Name: "worker:repair", Process: "p1"}, {Name: "token:bot", Kind: kernel.KindAgent, Caps: kernel.CapAdmin}, {Name: "p1", Kind: kernel.KindProcess},
	} {
		if _, err := h.Answer(context.Background(), c, a.ID, kernel.Reply{Answer: "approve", Comment: ""}); !isCode(err, rmg.Denied) {
			t.Errorf("%s answers: %v", c.Name, err)
		}
	}
	h.answer(a, "reject", "not now")
	if e := <-done; !isCode(e.err, rmg.Denied) || !strings.Contains(e.err.Error(), "rejected by ada@host: not now") {
		t.Errorf("%v", e.err)
	}
	if e := <-h.collapse(context.Background(), w); !isCode(e.err, rmg.Denied) || h.port() != 0 {
		t.Errorf("again: %v", e.err)
	}
}

// TestQuestionsSurviveARestart, and so do their answers.
func TestQuestionsSurviveARestart(t *testing.T) {
	h := newHouse(t)
	h.set(askSvc)
	w := h.fork()
	h.put("sws:"+w, ada, port(80))
	ctx, stop := context.WithCancel(context.Background())
	done := h.collapse(ctx, w)
	a := h.asked(done)
	stop()
	if e := <-done; !errors.Is(e.err, context.Canceled) {
		t.Fatalf("%v", e.err)
	}
	h.close()
	h.open()
	if in := h.Inbox(false); len(in) != 1 || in[0].ID != a.ID || in[0].Digest != a.Digest || in[0].Question != a.Question {
		t.Fatalf("%+v", in)
	}
	h.answer(a, "approve", "")
	h.close()
	h.open()
	if e := <-h.collapse(context.Background(), w); e.err != nil || h.port() != 80 {
		t.Errorf("%v, port %d", e.err, h.port())
	}
}

// TestTheHeadsPolicyCounts: a workspace that loosens the policy and breaks the
// old one does not get in, with either half.
func TestTheHeadsPolicyCounts(t *testing.T) {
	h := newHouse(t)
	h.set("rules:\n  - {name: frozen, effect: deny, verbs: [collapse], paths: ['/svc/**'], reason: until May}\n")
	w := h.fork()
	h.put("sws:"+w, ada, rewrite.Op{Op: rewrite.Set, Path: "/policy/frozen", Props: map[string]rmg.Value{"effect": rmg.String("allow")}})
	h.put("sws:"+w, ada, port(80))
	e := <-h.collapse(context.Background(), w)
	if !isCode(e.err, rmg.Denied) || !strings.Contains(e.err.Error(), `rule "frozen": until May`) || h.port() != 0 {
		t.Errorf("%v", e.err)
	}
	// Who may not change the policy cannot do it by a collapse either.
	bot := kernel.Caller{Name: "token:bot", Kind: kernel.KindAgent, Caps: kernel.CapRewrite | kernel.CapCollapse | kernel.CapSystem}
	for _, view := range []string{"system", "sws:" + w} {
		err := h.try(view, bot, rewrite.Op{Op: rewrite.Set, Path: "/policy/frozen", Props: map[string]rmg.Value{"effect": rmg.String("allow")}})
		if !isCode(err, rmg.Denied) || !strings.Contains(err.Error(), "admin") {
			t.Errorf("%s: %v", view, err)
		}
	}
	if _, err := h.SetPolicy(context.Background(), bot, nil, ""); !isCode(err, rmg.Denied) {
		t.Errorf("set: %v", err)
	}
	only := h.fork()
	h.put("sws:"+only, ada, rewrite.Op{Op: rewrite.Set, Path: "/policy/frozen", Props: map[string]rmg.Value{"effect": rmg.String("allow")}})
	if _, err := h.Collapse(context.Background(), bot, only, kernel.CollapseRequest{}); !isCode(err, rmg.Denied) || !strings.Contains(err.Error(), "admin") {
		t.Errorf("bot collapses a policy: %v", err)
	}
	// Its owner may; and then what was frozen gets in.
	if e := <-h.collapse(context.Background(), only); e.err != nil {
		t.Errorf("%v", e.err)
	}
	after := h.fork()
	h.put("sws:"+after, ada, port(80))
	if e := <-h.collapse(context.Background(), after); e.err != nil || h.port() != 80 {
		t.Errorf("%v", e.err)
	}
}

// TestAPolicyHasToCompile, however it comes.
func TestAPolicyHasToCompile(t *testing.T) {
	h := newHouse(t)
	h.set(askSvc)
	bad := rewrite.Op{Op: rewrite.Set, Path: "/policy/eyes", Props: map[string]rmg.Value{"when": rmg.String("caller.nmae == 1")}}
	if err := h.try("system", ada, bad); !isCode(err, rmg.Invalid) || !strings.Contains(err.Error(), `rule "eyes": when: line 1, column 7`) {
		t.Errorf("%v", err)
	}
	w := h.fork()
	h.put("sws:"+w, ada, bad)
	if e := <-h.collapse(context.Background(), w); !isCode(e.err, rmg.Invalid) {
		t.Errorf("%v", e.err)
	}
	// What was shown can be set again, and changes nothing.
	before, err := h.Policy()
	if err != nil {
		t.Fatal(err)
	}
	h.set(before.YAML)
	if after, _ := h.Policy(); after.Digest != before.Digest || !after.Own {
		t.Errorf("%+v", after)
	}
	h.set("")
	if after, _ := h.Policy(); after.Own || after.Digest != "" {
		t.Errorf("%+v", after)
	}
}

// TestConflictsCanAskAPerson where policy says so; the answer is to try again.
func TestConflictsCanAskAPerson(t *testing.T) {
	h := newHouse(t)
	w := h.fork()
	h.put("sws:"+w, ada, port(80))
	h.put("system", ada, port(443))
	if e := <-h.collapse(context.Background(), w); !isCode(e.err, rmg.Conflict) {
		t.Fatalf("by default: %v", e.err)
	}
	h.set("rules:\n  - {name: settle, effect: ask, verbs: [conflict]}\n")
	done := h.collapse(context.Background(), w)
	a := h.asked(done)
	if a.About != kernel.AboutConflict || len(a.Conflicts) != 1 || a.Conflicts[0].Prop != "port" || !strings.Contains(a.Next(), w) {
		t.Errorf("%+v", a)
	}
	h.put("system", ada, rewrite.Op{Op: rewrite.Set, Path: "/svc/auth", Props: map[string]rmg.Value{"port": {}}})
	h.answer(a, "approve", "443 is gone")
	if e := <-done; e.err != nil || h.port() != 80 {
		t.Errorf("%v, port %d", e.err, h.port())
	}
}

// TestTokensAreHashedAndEnd: the log has no secret; a token is good for its
// capabilities, until it expires or is revoked, across restarts.
func TestTokensAreHashedAndEnd(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	const secret = "a secret that only its holder knows"
	sum := sha256.Sum256([]byte(secret))
	tok, err := h.NewToken(ctx, ada, kernel.TokenRequest{Name: "ci", Caps: kernel.CapRewrite, TTL: time.Hour, Sum: sum})
	if err != nil || tok.Kind != kernel.KindProcess {
		t.Fatalf("%v %+v", err, tok)
	}
	h.close()
	h.open()
	c, ok := h.TokenCaller(secret)
	if !ok || c.Name != "token:ci" || c.Caps != kernel.CapRewrite || c.Kind != kernel.KindProcess {
		t.Fatalf("%v %+v", ok, c)
	}
	if _, ok := h.TokenCaller(secret + "x"); ok {
		t.Error("another secret is known")
	}
	w := h.fork()
	h.put("sws:"+w, c, port(80))
	for name, err := range map[string]error{
		"the system": h.try("system", c, port(80)), "a kind": h.try("sws:"+w, c, rewrite.Op{Op: rewrite.AddNode, Path: "/kind", Kind: "Folder"}),
		"a collapse": func() error { _, err := h.Collapse(ctx, c, w, kernel.CollapseRequest{}); return err }(),
		"a token": func() error {
			_, err := h.NewToken(ctx, c, kernel.TokenRequest{Name: "x", Caps: 1, TTL: 1})
			return err
		}(),
	} {
		if !isCode(err, rmg.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.NewToken(ctx, ada, kernel.TokenRequest{Name: "ci", Caps: kernel.CapExec, TTL: time.Hour}); !isCode(err, rmg.Exists) {
		t.Errorf("a second ci: %v", err)
	}
	h.clock.add(2 * time.Hour)
	if _, ok := h.TokenCaller(secret); ok {
		t.Error("it never expires")
	}
	tok, err = h.NewToken(ctx, ada, kernel.TokenRequest{Name: "ci", Caps: kernel.CapExec, TTL: time.Hour, Sum: sum})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.RevokeToken(ctx, ada, "ci"); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.TokenCaller(secret); ok || h.Tokens()[1].State != "revoked" {
		t.Error("revoked and still good")
	}
}

// TestWorkersStayWithTheirProcess.
func TestWorkersStayWithTheirProcess(t *testing.T) {
	h := newHouse(t)
	w := h.fork()
	bob := kernel.Caller{Name: "worker:script", Process: "p9/implement"}
	for name, err := range map[string]error{
		"another's workspace": h.try("sws:"+w, bob, port(80)),
		"the system":          h.try("system", bob, port(80)),
		"discard":             func() error { _, err := h.Discard(context.Background(), bob, w, ""); return err }(),
		"fork":                func() error { _, err := h.Fork(context.Background(), bob, kernel.ForkRequest{}); return err }(),
		"collapse":            func() error { _, err := h.Collapse(context.Background(), bob, w, kernel.CollapseRequest{}); return err }(),
	} {
		if !isCode(err, rmg.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
