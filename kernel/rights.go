package kernel

import (
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// mayTouch is what no policy changes: where the kernel alone writes.
func mayTouch(v Version, p rmg.Path) *rmg.Error {
	deny := func(msg, hint string) *rmg.Error {
		return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Denied, Msg: msg, Hint: hint}
	}
	switch {
	case p == rmg.Root:
		return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Invalid, Msg: "the root cannot be changed"}
	case inLedger(p):
		return deny("the ledger is written by the kernel alone", "it changes through intents and workspaces")
	case inRepo(p) && v.Space == "":
		return deny("files of a repository change by collapse only", "jitos sws new, write there, then jitos sws collapse")
	case inRepo(p):
		if b, ok := branchOf(p); !ok || b == p {
			return deny("repositories and branches come in by sync only", "write below /repo/NAME/BRANCH/")
		}
	}
	return nil
}

// mayRewrite judges a rewrite that a person or program sends directly: by what
// nobody may, by the caller's capabilities, and by the head's policy.
func (k *Kernel) mayRewrite(c Caller, v Version, ops []rewrite.Op) error {
	want, world := CapSystem, k.now().world
	if v.Space != "" {
		want = CapRewrite
		if s, ok := k.space(v.Space); ok {
			world = s.last().world
		}
	}
	if err := k.mayReach(c, v, want); err != nil {
		return err
	}
	j := k.judgement(newSubject(c, k.processFacts(c.process(), "")))
	for i, op := range ops {
		for _, p := range []rmg.Path{op.Path, op.Dest} {
			if p == "" {
				continue
			}
			if err := mayTouch(v, p); err != nil {
				err.Msg = fmt.Sprintf("op %d: %s", i, err.Msg)
				return err
			}
			if err := j.write(c, world, op, p); err != nil {
				return fmt.Errorf("op %d: %w", i, err)
			}
		}
	}
	return nil
}

// mayReach judges whether a caller may write in a view at all. A worker writes the
// world itself for a process that has the capability, and else in the workspaces of
// its process.
func (k *Kernel) mayReach(c Caller, v Version, want Caps) error {
	if v.Space == "" && c.kind() == KindWorker {
		return k.maySystem(c)
	}
	if err := c.needs(want, "rewrite", ""); err != nil {
		return err
	}
	return k.within(c, v.Space)
}

// judgement is one decision of the kernel under the policy of the moment.
type judgement struct {
	policy *Policy
	*subject
}

func (k *Kernel) judgement(s *subject) judgement {
	p := k.policyOf(k.now().world)
	if known := p.knownOf(s); known != nil {
		s.known = known
	}
	return judgement{p, s}
}

// write judges one op's change of one place. The policy itself is the owner's
// to change, whatever it says: one that locks everybody out can be mended.
func (j judgement) write(c Caller, world rmg.Graph, op rewrite.Op, p rmg.Path) error {
	if policyRoot.Has(p) {
		return c.needs(CapAdmin, "rewrite", p)
	}
	kind := op.Kind
	if kind == "" && j.policy.kinds {
		e, _ := world.Get(p)
		kind = e.Kind
	}
	if err := j.may(VerbWrite, p, kind); err != nil {
		return err
	}
	if _, ok := j.policy.isProtected(p); ok {
		return j.may(VerbProtected, p, kind)
	}
	return nil
}

// may refuses what the policy denies. What it wants asked may be written: the
// question is put when it is to be collapsed.
func (j judgement) may(verb Verb, p rmg.Path, kind string) error {
	d := j.policy.decide(j.subject, verb, p, kind)
	if d.Effect != Deny {
		return nil
	}
	return j.denied(d, verb, p)
}

