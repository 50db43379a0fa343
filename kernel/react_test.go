package kernel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

const reactiveRules = `
rules:
  - rule: label
    reactive: true
    at: /svc
    match: ["a:Service"]
    unless: ["a -[labelled]-> _"]
    create: ["a -[labelled]-> l:Label"]
  - rule: retire
    reactive: true
    priority: 2
    at: /svc
    match: ["a:Service -[e:uses]-> b:Service"]
    where: ["b.retired == true"]
    delete: [e]
    inc: {a.lost: "1"}
`

func (b *bed) addRules(text string) {
	b.Helper()
	if _, _, err := b.AddRules(context.Background(), ada, "system", "rules.yaml", []byte(text)); err != nil {
		b.Fatalf("%v", err)
	}
}

// since lists the records from a seq on, as "author cause: reason".
func (b *bed) since(seq uint64) (out []string) {
	b.Helper()
	for r, err := range b.Records(seq, 0) {
		if err != nil {
			b.Fatalf("%v", err)
		}
		out = append(out, fmt.Sprintf("%s %s: %s", r.Author, r.Cause, r.Reason))
	}
	return out
}

func (b *bed) reactions() map[string]RuleInfo {
	b.Helper()
	list, err := b.Rules("system")
	if err != nil {
		b.Fatalf("%v", err)
	}
	out := map[string]RuleInfo{}
	for _, r := range list {
		out[r.Name] = r
	}
	return out
}

func service(name string) rewrite.Op { return addOp("/svc/"+rmg.Path(name), "Service", nil) }

func uses(from, to string) rewrite.Op {
	return rewrite.Op{Op: rewrite.AddEdge, Path: rmg.Path("/svc/~" + from + "-" + to), Kind: "uses", From: from, To: to}
}

func retired(name string) rewrite.Op {
	return setOp(rmg.Path("/svc/"+name), map[string]rmg.Value{"retired": rmg.Bool(true)})
}

