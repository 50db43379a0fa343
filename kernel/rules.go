package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

// rulesRoot is where rules stand in the world, each as a graph.
const rulesRoot rmg.Path = "/rule"

// The limits of an application of rules.
const (
	maxApplied   = rule.DefaultFuel // rewrites
	maxRuleTries = 8                // how often the view may move while rules are applied to it
)

// RuleInfo describes a rule.
type RuleInfo struct {
	Name, Doc string
	At        rmg.Path // the graph that it is matched in
	Deep      bool     // or any graph inside that one
	Priority  int
	Reactive  bool   // it is meant to fire by itself
	Fault     string // why nothing applies it: it cannot be read any more

	// Of a reactive rule that was switched on once.
	On    bool   // it fires
	Off   string // why it does not, if nobody switched it off
	By    string // who switched it on last
	Since uint64 // the record that switched it
	Fired int64  // records that it has made
	Last  uint64 // the last of them
}

func infoOf(set *rule.Set) []RuleInfo {
	out := make([]RuleInfo, len(set.Rules))
	for i, r := range set.Rules {
		out[i] = RuleInfo{Name: r.Name, Doc: r.Doc, At: r.At, Deep: r.Deep, Priority: r.Priority, Reactive: r.Reactive}
	}
	return out
}

// RulesRequest asks for rules to be applied to a view: those of a document, or those
// that stand under /rule in the view.
type RulesRequest struct {
	View    string   // system or sws:ID
	File    string   // what a fault names; "" is "rules"
	Text    []byte   // the document; nil: Names
	Names   []string // none is all
	Program string   // "" is the document's, or the one rule as long as possible
	Fuel    int      // rewrites; 0 is the most there are
	DryRun  bool     // nothing is recorded
	Explain bool     // tell the plans by which the rules would be matched
	Expect  rewrite.Expect
	Reason  string
}

// RulesApplied is what came of it. Rewrites is how many rules were applied, Ops what
// that changes in all; of a dry run they are not recorded, and of one that changes
// nothing there is no Receipt.
type RulesApplied struct {
	Program  string
	Applied  map[string]int // by rule; those never applied are left out
	Rewrites int
	Ops      []rewrite.Op
	Plans    map[string]string // by rule, if they were asked for
	Receipt  Receipt
}

// ApplyRules matches rules against a view and records the net change of all
// applications as one rewrite, which replay applies without matching. What is matched
// is the view as it is when the change is recorded: if it moved meanwhile, the rules
// are matched anew.
//
// Invalid: the rules are refused; the cause has each place. NotFound: there is no such
// rule, or a rule of the program has no match; nothing was changed then. Limit: the fuel is
// used up, or the change has more ops than a rewrite may have. Stale: it moved each
// time.
func (k *Kernel) ApplyRules(ctx context.Context, c Caller, q RulesRequest) (RulesApplied, error) {
	if q.View == "" {
		q.View = "system"
	}
	at, err := ParseVersion(q.View)
	if err != nil {
		return RulesApplied{}, err
	}
	if !q.DryRun && (at.Seq != 0 || at.At != 0) {
		return RulesApplied{}, &rmg.Error{Op: "rules", Code: rmg.Invalid, Msg: fmt.Sprintf("%s is of the past, which rules can be matched against but not applied to", at), Hint: "fork it: jitos sws new --from " + at.String()}
	}
	once, err := onceOf(c, "rules", []any{at.String(), q.Text, q.Names, q.Program, q.Fuel, q.Expect, q.Reason})
	if err != nil {
		return RulesApplied{}, err
	}
	if r, done, err := k.answered(once); done || err != nil {
		return RulesApplied{Receipt: r}, err
	}
	for range maxRuleTries {
		v, err := k.View(q.View)
		if err != nil {
			return RulesApplied{}, err
		}
		out, err := q.run(v)
		if err != nil || q.DryRun || len(out.Ops) == 0 {
			return out, err
		}
		expect := q.Expect
		if expect == (rewrite.Expect{}) {
			expect.Digest = v.Digest()
		}
		out.Receipt, err = k.rewriteOnce(ctx, once, c, at, rewrite.Rewrite{Ops: out.Ops, Expect: expect, Reason: q.reason(out)})
		if q.Expect == (rewrite.Expect{}) && errors.Is(err, &rmg.Error{Code: rmg.Stale}) && ctx.Err() == nil {
			continue
		}
		return out, err
	}
	return RulesApplied{}, &rmg.Error{
		Op: "rules", Code: rmg.Stale, Msg: fmt.Sprintf("%s moved each of %d times that the rules were matched", q.View, maxRuleTries),
		Hint: "apply them in a workspace: jitos sws new",
	}
}