// denied is the error of a decision: which rule, and how to see why.
func (j judgement) denied(d Decision, verb Verb, p rmg.Path) error {
	msg := fmt.Sprintf("%s is denied: %s", verb, d.sentence())
	if verb == VerbProtected {
		msg = "a protected path, which the intent does not ask to change: " + d.sentence()
	}
	return &rmg.Error{Op: string(verb), Path: p, Code: rmg.Denied, Msg: msg, Hint: fmt.Sprintf("jitos policy explain %s %s%s", verb, p, j.asFlags())}
}

// asFlags are the flags of policy explain that ask for the same subject.
func (s *subject) asFlags() string {
	switch s.caller.kind() {
	case KindWorker:
		out := " --worker " + strings.TrimPrefix(s.caller.Name, "worker:")
		if s.process.ID != "" {
			out += " --process " + s.process.ID
		}
		return out
	case KindRule:
		return " --as " + s.caller.Name
	case KindProcess, KindAgent:
		if s.process.ID != "" && s.caller.Caps == 0 {
			return " --process " + s.process.ID
		}
		return " --as " + s.caller.Name
	}
	return ""
}

// may judges a call that is not about an element: a capability, then policy.
func (k *Kernel) may(c Caller, want Caps, verb Verb, at rmg.Path, kind string, facts processFacts) error {
	if err := c.needs(want, string(verb), at); err != nil {
		return err
	}
	return k.judgement(newSubject(c, facts)).may(verb, at, kind)
}

// within keeps a worker to the workspaces of its own process.
func (k *Kernel) within(c Caller, space string) error {
	if c.kind() != KindWorker {
		return nil
	}
	e, ok := k.now().ledger.Get(swsPath(space))
	if space != "" && ok && c.process() != "" && e.Props.String("process") == c.process() {
		return nil
	}
	return &rmg.Error{
		Op: "workspace", Path: swsPath(space), Code: rmg.Denied, Msg: fmt.Sprintf("%s works for %s, and this is none of its workspaces", c.Name, orText(c.process(), "no process")),
		Hint: "jitos sws list shows whose they are",
	}
}

// mayUse judges what is done with a workspace as a whole.
func (k *Kernel) mayUse(c Caller, want Caps, verb Verb, space string) error {
	if err := k.within(c, space); err != nil {
		return err
	}
	return k.may(c, want, verb, swsPath(space), kindWorkspace, k.processFacts(c.process(), ""))
}

// mayWrite judges a worker's write by the rights of its process. It reports
// whether policy protects the place, which is then for policy to decide; what
// the intent itself excludes stays excluded. What the process may add is open to it
// where nothing is there at the system's head: what is, stays as it is.
func mayWrite(r work.Rights, pol *Policy, there func(rmg.Path) bool, root, p rmg.Path) (protected bool, err error) {
	deny := func(msg string) (bool, error) {
		return false, &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Denied, Msg: msg, Hint: "the intent's scope and rights decide what a worker may write"}
	}
	rel, ok := relTo(root, p)
	if !ok || rel == "" {
		return deny("outside the repository of the process")
	}
	if !matchAny(r.Write, rel) {
		return deny("outside what the process may write")
	}
	if matchAny(r.Granted, rel) || addsTo(r, rel) && !there(p) {
		return false, nil
	}
	if _, ok := pol.isProtected(p); ok {
		return true, nil
	}
	if matchAny(r.Protected, rel) {
		return deny("a protected path, which the intent does not ask to change")
	}
	return false, nil
}

// addsTo reports whether a process may put a file there, if there is none.
func addsTo(r work.Rights, rel string) bool {
	return matchAny(r.Adds, rel) && !matchAny(r.Excluded, rel)
}

// there reports whether the system's head has an element.
func (k *Kernel) there(p rmg.Path) bool {
	_, ok := k.now().world.Get(p)
	return ok
}

// relTo returns p relative to root, with "/" between raw names.
func relTo(root, p rmg.Path) (string, bool) {
	if root == "" {
		return "", false
	}
	ids, ok := root.Rel(p)
	return strings.Join(ids, "/"), ok
}

