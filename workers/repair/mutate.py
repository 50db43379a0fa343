"""Which small changes there are of Python, for the repair worker: the operators, how
likely each is the fix, and what is made of them. It stands before helper.py, in one
script.
"""

import ast
import os
import re

MOST = 6000  # changes that are listed


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


def mutate(where):
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
