package kernel

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// memory is content in a map.
type memory map[[32]byte][]byte

func (m memory) Put(r io.Reader) (rmg.Blob, error) {
	data, err := io.ReadAll(r)
	sum := sha256.Sum256(data)
	m[sum] = data
	return rmg.Blob{Sum: sum, Size: int64(len(data))}, err
}

func (m memory) Open(b rmg.Blob) (io.ReadSeekCloser, error) {
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(m[b.Sum]), io.NopCloser(nil)}, nil
}

// treeOf is a tree of files.
func treeOf(t *testing.T, m memory, files map[string]string) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	for name, text := range files {
		p := rmg.Root
		parts := strings.Split(name, "/")
		for _, d := range parts[:len(parts)-1] {
			p = p.Child(d)
			if _, ok := o.Get(p); !ok {
				if err := o.AddNode(p, rewrite.KindDir, rmg.Props{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		b, err := m.Put(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.AddNode(p.Child(parts[len(parts)-1]), rewrite.KindFile, rmg.PropsOf(map[string]rmg.Value{rewrite.PropBlob: rmg.BlobOf(b)})); err != nil {
			t.Fatal(err)
		}
	}
	return o.Graph()
}

// TestPolicy is the list of what a green test run may not have been bought with.
func TestPolicy(t *testing.T) {
	m := memory{}
	k := &Kernel{store: m}
	const old = "package a\n\nfunc F() int { return 1 }\n"
	base := map[string]string{"a.go": old, "a_test.go": "package a\n", "go.mod": "module x\n", "env.go": "package a\n\nimport \"os\"\n\nvar E = os.Getenv(\"E\")\n"}
	for name, c := range map[string]struct {
		file, text string
		red        string
	}{
		"a fix":             {"a.go", "package a\n\nfunc F() int { return 2 }\n", ""},
		"a new file":        {"b.go", "package a\n\nfunc G() {}\n", ""},
		"as much as before": {"env.go", "package a\n\nimport \"os\"\n\nvar E = os.Getenv(\"F\")\n", ""},
		"the test":          {"a_test.go", "package a // easier\n", "a_test.go is protected"},
		"test data":         {"x/testdata/in", "1", "is protected"},
		"the module":        {"go.mod", "module y\n", "is protected"},
		"CI":                {".github/workflows/ci.yml", "on: push", "is protected"},
		"own policy":        {".jitos/policy.yaml", "all: yes", "is protected"},
		"init":              {"a.go", old + "func init() {}\n", "func init"},
		"TestMain":          {"a.go", old + "func TestMain() {}\n", "func TestMain"},
		"exit":              {"a.go", "package a\n\nimport \"os\"\n\nfunc F() int { os.Exit(0); return 1 }\n", "os.Exit"},
		"exit, renamed":     {"a.go", "package a\n\nimport x \"os\"\n\nfunc F() int { x.Exit(0); return 1 }\n", "os.Exit"},
		"exit, dotted":      {"a.go", "package a\n\nimport . \"os\"\n\nfunc F() int { Exit(0); return 1 }\n", "dot import"},
		"unsafe":            {"a.go", "package a\n\nimport _ \"unsafe\"\n\nfunc F() int { return 1 }\n", "import unsafe"},
		"linkname":          {"a.go", "package a\n\n//go:linkname g runtime.g\nfunc g()\n", "go:linkname"},
		"cgo":               {"a.go", "package a\n\nimport \"C\"\n", "import C"},
		"a build tag":       {"a.go", "//go:build never\n\n" + old, "build tag"},
		"assembly":          {"a_amd64.s", "TEXT", "compiled beside Go"},
		"more environment":  {"env.go", "package a\n\nimport \"os\"\n\nvar E = os.Getenv(\"E\") + os.Getenv(\"CI\")\n", "os.Getenv"},
	} {
		t.Run(name, func(t *testing.T) {
			next := map[string]string{}
			for n, text := range base {
				next[n] = text
			}
			next[c.file] = c.text
			e := k.policyEvidence(proof{base: treeOf(t, m, base), next: treeOf(t, m, next), rights: work.Rights{}})
			if e.Green != (c.red == "") || !strings.Contains(e.Reason, c.red) {
				t.Errorf("green %v: %s", e.Green, e.Reason)
			}
		})
	}
}

// worldWith is a world with a policy and a tree at /repo/app/main.
func worldWith(t *testing.T, document string, tree rmg.Graph) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(planted("/repo/app/main", tree))
	d, err := ParsePolicyDocument([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.graph()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Graft(policyRoot, e); err != nil {
		t.Fatal(err)
	}
	return o.Graph()
}

// TestPolicyCanAsk: what is red by default is green and asked where the policy
// of the head says so, and only there; what the intent excludes stays red.
func TestPolicyCanAsk(t *testing.T) {
	m := memory{}
	k := &Kernel{store: m}
	base := treeOf(t, m, map[string]string{"a.go": "package a\n", "a_test.go": "package a\n", "docs/x": "x"})
	next := treeOf(t, m, map[string]string{"a.go": "package a\n\nfunc init() {}\n", "a_test.go": "package a // more\n", "docs/x": "y"})
	const asks = "rules:\n  - {name: f, effect: ask, verbs: [forgery]}\n  - {name: p, effect: ask, verbs: [protected], paths: ['*_test.go']}\n"
	strict, lax := worldWith(t, "", base), worldWith(t, asks, base)
	judge := func(head rmg.Graph, r work.Rights) ([]string, []Asked) {
		return k.judgeBranch(proof{base: base, next: next, head: head, root: "/repo/app/main", rights: r})
	}
	if faults, asked := judge(strict, work.Rights{}); len(faults) != 2 || len(asked) != 0 {
		t.Errorf("by default: %q %+v", faults, asked)
	}
	faults, asked := judge(lax, work.Rights{Protected: []string{"*_test.go"}})
	if len(faults) != 0 || len(asked) != 2 || asked[0].Verb != VerbForgery || asked[1].Verb != VerbProtected || asked[1].Rule != "p" {
		t.Errorf("asked: %q %+v", faults, asked)
	}
	if faults, _ := judge(lax, work.Rights{Protected: []string{"docs/**"}}); len(faults) != 1 || faults[0] != "docs/x is protected" {
		t.Errorf("excluded: %q", faults)
	}
	e := k.policyEvidence(proof{base: base, next: next, head: lax, root: "/repo/app/main"})
	if !e.Green || !strings.Contains(e.Reason, "for a person to approve: /repo/app/main/a.go (forgery), /repo/app/main/a_test.go (protected)") {
		t.Errorf("%v %s", e.Green, e.Reason)
	}
	// The candidate's own policy says nothing.
	c := &collapse{process: "p4", space: "w4", root: "/repo/app/main"}
	cand := candidate{from: strict, merged: worldWith(t, asks, next), base: base, next: next}
	k.current.Store(&version{})
	if _, err := k.judgeCandidate(c, cand, nil); err == nil || !strings.Contains(err.Error(), "admin") {
		t.Errorf("a process that loosens the policy: %v", err)
	}
	cand.merged = worldWith(t, "", next)
	if _, err := k.judgeCandidate(c, cand, nil); err == nil || !strings.Contains(err.Error(), "can forge a test run") {
		t.Errorf("judged by its own policy: %v", err)
	}
	const never = "rules:\n  - {name: never, effect: deny, verbs: [forgery]}\n"
	owner := &collapse{space: "w4", root: "/repo/app/main", byHand: true, caller: Caller{Name: "ada"}}
	cand.from = worldWith(t, never, base)
	if _, err := k.judgeCandidate(owner, cand, nil); err == nil || !strings.Contains(err.Error(), `rule "never"`) {
		t.Errorf("the owner takes a rule away and breaks it at once: %v", err)
	}
	cand.from, cand.merged = lax, worldWith(t, asks, next)
	if asked, err := k.judgeCandidate(c, cand, nil); err != nil || len(asked) != 2 {
		t.Errorf("%+v %v", asked, err)
	}
}

// TestAnIntentCanAsk whatever policy says.
func TestAnIntentCanAsk(t *testing.T) {
	m := memory{}
	k := &Kernel{store: m}
	k.current.Store(&version{})
	base, next := treeOf(t, m, map[string]string{"a.go": "package a\n"}), treeOf(t, m, map[string]string{"a.go": "package a // b\n"})
	cand := candidate{from: worldWith(t, "", base), merged: worldWith(t, "", next), base: base, next: next}
	for _, ask := range []bool{false, true} {
		c := &collapse{process: "p4", space: "w4", root: "/repo/app/main", ask: ask}
		asked, err := k.judgeCandidate(c, cand, nil)
		if err != nil || (len(asked) == 1) != ask {
			t.Errorf("%v: %+v %v", ask, asked, err)
		}
	}
}
