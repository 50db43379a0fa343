package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// reactionRoot is where the ledger has the rules that somebody has switched on:
// what a rule of the world says of itself gives it no right to fire.
const reactionRoot = workerRoot + "/rule"

const kindReaction = "Reaction"

// maxReactions is how many rules may be on at once.
const maxReactions = 64

// reaction is a rule that was switched on, and may be off again.
type reaction struct {
	name   string
	on     bool
	by     Caller // who switched it on: it fires where that caller may write, and not beyond
	source string // the SHA-256 of the rule as it was then; another one is not what was meant
	why    string // it is off, if the kernel switched it off
	since  uint64 // the record that switched it
	fired  int64  // records that it has made
	last   uint64 // the last of them
}

func reactionPath(name string) rmg.Path { return reactionRoot.Child(name) }

func reactionOf(e rmg.Element) reaction {
	p := e.Props
	caps, err := ParseCaps(texts(p, "caps"))
	if err != nil {
		caps = 0 // of a later version; what it knew is not guessed at
	}
	return reaction{
		name: e.ID, on: p.Bool("on"), source: p.String("source"), why: p.String("why"),
		by:    Caller{Name: p.String("by"), Kind: CallerKind(p.String("kind")), Caps: caps},
		since: uint64(p.Int("since")), fired: p.Int("fired"), last: uint64(p.Int("last")),
	}
}

// reactionsOn lists the rules that are on, by name.
func reactionsOn(ledger rmg.Graph) (out []reaction) {
	e, ok := ledger.Get(reactionRoot)
	if !ok {
		return nil
	}
	for n := range e.Graph.Nodes("") {
		if r := reactionOf(n); r.on {
			out = append(out, r)
		}
	}
	return out
}

// sourceSum names a stored rule by its content; "" if there is none that is meant
// to fire.
func sourceSum(stored rmg.Element) string {
	if !stored.Props.Bool(rule.PropReactive) {
		return ""
	}
	sum := sha256.Sum256([]byte(stored.Props.String(rule.PropSource)))
	return hex.EncodeToString(sum[:])
}

// stands says why a rule that is on does not fire at a time; "" if it does.
func (r reaction) stands(ledger, world rmg.Graph, at time.Time) string {
	stored, _ := world.Get(rulesRoot.Child(r.name))
	switch sourceSum(stored) {
	case r.source:
	case "":
		return "it stands no more at " + string(rulesRoot.Child(r.name)) + " as reactive"
	default:
		return "it is another since " + r.by.Name + " switched it on"
	}
	if name, ok := strings.CutPrefix(r.by.Name, "token:"); ok && !slices.ContainsFunc(readTokens(ledger, at), func(t Token) bool { return t.Name == name && t.State == "valid" }) {
		return "the token " + name + ", which switched it on, is not valid any more"
	}
	return ""
}

// SwitchRule lets a rule that stands under /rule fire by itself, or ends that. It
// fires with the rights of who switches it on, as far as policy lets a rule write
// besides. Where it is as asked already there is nothing to record, and no receipt.
//
// Denied: without the capability react, or where policy denies writing the rule.
// NotFound: there is no such rule. Invalid: it does not say that it is reactive, or
// cannot be read. Limit: too many are on.
func (k *Kernel) SwitchRule(ctx context.Context, c Caller, name string, on bool, reason string) (RuleInfo, Receipt, error) {
	once, err := onceOf(c, "switch-rule", []any{name, on, reason})
	if err != nil {
		return RuleInfo{}, Receipt{}, err
	}
	r, done, err := k.answered(once)
	if !done && err == nil {
		r, err = k.switchRules(ctx, once, c, []string{name}, on, reason)
	}
	if err != nil {
		return RuleInfo{}, Receipt{}, err
	}
	list, err := k.Rules("system")
	if err != nil {
		return RuleInfo{}, r, err
	}
	i := slices.IndexFunc(list, func(x RuleInfo) bool { return x.Name == name })
	if i < 0 { // it was taken away, and can be off only
		return RuleInfo{Name: name}, r, nil
	}
	return list[i], r, nil
}

