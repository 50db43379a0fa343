package kernel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// The limits of reactive rules. How many records one record may lead to is a prop of
// /policy, rule_fuel (see limits).
const (
	maxRuleFuel    = 10_000    // records; so many of a few ops each are a frame
	maxReactionOps = 50_000    // ops of those: a second of the writer's time
	maxReactive    = 2_000_000 // elements of the graph that one is matched in
	maxReactWork   = 100_000   // candidates of one search: the writer waits for it
)

// ruleCaller is what the name of a rule begins with where it is an author.
const ruleCaller = "rule:"

// reactor is the rules that fire by themselves, at work. It belongs to who holds the
// writer's lock, and says nothing that the version at hand does not: it can be made
// anew from that at any time.
type reactor struct {
	rules  map[string]reaction
	groups []*ruleGroup
}

// ruleGroup is the rules that are matched in one graph, and the image of that.
type ruleGroup struct {
	at   rmg.Path
	set  *rule.Set
	far  int         // levels of graphs that decide what matches
	seen rmg.Graph   // the world up to which what changed was looked at
	m    *rule.Image // of seen; nil until something changes
	run  *rule.Run
}

// arm makes the reactor of the rules that are on in a version. What is there in it
// is seen: rules fire for what changes from then on.
func (r *reactor) arm(ledger, world rmg.Graph, at time.Time) {
	r.rules, r.groups = map[string]reaction{}, nil
	on := reactionsOn(ledger)
	if len(on) == 0 {
		return
	}
	stored, _ := world.Get(rulesRoot)
	schemas := world.Schemas()
	names := map[rmg.Path][]string{}
	for _, x := range on {
		if x.stands(ledger, world, at) != "" {
			continue
		}
		set, err := rule.Stored(stored.Graph, []string{x.name}, schemas)
		if err != nil {
			continue // of kinds that are others by now: jitos rule list says so
		}
		r.rules[x.name] = x
		names[set.Rules[0].At] = append(names[set.Rules[0].At], x.name)
	}
	for _, p := range slices.Sorted(maps.Keys(names)) {
		r.group(p, names[p], stored.Graph, schemas, world)
	}
}

// rearm makes the reactor of what is published.
func (k *Kernel) rearm() error {
	return guarded(func() error {
		now := k.now()
		k.reactor.arm(now.ledger, now.world, k.lastAt)
		return nil
	})
}

// group puts rules together that are matched in one graph; those whose kinds do not
// go with each other's stay apart.
func (r *reactor) group(at rmg.Path, names []string, stored rmg.Graph, schemas *rmg.Schemas, world rmg.Graph) {
	set, err := rule.Stored(stored, names, schemas)
	if err == nil {
		r.groups = append(r.groups, &ruleGroup{at: at, set: set, far: set.Reach(), seen: world})
		return
	}
	for _, name := range names {
		if set, err = rule.Stored(stored, []string{name}, schemas); err == nil {
			r.groups = append(r.groups, &ruleGroup{at: at, set: set, far: set.Reach(), seen: world})
		}
	}
}

// without is the reactor without some rules, as it was when it had seen a world.
func (r *reactor) without(names []string, seen rmg.Graph) {
	for _, name := range names {
		delete(r.rules, name)
	}
	for _, g := range r.groups {
		g.set, g.seen, g.m, g.run = g.set.Without(names), seen, nil, nil
	}
	r.groups = slices.DeleteFunc(r.groups, func(g *ruleGroup) bool { return len(g.set.Rules) == 0 })
}

// look brings a group up to a world, and lists what that is news of.
func (g *ruleGroup) look(world rmg.Graph) ([]rule.Candidate, error) {
	was, _ := g.seen.Get(g.at)
	is, _ := world.Get(g.at)
	if is.Graph.Same(was.Graph) {
		g.seen = world
		return nil, nil
	}
	if err := g.load(); err != nil {
		return nil, err
	}
	next, err := withGraphAt(world, g.at)
	if err == nil {
		err = g.m.Follow(next)
	}
	if err != nil {
		return nil, err
	}
	g.seen = world
	return g.run.News()
}

// load makes the image of what was seen, if there is none. O(elements), once.
func (g *ruleGroup) load() error {
	if g.m != nil {
		return nil
	}
	seen, err := withGraphAt(g.seen, g.at)
	if err != nil {
		return err
	}
	m, err := rule.NewImage(seen, rule.Options{At: g.at})
	if err != nil {
		return err
	}
	if nodes, edges := m.Len(); nodes+edges > maxReactive {
		return &rmg.Error{Op: "rule", Path: g.at, Code: rmg.Limit, Msg: fmt.Sprintf("there are %d elements to match in; the limit is %d", nodes+edges, maxReactive), Hint: "say in the rule what it is about: at: /graph"}
	}
	run, err := rule.NewRun(m, g.set, rule.RunOptions{Work: maxReactWork})
	if err != nil {
		return err
	}
	run.Rest()
	g.m, g.run = m, run
	return nil
}

