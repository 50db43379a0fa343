package kernel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// Reactive rules fire in the writer: a record of the system and all that rules do
// about it are one frame, before any other record. So who sees the one sees the
// other, a restart finds nothing left undone, and the order of firings is a function
// of the log. Replay applies their records like any other, and matches nothing.

// fired is a tick that rules made.
type fired struct {
	tick
	from uint64
	version
}

// apart takes out the next tick. It ends with the first record for which rules may fire,
// since what they do about it comes before the next.
func (r *reactor) apart(ticks []sched.Tick, batch []*request) (sched.Tick, []sched.Tick) {
	t := ticks[0]
	if len(r.groups) == 0 {
		return t, ticks[1:]
	}
	for i := range t[:len(t)-1] {
		if r.concerns(batch[t[i]]) {
			ticks[0] = t[i+1:]
			return t[:i+1], ticks
		}
	}
	return t, ticks[1:]
}

// concerns reports whether rules may fire for a request, or be others after it: it
// writes in a graph that decides what matches, or what the rules are.
func (r *reactor) concerns(q *request) bool {
	f := &q.footprint
	if q.view != "system" {
		return false
	}
	if f.All {
		return true
	}
	for _, list := range [...][]rmg.Path{f.Writes, f.Whole, f.Ways} {
		for _, p := range list {
			if rulesRoot.Has(p) || p.Has(rulesRoot) || slices.ContainsFunc(r.groups, func(g *ruleGroup) bool { return g.concerns(p) }) {
				return true
			}
		}
	}
	return false
}

// concerns reports whether a write at a path may decide what matches.
func (g *ruleGroup) concerns(p rmg.Path) bool {
	if !g.at.Has(p) {
		return p.Has(g.at)
	}
	below := strings.TrimPrefix(string(p), strings.TrimSuffix(string(g.at), "/"))
	return p == g.at || strings.Count(below, "/") <= g.far
}

// react has the rules fire that a tick of one record is news for. A set of rules that
// does not come to an end, or that does what it may not, does nothing at all: what is
// recorded is that those to blame are off, and what the others do.
func (k *Kernel) react(f *fold, t tick) (out []fired) {
	r := &k.reactor
	rearm := slices.ContainsFunc(t.records, switchesRules)
	if len(r.groups) == 0 {
		if rearm {
			r.arm(f.ledger, f.world(), f.at)
		}
		return nil
	}
	trigger := t.records[len(t.records)-1]
	if rearm {
		r.drop(f)
	}
	seen := r.seen()
	for trigger.View == "system" && len(r.groups) > 0 {
		start, given := f.version(), f.given
		ticks, blame := k.cascade(f, trigger)
		if blame == nil {
			out = append(out, ticks...)
			break
		}
		if !slices.ContainsFunc(blame.rules, func(name string) bool { _, ok := r.rules[name]; return ok }) {
			blame.rules = slices.Sorted(maps.Keys(r.rules)) // or this would not end
		}
		*f = *foldOn(start, f.past)
		f.given = given
		out = append(out, k.switchOff(f, trigger, blame))
		r.without(blame.rules, seen)
	}
	if rearm {
		r.arm(f.ledger, f.world(), f.at)
	}
	return out
}

// switchesRules reports whether a record may change which rules fire, or what they
// are.
func switchesRules(r Record) bool {
	concerns := func(p rmg.Path) bool {
		return p != "" && (rulesRoot.Has(p) || rmg.KindPath.Has(p) || reactionRoot.Has(p) || tokenRoot.Has(p))
	}
	return slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return concerns(op.Path) || concerns(op.Dest) })
}

// seen is the world that the rules have seen last.
func (r *reactor) seen() rmg.Graph {
	if len(r.groups) == 0 {
		return rmg.Graph{}
	}
	return r.groups[0].seen
}

