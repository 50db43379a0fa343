package kernel

import (
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

const newTest = "package a\n\nimport \"testing\"\n\nfunc TestNew(t *testing.T) {}\n"

// TestWhatMayBeAdded: an intent that may add test files adds them and no other, changes
// none that there is, and what is added does nothing before the tests.
func TestWhatMayBeAdded(t *testing.T) {
	m := memory{}
	k := &Kernel{store: m}
	base := map[string]string{"a.go": "package a\n", "a_test.go": "package a\n", "x/testdata/in": "1"}
	adds := work.Rights{Adds: []string{"**/*_test.go"}}
	for name, c := range map[string]struct {
		rights     work.Rights
		file, text string
		red        string
	}{
		"a new test file":          {adds, "new_test.go", newTest, ""},
		"below":                    {adds, "x/new_test.go", newTest, ""},
		"values of its own":        {adds, "new_test.go", newTest + "\nvar a, b = make([]int, 3), []byte(\"x\")\n\nvar f = func() int { return g() }\n\nfunc g() int { return 1 }\n", ""},
		"values of a library":      {adds, "new_test.go", strings.Replace(newTest, "\"testing\"", "(\n\t\"regexp\"\n\t\"testing\"\n)", 1) + "\nvar r = regexp.MustCompile(\"x\")\n", ""},
		"nobody asked":             {work.Rights{}, "new_test.go", newTest, "new_test.go is protected"},
		"one that there is":        {adds, "a_test.go", newTest, "a_test.go is protected"},
		"one that is taken away":   {adds, "a_test.go", "", "a_test.go is protected"},
		"test data":                {adds, "x/testdata/more", "1", "is protected"},
		"the intent leaves it out": {work.Rights{Adds: adds.Adds, Excluded: []string{"x/**"}, Protected: []string{"x/**"}}, "x/new_test.go", newTest, "is protected"},
		"TestMain":                 {adds, "new_test.go", newTest + "\nfunc TestMain(m *testing.M) {}\n", "func TestMain"},
		"init":                     {adds, "new_test.go", newTest + "\nfunc init() {}\n", "func init"},
		"exit":                     {adds, "new_test.go", strings.Replace(newTest, "\"testing\"", "(\n\t\"os\"\n\t\"testing\"\n)", 1) + "\nfunc e() { os.Exit(0) }\n", "os.Exit"},
		"a call before all":        {adds, "new_test.go", newTest + "\nvar _ = early()\n\nfunc early() int { return 1 }\n", earlyCall},
		"a function before all":    {adds, "new_test.go", newTest + "\nvar _ = func() int { return 1 }()\n", earlyCall},
		"a method before all":      {adds, "new_test.go", newTest + "\ntype e int\n\nfunc (e) f() int { return 1 }\n\nvar _ = e.f(1)\n", earlyCall},
		"no test file":             {work.Rights{Adds: []string{"*.go"}}, "b.go", "package a\n\nimport _ \"testing\"\n", "import testing"},
	} {
		t.Run(name, func(t *testing.T) {
			next := map[string]string{}
			for n, text := range base {
				next[n] = text
			}
			if next[c.file] = c.text; c.text == "" {
				delete(next, c.file)
			}
			e := k.policyEvidence(proof{base: treeOf(t, m, base), next: treeOf(t, m, next), rights: c.rights})
			if e.Green != (c.red == "") || !strings.Contains(e.Reason, c.red) {
				t.Errorf("green %v: %s", e.Green, e.Reason)
			}
		})
	}
}

// TestWhatIsThereIsNotAdded: a worker's write is refused where the head has a file.
func TestWhatIsThereIsNotAdded(t *testing.T) {
	const root = rmg.Path("/repo/app/main")
	pol := (&Kernel{}).policyOf(rmg.Graph{})
	r := work.Rights{Write: []string{"**"}, Adds: []string{"*_test.go"}, Protected: []string{"*_test.go"}}
	head := func(p rmg.Path) bool { return p == root.Join("old_test.go") }
	for file, want := range map[string]bool{"new_test.go": true, "old_test.go": false, "x/new_test.go": false, "a.go": true} {
		protected, err := mayWrite(r, pol, head, root, root.Join(split(file)...))
		if (err == nil && !protected) != want {
			t.Errorf("%s: protected %v, %v", file, protected, err)
		}
	}
	r.Excluded = []string{"new_*"}
	if protected, err := mayWrite(r, pol, head, root, root.Join("new_test.go")); err == nil && !protected {
		t.Error("what the intent leaves out may be added")
	}
}

// TestANewTestIsWanted: a gate that wants one is red without a green test that the head
// does not have.
func TestANewTestIsWanted(t *testing.T) {
	for here, red := range map[string]string{
		"A+": "there is no green test that the head does not have", "A+ B0": "there is no green test", "A+ B-": "1 test red: p.B",
		"B+": "green at the head and not here: p.A", "A+ B+": "",
	} {
		e := work.Evidence{Tests: tests(here)}
		judgeTests(&e, work.Evidence{Tests: tests("A+")}, work.Gate{Kind: work.GateTest, NewTest: true}, nil)
		if e.Green != (red == "") || !strings.Contains(e.Reason, red) {
			t.Errorf("%s: green %v: %s", here, e.Green, e.Reason)
		}
	}
}
