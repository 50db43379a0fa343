"""What the repair worker asks of Python about Python: which tests fail (run),
which lines they run (locate), and which small changes there are (mutate).

One line of JSON on standard output; what the code under test prints is dropped.
Nothing is written, and nothing of what it says is believed: gates decide.
"""

import ast
import io
import json
import os
import re
import signal
import sys
import unittest

ROOT = os.getcwd()
MOST = 6000  # changes that are listed


def is_test(name):
    base = os.path.basename(name)
    return base.startswith("test") or base.endswith("_test.py") or base == "conftest.py" or "/tests/" in "/" + name


def flatten(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite):
            yield from flatten(t)
        else:
            yield t


def late(_signal, _frame):
    raise TimeoutError("the test takes too long")


class Status(unittest.TestResult):
    """How one test ended, its subtests with it."""

    def __init__(self):
        super().__init__()
        self.status = "fail"

    def addSuccess(self, test):
        self.status = "pass"

    def addSkip(self, test, reason):
        self.status = "skip"

    def addExpectedFailure(self, test, err):
        self.status = "pass"


def run_one(test, seconds):
    result = Status()
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        test.run(result)
    except BaseException:  # SystemExit too: the test did not succeed
        result.status = "fail"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if result.failures or result.errors or result.unexpectedSuccesses:
        return "fail"
    return result.status


def tests():
    sys.path.insert(0, ROOT)
    return sorted(flatten(unittest.TestLoader().discover(ROOT)), key=lambda t: t.id())


PREFIX = ROOT + os.sep


class Trace:
    """The lines of the package, its tests left out, that run while it is on."""

    def __init__(self):
        self.seen = set()

    def __enter__(self):
        sys.settrace(self.enter)
        return self.seen

    def __exit__(self, *_):
        sys.settrace(None)

    def enter(self, frame, _event, _arg):
        name = frame.f_code.co_filename
        return self.local if name.startswith(PREFIX) and not is_test(name[len(PREFIX):]) else None

    def local(self, frame, event, _arg):
        if event == "line":
            self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self.local


def by_unittest(seconds, trace):
    """Runs every test: its id, how it ended, and the lines that it ran."""
    for t in tests():
        if not trace:
            yield t.id(), run_one(t, seconds), ()
            continue
        with Trace() as seen:
            status = run_one(t, seconds)
        yield t.id(), status, seen


class Missing(Exception):
    """Pytest is not installed."""


def by_pytest(seconds, trace):
    """The same by pytest, which knows parametrised tests and fixtures."""
    try:
        import pytest
    except ImportError:
        raise Missing() from None
    ends, lines = {}, {}

    class Watch:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self, item):
            signal.signal(signal.SIGALRM, late)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                if trace:
                    with Trace() as seen:
                        yield
                    lines[item.nodeid] = seen
                else:
                    yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

        def pytest_runtest_logreport(self, report):
            if report.failed:
                ends[report.nodeid] = "fail"
            elif report.skipped:
                ends.setdefault(report.nodeid, "pass" if hasattr(report, "wasxfail") else "skip")
            elif report.when == "call":
                ends.setdefault(report.nodeid, "pass")

        def pytest_collectreport(self, report):
            if report.failed:
                ends[report.nodeid] = "fail"

    sys.path.insert(0, ROOT)
    pytest.main(["-q", "-p", "no:cacheprovider", ROOT], plugins=[Watch()])
    for name in sorted(ends):
        yield name, ends[name], lines.get(name, ())


def run(how, seconds):
    return {"tests": [{"id": name, "status": status} for name, status, _ in how(seconds, False)]}


def locate(how, seconds):
    counts = {}
    for _, status, seen in how(seconds, True):
        if status == "skip":
            continue
        for name, line in seen:
            c = counts.setdefault((name[len(PREFIX):], line), [0, 0])
            c[0 if status == "fail" else 1] += 1
    return {"lines": [[f, n, c[0], c[1]] for (f, n), c in sorted(counts.items())]}


# How likely, among changes of equally suspicious lines, one of a class is the fix.
EXACT, NEAR, NAME, TURNED, OTHER, REMOVE = 1.0, 0.93, 0.85, 0.78, 0.72, 0.5

