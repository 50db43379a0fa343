package repair

import (
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// propose makes every candidate of a package of one file, all lines equally
// suspicious, and returns the sources they make.
func proposeAll(t *testing.T, src string) (list []candidate, sources []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := parse(listed{ImportPath: "p", Dir: dir, GoFiles: []string{"p.go"}}, dir, ".", &exports{fset: token.NewFileSet()})
	if err != nil {
		t.Fatal(err)
	}
	list = candidates(p, p.files[0], 1, func(int) float64 { return 1 })
	order(list)
	list = viable(list, 1_000_000, func() bool { return false })
	for _, c := range list {
		sources = append(sources, string(c.source()))
	}
	return list, sources
}

// TestEveryClassIsUndone: for each class of bug, the true line is among what is
// proposed for the false one.
func TestEveryClassIsUndone(t *testing.T) {
	for name, c := range map[string]struct{ bug, fix string }{
		"comparison, boundary":  {"func f(a, b int) bool { return a < b }", "func f(a, b int) bool { return a <= b }"},
		"comparison, equality":  {"func f(a, b int) bool { return a == b }", "func f(a, b int) bool { return a != b }"},
		"comparison, direction": {"func f(a, b int) bool { return a > b }", "func f(a, b int) bool { return a < b }"},
		"boolean operator":      {"func f(a, b bool) bool { return a && b }", "func f(a, b bool) bool { return a || b }"},
		"negation missing":      {"func f(a, b bool) bool { return a && b }", "func f(a, b bool) bool { return a && !b }"},
		"negation too many":     {"func f(a bool) bool { return !a }", "func f(a bool) bool { return a }"},
		"arithmetic operator":   {"func f(a, b int) int { return a + b }", "func f(a, b int) int { return a - b }"},
		"assignment operator":   {"func f(a, b int) int { a += b; return a }", "func f(a, b int) int { a -= b; return a }"},
		"step":                  {"func f(n int) { for i := 0; i < n; i-- {\n} }", "func f(n int) { for i := 0; i < n; i++ {\n} }"},
		"off by one, index":     {"func f(a []int) int { return a[len(a)] }", "func f(a []int) int { return a[len(a)-1] }"},
		"off by one, bound":     {"func f(a []int, n int) []int { return a[:n] }", "func f(a []int, n int) []int { return a[:n+1] }"},
		"off by one, too many":  {"func f(n int) int { return n + 1 }", "func f(n int) int { return n }"},
		"negated condition":     {"func f(ok bool) int { if ok { return 1 }; return 2 }", "func f(ok bool) int { if !ok { return 1 }; return 2 }"},
		"condition too many":    {"func f(a, b bool) bool { return a && b }", "func f(a, b bool) bool { return a }"},
		"condition missing":     {"func f(a []int, ok bool) int { if ok { return a[0] }; return 0 }", "func f(a []int, ok bool) int { if ok && len(a) > 0 { return a[0] }; return 0 }"},
		"guard missing":         {"func f(a, b int) int {\n\treturn a / b\n}", "func f(a, b int) int {\n\tif b == 0 {\n\t\treturn 0\n\t}\n\treturn a / b\n}"},
		"swapped arguments":     {"func g(a, b int) int { return a - b }\n\nfunc f(x, y int) int { return g(y, x) }", "func g(a, b int) int { return a - b }\n\nfunc f(x, y int) int { return g(x, y) }"},
		"swapped, by interface": {"type a struct{}\n\ntype b struct{}\n\nfunc g(x, y any) bool { return x == y }\n\nfunc f(v a, w b) bool { return g(w, v) }", "type a struct{}\n\ntype b struct{}\n\nfunc g(x, y any) bool { return x == y }\n\nfunc f(v a, w b) bool { return g(v, w) }"},
		"swapped receiver":      {"type t struct{ n int }\n\nfunc (x t) less(y t) bool { return x.n < y.n }\n\nfunc f(v, w t) bool { return w.less(v) }", "type t struct{ n int }\n\nfunc (x t) less(y t) bool { return x.n < y.n }\n\nfunc f(v, w t) bool { return v.less(w) }"},
		"swapped comparison":    {"func g(i int) int { return i }\n\nfunc f(v, w int) bool { return g(v) > g(w) }", "func g(i int) int { return i }\n\nfunc f(v, w int) bool { return g(v) < g(w) }"},
		"swapped operands":      {"func f(a, b int) int { return a / b }", "func f(a, b int) int { return b / a }"},
		"wrong variable":        {"func f(a, b, c int) int { return a * a * c }", "func f(a, b, c int) int { return a * b * c }"},
		"wrong field":           {"type s struct{ x, y int }\n\nfunc f(v s) int { return v.x }", "type s struct{ x, y int }\n\nfunc f(v s) int { return v.y }"},
		"wrong method":          {"type s struct{}\n\nfunc (s) A() int { return 1 }\n\nfunc (s) B() int { return 2 }\n\nfunc f(v s) int { return v.A() }", "type s struct{}\n\nfunc (s) A() int { return 1 }\n\nfunc (s) B() int { return 2 }\n\nfunc f(v s) int { return v.B() }"},
		"constant":              {"func f(n int) bool { return n > 9 }", "func f(n int) bool { return n > 10 }"},
		"named constant":        {"const low, high = 1, 2\n\nfunc f() int { return low }", "const low, high = 1, 2\n\nfunc f() int { return high }"},
		"bool constant":         {"func f() bool { return true }", "func f() bool { return false }"},
		"nil check":             {"func f(p *int) int { if p == nil { return *p }; return 0 }", "func f(p *int) int { if p != nil { return *p }; return 0 }"},
		"returned nil":          {"func g() error { return nil }\n\nfunc f() error {\n\terr := g()\n\tif err != nil {\n\t\treturn nil\n\t}\n\treturn nil\n}", "func g() error { return nil }\n\nfunc f() error {\n\terr := g()\n\tif err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}"},
		"error check missing":   {"func g() (int, error) { return 0, nil }\n\nfunc f() (int, error) {\n\tn, err := g()\n\tn++\n\treturn n, err\n}", "func g() (int, error) { return 0, nil }\n\nfunc f() (int, error) {\n\tn, err := g()\n\tif err != nil {\n\t\treturn 0, err\n\t}\n\tn++\n\treturn n, err\n}"},
		"shadowed":              {"func f(c bool) int {\n\tn := 0\n\tif c {\n\t\tn := 1\n\t\t_ = n\n\t}\n\treturn n\n}", "func f(c bool) int {\n\tn := 0\n\tif c {\n\t\tn = 1\n\t\t_ = n\n\t}\n\treturn n\n}"},
		"min for max":           {"func f(a, b int) int { return min(a, b) }", "func f(a, b int) int { return max(a, b) }"},
		"break for continue":    {"func f(a []int) (n int) {\n\tfor _, x := range a {\n\t\tif x < 0 {\n\t\t\tbreak\n\t\t}\n\t\tn++\n\t}\n\treturn n\n}", "func f(a []int) (n int) {\n\tfor _, x := range a {\n\t\tif x < 0 {\n\t\t\tcontinue\n\t\t}\n\t\tn++\n\t}\n\treturn n\n}"},
		"character constant":    {"func f(c byte) bool { return c == 'a' || c == 'a' }\n\nvar x = 'b'", "func f(c byte) bool { return c == 'a' || c == 'b' }\n\nvar x = 'b'"},
	} {
		t.Run(name, func(t *testing.T) {
			list, sources := proposeAll(t, "package p\n\n"+c.bug+"\n")
			f := &file{name: "p.go"}
			want := meaning([]text{{f, []byte("package p\n\n" + c.fix + "\n")}})
			for _, s := range sources {
				if meaning([]text{{f, []byte(s)}}) == want {
					return
				}
			}
			var all []string
			for _, c := range list {
				all = append(all, c.String())
			}
			t.Errorf("not among %d:\n%s", len(all), strings.Join(all, "\n"))
		})
	}
}

// TestTheOrderIsOne: the same candidates in the same order, every time.
func TestTheOrderIsOne(t *testing.T) {
	src := "package p\n\ntype s struct{ a, b, c int }\n\nfunc f(v s, x, y int) int {\n\tif x < y && v.a > v.b {\n\t\treturn x + v.c\n\t}\n\treturn y\n}\n"
	_, first := proposeAll(t, src)
	for range 5 {
		if _, again := proposeAll(t, src); !slices.Equal(first, again) {
			t.Fatal("another order")
		}
	}
	if len(first) < 50 {
		t.Errorf("only %d candidates", len(first))
	}
}

func TestTopLevel(t *testing.T) {
	got := topLevel([]string{"example.com/a.b/c.TestX/sub.Test", "example.com/a.TestY", "example.com/a.TestX"})
	if got != "^(TestX|TestY)$" {
		t.Error(got)
	}
}

func TestFramesOfAStack(t *testing.T) {
	out := "noise\npanic: runtime error: index out of range [3] with length 3\n\ngoroutine 7 [running]:\nexample.com/m.at(...)\n\t/slot/tree/a/at.go:12\nexample.com/m.Get(0x1)\n\t/slot/tree/a/get.go:30 +0x1d\nexample.com/m.TestGet(0x2)\n\t/slot/tree/a/get_test.go:9 +0x1\ntesting.tRunner\n\t/usr/local/go/src/testing/testing.go:1 +0x1\n"
	got := framesOf(out, "/slot/tree")
	want := []frame{{"a/at.go", 12, 0}, {"a/get.go", 30, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
