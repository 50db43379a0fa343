package kernel

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

var update = flag.Bool("update", false, "write the golden files anew")

func mustCompile(t testing.TB, text string) *Policy {
	t.Helper()
	d, err := ParsePolicyDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := CompilePolicy(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// subjectOf reads "person ada", "worker repair p4 FixBug", "process p4 FixBug",
// "agent bot rewrite,collapse".
func subjectOf(t *testing.T, text string) *subject {
	t.Helper()
	f := append(strings.Fields(text), "", "", "")
	switch CallerKind(f[0]) {
	case KindPerson:
		return newSubject(Caller{Name: f[1]}, processFacts{})
	case KindWorker:
		return newSubject(Caller{Name: "worker:" + f[1], Process: f[2], Kind: KindWorker}, processFacts{ID: f[2], Worker: f[1], Intent: f[3], Owner: "ada"})
	case KindProcess:
		return newSubject(Caller{Name: f[1], Kind: KindProcess}, processFacts{ID: f[1], Intent: f[2], Owner: "ada", Worker: "repair"})
	case KindAgent:
		caps, err := ParseCaps(strings.Split(f[2], ","))
		if err != nil {
			t.Fatal(err)
		}
		return newSubject(Caller{Name: f[1], Kind: KindAgent, Caps: caps}, processFacts{})
	}
	t.Fatalf("no subject: %q", text)
	return nil
}

// TestDecisions is the table of who may do what under which policy: each case of
// testdata/policy/*.txt is a document, questions, and after dashes what is
// decided and why. -update writes the last part.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/policy/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(data), "\n----\n")
			if len(parts) < 2 {
				t.Fatal("want a document, ----, questions, ----, decisions")
			}
			got := decisions(t, parts[0], parts[1])
			if *update {
				text := parts[0] + "\n----\n" + parts[1] + "\n----\n" + got
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(parts) != 3 || got != parts[2] {
				t.Errorf("decided:\n%s", got)
			}
		})
	}
}

func decisions(t *testing.T, document, questions string) string {
	t.Helper()
	d, err := ParsePolicyDocument([]byte(document))
	if err != nil {
		return err.Error() + "\n"
	}
	p, err := CompilePolicy(d)
	if err != nil {
		return strings.ReplaceAll(err.Error(), "; ", "\n") + "\n"
	}
	var b strings.Builder
	for line := range strings.Lines(questions) {
		who, what, ok := strings.Cut(strings.TrimSpace(line), ": ")
		f := append(strings.Fields(what), "")
		if !ok || len(f) < 3 {
			continue
		}
		s := subjectOf(t, who).seeing([]rmg.Path{rmg.Path(f[1])}, []work.Evidence{{Gate: "all tests", Kind: work.GateTest, Green: true}})
		dec := p.decide(s, Verb(f[0]), rmg.Path(f[1]), f[2])
		fmt.Fprintf(&b, "%s: %s: %s\n", strings.TrimSpace(line), dec.Effect, dec.sentence())
		for _, l := range p.overruled(s, Verb(f[0]), rmg.Path(f[1]), f[2]) {
			fmt.Fprintf(&b, "    over %q (%s): %s\n", l.Rule, l.Effect, l.Why)
		}
	}
	return b.String()
}

// oldMayWrite is how a worker's writes were judged before there was a policy.
func oldMayWrite(r work.Rights, root, p rmg.Path) bool {
	rel, ok := relTo(root, p)
	return ok && rel != "" && matchAny(r.Write, rel) && (!matchAny(r.Protected, rel) || matchAny(r.Granted, rel))
}

var oldProtected = []string{
	"**/*_test.go", "**/testdata/**", "**/go.mod", "**/go.sum", "**/go.work", "**/go.work.sum", "**/vendor/**",
	".jitos/**", ".github/**", ".gitlab-ci.yml", ".gitlab/**", ".circleci/**", ".travis.yml", ".ci/**",
	"azure-pipelines.yml", "Jenkinsfile", "bitbucket-pipelines.yml", "**/.gitattributes", "**/.gitmodules",
}

var corpusFiles = []string{
	"a.go", "a_test.go", "x/a_test.go", "x/testdata/in", "testdata", "go.mod", "x/go.sum", "vendor/x/y.go", ".jitos/policy.yaml",
	".github/workflows/ci.yml", ".gitlab-ci.yml", "sub/.gitlab-ci.yml", ".ci/run", "Jenkinsfile", "x/Jenkinsfile", ".gitattributes", "x/.gitmodules",
	"src/deep/er/file.go", "README", "go.work", "azure-pipelines.yml", "a test.go", "~x",
}

