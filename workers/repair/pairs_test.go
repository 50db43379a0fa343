package repair

import (
	"os"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/workertest"
)

// steps are the actions of the worker, in their order.
var steps = []string{"reproduce", "localise", "implement"}

// fixes runs the three actions of the worker on files, and returns the last
// result with the space, adopted if it is green.
func fixes(t *testing.T, lanes, budget int, files map[string]string, args map[string]any) (work.Result, *workertest.Space) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tool, err := gotool.Detect(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	w, s := New(tool, lanes), workertest.NewSpace(t, files)
	inputs := map[string]rmg.Props{}
	var res work.Result
	for _, action := range steps {
		a := workertest.Assignment(s, action, args)
		a.Inputs, a.Budget.Candidates = inputs, budget
		if res, err = w.Run(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		inputs[action] = res.Output
	}
	if res.OK {
		if err := s.Adopt(res.Adopt); err != nil {
			t.Fatal(err)
		}
	}
	return res, s
}

// TestTwoFaults: what no single change repairs, two do, each of which turns one of
// the failing tests green.
func TestTwoFaults(t *testing.T) {
	res, s := fixes(t, 2, 24, map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.24\n",
		"m.go":   "package m\n\n// Price is three for each of n, and what comes on top.\nfunc Price(n, top int) int {\n\treturn n*2 - top\n}\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestEach(t *testing.T) {\n\tif Price(4, 0) != 12 || Price(7, 0) != 21 {\n\t\tt.Error()\n\t}\n}\n" +
			"\nfunc TestTop(t *testing.T) {\n\tif Price(0, 5) != 5 || Price(0, 8) != 8 {\n\t\tt.Error()\n\t}\n}\n" +
			"\nfunc TestNone(t *testing.T) {\n\tif Price(0, 0) != 0 {\n\t\tt.Error()\n\t}\n}\n",
	}, nil)
	if got := s.Read("m.go"); !res.OK || !strings.Contains(got, "n*3 + top") {
		t.Fatalf("%+v\n%s", res, got)
	}
	if op := res.Output.String("operator"); !strings.Contains(op, " and ") {
		t.Error(op)
	}
}

// TestOthersAreTold: of what turns every test green the likeliest is taken, and
// what else does is named with its workspace.
func TestOthersAreTold(t *testing.T) {
	files := map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.24\n",
		"m.go":   "package m\n\n// Full says whether n is at or above the limit.\nfunc Full(n, limit int) bool {\n\treturn n > limit\n}\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestFull(t *testing.T) {\n\tif !Full(3, 3) || Full(2, 9) {\n\t\tt.Error()\n\t}\n}\n" +
			"\nfunc TestMore(t *testing.T) {\n\tif Full(1, 3) {\n\t\tt.Error()\n\t}\n}\n",
	}
	res, s := fixes(t, 2, 400, files, nil)
	if !strings.Contains(s.Read("m.go"), "n >= limit") {
		t.Fatalf("%+v\n%s", res, s.Read("m.go"))
	}
	others := listOf(res.Output, "alternatives")
	if len(others) == 0 || len(others) > alternatives || !strings.Contains(others[0], ": m.go:5: ") || !strings.HasPrefix(others[0], "w") {
		t.Errorf("%q", others)
	}
	if !strings.Contains(res.Summary, "plausible; ") {
		t.Error(res.Summary)
	}
}

// TestWhatComesToTheSame holds texts against each other that do the same, and some
// that do not.
func TestWhatComesToTheSame(t *testing.T) {
	f := &file{name: "p.go"}
	of := func(body string) [32]byte {
		return meaning([]text{{f, []byte("package p\n\nfunc f(a, b int, ok bool, x, y float64) {\n\t" + body + "\n}\n")}})
	}
	for _, same := range [][]string{
		{"_ = a < b", "_ = b > a", "_ = (a < b)", "_ = (b) > (a)"},
		{"_ = a <= b", "_ = b >= a"},
		{"_ = a == b", "_ = b == a", "_ = !(a != b)", "_ = !!(b == a)"},
		{"if !ok {\n\t}", "if !(ok) {\n\t}", "if !!!ok {\n\t}"},
		{"a += b", "a = a + b", "a = (a + b)"},
		{"_ = a * b", "_ = b * a"},
	} {
		for _, s := range same[1:] {
			if of(s) != of(same[0]) {
				t.Errorf("%q is not %q", s, same[0])
			}
		}
	}
	apart := []string{
		"_ = a < b", "_ = a <= b", "_ = b < a", "_ = a - b", "_ = b - a", "_ = a + b", "_ = b + a",
		"_ = g() < h()", "_ = h() > g()", "_ = ok && a < b", "_ = a < b && ok", "_ = !(x < y)", "_ = x >= y", "a += b", "a -= b", "_ = (a + b) * a", "_ = a + b*a",
	}
	seen := map[[32]byte]string{}
	for _, s := range apart {
		if other, ok := seen[of(s)]; ok {
			t.Errorf("%q is taken for %q", s, other)
		}
		seen[of(s)] = s
	}
}

// TestPairsBeginWithHalves: what turned some of the failing tests green is paired
// first; what meets is not paired.
func TestPairsBeginWithHalves(t *testing.T) {
	list, _ := proposeAll(t, "package p\n\nfunc f(a, b, c int) bool {\n\tif a < b {\n\t\treturn true\n\t}\n\tif b < c {\n\t\treturn true\n\t}\n\treturn a > c\n}\n")
	last := len(list) - 1
	got := pairs(list, map[int]int{last: 3, last - 1: 1}, 10, func() bool { return false })
	if len(got) != 10 {
		t.Fatalf("%d pairs", len(got))
	}
	for _, c := range got {
		if !slices.Contains([]string{c.String(), c.also.String()}, list[last].String()) && !strings.Contains(c.String(), list[last].String()) {
			t.Errorf("%s is without %s", c, list[last])
		}
		if !c.apart(*c.also) {
			t.Errorf("%s meet", c)
		}
	}
	if got := pairs(list, nil, 0, func() bool { return false }); got != nil {
		t.Errorf("%d beyond the budget", len(got))
	}
}