// TestReact: a rule fires for what comes, not for what was there; by a record that
// names the rule and what it fired on, before anything else; once, whatever is
// restarted and replayed; and why tells of it.
func TestReact(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/svc", "Group", nil), service("old"))
	b.addRules(reactiveRules)
	first := b.write("system", service("web"), service("api"), uses("web", "old"), uses("api", "old"))
	second := b.write("system", retired("old"))
	n := func(seq uint64) string { return fmt.Sprint(seq) }
	want := []string{
		"ada@host : test",
		"rule:label seq:" + n(first.Seq) + ": rule label fired on record " + n(first.Seq) + ", 2 matches, first a=/svc/api",
		"ada@host : test",
		"rule:retire seq:" + n(second.Seq) + ": rule retire fired on record " + n(second.Seq) + ", 2 matches, first a=/svc/api, b=/svc/old, e=/svc/~api-old",
	}
	if got := b.since(first.Seq); !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	if second.Seq != first.Seq+2 {
		t.Errorf("the second record is %d after %d", second.Seq, first.Seq)
	}
	if r := b.reactions()["retire"]; !r.On || r.Fired != 1 || r.Last != second.Seq+1 || r.By != ada.Name || r.Off != "" {
		t.Errorf("%+v", r)
	}
	e, err := b.Why(t.Context(), WhyQuery{Path: "/svc/api", Prop: "lost"})
	if err != nil || len(e.Chain) < 2 || !strings.HasPrefix(e.Chain[0].Text, "rule:retire wrote it: rule retire fired") || e.Chain[1].Kind != ReasonTrigger || e.Chain[1].Seq != second.Seq {
		t.Errorf("%+v, %v", e.Chain, err)
	}

	seq := b.now().seq
	b.restart()
	if got := b.since(seq + 1); len(got) != 1 || !strings.Contains(got[0], "begins") {
		t.Errorf("after a restart: %q", got)
	}
	third := b.write("system", service("new"))
	if got := b.since(third.Seq); len(got) != 2 || !strings.Contains(got[1], "1 match, first a=/svc/new") {
		t.Errorf("%q", got)
	}

	// In a workspace nothing fires; what comes of it, does.
	w := b.new(ForkRequest{})
	in := b.write("sws:"+w, service("far"))
	if got := b.since(in.Seq); len(got) != 1 {
		t.Errorf("in a workspace: %q", got)
	}
	out, err := b.Collapse(t.Context(), ada, w, CollapseRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.since(out.Seq); len(got) != 2 || !strings.HasSuffix(got[1], "1 match, first a=/svc/far") {
		t.Errorf("collapsed: %q", got)
	}
}

// TestReactNeedsSwitch: nothing fires that nobody with the capability switched on, and
// not any more once the rule is another, is off, or whose token it was is revoked.
func TestReactNeedsSwitch(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/svc", "Group", nil))
	ci := Caller{Name: "token:ci", Kind: KindProcess, Caps: CapSystem | CapRewrite}
	if _, _, err := b.AddRules(t.Context(), ci, "system", "r", []byte(reactiveRules)); code(err) != rmg.Denied {
		t.Errorf("without the capability: %v", err)
	}
	n := 0
	fires := func(what string, want bool) {
		t.Helper()
		n++
		r := b.write("system", service(fmt.Sprint("s", n)))
		if got := len(b.since(r.Seq)) > 1; got != want {
			t.Errorf("%s: it fires: %v", what, got)
		}
	}
	w := b.new(ForkRequest{})
	if _, _, err := b.AddRules(t.Context(), ada, "sws:"+w, "r", []byte(reactiveRules)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Collapse(t.Context(), ada, w, CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	fires("collapsed, and not switched on", false)
	sw := func(c Caller, on bool) Receipt {
		t.Helper()
		_, r, err := b.SwitchRule(t.Context(), c, "label", on, "because")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sw(ada, true)
	fires("switched on", true)
	if r := sw(ada, true); r.Seq != 0 {
		t.Errorf("switched on twice: %+v", r)
	}
	other := strings.Replace(reactiveRules, "create: [\"a -[labelled]-> l:Label\"]", "create: [\"a -[labelled]-> l:Tag\"]", 1)
	if _, err := b.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{setOp("/rule/label", map[string]rmg.Value{"source": rmg.String(`{"rules":[{"rule":"label","reactive":true,"match":["a"],"create":["b:B"]}]}`)})}}); err != nil {
		t.Fatal(err)
	}
	fires("changed by hand", false)
	b.addRules(reactiveRules)
	fires("and back", true)
	r, err := b.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{setOp("/rule/label", map[string]rmg.Value{"reactive": rmg.Bool(false)}), service("with")}})
	if err != nil || len(b.since(r.Seq)) > 1 {
		t.Errorf("it fires for the record that changes it: %q, %v", b.since(r.Seq), err)
	}
	if _, err := b.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{setOp("/rule/label", map[string]rmg.Value{"reactive": rmg.Bool(true), "source": rmg.String(`{"rules":[{"rule":"label","reactive":true,"match":["a"],"create":["b:C"]}]}`)})}}); err != nil {
		t.Fatal(err)
	}
	if r := b.reactions()["label"]; r.On || !strings.Contains(r.Off, "another") {
		t.Errorf("%+v", r)
	}
	b.addRules(other)
	fires("added anew by who may", true)
	b.restart()
	fires("after a restart", true)
	sw(ada, false)
	fires("off", false)
	if r := b.reactions()["label"]; r.On || r.Off != "" {
		t.Errorf("%+v", r)
	}
	tok, err := b.NewToken(t.Context(), ada, TokenRequest{Name: "ci", Caps: CapSystem | CapReact, TTL: time.Hour, Sum: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	sw(tok.caller(), true)
	fires("by a token", true)
	if _, err := b.RevokeToken(t.Context(), ada, tok.ID); err != nil {
		t.Fatal(err)
	}
	fires("by a token that is revoked", false)
	if r := b.reactions()["label"]; r.On || !strings.Contains(r.Off, "token ci") {
		t.Errorf("%+v", r)
	}
	if _, _, err := b.SwitchRule(t.Context(), ada, "nobody", true, ""); code(err) != rmg.NotFound {
		t.Errorf("%v", err)
	}
	b.addRules("rule: plain\nmatch: [\"a:Service\"]")
	if _, _, err := b.SwitchRule(t.Context(), ada, "plain", true, ""); code(err) != rmg.Invalid {
		t.Errorf("%v", err)
	}
}

// TestReactEnds: rules that do not come to an end do nothing, are off, and say why;
// what others do about the same record is done.
func TestReactEnds(t *testing.T) {
	for name, c := range map[string]struct{ rules, off string }{
		"two that trigger each other": {"  - {rule: to, reactive: true, at: /svc, match: [\"a:Service\"], retype: {a: Other}}\n  - {rule: fro, reactive: true, at: /svc, match: [\"a:Other\"], retype: {a: Service}}\n", "to"},
		"one that makes its own":      {"  - {rule: more, reactive: true, at: /svc, match: [\"a:Service\"], create: [\"b:Service\"]}\n", "more"},
		"what grows by doubling":      {"  - {rule: twice, reactive: true, at: /svc, match: [\"a:Service\"], create: [\"b:Service\", \"c:Service\"]}\n", "twice"},
		"one that counts":             {"  - {rule: count, reactive: true, at: /svc, match: [\"a:Service\"], where: [\"a.n >= 0\"], inc: {a.n: \"1\"}}\n", "count"},
		"what looks for too much":     {"  - {rule: wide, reactive: true, at: /svc, match: [\"a:Service\", \"b:X\", \"c:X\"], where: [\"a.n + b.n + c.n > 10000\"], delete: [a]}\n", "wide"},
	} {
		t.Run(name, func(t *testing.T) {
			b := kernelFor(t)
			ops := []rewrite.Op{addOp("/svc", "Group", nil)}
			for i := range 1100 {
				ops = append(ops, addOp(rmg.Path(fmt.Sprint("/svc/x", i)), "X", map[string]rmg.Value{"n": rmg.Int(int64(i))}))
			}
			b.write("system", ops...)
			if _, err := b.SetPolicy(t.Context(), ada, []byte("settings: {rule_fuel: 40}"), ""); err != nil {
				t.Fatal(err)
			}
			b.addRules("rules:\n" + c.rules + "  - {rule: mark, reactive: true, priority: -1, at: /svc, match: [\"a:Service\"], unless: [\"_:Mark\"], create: [\"m:Mark\"]}\n")
			r := b.write("system", addOp("/svc/web", "Service", map[string]rmg.Value{"n": rmg.Int(1)}))
			got := b.since(r.Seq)
			if len(got) != 3 || !strings.HasPrefix(got[2], "rule:mark ") || !strings.HasPrefix(got[1], fmt.Sprintf("kernel seq:%d: rules switched off: %s", r.Seq, c.off)) {
				t.Fatalf("%q", got)
			}
			off := b.reactions()[c.off]
			if off.On || off.Since != r.Seq+1 || off.Off == "" || name != "what looks for too much" && !strings.Contains(off.Off, " firings with ") {
				t.Errorf("%+v", off)
			}
			b.restart()
			r = b.write("system", service("next"))
			if got := b.since(r.Seq); len(got) > 2 {
				t.Errorf("and then %q", got)
			}
		})
	}
}

// TestReactMayNot: a rule writes where policy lets a rule write, and who switched it
// on; never a repository, the ledger, or what is protected, whatever policy says. What
// is refused switches it off.
func TestReactMayNot(t *testing.T) {
	const sets = "at: /svc\nmatch: [\"a:Service\"]\nset: {a.seen: \"true\"}"
	const grant = "rules: [{name: all, effect: allow, verbs: [\"*\", protected]}]"
	const denies = "rules: [{name: no, effect: deny, verbs: [write], paths: [/svc/*], when: caller."
	makes := func(id string) string {
		return "match: [\"g:Group\", \"g / a:Service\"]\ncreate: [\"k:Dir\"]\nid: {k: \"'" + id + "'\"}"
	}
	for name, c := range map[string]struct{ rule, policy, why string }{
		"where it may":                  {sets, "", ""},
		"where others may not":          {sets, denies + "name == \"eve@host\"}]", ""},
		"a repository":                  {"match: [\"g:Group\", \"g / a:Service\", \"d:Dir\"]\nset: {d.x: \"1\"}", grant, "by collapse only"},
		"the rules":                     {"match: [\"g:Group\", \"g / a:Service\", \"d:Dir\", \"d / r:Rule\"]\nset: {r.doc: \"'x'\"}", grant, "protected"},
		"the kinds":                     {makes("kind"), grant, "protected"},
		"the policy":                    {"match: [\"g:Group\", \"g / a:Service\", \"p:Policy\"]\nset: {p.rule_fuel: \"9\"}", grant, "protected"},
		"the ledger":                    {makes("proc"), grant, "by the kernel alone"},
		"what is protected":             {sets, "protected: [/svc/**]\n" + grant, "protected by"},
		"what policy keeps from rules":  {sets, denies + "kind == \"rule\"}]", `rule "no"`},
		"what policy keeps from person": {sets, denies + "name == \"ada@host\"}]", `rule "no"`},
		"what a schema forbids":         {"kinds: {Group: {}, Label: {}}\nrules: [{rule: r, reactive: true, at: /svc, match: [\"a:Service\"], create: [\"a -[one]-> l:Label\", \"a -[one]-> m:Label\"]}]", "", "one"},
		"an id that is taken":           {"at: /svc\nmatch: [\"a:Service\"]\ncreate: [\"k:Dir\"]\nid: {k: \"'x'\"}", "", "already"},
	} {
		t.Run(name, func(t *testing.T) {
			b := kernelFor(t)
			b.write("system", addOp("/svc", "Group", nil), addOp("/svc/x", "X", nil))
			text := c.rule
			if strings.HasPrefix(text, "kinds") {
				b.write("system", addOp("/kind", "Dir", nil), addOp("/kind/Service", "Kind", nil),
					addOp("/kind/one", "Kind", map[string]rmg.Value{"multiplicity": rmg.String("one_out")}))
			} else {
				text = "rule: r\nreactive: true\n" + text
			}
			b.addRules(text)
			if _, err := b.SetPolicy(t.Context(), ada, []byte(c.policy), ""); err != nil {
				t.Fatal(err)
			}
			in, err := b.system(t.Context(), "eve", "", "test", []rewrite.Op{service("web")})
			if err != nil {
				t.Fatal(err)
			}
			got, r := b.since(in.Seq), b.reactions()["r"]
			switch {
			case len(got) != 2:
				t.Fatalf("%q", got)
			case c.why == "":
				if !r.On || !strings.HasPrefix(got[1], "rule:r ") {
					t.Errorf("%+v %q", r, got)
				}
			case r.On || !strings.Contains(r.Off, c.why) || !strings.HasPrefix(got[1], "kernel ") || !strings.Contains(got[1], c.why):
				t.Errorf("%+v %q", r, got)
			}
		})
	}
}

// TestExplainToRules: what a rule may write can be asked.
func TestExplainToRules(t *testing.T) {
	b := kernelFor(t)
	for path, want := range map[rmg.Path]Effect{"/svc/a": Allow, "/repo/app": Deny, "/rule/r": Deny, "/kind/Service": Deny, "/policy": Deny, "/proc/p1": Deny} {
		a, err := b.ExplainPolicy(ada, PolicyQuestion{Verb: VerbWrite, Path: path, As: "rule:r"})
		if err != nil || a.Effect != want || a.Who != "rule r" {
			t.Errorf("%s: %+v, %v", path, a, err)
		}
	}
}

// TestReactOrder: of what waits the greatest priority goes first, then what waits
// longest, then names; a graph that is not there yet is waited for.
func TestReactOrder(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/a", "Group", nil))
	one := func(name, at, match, create, more string) string {
		return fmt.Sprintf("  - {rule: %s, reactive: true, at: %s, match: [\"x:%s\"], create: [\"y:%s\"]%s}\n", name, at, match, create, more)
	}
	b.addRules("rules:\n" + one("last", "/a", "A", "Z", ", priority: -1") + one("b", "/a", "A", "B", "") + one("c", "/a", "A", "C", "") +
		one("then", "/a", "B", "D", "") + one("urgent", "/a", "C", "E", ", priority: 5") + one("later", "/later/here", "A", "B", ""))
	names := func(seq uint64) string {
		var out []string
		for r, err := range b.Records(seq+1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.TrimPrefix(r.Author, "rule:")+r.Cause[len("seq:"):])
		}
		return strings.Join(out, " ")
	}
	r := b.write("system", addOp("/a/x", "A", nil))
	n := r.Seq
	if got, want := names(n), fmt.Sprintf("b%d c%d urgent%d then%d last%d", n, n, n+2, n+1, n); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r = b.write("system", addOp("/later", "Dir", nil), addOp("/later/here", "Dir", nil), addOp("/later/here/x", "A", nil))
	if got, want := names(r.Seq), fmt.Sprint("later", r.Seq); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// What waits and is touched once more meanwhile fires once.
	b.addRules("rules:\n  - {rule: early, reactive: true, priority: 9, at: /a, match: [\"x:T\"], set: {x.n: \"1\"}}\n" +
		"  - {rule: late, reactive: true, at: /a, match: [\"x:T\"], where: [\"x.n > 0 || true\"], create: [\"y:U\"]}\n")
	r = b.write("system", addOp("/a/t", "T", nil))
	if got, want := names(r.Seq), fmt.Sprintf("early%d late%d", r.Seq, r.Seq); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	b.write("system", rewrite.Op{Op: rewrite.Remove, Path: "/later"})
	r = b.write("system", addOp("/later", "Dir", nil), addOp("/later/here", "Dir", nil), addOp("/later/here/x", "A", nil))
	if got, want := names(r.Seq), fmt.Sprint("later", r.Seq); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestReactIsOfTheLog: what fires is a function of what was written, whatever is
// restarted between.
func TestReactIsOfTheLog(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	drawn := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rewrite.Op {
		x, y := names.Draw(t, "x"), names.Draw(t, "y")
		return rapid.SampledFrom([]rewrite.Op{service(x), uses(x, y), retired(x), {Op: rewrite.Remove, Path: "/svc/" + rmg.Path(x)}}).Draw(t, "op")
	}), 1, 3), 6, 10)
	play := func(steps [][]rewrite.Op, restart int) (log []string, world rmg.Digest, fires int) {
		b := newBed(t, t.TempDir())
		defer b.close()
		b.write("system", addOp("/svc", "Group", nil))
		b.addRules(reactiveRules)
		for i, ops := range steps {
			_, _ = b.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: ops, Reason: "step"}) // or it cannot be
			if i == restart {
				b.close()
				b.open()
			}
		}
		for r, err := range b.Records(1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(r.Author, "rule:") {
				fires++
			}
			if !strings.HasPrefix(r.Reason, "epoch") {
				_, what, _ := strings.Cut(r.Reason, ", ") // without seqs, which epochs have too
				log = append(log, fmt.Sprintf("%s %s %d", r.Author, what, len(r.Ops)))
			}
		}
		return log, b.now().world.Digest(), fires
	}
	fires := 0
	for seed := range 8 {
		steps := drawn.Example(seed)
		log, world, n := play(steps, -1)
		fires += n
		again, same, _ := play(steps, seed%len(steps))
		if !slices.Equal(log, again) || world != same {
			t.Errorf("seed %d: %v\n%q\n%q", seed, steps, log, again)
		}
	}
	if fires == 0 {
		t.Error("nothing fires")
	}
}