// drop takes out the rules that a record has changed or switched off: it is not for
// them any more.
func (r *reactor) drop(f *fold) {
	world := f.world()
	var gone []string
	for name := range r.rules {
		e, _ := f.ledger.Get(reactionPath(name))
		if now := reactionOf(e); !now.on || now.stands(f.ledger, world, f.at) != "" {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		r.without(gone, r.seen())
	}
}

// blamed is the rules that cannot go on, and why.
type blamed struct {
	rules []string
	why   string
}

// cascade does what rules do about a record, and about what they did, until nothing
// is news. If that does not end well f and the images are left as they are then.
func (k *Kernel) cascade(f *fold, trigger Record) (out []fired, blame *blamed) {
	r := &k.reactor
	fuel := limitsOf(f.world()).ruleFuel
	var wait waiting
	ops, count := 0, map[string]int{}
	if blame = r.look(f.world(), trigger.Seq, nil, &wait); blame != nil {
		return nil, blame
	}
	for {
		v, ok := wait.next()
		if !ok {
			return out, nil
		}
		if len(out) == fuel || ops+len(v.list) > maxReactionOps {
			wait.list = append(wait.list, v)
			return nil, &blamed{wait.goingOn(count), exhausted(len(out), ops, trigger.Seq, count)}
		}
		x, err := k.fireOne(f, trigger.At, &v)
		switch {
		case err != nil:
			return nil, &blamed{[]string{v.rule}, err.Error()}
		case x == nil:
			continue
		}
		out, ops = append(out, *x), ops+x.ops()
		count[v.rule]++
		if blame = r.look(f.world(), x.records[0].Seq, v.of, &wait); blame != nil {
			return nil, blame
		}
	}
}

// look finds what a record is news of. mine is the group whose own it is.
func (r *reactor) look(world rmg.Graph, seq uint64, mine *ruleGroup, wait *waiting) *blamed {
	for _, g := range r.groups {
		look := g.look
		if g == mine {
			look = g.settle
		}
		news, err := look(world)
		if err != nil {
			return &blamed{g.toBlame(err), err.Error()}
		}
		wait.add(g, seq, news)
	}
	return nil
}

// toBlame is the rules of a group that an error is about.
func (g *ruleGroup) toBlame(err error) []string {
	names := g.set.Names()
	var e *rmg.Error
	if errors.As(err, &e) {
		if one, ok := strings.CutPrefix(e.Op, "rule "); ok && slices.Contains(names, one) {
			return []string{one}
		}
	}
	return names
}

// fireOne applies a volley as one record; nil if it changes nothing.
func (k *Kernel) fireOne(f *fold, at time.Time, v *volley) (*fired, error) {
	n, first, err := v.fire()
	if err != nil {
		if first != "" {
			return nil, fmt.Errorf("for %s: %w", first, err)
		}
		return nil, err
	}
	ops := v.of.m.Ops()
	if len(ops) == 0 {
		return nil, nil
	}
	if ops, err = rewrite.Resolve(ops, k.putBytes, k.blobSize); err != nil {
		return nil, err
	}
	x := k.reactor.rules[v.rule]
	if err := k.mayFire(f, x, ops); err != nil {
		return nil, err
	}
	k.holdNamed(ops)
	reason := fmt.Sprintf("rule %s fired on record %d, %s", v.rule, v.trigger, matches(n))
	if first != "" {
		reason += ", first " + first
	}
	seq := f.seq + 1
	ops = append(ops,
		setOp(reactionPath(v.rule), map[string]rmg.Value{"last": seqValue(seq)}),
		rewrite.Op{Op: rewrite.Inc, Path: reactionPath(v.rule), Prop: "fired", By: 1})
	return f.record(Record{
		Seq: seq, At: at, View: "system", Author: ruleCaller + v.rule, Cause: Version{Seq: v.trigger}.String(), Reason: reason, Ops: ops,
	})
}

func matches(n int) string {
	if n == 1 {
		return "1 match"
	}
	return fmt.Sprintf("%d matches", n)
}

// record applies a record as a tick of its own.
func (f *fold) record(r Record) (*fired, error) {
	r.Tick = f.tick + 1
	if err := f.apply(r); err != nil {
		return nil, err
	}
	f.tick = r.Tick
	v := f.version()
	return &fired{tick{r.Tick, f.hash.Digest(v.world), f.hash.Digest(v.ledger), []Record{r}}, r.Seq, v}, nil
}

// exhausted says what the fuel went into.
func exhausted(n, ops int, seq uint64, count map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%s %d times", name, count[name]))
	}
	if n == 0 {
		return fmt.Sprintf("record %d has more matches than the %d changes that rules may make of it; jitos rule apply goes on by hand", seq, maxReactionOps)
	}
	return fmt.Sprintf("after %d firings with %d changes for record %d there was still a match (%s); the rules may not terminate, else raise rule_fuel in /policy", n, ops, seq, strings.Join(parts, ", "))
}

// switchOff records that rules are off by the kernel.
func (k *Kernel) switchOff(f *fold, trigger Record, b *blamed) fired {
	seq := f.seq + 1
	var ops []rewrite.Op
	for _, name := range b.rules {
		ops = append(ops, setOp(reactionPath(name), map[string]rmg.Value{"on": rmg.Bool(false), "since": seqValue(seq), "why": rmg.String(b.why)}))
	}
	x, err := f.record(Record{
		Seq: seq, At: trigger.At, View: "system", Author: "kernel", Cause: Version{Seq: trigger.Seq}.String(), Ops: ops,
		Reason: fmt.Sprintf("rules switched off: %s; %s", strings.Join(b.rules, ", "), b.why),
	})
	if err != nil {
		panic("a rule that is on stands in the ledger, and cannot be switched off: " + err.Error())
	}
	k.log.Warn("rules were switched off", "rules", b.rules, "seq", seq, "why", b.why)
	return *x
}

// mayFire judges what a rule would write: by what no rule may, by policy, and by
// what who switched it on may write.
func (k *Kernel) mayFire(f *fold, x reaction, ops []rewrite.Op) error {
	world := f.world()
	pol := k.policyOf(world)
	for _, who := range []Caller{{Name: ruleCaller + x.name, Kind: KindRule}, x.by} {
		j := judgement{pol, newSubject(who, processFacts{})}
		for _, op := range ops {
			if who.Kind == KindRule {
				if err := lawOfRules(pol, op.Path); err != nil {
					return err
				}
			} else if err := who.needs(CapSystem, "rewrite", op.Path); err != nil {
				return err
			}
			if err := j.write(who, world, op, op.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// lawOfRules is what no policy lets a rule change that fires by itself: besides where
// the kernel alone writes, what is protected, and what says what rules are and may.
func lawOfRules(pol *Policy, p rmg.Path) error {
	if err := mayTouch(Version{}, p); err != nil {
		return err
	}
	glob, protected := pol.isProtected(p)
	for _, root := range []rmg.Path{rulesRoot, policyRoot, rmg.KindPath} {
		if root.Has(p) {
			glob, protected = string(root), true
		}
	}
	if !protected {
		return nil
	}
	return &rmg.Error{Op: "rewrite", Path: p, Code: rmg.Denied, Msg: fmt.Sprintf("it is protected by %q, where no rule writes by itself", glob), Hint: "jitos rule apply does it by hand"}
}
