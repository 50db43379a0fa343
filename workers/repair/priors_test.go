package repair

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// frozen is the hash of what finds repairs of Go and Python, as it was when the
// number in docs/design/0011-workers.md was taken. Whoever changes an operator or a
// prior takes the number anew, on bugs that nobody has looked at, and says so there.
const frozen = "39596c821aff6cc4b7fe6c6e0746959b84d0fd5af7ed319132e96c136b1b2599"

// The files that are frozen: what is proposed, and in which order.
var frozenFiles = []string{"mutate.py", "operators.go", "operators_names.go", "operators_stmts.go", "pairs.go", "priors.go", "spread.go"}

func TestOperatorsAndPriorsAreFrozen(t *testing.T) {
	h := sha256.New()
	for _, name := range frozenFiles {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(src), src)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != frozen {
		t.Errorf("the operators and priors are other than those that the number was taken with: %s, not %s", got, frozen)
	}
}

// TestEveryClassHasAPrior: whatever the operators offer stands in the table, and what
// stands there is offered: a class that is renamed would fall back to nothing counted.
func TestEveryClassHasAPrior(t *testing.T) {
	for name, c := range priors {
		if c.fixes > c.offered || c.fixes < 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	fset := token.NewFileSet()
	said := map[string]bool{}
	for _, name := range frozenFiles[1:4] {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				said[strings.Trim(lit.Value, `"`)] = true
			}
			return true
		})
	}
	for _, class := range slices.Sorted(maps.Keys(priors)) {
		if operator, _, _ := strings.Cut(class, "/"); !said[operator] {
			t.Errorf("no operator is called %q", operator)
		}
	}
	list, _ := proposeAll(t, "package p\n\ntype s struct{ a, b, c int }\n\nfunc g(x, y int) int { return x - y }\n\nfunc f(v s, x, y int, ok bool) int {\n\tif x < y && v.a > v.b {\n\t\treturn g(x+v.c, 3)\n\t}\n\tfor i := 0; i < x; i++ {\n\t\ty += i\n\t}\n\treturn y\n}\n")
	for _, c := range list {
		if _, ok := priors[c.class()]; !ok {
			t.Errorf("%s was never counted", c.class())
		}
	}
}

// TestPriorsFollowWhatWasCounted: what fixed things more often than it was offered
// comes first, and what never did is still possible.
func TestPriorsFollowWhatWasCounted(t *testing.T) {
	if often, seldom := prior("comparison", asExact.sort), prior("missing check", asGuard.sort); often < 3*seldom {
		t.Errorf("a comparison %f, a check %f", often, seldom)
	}
	for class := range priors {
		operator, s, _ := strings.Cut(class, "/")
		if p := prior(operator, sort(s)); p <= 0 || p > 1 {
			t.Errorf("%s: %f", class, p)
		}
	}
}

// TestAFixIsExplained: of what somebody changed the operators know the class, its
// place, and nothing of what they do not offer.
func TestAFixIsExplained(t *testing.T) {
	src := "package p\n\nfunc f(a, b int) bool {\n\treturn a < b\n}\n\nfunc g(a int) int { return a }\n"
	for after, class := range map[string]string{
		"a <= b":             "comparison/neighbour",
		"b >= a":             "comparison/neighbour",
		"a < b && a*b != 17": "",
	} {
		got, err := Explain(map[string][]byte{"p.go": []byte(src)}, "p.go", []byte(strings.Replace(src, "a < b", after, 1)), importer.Default())
		if err != nil || got.Class != class || (got.Rank > 0) != (class != "") || got.Offered["comparison/neighbour"] != 1 {
			t.Errorf("%s: %+v %v", after, got, err)
		}
	}
	if _, err := Explain(map[string][]byte{"p.go": []byte(src)}, "p.go", []byte(strings.Replace(src, "a < b", "(b > a)", 1)), importer.Default()); err == nil {
		t.Error("what does the same is a fix")
	}
}