// TestReactTogether: of many that write at once, each is followed by what rules do
// about it.
func TestReactTogether(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/svc", "Group", nil))
	b.addRules(reactiveRules)
	from := b.now().seq
	const n = 64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { b.write("system", service(fmt.Sprint("s", i))) })
	}
	wg.Wait()
	last := ""
	count := 0
	for r, err := range b.Records(from+1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Author == "rule:label" {
			count++
			if r.Cause != fmt.Sprint("seq:", r.Seq-1) || last != ada.Name {
				t.Errorf("record %d of %s after one of %s", r.Seq, r.Cause, last)
			}
		}
		last = r.Author
	}
	if count != n {
		t.Errorf("%d firings, want %d", count, n)
	}
	b.restart()
}

// full is a journal that has no room when it is told so.
type full struct {
	Journal
	now bool
}

func (j *full) Append(ctx context.Context, f journal.Frame) error {
	if j.now {
		return fmt.Errorf("test: %w", journal.ErrFull)
	}
	return j.Journal.Append(ctx, f)
}

// TestReactToWhatIsKept: what could not be written was never there for rules.
func TestReactToWhatIsKept(t *testing.T) {
	store, err := journal.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	j := &full{Journal: store}
	lib, err := tasks.Load()
	if err != nil {
		t.Fatal(err)
	}
	k, err := Open(t.Context(), Options{Journal: j, Clock: &hand{now: time.Unix(1_700_000_000, 0)}, Worktree: outside{}, Runner: outside{}, Library: lib})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	b := &bed{fatal: t, Kernel: k, store: store}
	b.write("system", addOp("/svc", "Group", nil))
	b.addRules("rule: label\nreactive: true\nat: /svc\nmatch: [\"a:Service\"]\ncreate: [\"l:Label\"]")
	b.write("system", service("web"))
	j.now = true
	if _, err := b.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{service("api")}}); code(err) != rmg.Unavailable || !errors.Is(err, journal.ErrFull) {
		t.Fatal(err)
	}
	j.now = false
	r := b.write("system", service("api"), service("db"))
	if got := b.since(r.Seq); len(got) != 2 || !strings.Contains(got[1], "2 matches, first a=/svc/api") {
		t.Errorf("%q", got)
	}
	if v, err := b.Verify(t.Context()); err != nil || len(v.Problems) > 0 {
		t.Errorf("%v %q", err, v.Problems)
	}
}

