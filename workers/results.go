package workers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// The limits of a report. What is beyond them is no report, and the gate red: a
// part of the tests would not be all of them.
const (
	maxReport   = 16 << 20 // bytes
	maxTests    = 100_000
	maxTestName = 4 << 10 // bytes, of package and name together
)

// readReport reads the tests of a report, sorted by package and name. The error
// says why it is none, or says less than it claims to.
func readReport(parser string, data []byte) ([]work.Test, error) {
	if len(data) > maxReport {
		return nil, fmt.Errorf("%d bytes; the limit is %d", len(data), maxReport)
	}
	var c cases
	var err error
	switch parser {
	case "go":
		return gotool.ReadTests(data)
	case "junit":
		err = readJUnit(data, &c)
	case "tap":
		err = readTAP(data, &c)
	case "pytest":
		err = readPytest(data, &c)
	default:
		err = fmt.Errorf("there is no parser %q", parser)
	}
	if err != nil {
		return nil, err
	}
	return c.tests(), nil
}

// cases are the tests of a report as they come.
type cases struct {
	list []work.Test
}

var errTooManyTests = errors.New("it has more tests than are read")

func (c *cases) add(t work.Test) error {
	if len(c.list) >= maxTests {
		return errTooManyTests
	}
	if len(t.Package)+len(t.Name) > maxTestName {
		return fmt.Errorf("a test's name of %d bytes; the limit is %d", len(t.Package)+len(t.Name), maxTestName)
	}
	c.list = append(c.list, t)
	return nil
}

// tests gives each test a name of its own: of several that are called the same
// the second is "name#2", so that one of them cannot go unnoticed. Which is which
// does not depend on the order in which they ran: the worst is the first.
func (c *cases) tests() []work.Test {
	worst := map[work.TestStatus]int{work.TestFail: 0, work.TestSkip: 1, work.TestPass: 2}
	slices.SortFunc(c.list, func(a, b work.Test) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name), cmp.Compare(worst[a.Status], worst[b.Status]))
	})
	out := slices.Clone(c.list)
	for i, n := 1, 1; i < len(c.list); i++ {
		if n++; c.list[i].Package != c.list[i-1].Package || c.list[i].Name != c.list[i-1].Name {
			n = 1
			continue
		}
		out[i].Name = fmt.Sprintf("%s#%d", c.list[i].Name, n)
	}
	slices.SortStableFunc(out, func(a, b work.Test) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name))
	})
	return out
}
