package kernel

import (
	"fmt"
	"slices"
	"strings"

	"jitos.dev/work"
)

// testVerdict is what became of the tests of the head that a run merges with, and
// what came of those that are new.
type testVerdict struct {
	lost   []string // green at the head, and not green here
	taken  []string // not green at the head, and skipped or gone here
	red    []string // red here, and not there or not run at the head
	still  []string // red at the head, and here
	asked  []string // lost or taken as the intent asks for
	fixed  int      // red at the head, and green here
	fresh  int      // not there at the head, and green here
	passed int
	ran    int // passed and failed
}

// compareTests finds out what became of the tests of the head. May says which of
// them the intent may skip or take away.
func compareTests(head, here []work.Test, may func(string) bool) testVerdict {
	var v testVerdict
	before, now := byName(head), byName(here)
	for name, was := range before {
		is := now[name] // "" where it is gone
		gone := is == "" || is == work.TestSkip
		switch {
		case is == work.TestPass && was == work.TestFail:
			v.fixed++
		case is == work.TestPass, is == work.TestSkip && was == work.TestSkip:
		case gone && may(name):
			v.asked = append(v.asked, name)
		case was == work.TestPass:
			v.lost = append(v.lost, name)
		case gone:
			v.taken = append(v.taken, name)
		case was == work.TestFail:
			v.still = append(v.still, name)
		default:
			v.red = append(v.red, name)
		}
	}
	for name, is := range now {
		switch _, there := before[name]; {
		case there:
		case is == work.TestFail:
			v.red = append(v.red, name)
		case is == work.TestPass:
			v.fresh++
		}
	}
	v.passed = count(here, work.TestPass)
	v.ran = v.passed + count(here, work.TestFail)
	for _, list := range [][]string{v.lost, v.taken, v.red, v.still, v.asked} {
		slices.Sort(list)
	}
	return v
}

// judgeTests turns a test run into a verdict: tests ran, none that was green at
// the head is red, skipped or gone, none of the others was taken away, none is
// newly red, and what had to turn green did. The intent may ask for tests to be
// dropped, by name. A run that tampered with its folder proves nothing, unless the
// head's own run does exactly the same.
func judgeTests(e *work.Evidence, base work.Evidence, g work.Gate, drop []string) {
	v := compareTests(base.Tests, e.Tests, func(name string) bool {
		return slices.ContainsFunc(drop, func(glob string) bool { return segMatch(glob, name) })
	})
	e.Green = false
	switch {
	case e.Fault != "" && e.Fault != base.Fault:
		e.Reason = e.Fault
	case len(e.Tests) == 0:
		e.Reason = orText(e.Reason, "no test ran")
	case v.ran == 0:
		e.Reason = "no test ran: " + plural(len(e.Tests), "test") + " skipped"
	case len(v.lost) > 0:
		e.Reason = fmt.Sprintf("%s green at the head and not here: %s", plural(len(v.lost), "test"), some(v.lost))
	case len(v.taken) > 0:
		e.Reason = fmt.Sprintf("%s skipped or gone that the head has: %s", plural(len(v.taken), "test"), some(v.taken))
	case len(v.red) > 0:
		e.Reason = fmt.Sprintf("%s red: %s", plural(len(v.red), "test"), some(v.red))
	case g.RedBefore && len(v.still) > 0:
		e.Reason = fmt.Sprintf("%s still red: %s", plural(len(v.still), "test"), some(v.still))
	case g.RedBefore && v.fixed == 0:
		e.Reason = "no test was red before, so none shows that this is a fix"
	case g.NewTest && v.fresh == 0:
		e.Reason = "there is no green test that the head does not have"
	case e.Exit != 0 && len(v.still) == 0:
		if e.Reason == "" || count(e.Tests, work.TestFail) == 0 && e.Reason == fmt.Sprintf("%d tests green", v.passed) {
			e.Reason = fmt.Sprintf("exit %d although no test failed", e.Exit)
		}
	default:
		e.Green = true
		if !g.NewTest {
			v.fresh = 0 // nobody asked
		}
		if e.Reason = greenReason(v); e.Fault != "" {
			e.Reason += "; as at the head, " + e.Fault
		}
	}
}

func greenReason(v testVerdict) string {
	text := plural(v.passed, "test") + " green"
	if v.fixed > 0 {
		text += fmt.Sprintf(", %d of them red before", v.fixed)
	}
	if v.fresh > 0 {
		text += fmt.Sprintf(", %d of them new", v.fresh)
	}
	if len(v.still) > 0 {
		text += "; red before and after: " + some(v.still)
	}
	if len(v.asked) > 0 {
		text += "; dropped as the intent asks: " + some(v.asked)
	}
	return text
}

func byName(ts []work.Test) map[string]work.TestStatus {
	m := make(map[string]work.TestStatus, len(ts))
	for _, t := range ts {
		m[strings.TrimPrefix(t.Package+"."+t.Name, ".")] = t.Status // not every report has packages
	}
	return m
}

func count(ts []work.Test, s work.TestStatus) int {
	n := 0
	for _, t := range ts {
		if t.Status == s {
			n++
		}
	}
	return n
}