// together has the writer find ops of the system in one batch, a record each.
func (b *bed) together(all ...rewrite.Op) {
	b.Helper()
	var changes []change
	for _, op := range all {
		changes = append(changes, change{ada.Name, op})
	}
	b.submitted(changes...)
}

// TestReactShares: records that no rule can fire for share a tick while rules are on;
// one for which a rule may fire ends its tick, and what the rule does about it comes
// before the rest.
func TestReactShares(t *testing.T) {
	b := kernelFor(t)
	b.write("system", addOp("/svc", "Group", nil), service("web"), addOp("/svc/web/in", "Part", nil), addOp("/free", "Group", nil))
	b.addRules(reactiveRules)
	var writes []rewrite.Op
	from := b.now().seq
	for i := range 6 {
		op := addOp(rmg.Path(fmt.Sprint("/free/n", i)), "Service", nil)
		switch i {
		case 2: // inside what the rules match, where they do not look
			op = addOp("/svc/web/in/deep", "Service", nil)
		case 3:
			op = service("new")
		}
		writes = append(writes, op)
	}
	b.together(writes...)
	ticks := map[uint64]string{}
	for r, err := range b.Records(from+1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		what := string(r.Ops[0].Path)
		if strings.HasPrefix(r.Author, ruleCaller) {
			what = r.Author
		}
		ticks[r.Tick] += what + " "
	}
	var got []string
	for _, n := range slices.Sorted(maps.Keys(ticks)) {
		got = append(got, strings.TrimSpace(ticks[n]))
	}
	want := []string{"/free/n0 /free/n1 /svc/web/in/deep /svc/new", "rule:label", "/free/n4 /free/n5"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	b.restart()
}

// TestConcerns names what rules may fire for.
func TestConcerns(t *testing.T) {
	of := func(at rmg.Path, far int) *reactor { return &reactor{groups: []*ruleGroup{{at: at, far: far}}} }
	for _, c := range []struct {
		r    *reactor
		op   rewrite.Op
		want bool
	}{
		{of("/svc", 1), addOp("/svc/a", "K", nil), true},
		{of("/svc", 1), setOp("/svc/~e", nil), true},
		{of("/svc", 1), addOp("/svc/a/b", "K", nil), false},
		{of("/svc", 2), addOp("/svc/a/b", "K", nil), true},
		{of("/svc", 2), addOp("/svc/a/b/c", "K", nil), false},
		{of("/svc", 1), addOp("/svcs", "K", nil), false},
		{of("/svc", 1), rewrite.Op{Op: rewrite.Remove, Path: "/svc"}, true},
		{of("/svc/a", 1), rewrite.Op{Op: rewrite.Remove, Path: "/svc", Cascade: true}, true},
		{of("/a/b/c", 1), rewrite.Op{Op: rewrite.Remove, Path: "/a/b", Cascade: true}, true},
		{of("/a/b/c", 1), rewrite.Op{Op: rewrite.Remove, Path: "/a/d"}, true}, // its parent counts as written, and holds c
		{of("/svc/a", 1), rewrite.Op{Op: rewrite.Move, Path: "/x", Dest: "/svc"}, true},
		{of("/svc/a", 1), addOp("/svc/b", "K", nil), false},
		{of("/src", 1), rewrite.Op{Op: rewrite.Write, Path: "/src/f.go"}, true},
		{of("/src", 1), rewrite.Op{Op: rewrite.Write, Path: "/src/d/f.go"}, true}, // it may make the folder
		{of("/", 1), addOp("/a", "K", nil), true},
		{of("/", 1), addOp("/a/b", "K", nil), false},
		{of("/", math.MaxInt), addOp("/a/b/c/d", "K", nil), true},
		{of("/svc", 1), setOp("/rule/label", nil), true},
		{of("/svc", 1), addOp("/kind/K", "Kind", nil), true},
		{&reactor{}, addOp("/a", "K", nil), false},
	} {
		q := &request{view: "system", footprint: rewrite.FootprintOf([]rewrite.Op{c.op})}
		if got := c.r.concerns(q); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.op.Op, c.op.Path, got, c.want)
		}
		if q.view = "sws:w1"; c.r.concerns(q) {
			t.Errorf("%s %s concerns rules in a workspace", c.op.Op, c.op.Path)
		}
	}
}
