package repair

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// needPython skips where the machine has none, but not in CI, which installs one.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no /usr/bin/python3")
	}
}

var pythonArgs = map[string]any{"language": "python"}

const pythonTestOf = `import unittest

from shop.price import clamp, total


class TestClamp(unittest.TestCase):
    def test_low(self):
        self.assertEqual(clamp(1, 3, 9), 3)

    def test_high(self):
        self.assertEqual(clamp(12, 3, 9), 9)

    def test_in(self):
        print('{"tests": []}')
        for n in (3, 5, 9):
            with self.subTest(n=n):
                self.assertEqual(clamp(n, 3, 9), n)


class TestTotal(unittest.TestCase):
    def test_each(self):
        self.assertEqual(total([2, 3, 4], 0), 9)

    def test_top(self):
        self.assertEqual(total([], 5), 5)

    def test_none(self):
        self.assertEqual(total([], 0), 0)
`

const pythonRight = `"""Prices."""


def clamp(n, low, high):
    # ä: offsets are bytes
    if n < low:
        return low
    if n > high:
        return high
    return n


def total(prices, top):
    n = 0
    for p in prices:
        n += p
    return n + top
`

// shop is the package with some of it replaced.
func shop(was, is string, more ...string) map[string]string {
	src := strings.NewReplacer(append([]string{was, is}, more...)...).Replace(pythonRight)
	return map[string]string{"shop/__init__.py": "", "shop/price.py": src, "tests/__init__.py": "", "tests/test_price.py": pythonTestOf}
}

// TestPythonIsRepaired: one bug by one change, and two by two, each put back as it
// was.
func TestPythonIsRepaired(t *testing.T) {
	needPython(t)
	for name, files := range map[string]map[string]string{
		"comparison": shop("n > high", "n < high"),
		"assignment": shop("n += p", "n -= p"),
		"two":        shop("n += p", "n -= p", "n + top", "n * top"),
	} {
		t.Run(name, func(t *testing.T) {
			res, s := fixes(t, 2, 200, files, pythonArgs)
			if got := s.Read("shop/price.py"); !res.OK || got != pythonRight {
				t.Fatalf("%+v\n%s", res, got)
			}
			if two := strings.Contains(res.Output.String("operator"), " and "); two != (name == "two") {
				t.Error(res.Output.String("operator"))
			}
		})
	}
}

// needPytest skips where that Python has no pytest, but not in CI, which installs it.
func needPytest(t *testing.T) {
	t.Helper()
	needPython(t)
	if out, err := exec.Command("/usr/bin/python3", "-c", "import pytest").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skip("/usr/bin/python3 has no pytest")
	}
}

const pytestOf = `import pytest

from shop.price import clamp, total


@pytest.fixture
def room():
    return 3, 9


@pytest.mark.parametrize("n, want", [(1, 3), (3, 3), (5, 5), (9, 9), (12, 9)])
def test_clamp(room, n, want):
    print('{"tests": []}')
    assert clamp(n, *room) == want


@pytest.mark.parametrize("prices, top, want", [([2, 3, 4], 0, 9), ([], 5, 5), ([], 0, 0)], ids=["each", "top", "none"])
def test_total(prices, top, want):
    assert total(prices, top) == want


@pytest.mark.skip(reason="not yet")
def test_later():
    assert False


@pytest.mark.xfail(strict=True)
def test_known():
    assert clamp(1, 9, 3) == 3 and False
`

// TestPytestIsRepaired: a bug that parametrised tests and fixtures of pytest show. What
// is skipped, or known to fail, shows none.
func TestPytestIsRepaired(t *testing.T) {
	needPytest(t)
	args := map[string]any{"language": "python", "tests": "pytest"}
	files := shop("n > high", "n < high")
	delete(files, "tests/__init__.py")
	files["tests/test_price.py"], files["pytest.ini"] = pytestOf, "[pytest]\naddopts = -ra\n"
	res, s := fixes(t, 2, 200, files, args)
	if got := s.Read("shop/price.py"); !res.OK || got != pythonRight {
		t.Fatalf("%+v\n%s", res, got)
	}
}

// TestPythonThatIsNotRepaired: tests that cannot be run, and what no change makes
// green.
func TestPythonThatIsNotRepaired(t *testing.T) {
	needPython(t)
	for want, files := range map[string]map[string]string{
		"no failing test, or no susp": {"test_a.py": "import nothing\n"},
		"none turns every test green": {"a.py": "def f():\n    assert False\n", "test_a.py": "import unittest\nimport a\n\n\nclass T(unittest.TestCase):\n    def test(self):\n        a.f()\n        self.fail()\n"},
	} {
		if res, _ := fixes(t, 1, 40, files, pythonArgs); res.OK || !strings.Contains(strings.Join(res.Reasons, "\n"), want) {
			t.Errorf("%+v, not %q", res, want)
		}
	}
}

