package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// subject is who collapses: a person by hand, or the process.
func (k *Kernel) collapser(c *collapse) *subject {
	if c.byHand {
		return newSubject(c.caller, processFacts{})
	}
	return newSubject(Caller{Name: c.process, Kind: KindProcess}, k.processFacts(c.process, ""))
}

// judgeCandidate judges every place that a candidate changes by the policy of
// the head it merges with, never by its own. It returns what has to be
// approved; the error is Denied and names the rule.
func (k *Kernel) judgeCandidate(c *collapse, cand candidate, evidence []work.Evidence) ([]Asked, error) {
	var paths []rmg.Path
	var kinds []string
	for _, ch := range cand.changes() {
		kind := ch.New.Kind
		if ch.Kind == rmg.Removed {
			kind = ch.Old.Kind
		}
		paths, kinds = append(paths, ch.Path), append(kinds, kind)
	}
	j := judgement{k.policyOf(cand.from), k.collapser(c).seeing(paths, evidence)}
	var asked []Asked
	for i, p := range paths {
		more, err := j.place(c, p, kinds[i])
		if err != nil {
			return nil, err
		}
		asked = append(asked, more...)
	}
	if !samePolicy(cand.from, cand.merged) {
		e, _ := cand.merged.Get(policyRoot)
		if _, err := policyAt(e); err != nil {
			return nil, err
		}
	}
	if c.root != "" {
		pr := k.proofOf(c, cand, c.gates, 0)
		pr.who = j.subject
		faults, more := k.judgeBranch(pr)
		if len(faults) > 0 {
			return nil, &rmg.Error{Op: "collapse", Path: c.root, Code: rmg.Denied, Msg: some(faults), Hint: "jitos policy show has the rules"}
		}
		asked = append(asked, more...)
	}
	why := approvalWanted
	if len(c.words) > 0 {
		why = "the intent wants a person's word: " + strings.Join(c.words, "; ")
	}
	if c.ask && len(asked) == 0 || len(c.words) > 0 {
		for _, p := range paths {
			asked = append(asked, Asked{Verb: VerbCollapse, Path: p, Why: why})
		}
	}
	return asked, nil
}

// place judges one changed place, but for what its branch's own gate judges.
func (j judgement) place(c *collapse, p rmg.Path, kind string) ([]Asked, error) {
	if policyRoot.Has(p) {
		if err := j.caller.needs(CapAdmin, "collapse", p); err != nil {
			return nil, err
		}
		return nil, nil
	}
	verbs := []Verb{VerbCollapse}
	if _, ok := j.policy.isProtected(p); ok && (c.root == "" || !c.root.Has(p)) {
		verbs = append(verbs, VerbProtected)
	}
	var asked []Asked
	for _, v := range verbs {
		switch d := j.policy.decide(j.subject, v, p, kind); d.Effect {
		case Deny:
			return nil, j.denied(d, v, p)
		case Ask:
			asked = append(asked, Asked{Verb: v, Path: p, Rule: d.Rule, Why: d.Why})
		}
	}
	return asked, nil
}

