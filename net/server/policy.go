package server

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// tokenTTL is how long a token lasts unless it says otherwise.
const tokenTTL = 30 * 24 * time.Hour

func policyCalls() []call {
	id := pathParam("id", "a question: a57")
	return []call{
		{method: get, path: "/policy", id: "policy", summary: "Show the policy that counts", answer: wire.Policy{}, do: (*exchange).policy},
		{
			method: post, path: "/policy", id: "set-policy", once: true, terminal: true, summary: "Put a policy in place of the one there is",
			about: "Takes the capability admin. One that does not compile is refused, with each rule and the place in its condition.",
			body:  wire.PolicyRequest{}, answer: wire.Receipt{}, do: (*exchange).setPolicy,
		},
		{
			method: get, path: "/policy/explain", id: "explain-policy", summary: "Say what would be decided, and why",
			params: []param{
				{name: "verb", kind: "string", about: "intent, dispatch, fork, write, exec, discard, collapse, protected, forgery, conflict, network or tool", required: true},
				{name: "path", kind: "string", about: "a graph path, or file: and the absolute name of a file on disk", required: true},
				textParam("kind", "of the element; that of the one there if absent"), textParam("as", "a person's name, or a token's; the caller if absent"),
				textParam("process", "the process itself or, with worker, whom it works for"), textParam("worker", "a worker's name"),
			},
			answer: wire.PolicyAnswer{}, do: (*exchange).explainPolicy,
		},
		{
			method: get, path: "/inbox", id: "inbox", summary: "List what waits for a person",
			params: []param{flagParam("all", "what was answered too")}, answer: wire.InboxAnswer{}, do: (*exchange).inbox,
		},
		{method: get, path: "/inbox/{id}", id: "approval", summary: "Show a question", params: []param{id}, answer: wire.Approval{}, do: (*exchange).approval},
		{
			method: post, path: "/inbox/{id}", id: "answer", once: true, summary: "Answer a question",
			about:  "Only a person does. What waits for it goes on. An approval may leave out hunks, and edit files: what is left is proven anew before it lands.",
			params: []param{id}, body: wire.AnswerRequest{}, answer: wire.Approval{}, do: (*exchange).reply,
		},
		{method: get, path: "/token", id: "tokens", summary: "List tokens", answer: wire.TokensAnswer{}, do: (*exchange).tokens},
		{
			method: post, path: "/token", id: "new-token", terminal: true, summary: "Make a token for automation",
			about: "Takes the capability admin. Its secret is in this answer and nowhere else.",
			body:  wire.TokenRequest{}, answer: wire.NewToken{}, do: (*exchange).newToken,
		},
		{
			method: post, path: "/token/{id}/revoke", id: "revoke-token", once: true, terminal: true, summary: "End a token at once",
			params: []param{pathParam("id", "a token, by id or name")}, answer: wire.Token{}, do: (*exchange).revokeToken,
		},
	}
}

func (x *exchange) policy() (any, error) {
	p, err := x.s.opt.Kernel.Policy()
	if err != nil {
		return nil, err
	}
	out := wire.Policy{YAML: p.YAML, Own: p.Own, Digest: p.Digest, Broken: p.Broken, Rules: []wire.PolicyRule{}}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, wire.PolicyRule{
			Name: r.Name, Effect: string(r.Effect), Verbs: r.Verbs, Paths: r.Paths, Kinds: r.Kinds, When: r.When, Reason: r.Reason, Default: r.Default,
		})
	}
	return out, nil
}

func (x *exchange) setPolicy() (any, error) {
	var in wire.PolicyRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	rec, err := x.s.opt.Kernel.SetPolicy(x.r.Context(), x.caller, []byte(in.Document), in.Reason)
	if err != nil {
		return nil, err
	}
	return wire.Receipt{Seq: rec.Seq, Tick: rec.Tick, Digest: rec.Digest}, nil
}

// pathOrFile is a parameter that is a graph path or a file on disk.
func (x *exchange) pathOrFile(name string) (rmg.Path, error) {
	switch file, ok := strings.CutPrefix(x.text(name), "file:"); {
	case ok && !strings.HasPrefix(file, "/"):
		return "", wire.NewProblem(rmg.Invalid, "%q is not an absolute file name", file).WithHint("file: is followed by the file's name from /")
	case ok:
		return x.s.opt.Kernel.Resolve(x.r.Context(), file)
	case file == "":
		return "", wire.NewProblem(rmg.Invalid, "parameter %q is missing", name).WithHint("for example path=/repo/app/main/a.go")
	}
	return x.place(name, rmg.Root)
}

func (x *exchange) explainPolicy() (any, error) {
	at, err := x.pathOrFile("path")
	if err != nil {
		return nil, err
	}
	q := kernel.PolicyQuestion{
		Verb: kernel.Verb(x.text("verb")), Path: at, Kind: x.text("kind"), As: x.text("as"), Process: x.text("process"), Worker: x.text("worker"),
	}
	q.Machine = x.machineAt(at)
	a, err := x.s.opt.Kernel.ExplainPolicy(x.caller, q)
	if err != nil {
		return nil, err
	}
	out := wire.PolicyAnswer{Effect: string(a.Effect), Verb: string(q.Verb), Path: at, Who: a.Who, Steps: []wire.PolicyStep{}}
	for _, st := range a.Steps {
		w := wire.PolicyStep{What: st.What, Effect: string(st.Effect), Rule: st.Rule, Default: st.Default, Why: st.Why}
		for _, l := range st.Lost {
			w.Lost = append(w.Lost, wire.PolicyLost{Rule: l.Rule, Effect: string(l.Effect), Why: l.Why})
		}
		out.Steps = append(out.Steps, w)
	}
	return out, nil
}