// TestEveryClassOfPythonIsUndone: for each class of bug, the true line is among what
// the helper proposes for the false one.
func TestEveryClassOfPythonIsUndone(t *testing.T) {
	needPython(t)
	for name, c := range map[string]struct{ bug, fix string }{
		"comparison, boundary": {"return a < b", "return a <= b"},
		"comparison, chained":  {"return 0 < a < b", "return 0 < a <= b"},
		"identity":             {"return a is b", "return a is not b"},
		"membership":           {"return a not in b", "return a in b"},
		"boolean operator":     {"return a and b", "return a or b"},
		"negation missing":     {"return a and b", "return a and not (b)"},
		"negation too many":    {"return not a", "return a"},
		"dropped operand":      {"return a and b", "return b"},
		"arithmetic":           {"return a + b", "return a - b"},
		"division":             {"return a / b", "return a // b"},
		"swapped operands":     {"return a - b", "return b - a"},
		"swapped arguments":    {"return f(a, b)", "return f(b, a)"},
		"assignment":           {"a += b", "a -= b"},
		"statement too many":   {"a = b\n    return a", "pass\n    return a"},
		"off by one, range":    {"return [i for i in range(a)]", "return [i for i in range(a + 1)]"},
		"off by one, index":    {"return b[a]", "return b[a - 1]"},
		"off by one, slice":    {"return b[:a]", "return b[:a + 1]"},
		"negated condition":    {"if a:\n        return b", "if not (a):\n        return b"},
		"constant":             {"return a > 9", "return a > 10"},
		"bool constant":        {"return True", "return False"},
		"wrong variable":       {"return a * a", "return a * b"},
		"twin":                 {"return min(a, b)", "return max(a, b)"},
		"twin method":          {"return a.lstrip(b)", "return a.rstrip(b)"},
		"continue":             {"for i in b:\n        continue", "for i in b:\n        break"},
		"break":                {"for i in b:\n        break", "for i in b:\n        continue"},
	} {
		t.Run(name, func(t *testing.T) {
			src := "def f(a, b):\n    " + c.bug + "\n"
			var all []string
			for _, x := range proposedFor(t, src, `{"m.py": [2, 3]}`) {
				s := src[:x.From] + x.Text + src[x.To:]
				if s == "def f(a, b):\n    "+c.fix+"\n" {
					return
				}
				all = append(all, s)
			}
			t.Errorf("not among %d:\n%s", len(all), strings.Join(all, "\n"))
		})
	}
}

// pythonChange is a change that the helper proposes.
type pythonChange struct {
	Text, Operator string
	From, To, Line int
}

// proposedFor is what the helper proposes for lines of m.py.
func proposedFor(t *testing.T, src, where string) []pythonChange {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/m.py", []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-B", "-c", helper, "mutate", "unittest", where)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Changes []pythonChange }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got.Changes
}

// TestOperatorsOfPython: what each operator is exchanged for, the likeliest first.
func TestOperatorsOfPython(t *testing.T) {
	needPython(t)
	want := []string{
		"<: <= > >=", "<=: < >= >", ">: >= < <=", ">=: > <= <", "==: != <= >=", "!=: ==", "is: is not", "is not: is", "in: not in", "not in: in",
		"and: or", "or: and", "+: - *", "-: +", "*: // + /", "//: / * %", "/: // *", "%: //", "+=: -= =", "-=: +=", "*=: +=",
	}
	src, lines := "def f(a, b):\n", []string{}
	for i, w := range want {
		op, _, _ := strings.Cut(w, ":")
		src += "    a " + op + " b\n"
		lines = append(lines, fmt.Sprint(i+2))
	}
	got := make([]string, len(want))
	for i, w := range want {
		op, _, _ := strings.Cut(w, ":")
		got[i] = op + ":"
	}
	for _, c := range proposedFor(t, src, `{"m.py": [`+strings.Join(lines, ",")+`]}`) {
		if slices.Contains([]string{"comparison", "boolean operator", "arithmetic operator", "assignment operator"}, c.Operator) {
			got[c.Line-2] += " " + c.Text
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, not %q", got[i], want[i])
		}
	}
}

// TestPytestThatIsNotThere: a Python without pytest says so, and nothing else.
func TestPytestThatIsNotThere(t *testing.T) {
	needPython(t)
	cmd := exec.Command("/usr/bin/python3", "-S", "-B", "-c", helper, "run", "pytest", "5") // without the packages that were installed
	cmd.Dir = t.TempDir()
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != `{"missing": "pytest"}` {
		t.Errorf("%s, %v", out, err)
	}
}