COMPARE = {
    "<": [("<=", EXACT), (">", TURNED), (">=", OTHER)],
    "<=": [("<", EXACT), (">=", TURNED), (">", OTHER)],
    ">": [(">=", EXACT), ("<", TURNED), ("<=", OTHER)],
    ">=": [(">", EXACT), ("<=", TURNED), ("<", OTHER)],
    "==": [("!=", NEAR), ("<=", OTHER), (">=", OTHER)],
    "!=": [("==", NEAR)],
    "is not": [("is", NEAR)],
    "is": [("is not", NEAR)],
    "not in": [("in", NEAR)],
    "in": [("not in", NEAR)],
}
ARITHMETIC = {
    "+": [("-", EXACT), ("*", OTHER)],
    "-": [("+", EXACT)],
    "*": [("//", OTHER), ("+", OTHER), ("/", OTHER)],
    "//": [("/", NEAR), ("*", OTHER), ("%", OTHER)],
    "/": [("//", NEAR), ("*", OTHER)],
    "%": [("//", OTHER)],
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "append": "extend", "extend": "append", "lstrip": "rstrip", "rstrip": "lstrip",
         "startswith": "endswith", "endswith": "startswith", "lower": "upper", "upper": "lower", "find": "rfind", "rfind": "find"}


class Mutator(ast.NodeVisitor):
    """Changes of one file where a line is suspicious, as replaced bytes."""

    def __init__(self, name, src, lines):
        self.name, self.src, self.lines = name, src, set(lines)
        self.tree = ast.parse(src)
        self.starts = [0]
        for i, b in enumerate(src):
            if b == 10:
                self.starts.append(i + 1)
        self.out = []
        self.names = []  # of the functions around
        self.visit(self.tree)

    def begin(self, n):
        return self.starts[n.lineno - 1] + n.col_offset

    def end(self, n):
        return self.starts[n.end_lineno - 1] + n.end_col_offset

    def text(self, n):
        return self.src[self.begin(n):self.end(n)].decode()

    def edit(self, n, a, b, text, operator, prior):
        last = getattr(n, "end_lineno", n.lineno)
        if self.lines.isdisjoint(range(n.lineno, min(last, n.lineno + 3) + 1)):
            return
        self.out.append({"file": self.name, "from": a, "to": b, "text": text, "operator": operator, "line": n.lineno, "last": min(last, n.lineno + 3), "prior": prior})

    def replace(self, n, text, operator, prior):
        self.edit(n, self.begin(n), self.end(n), text, operator, prior)

    def between(self, n, left, right, table, operator):
        """Exchanges the operator that stands between two operands."""
        a, b = self.end(left), self.begin(right)
        gap = self.src[a:b].decode()
        for was in sorted(table, key=len, reverse=True):
            m = re.search(r"(?<![\w<>=!*/%+-])" + re.escape(was).replace(r"\ ", r"\s+") + r"(?![\w<>=*/])", gap)
            if m:
                for text, prior in table[was]:
                    self.edit(n, a + len(gap[:m.start()].encode()), a + len(gap[:m.end()].encode()), text, operator, prior)
                return

    def visit_FunctionDef(self, n):
        names = {a.arg for a in n.args.posonlyargs + n.args.args + n.args.kwonlyargs}
        names |= {x.id for x in ast.walk(n) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
        self.names.append(sorted(names - {"self", "cls"}))
        self.generic_visit(n)
        self.names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Compare(self, n):
        left = n.left
        for right in n.comparators:
            self.between(n, left, right, COMPARE, "comparison")
            left = right
        self.generic_visit(n)

    def visit_BoolOp(self, n):
        for left, right in zip(n.values, n.values[1:]):
            self.between(n, left, right, {"and": [("or", EXACT)], "or": [("and", EXACT)]}, "boolean operator")
        for v in n.values:
            self.replace(v, "not (" + self.text(v) + ")", "negation missing", OTHER)
        if len(n.values) == 2:
            for v in n.values:
                self.replace(n, self.text(v), "dropped operand", REMOVE)
        self.generic_visit(n)

    def visit_BinOp(self, n):
        self.between(n, n.left, n.right, ARITHMETIC, "arithmetic operator")
        if isinstance(n.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod)):
            self.replace(n, self.text(n.right) + self.src[self.end(n.left):self.begin(n.right)].decode() + self.text(n.left), "swapped operands", NEAR)
        self.generic_visit(n)

    def visit_AugAssign(self, n):
        self.between(n, n.target, n.value, {"+=": [("-=", EXACT), ("=", OTHER)], "-=": [("+=", EXACT)], "*=": [("+=", OTHER)]}, "assignment operator")
        self.remove(n)
        self.generic_visit(n)

    def remove(self, n):
        self.replace(n, "pass", "removed statement", REMOVE)

    def visit_Assign(self, n):
        self.remove(n)
        self.generic_visit(n)

    def visit_Expr(self, n):
        if not isinstance(n.value, ast.Constant):
            self.remove(n)
        self.generic_visit(n)

    def visit_UnaryOp(self, n):
        if isinstance(n.op, (ast.Not, ast.USub)):
            self.replace(n, self.text(n.operand), "negation too many", NEAR)
        self.generic_visit(n)

    def condition(self, n):
        self.replace(n.test, "not (" + self.text(n.test) + ")", "negated condition", OTHER)
        self.generic_visit(n)

    visit_If = visit_While = visit_IfExp = condition

    def visit_Call(self, n):
        for x, y in zip(n.args, n.args[1:]):
            if not isinstance(x, ast.Starred) and not isinstance(y, ast.Starred):
                text = self.text(y) + self.src[self.end(x):self.begin(y)].decode() + self.text(x)
                self.edit(n, self.begin(x), self.end(y), text, "swapped arguments", NEAR)
        if isinstance(n.func, ast.Name) and n.func.id in TWINS:
            self.replace(n.func, TWINS[n.func.id], "twin function", NEAR)
        if isinstance(n.func, ast.Attribute) and n.func.attr in TWINS:
            at = self.end(n.func) - len(n.func.attr.encode())
            self.edit(n, at, self.end(n.func), TWINS[n.func.attr], "twin function", NEAR)
        if isinstance(n.func, ast.Name) and n.func.id == "range":
            for x in n.args:
                self.off_by_one(x)
        self.generic_visit(n)

    def off_by_one(self, n):
        if n is not None and not isinstance(n, (ast.Slice, ast.Constant, ast.Tuple)):
            for step in (" + 1", " - 1"):
                self.replace(n, self.text(n) + step, "off by one", NEAR)

    def visit_Subscript(self, n):
        self.off_by_one(n.slice)
        self.generic_visit(n)

    def visit_Slice(self, n):
        self.off_by_one(n.lower)
        self.off_by_one(n.upper)
        self.generic_visit(n)

    def visit_Return(self, n):
        if isinstance(n.value, (ast.Name, ast.BinOp, ast.Call)):
            self.off_by_one(n.value)
        self.generic_visit(n)

    def visit_Constant(self, n):
        if isinstance(n.value, bool):
            self.replace(n, str(not n.value), "bool constant", NEAR)
        elif isinstance(n.value, int):
            for v in (n.value + 1, n.value - 1):
                self.replace(n, str(v) if v >= 0 else "(%d)" % v, "constant", NEAR)
            if n.value not in (-1, 0, 1):
                self.replace(n, "0", "constant", OTHER)

    def visit_Name(self, n):
        if not isinstance(n.ctx, ast.Load) or not self.names or n.id not in self.names[-1]:
            return
        for other in self.names[-1]:
            if other != n.id:
                self.replace(n, other, "wrong variable", NAME)

    def visit_Break(self, n):
        self.replace(n, "continue", "break for continue", NEAR)

    def visit_Continue(self, n):
        self.replace(n, "break", "continue for break", NEAR)


def mutate(_how, where):
    out = []
    for name in sorted(where):
        with open(os.path.join(ROOT, name), "rb") as f:
            src = f.read()
        try:
            found = Mutator(name, src, where[name])
        except (SyntaxError, UnicodeDecodeError):
            continue
        seen = {ast.dump(found.tree)}
        for c in found.out:
            try:  # what does not compile is none, and what parses to the same is one
                new = ast.parse(src[:c["from"]] + c["text"].encode() + src[c["to"]:])
                compile(new, name, "exec")
            except (SyntaxError, ValueError):
                continue
            same = ast.dump(new)
            if same not in seen and len(out) < MOST:
                seen.add(same)
                out.append(c)
    return {"changes": out}


def main():
    answer = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    what, how, arg = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    try:
        said = {"run": run, "locate": locate, "mutate": mutate}[what]({"unittest": by_unittest, "pytest": by_pytest}[how], arg)
    except Missing:
        said = {"missing": how}
    os.write(answer, (json.dumps(said) + "\n").encode())
    os._exit(0)  # whatever threads or exit hooks the code under test left


main()