// settle says that what the group's own application changed is in a world.
func (g *ruleGroup) settle(world rmg.Graph) ([]rule.Candidate, error) {
	next, err := withGraphAt(world, g.at)
	if err != nil {
		return nil, err
	}
	g.m.Settle(next)
	g.seen = world
	return g.run.News()
}

// withGraphAt is a world in which something stands at a path, empty if nothing did:
// rules can wait for a graph that is not there yet.
func withGraphAt(world rmg.Graph, at rmg.Path) (rmg.Graph, error) {
	if _, ok := world.Get(at); ok {
		return world, nil
	}
	o := rmg.NewOverlay(world).Unchecked()
	p := rmg.Root
	for _, s := range at.Segments() {
		if s.Edge {
			return world, &rmg.Error{Op: "rule", Path: at, Code: rmg.NotFound, Msg: "the graph of an edge that is not there cannot be waited for"}
		}
		p = p.Child(s.ID)
		if _, ok := o.Get(p); !ok {
			if err := o.AddNode(p, rewrite.KindDir, rmg.Props{}); err != nil {
				return world, err
			}
		}
	}
	return o.Graph(), nil
}

// volley is what one record made news of for one rule: it is applied by one record.
type volley struct {
	of      *ruleGroup
	rule    string
	trigger uint64
	list    []rule.Candidate
}

// waiting is the volleys that wait for their turn: the greatest priority first, then
// the earliest trigger, then by name. So the order depends on nothing but the log.
type waiting struct {
	list []volley
	keys map[waitingKey]bool // of all that is in them
}

type waitingKey struct {
	of  *ruleGroup
	key string
}

// add takes in the news of a record for a group. A match that waits already is not
// added: when its turn comes it is applied as it is then.
func (w *waiting) add(g *ruleGroup, trigger uint64, news []rule.Candidate) {
	if w.keys == nil {
		w.keys = map[waitingKey]bool{}
	}
	byRule := map[string]int{}
	for _, c := range news {
		name := g.run.Rule(&c)
		key := waitingKey{g, c.Key()}
		if w.keys[key] {
			continue
		}
		w.keys[key] = true
		at, ok := byRule[name]
		if !ok {
			at = len(w.list)
			byRule[name] = at
			w.list = append(w.list, volley{of: g, rule: name, trigger: trigger})
		}
		w.list[at].list = append(w.list[at].list, c)
	}
}

// next takes out the volley whose turn it is.
func (w *waiting) next() (volley, bool) {
	best := -1
	for i := range w.list {
		if best < 0 || w.list[i].before(&w.list[best]) {
			best = i
		}
	}
	if best < 0 {
		return volley{}, false
	}
	v := w.list[best]
	w.list = slices.Delete(w.list, best, best+1)
	for i := range v.list {
		delete(w.keys, waitingKey{v.of, v.list[i].Key()})
	}
	return v, true
}

func (v *volley) before(o *volley) bool {
	a, b := v.of.run.Priority(&v.list[0]), o.of.run.Priority(&o.list[0])
	switch {
	case a != b:
		return a > b
	case v.trigger != o.trigger:
		return v.trigger < o.trigger
	}
	return v.rule < o.rule
}

// goingOn lists whose volleys wait though they have fired before, by name; all that
// wait where none has.
func (w *waiting) goingOn(fired map[string]int) []string {
	var again, all []string
	for i := range w.list {
		name := w.list[i].rule
		if all = append(all, name); fired[name] > 0 {
			again = append(again, name)
		}
	}
	if len(again) == 0 {
		again = all
	}
	slices.Sort(again)
	return slices.Compact(again)
}

// fire applies a volley in the image, and tells of how many matches that was and
// what the first of them is.
func (v *volley) fire() (n int, first string, err error) {
	for i := range v.list {
		c := &v.list[i]
		match := v.of.run.Match(c)
		ok, err := v.of.run.Fire(c)
		if err != nil {
			return n, matchText(match), err
		}
		if ok {
			if n++; n == 1 {
				first = matchText(match)
			}
		}
	}
	return n, first, nil
}

// matchText is a match for people: "a=/svc/web, b=/svc/old".
func matchText(m rule.Match) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+"="+string(m[name]))
	}
	return strings.Join(out, ", ")
}
