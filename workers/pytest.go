package workers

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"jitos.dev/work"
)

// What pytest -v prints of a test, alone and by one of several processes; and its
// last line.
var (
	pytestLine    = regexp.MustCompile(`^(\S[^:]*::[^\s\[]+(?:\[.*\])?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)(?: \(.*\))?(?:\s+\[ *\d+%\])?\s*$`)
	pytestWorker  = regexp.MustCompile(`^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN) (\S[^:]*::[^\s\[]+(?:\[.*\])?)\s*$`)
	pytestSummary = regexp.MustCompile(`^=+ (.*) in [0-9.]+s(?: \([0-9:]+\))? =+\s*$`)
	pytestCount   = regexp.MustCompile(`^(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|rerun)$`)
	terminalStyle = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// readPytest reads what pytest -v prints. The last line has to agree with what is
// named before it: without -v nothing is, and what a test prints itself does not
// count. What failed and then passed counts as failed: whether a test may be run
// again is for the gate to say.
func readPytest(data []byte, c *cases) error {
	ends := map[[2]string]work.TestStatus{}
	var order [][2]string
	seen := map[string]int{}
	summary := ""
	for line := range strings.Lines(terminalStyle.ReplaceAllString(string(data), "")) {
		line = strings.TrimRight(line, "\r\n")
		if m := pytestSummary.FindStringSubmatch(line); m != nil {
			summary = m[1]
			continue
		}
		id, word := "", ""
		if m := pytestLine.FindStringSubmatch(line); m != nil {
			id, word = m[1], m[2]
		} else if m := pytestWorker.FindStringSubmatch(line); m != nil {
			id, word = m[2], m[1]
		} else {
			continue
		}
		if summary != "" {
			return fmt.Errorf("it names %s after its last line", id)
		}
		seen[word]++
		file, name, _ := strings.Cut(id, "::")
		key := [2]string{file, name}
		if was, ok := ends[key]; ok {
			ends[key] = worse(was, ofWord(word))
			continue
		}
		ends[key] = ofWord(word)
		if order = append(order, key); len(order) > maxTests {
			return errTooManyTests
		}
	}
	if err := agree(summary, seen); err != nil {
		return err
	}
	for _, key := range order {
		if err := c.add(work.Test{Package: key[0], Name: key[1], Status: ends[key]}); err != nil {
			return err
		}
	}
	return nil
}

func ofWord(w string) work.TestStatus {
	switch w {
	case "PASSED", "XPASS":
		return work.TestPass
	case "SKIPPED", "XFAIL":
		return work.TestSkip
	}
	return work.TestFail
}

// agree compares the last line with the words seen.
func agree(summary string, seen map[string]int) error {
	if summary == "" {
		return errors.New("pytest's last line is missing: it did not come to its end")
	}
	words := map[string]string{
		"passed": "PASSED", "failed": "FAILED", "error": "ERROR", "errors": "ERROR", "skipped": "SKIPPED", "xfailed": "XFAIL", "xpassed": "XPASS", "rerun": "RERUN",
	}
	told := map[string]int{}
	for part := range strings.SplitSeq(summary, ", ") {
		if m := pytestCount.FindStringSubmatch(part); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return fmt.Errorf("%q is no count", part)
			}
			told[words[m[2]]] += n
		}
	}
	for _, w := range []string{"PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS", "RERUN"} {
		if w == "ERROR" && told[w] > seen[w] {
			return fmt.Errorf("it counts %d errors and names %d: not all tests could be collected", told[w], seen[w])
		}
		if told[w] != seen[w] {
			return fmt.Errorf("it counts %d %s and names %d; the command needs -v, and no -s", told[w], strings.ToLower(w), seen[w])
		}
	}
	return nil
}