// TestDefaultPolicyIsAsBefore: with nothing at /policy, everything that was
// allowed is, and nothing more; what other languages' tests are made of is
// protected besides.
func TestDefaultPolicyIsAsBefore(t *testing.T) {
	k := &Kernel{}
	pol := k.policyOf(rmg.Graph{})
	root := rmg.Path("/repo/app/main")
	protected := slices.DeleteFunc(slices.Clone(pol.Protected), func(g string) bool { return strings.HasPrefix(g, "/") })
	for _, g := range oldProtected {
		if !slices.Contains(protected, g) {
			t.Errorf("%s is no longer protected by default: %q", g, protected)
		}
	}
	for _, f := range []string{"test_a.py", "x/a_test.py", "conftest.py", "pyproject.toml", "a.test.js", "x/b.spec.tsx", "package.json", "src/test/java/A.java", "tests/a.rs", "t/a.t", "Makefile"} {
		if _, ok := pol.isProtected(root.Join(split(f)...)); !ok {
			t.Errorf("%s is not protected by default", f)
		}
	}
	places := []rmg.Path{root, "/repo/app", "/svc/a", "/kind/X", "/policy", "/proc/p1", "/repo/other/main/a.go"}
	for _, f := range corpusFiles {
		places = append(places, root.Join(split(f)...))
	}
	rights := []work.Rights{
		{Write: []string{"**"}},
		{Write: []string{"**"}, Protected: oldProtected},
		{Write: []string{"src/**"}, Protected: oldProtected},
		{Write: []string{"**"}, Protected: append([]string{"src/**"}, oldProtected...)},
		{Write: []string{"**"}, Protected: oldProtected, Granted: []string{"**/*_test.go", "go.mod"}},
		{},
	}
	n := 0
	for i, r := range rights {
		if i == 0 {
			continue // before policy, a worker always had the protected globs
		}
		for _, p := range places {
			h := &handle{rights: r, root: root, caller: Caller{Name: "worker:repair", Process: "p4", Kind: KindWorker}, facts: processFacts{ID: "p4"}}
			err := h.mayOp(judgement{pol, newSubject(h.caller, h.facts)}, rmg.Graph{}, rewrite.Op{Op: rewrite.Set, Path: p}, p)
			if want := oldMayWrite(r, root, p); (err == nil) != want {
				t.Errorf("rights %d, %s: %v, was %v", i, p, err, want)
			}
			n++
		}
	}
	// People, in the system and in workspaces: what no law forbids.
	for _, p := range places {
		j := judgement{pol, newSubject(Caller{Name: "ada"}, processFacts{})}
		if err := j.write(j.caller, rmg.Graph{}, rewrite.Op{Op: rewrite.Set, Path: p}, p); err != nil {
			t.Errorf("ada, %s: %v", p, err)
		}
	}
	if n < 100 {
		t.Errorf("only %d cases", n)
	}
}

// TestPolicyKeepsThroughTheGraph: YAML, graph and YAML again are one document.
func TestPolicyKeepsThroughTheGraph(t *testing.T) {
	text := `protected:
  - "**/*_test.go"
  - /svc/**
settings:
  disk_max: 1073741824
  names: [a, b]
  ratio: 0.5
  strict: true
rules:
  - name: b
    effect: ask
    verbs: [collapse, protected]
    paths:
      - auth/**
    kinds: [File]
    when: |-
      process.intent == "FixBug" &&
      evidence.all(e, e.green)
    reason: two pairs of eyes
  - name: a
    effect: deny
    verbs: ["*"]
`
	d, err := ParsePolicyDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.graph()
	if err != nil {
		t.Fatal(err)
	}
	back, err := readPolicy(e)
	if err != nil {
		t.Fatal(err)
	}
	sortRules(d.Rules)
	if !reflect.DeepEqual(back.Rules, d.Rules) || !reflect.DeepEqual(back.Protected, d.Protected) || !reflect.DeepEqual(back.settings, d.settings) {
		t.Errorf("%+v\n%+v", back, d)
	}
	back.fillSettings()
	out, err := back.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePolicyDocument(out)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if !reflect.DeepEqual(again.Rules, d.Rules) || !reflect.DeepEqual(again.Protected, d.Protected) || !reflect.DeepEqual(again.settings, d.settings) {
		t.Errorf("%s", out)
	}
	if none, err := ParsePolicyDocument([]byte("protected: []\n")); err != nil || none.Protected == nil {
		t.Errorf("an empty list is not an absent one: %v %v", none.Protected, err)
	}
}