// judgeBranch judges a branch's change by what it touches: no protected path
// without a grant, and nothing added that could forge a test run.
func (k *Kernel) judgeBranch(p proof) (faults []string, asked []Asked) {
	pol, who := k.policyOf(p.head), p.who
	if who == nil {
		who = newSubject(Caller{Kind: KindProcess}, processFacts{})
		if p.byHand {
			who = newSubject(Caller{}, processFacts{})
		}
	}
	root := p.root
	if root == "" {
		root = repoRoot.Join("-", "-") // a tree by itself
	}
	own, err := k.ownGates(p.base)
	for _, name := range []string{tasks.GatesPath, tasks.SetupPath} {
		was, _ := fileOf(p.base, name)
		if is, _ := fileOf(p.next, name); is != was && err == nil {
			_, err = k.ownGates(p.next)
		}
	}
	if err != nil {
		faults = append(faults, err.Error())
	}
	for _, f := range changedFiles(p.base, p.next) {
		at := root.Join(split(f)...)
		d, why := Decision{Effect: Allow}, ""
		_, byPolicy := pol.isProtected(at)
		byPolicy = byPolicy || matchAny(own.protected, f)
		added := p.adds(f)
		switch granted := added || matchAny(p.rights.Granted, f); {
		case byPolicy && !granted:
			d, why = pol.decide(who, VerbProtected, at, rewrite.KindFile), f+" is protected"
			if d.Effect == Ask {
				asked = append(asked, Asked{Verb: VerbProtected, Path: at, Rule: d.Rule, Why: d.Why})
			}
		case matchAny(p.rights.Protected, f) && !granted:
			d, why = Decision{Effect: Deny}, f+" is protected"
		}
		if d.Effect == Deny {
			faults = append(faults, why+ruleNote(pol, d))
			continue
		}
		d = pol.decide(who, VerbForgery, at, rewrite.KindFile)
		if d.Effect == Allow {
			continue
		}
		for _, why := range k.forgeries(p.base, p.next, f, added) {
			if d.Effect == Deny {
				faults = append(faults, why+ruleNote(pol, d))
				continue
			}
			asked = append(asked, Asked{Verb: VerbForgery, Path: at, Rule: d.Rule, Why: why})
		}
	}
	return faults, asked
}

// adds reports whether a file is one that the intent may add: it is asked for, and the
// head that the change is merged with has none of its name.
func (p proof) adds(file string) bool {
	_, there := p.base.Get(rmg.Root.Join(split(file)...))
	return !there && addsTo(p.rights, file)
}

// ruleNote names the rule that denied, where it is not one of the default
// policy, whose words are the gate's own.
func ruleNote(pol *Policy, d Decision) string {
	for _, r := range pol.Rules {
		if r.Name == d.Rule && r.Default && !d.Broken {
			return ""
		}
	}
	if d.Rule == "" && d.Why == "" {
		return ""
	}
	return " (" + d.sentence() + ")"
}

// conflictsAsked is what a person is asked about conflicts; false if policy does
// not have all of them asked.
func (k *Kernel) conflictsAsked(c *collapse, list []rmg.MergeConflict) (asked []Asked, ok bool) {
	pol, who := k.policyOf(k.now().world), k.collapser(c)
	for _, m := range list {
		d := pol.decide(who, VerbConflict, m.Path, string(m.Kind))
		if d.Effect != Ask {
			return nil, false
		}
		asked = append(asked, Asked{Verb: VerbConflict, Path: m.Path, Rule: d.Rule, Why: m.Reason})
	}
	return asked, len(asked) > 0
}

// askConflict asks a person about conflicts where policy says so. It returns
// nil when the merge should be tried again, else why it is not.
func (k *Kernel) askConflict(ctx context.Context, c *collapse, list []rmg.MergeConflict) error {
	asked, ok := k.conflictsAsked(c, list)
	if !ok {
		return conflictError(c.space, list)
	}
	s, ok := k.space(c.space)
	if !ok {
		return noSpace(c.space)
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append(fmt.Appendf(nil, "jitos conflict 1\x00%s@%d\x00", c.space, s.last().seq), data...))
	q := Approval{About: AboutConflict, Digest: hex.EncodeToString(sum[:]), Asked: asked, Conflicts: list, Question: fmt.Sprintf("%s with the system, first at %s: %s", plural(len(list), "conflict"), list[0].Path, list[0].Reason)}
	if a, ok := k.findApproval(c, ofDigest(q.Digest)); ok && a.State == ApprovalApproved {
		return conflictError(c.space, list) // it was said to be settled, and is not
	}
	a, err := k.ask(ctx, c, q)
	if err != nil {
		return err
	}
	if a.State == ApprovalRejected {
		return rejected(a)
	}
	return nil
}