// maySwitch judges whether a caller may let rules fire, or end that.
func (k *Kernel) maySwitch(c Caller, names []string, on bool) error {
	want := CapReact
	if on {
		want |= CapSystem // with which they write
	}
	for _, name := range names {
		if err := k.may(c, want, VerbWrite, rulesRoot.Child(name), rule.KindRule, processFacts{}); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kernel) switchRules(ctx context.Context, once Once, c Caller, names []string, on bool, reason string) (Receipt, error) {
	if err := k.maySwitch(c, names, on); err != nil {
		return Receipt{}, err
	}
	v, err := k.View("system")
	if err != nil {
		return Receipt{}, err
	}
	sums := map[string]string{}
	for _, name := range names {
		if sums[name], err = switchable(v, name, on); err != nil {
			return Receipt{}, err
		}
	}
	word := "off"
	if on {
		word = "on"
	}
	said := fmt.Sprintf("rules switched %s: %s", word, strings.Join(names, ", "))
	if reason != "" {
		said += "; " + reason
	}
	rec, err := k.systemOnce(ctx, once, c.Name, "rule", said, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		var ops []rewrite.Op
		for _, name := range names {
			stored, _ := f.main.get(rulesRoot.Child(name))
			if on && sourceSum(stored) != sums[name] {
				return nil, &rmg.Error{Op: "rule", Path: rulesRoot.Child(name), Code: rmg.Stale, Msg: "the rule changed while it was switched on", Hint: "repeat it"}
			}
			ops = append(ops, f.switchOps(c, name, on, sums[name], seq)...)
		}
		switch {
		case len(ops) == 0:
			return nil, errNothing
		case on && len(reactionsOn(f.ledger))+len(ops) > maxReactions:
			return nil, &rmg.Error{Op: "rule", Code: rmg.Limit, Msg: fmt.Sprintf("%d rules would fire by themselves; the limit is %d", len(reactionsOn(f.ledger))+len(ops), maxReactions), Hint: "jitos rule off NAME"}
		}
		if _, ok := f.ledger.Get(reactionRoot); !ok {
			ops = append([]rewrite.Op{addOp(reactionRoot, rewrite.KindDir, nil)}, ops...)
		}
		return ops, nil
	})
	if err == errNothing {
		err = nil
	}
	return rec, err
}

// switchable reads a rule that is to be switched, and names its content.
func switchable(v View, name string, on bool) (sum string, err error) {
	at := rulesRoot.Child(name)
	stored, ok := v.World.Get(at)
	if _, was := v.Ledger.Get(reactionPath(name)); !on && was {
		return "", nil
	}
	if !ok || stored.Kind != rule.KindRule {
		return "", &rmg.Error{Op: "rule", Path: at, Code: rmg.NotFound, Msg: fmt.Sprintf("there is no rule %q", name), Hint: "jitos rule list names those that there are"}
	}
	if !on {
		return "", nil
	}
	if sum = sourceSum(stored); sum == "" {
		return "", &rmg.Error{Op: "rule", Path: at, Code: rmg.Invalid, Msg: fmt.Sprintf("rule %s is not meant to fire by itself", name), Hint: "say reactive: true in its document and add it again"}
	}
	e, _ := v.World.Get(rulesRoot)
	_, err = rule.Stored(e.Graph, []string{name}, v.World.Schemas())
	return sum, err
}

// switchOps are what switching one rule writes; none if it is as asked.
func (f *fold) switchOps(c Caller, name string, on bool, sum string, seq uint64) []rewrite.Op {
	e, there := f.ledger.Get(reactionPath(name))
	was := reactionOf(e)
	if was.on == on && (!on || was.source == sum && was.by.Name == c.Name && was.by.Caps == c.caps()) {
		return nil
	}
	props := map[string]rmg.Value{"on": rmg.Bool(on), "since": seqValue(seq), "why": {}}
	if on {
		props["source"], props["by"], props["kind"], props["caps"] = rmg.String(sum), rmg.String(c.Name), rmg.String(string(c.kind())), textList(c.caps().Names())
	}
	if !there {
		delete(props, "why")
		return []rewrite.Op{addOp(reactionPath(name), kindReaction, props)}
	}
	return []rewrite.Op{setOp(reactionPath(name), props)}
}

// switched fills in whether the rules of a version fire.
func switched(list []RuleInfo, ledger, world rmg.Graph, at time.Time) {
	for i := range list {
		e, ok := ledger.Get(reactionPath(list[i].Name))
		if !ok || !list[i].Reactive {
			continue
		}
		r := reactionOf(e)
		list[i].Fired, list[i].Last, list[i].Since, list[i].By, list[i].Off = r.fired, r.last, r.since, r.by.Name, r.why
		if r.on {
			if list[i].Off = r.stands(ledger, world, at); list[i].Off == "" && list[i].Fault != "" {
				list[i].Off = "it cannot be read"
			}
			list[i].On = list[i].Off == ""
		}
	}
}
