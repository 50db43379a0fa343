package kernel

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// PolicyQuestion asks what would be decided, without doing anything.
type PolicyQuestion struct {
	Verb    Verb
	Path    rmg.Path
	Kind    string // of the element; empty: that of the one at Path, if there is one
	As      string // a person's name, a token's name or id, or rule:NAME; empty: who asks
	Process string // the process itself or, with Worker, whom the worker works for
	Worker  string
	Machine work.Machine // that a task would be done on; without a name: the daemon's own
}

// PolicyAnswer is what would be decided and each thing that was looked at, in
// the order in which the kernel does: the first that denies decides.
type PolicyAnswer struct {
	Effect Effect
	Who    string // who was meant
	Steps  []PolicyStep
}

// PolicyStep is one thing that has to let an action through.
type PolicyStep struct {
	What    string // "law", "capability", "rights", or the verb that policy was asked about
	Effect  Effect
	Rule    string // of policy; empty: none matched
	Default bool   // the rule is one of the default policy
	Why     string
	Lost    []Lost
}

// ExplainPolicy answers a question under the policy of the moment. NotFound: no
// such process. Invalid: no such verb.
func (k *Kernel) ExplainPolicy(c Caller, q PolicyQuestion) (PolicyAnswer, error) {
	everyday, named := Verbs()
	if !slices.Contains(everyday, q.Verb) && !slices.Contains(named, q.Verb) {
		return PolicyAnswer{}, &rmg.Error{Op: "explain", Code: rmg.Invalid, Msg: fmt.Sprintf("there is no verb %q", q.Verb), Hint: fmt.Sprintf("there are %v and %v", everyday, named)}
	}
	s, p, err := k.subjectOf(c, q)
	if err != nil {
		return PolicyAnswer{}, err
	}
	world := k.now().world
	if e, ok := world.Get(q.Path); ok && q.Kind == "" {
		q.Kind = e.Kind
	}
	s.machine = factsOf(q.Machine)
	j := k.judgement(s)
	a := PolicyAnswer{Effect: Allow, Who: whoIs(s)}
	add := func(st PolicyStep) {
		a.Steps = append(a.Steps, st)
		if a.Effect != Deny && st.Effect != Allow {
			a.Effect = st.Effect
		}
	}
	k.explainBounds(q, j, p, add)
	if policyRoot.Has(q.Path) && (q.Verb == VerbWrite || q.Verb == VerbCollapse) {
		return a, nil // by capability alone
	}
	verbs := []Verb{q.Verb}
	glob, protected := j.policy.isProtected(q.Path)
	if protected && (q.Verb == VerbWrite || q.Verb == VerbCollapse) {
		verbs = append(verbs, VerbProtected)
	}
	for _, v := range verbs {
		d := j.policy.decide(s, v, q.Path, q.Kind)
		st := PolicyStep{What: string(v), Effect: d.Effect, Rule: d.Rule, Why: d.Why, Lost: j.policy.overruled(s, v, q.Path, q.Kind)}
		for _, r := range j.policy.Rules {
			st.Default = st.Default || r.Name == d.Rule && r.Default
		}
		if v == VerbProtected && protected {
			st.Why = strings.TrimSuffix(fmt.Sprintf("%q protects it; %s", glob, d.Why), "; ")
		}
		add(st)
	}
	return a, nil
}

// explainBounds says what laws, capabilities and rights say.
func (k *Kernel) explainBounds(q PolicyQuestion, j judgement, p Process, add func(PolicyStep)) {
	refused := func(what string, err error, otherwise string) {
		if err == nil {
			add(PolicyStep{What: what, Effect: Allow, Why: otherwise})
			return
		}
		var e *rmg.Error
		why := err.Error()
		if errors.As(err, &e) {
			why = e.Msg
		}
		add(PolicyStep{What: what, Effect: Deny, Why: why})
	}
	if q.Verb == VerbWrite && j.caller.kind() == KindRule {
		refused("law", lawOfRules(j.policy, q.Path), "")
		return
	}
	if q.Verb == VerbWrite {
		if err := mayTouch(Version{Space: "w"}, q.Path); err != nil {
			refused("law", err, "")
		} else if inRepo(q.Path) {
			add(PolicyStep{What: "law", Effect: Allow, Why: "in a workspace; in the system itself files change by collapse only"})
		}
	}
	intent := j.caller.kind() == KindProcess && j.caller.Caps == 0 // a process, and no token
	if want, ok := j.wants(q); ok && !intent {
		refused("capability", j.caller.needs(want, string(q.Verb), q.Path), "has "+want.String())
	} else if ok && want == CapAdmin {
		refused("capability", j.caller.needs(want, string(q.Verb), q.Path), "")
	}
	if j.process.ID == "" {
		return
	}
	switch q.Verb {
	case VerbWrite:
		_, err := mayWrite(p.Rights, j.policy, k.there, p.root(), q.Path)
		refused("rights", err, "it may write "+strings.Join(p.Rights.Write, ", "))
	case VerbDispatch:
		if !workerRoot.Has(q.Path) {
			return // to a machine: which worker it is was judged before
		}
		var err error
		if !slices.Contains(p.Rights.Workers, q.Path.Base().ID) {
			err = &rmg.Error{Code: rmg.Denied, Msg: "the process has no right to it"}
		}
		refused("rights", err, "it may use "+strings.Join(p.Rights.Workers, ", "))
	}
}

