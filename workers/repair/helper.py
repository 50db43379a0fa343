"""What the repair worker asks of Python about Python: which tests fail (run),
which lines they run (locate), and which small changes there are (mutate, of
mutate.py).

One line of JSON on standard output; what the code under test prints is dropped.
Nothing is written, and nothing of what it says is believed: gates decide.
"""

import io
import json
import os
import signal
import sys
import unittest

ROOT = os.getcwd()


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


def main():
    answer = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    what, how, arg = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    try:
        said = {"run": run, "locate": locate, "mutate": lambda _, where: mutate(where)}[what]({"unittest": by_unittest, "pytest": by_pytest}[how], arg)
    except Missing:
        said = {"missing": how}
    os.write(answer, (json.dumps(said) + "\n").encode())
    os._exit(0)  # whatever threads or exit hooks the code under test left


main()