// TestHostilePolicies: what is huge, recursive, of the wrong type or costly is
// refused, by name and place, or denies.
func TestHostilePolicies(t *testing.T) {
	rule := func(when string) string {
		return fmt.Sprintf("rules:\n  - name: r\n    effect: allow\n    verbs: [write]\n    when: %q\n", when)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":     {"rules:\n  - name: r\n    efect: allow\n", "efect"},
		"no such effect":    {"rules:\n  - {name: r, effect: maybe, verbs: [write]}\n", `rule "r": effect "maybe"`},
		"no such verb":      {"rules:\n  - {name: r, effect: deny, verbs: [wrote]}\n", `there is no verb "wrote"`},
		"no verb":           {"rules:\n  - {name: r, effect: deny}\n", "names no verb"},
		"ask what cannot":   {"rules:\n  - {name: r, effect: ask, verbs: [write]}\n", "cannot wait for an answer"},
		"two of a name":     {"rules:\n  - {name: r, effect: deny, verbs: [write]}\n  - {name: r, effect: allow, verbs: [write]}\n", "stands twice"},
		"a name":            {"rules:\n  - {name: a/b, effect: deny, verbs: [write]}\n", "a name is"},
		"a glob":            {"rules:\n  - {name: r, effect: deny, verbs: [write], paths: [a//b]}\n", "empty segment"},
		"many stars":        {"rules:\n  - {name: r, effect: deny, verbs: [write], paths: ['**/a/**/b/**/c/**/d/**']}\n", "more than 4"},
		"a setting":         {"settings:\n  Disk: 1\n", `setting "Disk"`},
		"protected setting": {"settings:\n  protected: 1\n", `setting "protected"`},
		"an alias":          {"protected: &a [x]\nsettings:\n  y: *a\n", "aliases"},
		"two documents":     {"rules: []\n---\nrules: []\n", "one document"},
		"nested":            {"rules: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested"},
		"nested blocks":     {strings.Repeat("- ", 500) + "x\n", "nested"},
		"not UTF-8":         {"rules: \xff\n", "UTF-8"},
		"large":             {"# " + strings.Repeat("x", maxPolicy), "limit"},
		"many rules":        {"rules:\n" + strings.Repeat("  - {name: r, effect: deny, verbs: [write]}\n", maxRules+1), "limit"},
		"syntax":            {rule(`caller.name ==`), `rule "r": when: line 1, column 1`},
		"an unknown field":  {rule(`verb == "write" && caller.nmae == "x"`), `line 1, column 26: undefined field 'nmae'`},
		"an unknown name":   {rule("true &&\n  nobody"), `line 2, column 3: undeclared reference to 'nobody'`},
		"not bool":          {rule(`caller.name`), "it is string, not bool"},
		"dyn":               {rule(`dyn(caller.name)`), "not bool"},
		"wrong type":        {rule(`caller.name == 1`), "no matching overload"},
		"no clock":          {rule(`now() > timestamp("2020-01-01T00:00:00Z")`), "undeclared reference to 'now'"},
		"long":              {rule(strings.Repeat("true || ", maxCondition)), "the limit is 2000"},
		"deep":              {rule(strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300)), `rule "r": when:`},
		"wide":              {rule(strings.TrimSuffix(strings.Repeat("!a||", 0)+strings.Repeat("1==1||", 300), "||")), `rule "r": when:`},
		"a large regexp":    {rule(`path.matches("((a{1,100}){1,100}){1,10}")`), `rule "r": when:`},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParsePolicyDocument([]byte(c.text))
			if err == nil {
				_, err = CompilePolicy(d)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCostlyConditionsDeny: the cost is bounded for one evaluation and for all
// of one decision, and to run out of it denies, before any rule that allows.
func TestCostlyConditionsDeny(t *testing.T) {
	paths := make([]rmg.Path, 2*maxSeenPaths)
	for i := range paths {
		paths[i] = rmg.Path(fmt.Sprintf("/svc/n%06d", i))
	}
	one := mustCompile(t, "rules:\n  - {name: cubic, effect: allow, verbs: [collapse], when: 'paths.exists(a, paths.exists(b, a + b == path))'}\n")
	d := one.decide(newSubject(Caller{Name: "ada"}, processFacts{}).seeing(paths, nil), VerbCollapse, paths[0], "")
	if d.Effect != Deny || d.Rule != "cubic" || !d.Broken || !strings.Contains(d.Why, "cost") {
		t.Errorf("%+v", d)
	}
	all := mustCompile(t, "rules:\n  - {name: linear, effect: allow, verbs: [collapse], when: 'paths.exists(a, a == path)'}\n")
	s := newSubject(Caller{Name: "ada"}, processFacts{}).seeing(paths, nil)
	for i := 0; ; i++ {
		if d = all.decide(s, VerbCollapse, "/elsewhere", ""); d.Effect == Deny {
			break
		}
		if i > 10_000 {
			t.Fatal("it may cost without end")
		}
	}
	if d.Rule != "linear" || !strings.Contains(d.Why, "all conditions together") {
		t.Errorf("%+v", d)
	}
}

// TestPolicyIsCompiledOnce for each version of its level.
func TestPolicyIsCompiledOnce(t *testing.T) {
	k := &Kernel{}
	world := func(text string) rmg.Graph {
		d, err := ParsePolicyDocument([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.graph()
		if err != nil {
			t.Fatal(err)
		}
		o := rmg.NewOverlay(rmg.Graph{})
		if err := o.Graft(policyRoot, e); err != nil {
			t.Fatal(err)
		}
		return o.Graph()
	}
	w := world("rules:\n  - {name: r, effect: deny, verbs: [write]}\n")
	first := k.policyOf(w)
	o := rmg.NewOverlay(w)
	if err := o.AddNode("/svc", "Folder", rmg.Props{}); err != nil {
		t.Fatal(err)
	}
	if k.policyOf(o.Graph()) != first {
		t.Error("compiled again although /policy is the same")
	}
	if err := o.Set("/policy/r", map[string]rmg.Value{"effect": rmg.String("allow")}); err != nil {
		t.Fatal(err)
	}
	if k.policyOf(o.Graph()) == first {
		t.Error("not compiled again although /policy changed")
	}
	// One that does not compile denies everything, and its owner can mend it.
	if err := o.Set("/policy/r", map[string]rmg.Value{"effect": rmg.String("perhaps")}); err != nil {
		t.Fatal(err)
	}
	j := judgement{k.policyOf(o.Graph()), newSubject(Caller{Name: "ada"}, processFacts{})}
	if err := j.may(VerbFork, "/", ""); err == nil || !strings.Contains(err.Error(), "does not compile") {
		t.Errorf("a broken policy: %v", err)
	}
	if err := j.write(j.caller, o.Graph(), rewrite.Op{Op: rewrite.Set, Path: "/policy/r"}, "/policy/r"); err != nil {
		t.Errorf("it cannot be mended: %v", err)
	}
}

// FuzzPolicyDocument: no text makes parsing, compiling or deciding panic, and
// what is read can be written and read again.
func FuzzPolicyDocument(f *testing.F) {
	f.Add(defaultPolicy)
	f.Add("rules:\n  - {name: r, effect: ask, verbs: [collapse], paths: ['a/**'], when: 'evidence.exists(e, e.green)'}\n")
	f.Add("settings: {a: 1, b: [x], c: 0.5}\nprotected: []\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParsePolicyDocument([]byte(text))
		if err != nil {
			return
		}
		if p, err := CompilePolicy(d); err == nil {
			p.decide(newSubject(Caller{Kind: KindAgent}, processFacts{}), VerbCollapse, "/repo/a/main/x.go", "File")
			e, err := d.graph()
			if err != nil {
				t.Fatalf("it compiles and cannot be kept: %v", err)
			}
			if _, err := readPolicy(e); err != nil {
				t.Fatalf("it was kept and cannot be read: %v", err)
			}
		}
		out, err := d.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePolicyDocument(out)
		if err != nil {
			t.Fatalf("written and not read again: %v\n%s", err, out)
		}
		if !reflect.DeepEqual(again.settings, d.settings) || len(again.Rules) != len(d.Rules) {
			t.Fatalf("not the same again:\n%s", out)
		}
	})
}

// TestAPolicyThatIsAnotherByNow: what was judged outside of the writer by one policy is
// not written under another.
func TestAPolicyThatIsAnotherByNow(t *testing.T) {
	b := newStage(t)
	judged := b.now().world
	write := func(id string) error {
		op := rewrite.Op{Op: rewrite.AddNode, Path: rmg.Root.Child(id), Kind: rewrite.KindDir}
		_, err := b.rewriteIf(b.ctx(), Once{}, ada.Name, "", Version{}, rewrite.Rewrite{Ops: []rewrite.Op{op}}, func(f *fold) error { return f.policyIs(judged) })
		return err
	}
	b.must(write("before"))
	_, err := b.SetPolicy(b.ctx(), ada, []byte("rules:\n  - {name: no, effect: deny, verbs: [write], paths: ['/other/**']}\n"), "")
	b.must(err)
	if err := write("after"); code(err) != rmg.Stale {
		t.Errorf("written under another policy: %v", err)
	}
	judged = b.now().world
	b.must(write("again"))
}