func (q RulesRequest) reason(out RulesApplied) string {
	if q.Reason != "" {
		return q.Reason
	}
	return fmt.Sprintf("rules: %s, %d applied", out.Program, out.Rewrites)
}

// set reads the rules, and says what program they make.
func (q RulesRequest) set(v View) (*rule.Set, string, error) {
	schemas := v.World.Schemas()
	if q.Text != nil {
		file := q.File
		if file == "" {
			file = "rules"
		}
		set, err := rule.Load(file, q.Text, schemas)
		if err != nil {
			return nil, "", err
		}
		return set, q.program(set), nil
	}
	e, _ := v.World.Get(rulesRoot)
	set, err := rule.Stored(e.Graph, q.Names, schemas)
	if err != nil {
		return nil, "", err
	}
	return set, q.program(set), nil
}

func (q RulesRequest) program(set *rule.Set) string {
	switch names := set.Names(); {
	case q.Program != "":
		return q.Program
	case set.Program() != "":
		return set.Program()
	case len(names) == 1:
		return names[0] + "!"
	default:
		return "(" + strings.Join(names, " | ") + ")!"
	}
}

// run applies the rules to what a view is.
func (q RulesRequest) run(v View) (out RulesApplied, err error) {
	set, program, err := q.set(v)
	if err != nil {
		return out, err
	}
	out.Program = program
	m, err := rule.NewImage(v.World, rule.Options{At: scopeOf(set)})
	if err != nil {
		return out, err
	}
	fuel := q.Fuel
	if fuel <= 0 || fuel > maxApplied {
		fuel = maxApplied
	}
	r, err := rule.NewRun(m, set, rule.RunOptions{Fuel: fuel})
	if err != nil {
		return out, err
	}
	if q.Explain {
		out.Plans = map[string]string{}
		for _, name := range set.Names() {
			if out.Plans[name], err = r.Explain(name); err != nil {
				return out, err
			}
		}
	}
	ok, err := r.Program(program)
	if err != nil {
		return out, err
	}
	if !ok {
		return out, &rmg.Error{
			Op: "rules", Code: rmg.NotFound, Msg: fmt.Sprintf("the program %q failed: a rule of it has no match, and nothing was changed", program),
			Hint: "rule? goes on where there is none, and rule! as long as there is one",
		}
	}
	out.Applied, out.Rewrites, out.Ops = r.Applied(), m.Rewrites(), m.Ops()
	if len(out.Ops) > rewrite.MaxOps {
		return out, &rmg.Error{
			Op: "rules", Code: rmg.Limit, Msg: fmt.Sprintf("the rules change %d places; the limit of one rewrite is %d", len(out.Ops), rewrite.MaxOps),
			Hint: "bound the program, such as rule*1000, and apply it several times",
		}
	}
	return out, nil
}

// scopeOf is the graph that all rules of a set are matched in: what lies beside it is
// not read.
func scopeOf(set *rule.Set) rmg.Path {
	at := set.Rules[0].At
	for _, r := range set.Rules[1:] {
		for !at.Has(r.At) {
			at = at.Parent()
		}
	}
	return at
}

