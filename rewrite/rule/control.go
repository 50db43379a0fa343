package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// control is a program: a tree of rules and of what is done with them.
type control struct {
	op    controlOp
	rule  int        // opRule
	times int        // opTimes
	of    []*control // the others
}

type controlOp uint8

const (
	ctlRule   controlOp = iota // once
	ctlSeq                     // all, in order
	ctlChoice                  // the first that can
	ctlTimes                   // n times
	ctlLong                    // as long as possible
	ctlMaybe                   // if it can
)

// maxControl is the greatest nesting of a program.
const maxControl = 100

// parseControl reads a program:
//
//	a          rule a once; it fails if there is no match
//	p; q       p, then q; it fails with the first that fails
//	p | q      the first that does not fail; single rules by priority
//	p*3        three times
//	p!         as long as possible; it never fails
//	p?         if possible; it never fails
//	(p)        p
//
// The error is placed at a byte of the text.
func parseControl(s *Set, text string) (c *control, at int, err error) {
	p := controlParser{set: s, text: text}
	c = p.choice(0)
	if p.space(); p.err == nil && p.at < len(text) {
		p.fail("%q is not expected here", text[p.at:p.at+1])
	}
	return c, p.at, p.err
}

type controlParser struct {
	set  *Set
	text string
	at   int
	err  error
}

func (p *controlParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *controlParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *controlParser) take(sign byte) bool {
	p.space()
	if p.err != nil || p.at >= len(p.text) || p.text[p.at] != sign {
		return false
	}
	p.at++
	return true
}

func (p *controlParser) choice(depth int) *control {
	of := []*control{p.sequence(depth)}
	for p.take('|') {
		of = append(of, p.sequence(depth))
	}
	if len(of) == 1 {
		return of[0]
	}
	if p.err == nil && !slices.ContainsFunc(of, func(c *control) bool { return c.op != ctlRule }) {
		slices.SortStableFunc(of, func(a, b *control) int { return p.set.Rules[b.rule].Priority - p.set.Rules[a.rule].Priority })
	}
	return &control{op: ctlChoice, of: of}
}

func (p *controlParser) sequence(depth int) *control {
	of := []*control{p.repeated(depth)}
	for p.take(';') {
		of = append(of, p.repeated(depth))
	}
	if len(of) == 1 {
		return of[0]
	}
	return &control{op: ctlSeq, of: of}
}

func (p *controlParser) repeated(depth int) *control {
	c := p.one(depth)
	for p.err == nil {
		switch {
		case p.take('!'):
			c = &control{op: ctlLong, of: []*control{c}}
		case p.take('?'):
			c = &control{op: ctlMaybe, of: []*control{c}}
		case p.take('*'):
			p.space()
			from := p.at
			for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
				p.at++
			}
			n, err := strconv.Atoi(p.text[from:p.at])
			if err != nil {
				p.fail("how many times is missing behind *")
			}
			c = &control{op: ctlTimes, times: n, of: []*control{c}}
		default:
			return c
		}
	}
	return c
}

func (p *controlParser) one(depth int) *control {
	if depth > maxControl {
		p.fail("nested deeper than %d", maxControl)
		return nil
	}
	if p.take('(') {
		c := p.choice(depth + 1)
		if !p.take(')') {
			p.fail(") is missing")
		}
		return c
	}
	p.space()
	from := p.at
	for p.at < len(p.text) && strings.IndexByte(identifier+"-.", p.text[p.at]) >= 0 {
		p.at++
	}
	name := p.text[from:p.at]
	i, ok := p.set.rule(name)
	if !ok {
		p.at = from
		if name == "" {
			p.fail("a rule is missing here")
		} else {
			p.fail("there is no rule %s", name)
		}
	}
	return &control{op: ctlRule, rule: i}
}
