package workers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/work"
)

// tapIndent is how many spaces a subtest stands further in than its test.
const tapIndent = 4

// maxTAPDepth is how deep subtests may stand in each other.
const maxTAPDepth = 32

// tap reads the Test Anything Protocol, versions 12 to 14.
type tap struct {
	cases  *cases
	levels []tapLevel // the outermost first
	yaml   string     // indent of the YAML block that is being passed over, with its "..."
}

// tapLevel is the test points of one depth that wait for the one they belong to.
type tapLevel struct {
	tests   []work.Test // of points seen, and below them
	points  int
	planned int // -1 before the plan is seen
}

// readTAP reads the points of a report. A plan that does not agree with them, or
// that is missing, makes it none: some of the tests did not run.
func readTAP(data []byte, c *cases) error {
	t := tap{cases: c, levels: []tapLevel{{planned: -1}}}
	for line := range strings.Lines(string(data)) {
		if err := t.line(strings.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
	if len(t.levels) > 1 {
		return errors.New("it ends within a subtest")
	}
	if err := t.levels[0].complete(); err != nil {
		return err
	}
	for _, x := range t.levels[0].tests {
		if err := c.add(x); err != nil {
			return err
		}
	}
	return nil
}

func (t *tap) line(line string) error {
	if t.yaml != "" {
		if line == t.yaml {
			t.yaml = ""
		}
		return nil
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	switch {
	case text == "---" && indent > 0:
		t.yaml = line[:indent] + "..."
		return nil
	case indent%tapIndent != 0:
		return nil
	case strings.HasPrefix(text, "Bail out!"):
		return fmt.Errorf("the run bailed out:%s", strings.TrimPrefix(text, "Bail out!"))
	}
	depth := indent / tapIndent
	if depth > maxTAPDepth {
		return nil // what no runner writes is text of a test
	}
	if n, ok := plan(text); ok {
		return t.at(depth).plan(n)
	}
	x, ok := point(text)
	if !ok {
		return nil
	}
	return t.point(depth, x)
}

// at makes the levels down to one, and returns it.
func (t *tap) at(depth int) *tapLevel {
	for len(t.levels) <= depth {
		t.levels = append(t.levels, tapLevel{planned: -1})
	}
	return &t.levels[depth]
}

// point takes a test in, and what stood below as its subtests.
func (t *tap) point(depth int, x work.Test) error {
	l := t.at(depth)
	l.points++
	if x.Name == "" {
		x.Name = fmt.Sprintf("#%d", l.points)
	}
	for len(t.levels) > depth+1 {
		sub := t.levels[len(t.levels)-1]
		t.levels = t.levels[:len(t.levels)-1]
		up := &t.levels[len(t.levels)-1]
		if err := sub.complete(); err != nil {
			return fmt.Errorf("in the subtest %s: %w", x.Name, err)
		}
		for _, s := range sub.tests {
			if len(t.levels) == depth+1 {
				s.Name = x.Name + "/" + s.Name
			}
			if len(s.Name) > maxTestName {
				return fmt.Errorf("a test's name of %d bytes; the limit is %d", len(s.Name), maxTestName)
			}
			up.tests = append(up.tests, s)
		}
	}
	l = &t.levels[depth]
	l.tests = append(l.tests, x)
	if len(l.tests) > maxTests {
		return errTooManyTests
	}
	return nil
}

// plan reads "1..N", whatever stands after it.
func plan(text string) (int, bool) {
	after, ok := strings.CutPrefix(text, "1..")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(after[:len(after)-len(strings.TrimLeft(after, "0123456789"))])
	return n, err == nil
}

func (l *tapLevel) plan(n int) error {
	if l.planned >= 0 {
		return errors.New("it has two plans")
	}
	l.planned = n
	return nil
}

// complete checks the plan against what was seen.
func (l *tapLevel) complete() error {
	switch {
	case l.planned < 0:
		return errors.New("it has no plan, so that nobody can tell whether all tests ran")
	case l.planned != l.points:
		return fmt.Errorf("%d tests were planned and %d ran", l.planned, l.points)
	}
	return nil
}

// point reads "ok 3 - name # SKIP why".
func point(text string) (work.Test, bool) {
	x := work.Test{Status: work.TestPass}
	rest, failed := strings.CutPrefix(text, "not ok")
	if failed {
		x.Status = work.TestFail
	} else if rest, failed = strings.CutPrefix(text, "ok"); !failed {
		return x, false
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return x, false
	}
	rest = strings.TrimSpace(rest)
	rest = strings.TrimLeft(rest, "0123456789")
	rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "- "))
	name, directive := splitDirective(rest)
	switch {
	case strings.HasPrefix(directive, "skip") && x.Status == work.TestPass:
		x.Status = work.TestSkip
	case strings.HasPrefix(directive, "todo") && x.Status == work.TestFail:
		x.Status = work.TestSkip
	}
	x.Name = strings.TrimSpace(strings.TrimSuffix(name, "{")) // a buffered subtest opens a block
	if x.Name == "-" {
		x.Name = ""
	}
	return x, true
}

// splitDirective splits at the "#" that is not escaped; the directive is in lower
// case.
func splitDirective(text string) (name, directive string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '#' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case text[i] == '#' && (i == 0 || text[i-1] == ' '):
			d := strings.ToLower(strings.TrimSpace(text[i+1:]))
			if strings.HasPrefix(d, "skip") || strings.HasPrefix(d, "todo") {
				return b.String(), d
			}
			if strings.HasPrefix(d, "time=") { // as bats and node print it
				return b.String(), ""
			}
			b.WriteByte('#')
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), ""
}