// policyOf returns the compiled policy of a world: compiled once for each
// version of /policy and known again by the identity of its level. One that
// does not compile denies everything until its owner has mended it.
func (k *Kernel) policyOf(world rmg.Graph) *Policy {
	e, _ := world.Get(policyRoot)
	k.policies.Lock()
	defer k.policies.Unlock()
	if was := k.policies.of; k.policies.policy != nil && was.Kind == e.Kind && was.Props.Equal(e.Props) && was.Graph.Same(e.Graph) {
		return k.policies.policy
	}
	p, err := policyAt(e)
	if err != nil {
		p = &Policy{broken: err}
	}
	k.policies.of, k.policies.policy = e, p
	return p
}

// policyAt compiles what an element holds; a zero one holds nothing.
func policyAt(e rmg.Element) (*Policy, error) {
	d, err := readPolicy(e)
	if err != nil {
		return nil, err
	}
	return CompilePolicy(d)
}

// samePolicy reports whether two worlds have the same /policy.
func samePolicy(a, b rmg.Graph) bool {
	x, _ := a.Get(policyRoot)
	y, _ := b.Get(policyRoot)
	return alikePolicy(x, y)
}

func alikePolicy(x, y rmg.Element) bool {
	return x.Kind == y.Kind && x.Props.Equal(y.Props) && (x.Graph.Same(y.Graph) || x.Graph.Digest() == y.Graph.Digest())
}

// processFacts is what conditions see of a process; zero without one.
func (k *Kernel) processFacts(id, worker string) processFacts {
	if id == "" {
		return processFacts{}
	}
	p, err := k.Process(id)
	if err != nil {
		return processFacts{ID: id, Worker: worker}
	}
	return p.facts(worker)
}

// facts is what conditions see of the process, with a worker at work; without
// one, the last of its plan beside the kernel.
func (p Process) facts(worker string) processFacts {
	f := processFacts{ID: p.ID, Owner: p.Owner, Worker: worker, Workers: p.Rights.Workers, Intent: p.SLAPS.Intent}
	for _, w := range p.Rights.Workers {
		f.Capabilities = append(f.Capabilities, "worker:"+w)
		if worker == "" && w != workerKernel {
			f.Worker = w
		}
	}
	for _, g := range p.Rights.Write {
		f.Capabilities = append(f.Capabilities, "write:"+g)
	}
	if p.Rights.Network != "" {
		f.Capabilities = append(f.Capabilities, "network:"+p.Rights.Network)
	}
	for _, h := range p.Rights.Hosts {
		f.Capabilities = append(f.Capabilities, "host:"+h)
	}
	return f
}

// policyStays refuses a rewrite of the system after which /policy would not
// compile.
func (k *Kernel) policyStays(v Version, world rmg.Graph, ops []rewrite.Op) error {
	if v.Space != "" {
		return nil // judged when it is collapsed
	}
	ours, files := false, false
	for _, op := range ops {
		ours = ours || policyRoot.Has(op.Path) || op.Dest != "" && policyRoot.Has(op.Dest)
		files = files || op.Op == rewrite.Write
	}
	switch {
	case !ours:
		return nil
	case files:
		return &rmg.Error{Op: "rewrite", Path: policyRoot, Code: rmg.Invalid, Msg: "a rewrite of the policy writes no files", Hint: "jitos policy set FILE changes it by itself"}
	}
	next, err := rewritten(world, ops)
	if err != nil {
		return err
	}
	e, _ := next.Get(policyRoot)
	_, err = policyAt(e)
	return err
}

// policyIs is Stale if the policy is no longer the one that was judged by.
func (f *fold) policyIs(judged rmg.Graph) error {
	now, _ := f.main.get(policyRoot)
	then, _ := judged.Get(policyRoot)
	if alikePolicy(now, then) {
		return nil
	}
	return &rmg.Error{Op: "rewrite", Path: policyRoot, Code: rmg.Stale, Msg: "the policy changed while this was judged", Hint: "repeat it"}
}