// Rules lists the rules that stand under /rule in a view, in order of names; those
// of the system with whether they fire.
func (k *Kernel) Rules(view string) ([]RuleInfo, error) {
	v, err := k.View(view)
	if err != nil {
		return nil, err
	}
	e, ok := v.World.Get(rulesRoot)
	if !ok || e.Graph.IsEmpty() {
		return nil, nil
	}
	schemas := v.World.Schemas()
	var list []RuleInfo
	for n := range e.Graph.Nodes("") {
		list = append(list, storedInfo(e.Graph, n, schemas))
	}
	if at, err := ParseVersion(view); err == nil && at.Space == "" {
		switched(list, v.Ledger, v.World, k.opt.Clock.Now())
	}
	return list, nil
}

// storedInfo describes a rule that stands in the world. One that cannot be read, as of
// kinds that are none any more, is described by what its node says of it.
func storedInfo(rules rmg.Graph, n rmg.Element, schemas *rmg.Schemas) RuleInfo {
	set, err := rule.Stored(rules, []string{n.ID}, schemas)
	if err == nil {
		return infoOf(set)[0]
	}
	var faults rule.Faults
	why := err.Error()
	if errors.As(err, &faults) {
		why = strings.ReplaceAll(faults.Error(), "\n", "; ")
	}
	p := n.Props
	at, ok := rmg.Root, false
	if v, has := p.Get("at"); has {
		at, ok = v.AsRef()
	}
	if !ok {
		at = rmg.Root
	}
	return RuleInfo{Name: n.ID, Doc: p.String("doc"), At: at, Deep: p.Bool("deep"), Priority: int(p.Int("priority")), Reactive: p.Bool(rule.PropReactive), Fault: why}
}

// CheckRules reads a document of rules against the kinds of a view.
func (k *Kernel) CheckRules(view, file string, text []byte) ([]RuleInfo, error) {
	v, err := k.View(view)
	if err != nil {
		return nil, err
	}
	set, _, err := RulesRequest{File: file, Text: text}.set(v)
	if err != nil {
		return nil, err
	}
	return infoOf(set), nil
}

// AddRules puts the rules of a document under /rule in a view, each as a graph, in
// place of what has its name. Those that say that they are reactive are switched on, if
// the view is the system: what they are is a person's word then (see SwitchRule). Where
// all is so already there is nothing to record, and no receipt.
func (k *Kernel) AddRules(ctx context.Context, c Caller, view, file string, text []byte) ([]RuleInfo, Receipt, error) {
	v, err := k.View(view)
	if err != nil {
		return nil, Receipt{}, err
	}
	set, _, err := RulesRequest{File: file, Text: text}.set(v)
	if err != nil {
		return nil, Receipt{}, err
	}
	var reactive []string
	for _, r := range set.Rules {
		if r.Reactive && view == "system" {
			reactive = append(reactive, r.Name)
		}
	}
	if err := k.maySwitch(c, reactive, true); err != nil {
		return nil, Receipt{}, err
	}
	g, err := set.Graph()
	if err != nil {
		return nil, Receipt{}, err
	}
	o := rmg.NewOverlay(v.World).Unchecked()
	if _, ok := v.World.Get(rulesRoot); !ok {
		if err := o.AddNode(rulesRoot, rewrite.KindDir, rmg.Props{}); err != nil {
			return nil, Receipt{}, err
		}
	}
	for e := range g.Nodes("") {
		if err := o.Graft(rulesRoot.Child(e.ID), e); err != nil {
			return nil, Receipt{}, err
		}
	}
	names := set.Names()
	slices.Sort(names)
	var rec Receipt
	if ops := rewrite.Between(v.World, o.Graph(), rmg.Root); len(ops) > 0 {
		rec, err = k.Rewrite(ctx, c, view, rewrite.Rewrite{Ops: ops, Expect: rewrite.Expect{Digest: v.Digest()}, Reason: "rules: " + strings.Join(names, ", ")})
		if err != nil {
			return nil, rec, err
		}
	}
	list := infoOf(set)
	if len(reactive) == 0 {
		return list, rec, nil
	}
	on, err := k.switchRules(ctx, Once{}, c, reactive, true, "")
	if on.Seq != 0 {
		rec = on
	}
	now := k.now()
	switched(list, now.ledger, now.world, k.opt.Clock.Now())
	return list, rec, err
}