func (x *exchange) inbox() (any, error) {
	all, err := x.flag("all", false)
	if err != nil {
		return nil, err
	}
	out := wire.InboxAnswer{Inbox: []wire.Approval{}}
	for _, a := range x.s.opt.Kernel.Inbox(all) {
		out.Inbox = append(out.Inbox, wireApproval(a))
	}
	return out, nil
}

func (x *exchange) approval() (any, error) {
	a, err := x.s.opt.Kernel.Approval(x.id())
	if err != nil {
		return nil, err
	}
	list, err := x.s.opt.Kernel.ChangeOf(a.ID)
	if err != nil {
		return nil, err
	}
	out := wireApproval(a)
	for _, c := range list {
		out.Changes = append(out.Changes, wireFileChange(c))
	}
	return out, nil
}

func wireFileChange(c kernel.FileChange) wire.FileChange {
	out := wire.FileChange{Path: c.Path, Name: nameOf(c.Path), Change: string(c.Change), Whole: c.Whole, Cut: c.Cut, Hunks: []wire.Hunk{}}
	if b := c.Content(); b.Size > 0 {
		out.Now = fmt.Sprintf("%x", b.Sum)
	}
	for i, h := range c.Hunks {
		out.Hunks = append(out.Hunks, wire.Hunk{
			N: i + 1, OldLine: h.OldLine, Line: h.Line, Old: strings.ToValidUTF8(string(h.Old), "\uFFFD"), New: strings.ToValidUTF8(string(h.New), "\uFFFD"),
		})
	}
	return out
}

// nameOf is a file's name in its repository.
func nameOf(p rmg.Path) string {
	var names []string
	for i, s := range p.Segments() {
		if i == 0 && s.ID != "repo" {
			return string(p)
		}
		if i > 2 {
			names = append(names, s.ID)
		}
	}
	return strings.Join(names, "/")
}

func (x *exchange) reply() (any, error) {
	var in wire.AnswerRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	r := kernel.Reply{Answer: in.Answer, Comment: in.Comment}
	for _, h := range in.Reject {
		r.Reject = append(r.Reject, kernel.HunkRef{File: h.File, N: h.N})
	}
	for _, e := range in.Edit {
		r.Edit = append(r.Edit, kernel.FileEdit{File: e.File, Text: []byte(e.Text)})
	}
	a, err := x.s.opt.Kernel.Answer(x.r.Context(), x.caller, x.id(), r)
	if err != nil {
		return nil, err
	}
	return wireApproval(a), nil
}

func wireApproval(a kernel.Approval) wire.Approval {
	out := wire.Approval{
		ID: a.ID, About: a.About, State: a.State, Process: a.Process, SWS: a.Workspace, Question: a.Question, Digest: a.Digest, More: a.More,
		At: at(a.At), Answer: a.Answer, By: a.By, Comment: a.Comment, Answered: at(a.Answered), Amends: a.Amends,
	}
	if a.State == kernel.ApprovalOpen {
		out.Next = a.Next()
	}
	for _, q := range a.Asked {
		out.Asked = append(out.Asked, wire.Asked{Verb: string(q.Verb), Path: q.Path, Rule: q.Rule, Why: q.Why})
	}
	for _, c := range a.Conflicts {
		out.Conflicts = append(out.Conflicts, wire.Conflict(c))
	}
	return out
}

// waiting says of an operation that goes on which question it waits for.
func (x *exchange) waiting(op wire.Operation) wire.Operation {
	if op.State != wire.OperationRunning {
		return op
	}
	for _, a := range x.s.opt.Kernel.Inbox(false) {
		if a.Workspace == op.Workspace {
			w := wireApproval(a)
			op.Waiting = &w
		}
	}
	return op
}

func (x *exchange) tokens() (any, error) {
	out := wire.TokensAnswer{Tokens: []wire.Token{}}
	for _, t := range x.s.opt.Kernel.Tokens() {
		out.Tokens = append(out.Tokens, wireToken(t))
	}
	return out, nil
}

func (x *exchange) newToken() (any, error) {
	var in wire.TokenRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	caps, err := kernel.ParseCaps(in.Caps)
	if err != nil {
		return nil, err
	}
	ttl := tokenTTL
	if in.TTL != "" {
		if ttl, err = time.ParseDuration(in.TTL); err != nil {
			return nil, wire.NewProblem(rmg.Invalid, "ttl is %q, not a time", in.TTL).WithHint("for example 12h or 720h")
		}
	}
	secret := secretText()
	t, err := x.s.opt.Kernel.NewToken(x.r.Context(), x.caller, kernel.TokenRequest{
		Name: in.Name, Kind: kernel.CallerKind(in.Kind), Caps: caps, TTL: ttl, Sum: sha256.Sum256([]byte(secret)),
	})
	if err != nil {
		return nil, err
	}
	return wire.NewToken{Token: wireToken(t), Secret: secret}, nil
}

func (x *exchange) revokeToken() (any, error) {
	t, err := x.s.opt.Kernel.RevokeToken(x.r.Context(), x.caller, x.id())
	if err != nil {
		return nil, err
	}
	return wireToken(t), nil
}

func wireToken(t kernel.Token) wire.Token {
	return wire.Token{
		ID: t.ID, Name: t.Name, Kind: string(t.Kind), Caps: t.Caps.Names(), State: t.State, By: t.By, Made: at(t.Made), Expires: at(t.Expires),
	}
}
