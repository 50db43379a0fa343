package kernel

import "sync"

// maxAskers is how many callers' verdicts are kept; beyond that all are dropped.
const maxAskers = 256

// asker is all that a condition sees of a caller without a process, as most are
// that write directly.
type asker struct {
	name string
	kind CallerKind
	caps Caps
}

// verdicts keeps, for a policy, what its conditions come to for a caller where
// nothing but the caller counts: evaluated once for each, and not for each
// write.
type verdicts struct {
	sync.Mutex // guards the map
	of         map[asker]map[*condition]verdict
}

// knownOf gives the verdicts of all conditions that look at neither path, kind
// nor verb, to be read only; nil if more than the caller counts, or if they cost
// so much that what one decision may spend has to be kept count of.
func (p *Policy) knownOf(s *subject) map[*condition]verdict {
	f := &s.process
	if f.ID != "" || f.Worker != "" || s.machine.Name != "" || len(s.paths)+len(s.evidence) > 0 {
		return nil
	}
	a := asker{s.caller.Name, s.caller.kind(), s.caller.caps()}
	p.verdicts.Lock()
	defer p.verdicts.Unlock()
	known, ok := p.verdicts.of[a]
	if ok {
		return known
	}
	probe := newSubject(s.caller, s.process)
	for _, r := range p.rules {
		if r.when != nil && !r.when.local {
			_, _ = probe.holds(r.when, "", "", "") // an error is a verdict, too
		}
	}
	if known = probe.known; probe.spent > maxJudgementCost/2 {
		known = nil
	}
	if len(p.verdicts.of) >= maxAskers || p.verdicts.of == nil {
		p.verdicts.of = map[asker]map[*condition]verdict{}
	}
	p.verdicts.of[a] = known
	return known
}
