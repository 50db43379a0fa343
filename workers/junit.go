package workers

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"jitos.dev/work"
)

// maxXMLDepth is how deep elements of a report may stand in each other.
const maxXMLDepth = 100

// readJUnit reads JUnit's XML, as about every runner can write it: test cases in
// suites, each with what went wrong inside it. A case that its runner ran again
// by itself until it passed counts as failed: whether that may be is for the gate
// to say.
func readJUnit(data []byte, c *cases) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(name string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(name, "us-ascii") || strings.EqualFold(name, "ascii") {
			return r, nil
		}
		return nil, fmt.Errorf("its encoding is %s, and not UTF-8", name)
	}
	var suites []string // names of the suites around, "" for other elements
	var open *work.Test // the case around
	inCase := 0         // depth in it
	found := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("it is no XML: %w", err)
		}
		switch el := tok.(type) {
		case xml.StartElement:
			if len(suites)+inCase >= maxXMLDepth {
				return fmt.Errorf("elements nest deeper than %d", maxXMLDepth)
			}
			name := el.Name.Local
			switch {
			case open != nil:
				inCase++
				open.Status = worse(open.Status, ofElement(name))
			case name == "testcase":
				open = &work.Test{Package: attr(el, "classname"), Name: attr(el, "name"), Status: ofAttr(el)}
				if open.Package == "" {
					open.Package = lastName(suites)
				}
				if open.Name == "" {
					return errors.New("a test case has no name")
				}
			default:
				found = found || name == "testsuite" || name == "testsuites"
				suites = append(suites, attr(el, "name"))
			}
		case xml.EndElement:
			switch {
			case open != nil && inCase > 0:
				inCase--
			case open != nil:
				if err := c.add(*open); err != nil {
					return err
				}
				open = nil
			default:
				suites = suites[:len(suites)-1]
			}
		}
	}
	if !found {
		return errors.New("it has no test suite")
	}
	return nil
}

// ofElement is how a case ended that has such an element directly or deeper in
// it.
func ofElement(name string) work.TestStatus {
	switch name {
	case "failure", "error", "rerunFailure", "rerunError", "flakyFailure", "flakyError":
		return work.TestFail
	case "skipped", "disabled":
		return work.TestSkip
	}
	return work.TestPass
}

// ofAttr is how a case ended as some runners say it beside its elements.
func ofAttr(el xml.StartElement) work.TestStatus {
	for _, s := range []string{attr(el, "status"), attr(el, "result")} {
		switch strings.ToLower(s) {
		case "notrun", "skipped", "disabled", "suppressed":
			return work.TestSkip
		case "failed", "error", "failure":
			return work.TestFail
		}
	}
	return work.TestPass
}

// worse is the worse of two ends.
func worse(a, b work.TestStatus) work.TestStatus {
	if a == work.TestFail || b == work.TestFail {
		return work.TestFail
	}
	if a == work.TestSkip || b == work.TestSkip {
		return work.TestSkip
	}
	return work.TestPass
}

func attr(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// lastName is the innermost name that is one.
func lastName(list []string) string {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] != "" {
			return list[i]
		}
	}
	return ""
}