// wants is the capability that an action takes.
func (j judgement) wants(q PolicyQuestion) (Caps, bool) {
	switch q.Verb {
	case VerbWrite, VerbCollapse:
		switch {
		case policyRoot.Has(q.Path):
			return CapAdmin, true
		case q.Verb == VerbCollapse:
			return CapCollapse, true
		}
		return CapRewrite, true
	case VerbFork, VerbDiscard:
		return CapRewrite, true
	case VerbExec:
		return CapExec, true
	case VerbIntent:
		return CapIntent, true
	}
	return 0, false
}

// subjectOf finds who is meant.
func (k *Kernel) subjectOf(c Caller, q PolicyQuestion) (*subject, Process, error) {
	var p Process
	if q.Process != "" {
		var err error
		if p, err = k.Process(q.Process); err != nil {
			return nil, p, err
		}
	}
	switch {
	case q.Worker != "":
		f := p.facts(q.Worker)
		return newSubject(Caller{Name: "worker:" + q.Worker, Process: q.Process, Kind: KindWorker}, f), p, nil
	case q.Process != "":
		return newSubject(Caller{Name: q.Process, Kind: KindProcess}, p.facts("")), p, nil
	case q.As == "":
		return newSubject(c, k.processFacts(c.process(), "")), p, nil
	}
	if strings.HasPrefix(q.As, ruleCaller) {
		return newSubject(Caller{Name: q.As, Kind: KindRule}, processFacts{}), p, nil
	}
	for _, t := range k.Tokens() {
		if q.As == t.ID || q.As == t.Name || q.As == t.caller().Name {
			return newSubject(t.caller(), processFacts{}), p, nil
		}
	}
	return newSubject(Caller{Name: q.As}, processFacts{}), p, nil
}

func whoIs(s *subject) string {
	text := fmt.Sprintf("%s %s", s.caller.kind(), strings.TrimPrefix(strings.TrimPrefix(orText(s.caller.Name, "unknown"), "worker:"), ruleCaller))
	if s.process.ID != "" && s.caller.kind() == KindWorker {
		text += " of process " + s.process.ID
	}
	return text
}

// PolicyView is the policy that counts, for people.
type PolicyView struct {
	YAML   string // the whole of it, the default's rules included; set takes it
	Own    bool   // something stands at /policy
	Digest string // of /policy; empty if nothing stands there
	Rules  []PolicyRule
	Broken string // why it does not compile; everything is denied then
}

// Policy shows the policy that counts.
func (k *Kernel) Policy() (PolicyView, error) {
	world := k.now().world
	e, own := world.Get(policyRoot)
	pol := k.policyOf(world)
	v := PolicyView{Own: own, Digest: policyDigest(world), Rules: pol.Rules}
	if pol.broken != nil {
		v.Broken = pol.broken.Error()
		return v, nil
	}
	d, err := readPolicy(e)
	if err != nil {
		return v, err
	}
	d.Rules, d.Protected = pol.Rules, pol.Protected
	d.fillSettings()
	text, err := d.YAML()
	v.YAML = string(text)
	return v, err
}

// SetPolicy puts a document at /policy in place of what stands there. What it
// says as the default policy does is left out: an empty document takes /policy
// away. Denied: without the capability admin. Invalid: it does not compile.
func (k *Kernel) SetPolicy(ctx context.Context, c Caller, text []byte, reason string) (Receipt, error) {
	once, err := onceOf(c, "policy", []any{string(text), reason})
	if err != nil {
		return Receipt{}, err
	}
	if r, done, err := k.answered(once); done || err != nil {
		return r, err
	}
	if err := c.needs(CapAdmin, "policy", policyRoot); err != nil {
		return Receipt{}, err
	}
	d, err := ParsePolicyDocument(text)
	if err != nil {
		return Receipt{}, err
	}
	if err := d.dropDefaults(); err != nil {
		return Receipt{}, err
	}
	if _, err := CompilePolicy(d); err != nil {
		return Receipt{}, err
	}
	now := k.now()
	old := rmg.NewOverlay(rmg.Graph{})
	if e, ok := now.world.Get(policyRoot); ok {
		if err := old.Graft(policyRoot, e); err != nil {
			return Receipt{}, err
		}
	}
	next := rmg.NewOverlay(rmg.Graph{})
	if e, err := d.graph(); err != nil {
		return Receipt{}, err
	} else if nodes, _ := e.Graph.Len(); nodes > 0 || e.Props.Len() > 0 {
		if err := next.Graft(policyRoot, e); err != nil {
			return Receipt{}, err
		}
	}
	ops := rewrite.Between(old.Graph(), next.Graph(), rmg.Root)
	if len(ops) == 0 {
		return Receipt{Seq: now.seq, Tick: now.tick, Digest: now.world.Digest()}, nil
	}
	return k.rewriteOnce(ctx, once, c, Version{}, rewrite.Rewrite{Ops: ops, Reason: orText(reason, "policy set")})
}

// dropDefaults takes out what the default policy says in the same words, so
// that what was shown can be set again and changes nothing.
func (d *PolicyDocument) dropDefaults() error {
	base, err := ParsePolicyDocument([]byte(defaultPolicy))
	if err != nil {
		return err
	}
	if slices.Equal(d.Protected, base.Protected) {
		d.Protected = nil
	}
	d.Rules = slices.DeleteFunc(d.Rules, func(r PolicyRule) bool {
		return slices.ContainsFunc(base.Rules, func(b PolicyRule) bool { return reflect.DeepEqual(r, b) })
	})
	return nil
}
