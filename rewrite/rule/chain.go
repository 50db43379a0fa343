package rule

import (
	"strconv"
	"strings"
)

// A chain is a pattern in one line of text:
//
//	p:Process -[q:request]-> r:Resource     two nodes and an edge, named
//	p -[request]-> _                        an edge without a name, a node of any kind
//	a -[depends_on*1..4]-> b                a way of one to four edges
//	b <-[next]- a --> c                     backward; an edge of any kind
//	d / f:File -[imports]-> g:File          nodes in the graph that d holds
//
// In brackets a lone word is the kind. What has no name is a variable of its
// own. A kind or name of other signs than letters, digits, _ and . is quoted.
type chain struct {
	in    *word // the element whose graph the nodes stand in
	nodes []chainNode
	links []chainLink // one less
}

type word struct {
	text string
	place
}

type chainNode struct {
	name, kind word
	place
}

type chainLink struct {
	name, kind  word
	back        bool
	way         bool // a way of several edges
	least, most int
	place
}

// chainParser reads a chain. After a fault it stops: what follows would be
// guessed.
type chainParser struct {
	r    *reader
	from place
	text string
	at   int
	bad  bool
}

func (r *reader) chain(p part, of string) (chain, bool) {
	s, ok := p.value.(string)
	if !ok {
		r.fault(p.place, "%s is %s, not text such as \"a:Kind -[kind]-> b\"", of, p.what())
		return chain{}, false
	}
	c := chainParser{r: r, from: p.place, text: strings.TrimRight(s, "\n")} // a block ends with one
	return c.chain()
}

func (c *chainParser) here() place { return c.from.at(c.at) }

func (c *chainParser) fail(format string, args ...any) {
	if !c.bad {
		c.r.fault(c.here(), format, args...)
	}
	c.bad = true
}

func (c *chainParser) space() {
	for c.at < len(c.text) && strings.IndexByte(" \t\n", c.text[c.at]) >= 0 {
		c.at++
	}
}

// take passes a sign if it stands here.
func (c *chainParser) take(sign string) bool {
	if c.bad || !strings.HasPrefix(c.text[c.at:], sign) {
		return false
	}
	c.at += len(sign)
	return true
}

func wordByte(b byte) bool {
	return b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// word reads a name or a kind; an empty one if there is none.
func (c *chainParser) word() word {
	w := word{place: c.here()}
	if c.at < len(c.text) && c.text[c.at] == '"' {
		quoted, err := strconv.QuotedPrefix(c.text[c.at:])
		if err != nil {
			c.fail("a quote is not closed")
			return w
		}
		w.text, err = strconv.Unquote(quoted)
		if err != nil || w.text == "" {
			c.fail("%s is no name", quoted)
			return w
		}
		c.at += len(quoted)
		return w
	}
	from := c.at
	for c.at < len(c.text) && wordByte(c.text[c.at]) {
		// Two points are those of a way's least and most.
		if c.text[c.at] == '.' && strings.HasPrefix(c.text[c.at:], "..") {
			break
		}
		c.at++
	}
	w.text = c.text[from:c.at]
	return w
}

func (c *chainParser) chain() (out chain, ok bool) {
	c.space()
	first := c.node()
	c.space()
	if c.take("/") {
		if first.kind.text != "" || first.name.text == "" {
			c.fail("what stands before / is the name of a variable alone")
		}
		in := first.name
		out.in = &in
		c.space()
		first = c.node()
	}
	out.nodes = append(out.nodes, first)
	for c.space(); c.at < len(c.text) && !c.bad; c.space() {
		out.links = append(out.links, c.link())
		c.space()
		out.nodes = append(out.nodes, c.node())
	}
	return out, !c.bad
}

func (c *chainParser) node() chainNode {
	n := chainNode{place: c.here()}
	n.name = c.word()
	if c.take(":") {
		if n.kind = c.word(); n.kind.text == "" && !c.bad {
			c.fail("a kind is missing behind :")
		}
	} else if n.name.text == "" && !c.bad {
		c.fail("a node is missing here, such as a, a:Kind, :Kind or _")
	}
	if n.name.text == "_" {
		n.name.text = ""
	}
	return n
}

func (c *chainParser) link() chainLink {
	l := chainLink{place: c.here(), least: 1, most: 1}
	switch {
	case c.take("-->"):
		return l
	case c.take("<--"):
		l.back = true
		return l
	case c.take("<-["):
		l.back = true
	case !c.take("-["):
		c.fail("an edge is missing here, such as -[kind]->, <-[kind]- or -->")
		return l
	}
	l.place = c.here()
	l.kind = c.word()
	if c.take(":") {
		l.name, l.kind = l.kind, c.word()
		if l.name.text == "_" {
			l.name.text = ""
		}
	}
	if c.take("*") {
		c.way(&l)
	}
	end := "]->"
	if l.back {
		end = "]-"
	}
	if !c.take(end) {
		c.fail("%s is missing here", end)
	}
	return l
}

// way reads how many edges: 1..4, or one number.
func (c *chainParser) way(l *chainLink) {
	number := func() int {
		from := c.at
		for c.at < len(c.text) && c.text[c.at] >= '0' && c.text[c.at] <= '9' {
			c.at++
		}
		n, err := strconv.Atoi(c.text[from:c.at])
		if err != nil {
			c.fail("how many edges is missing here, such as *1..4")
		}
		return n
	}
	at := c.here()
	l.way = true
	l.least = number()
	l.most = l.least
	if c.take("..") {
		l.most = number()
	}
	switch {
	case c.bad:
	case l.name.text != "":
		c.r.fault(l.name.place, "a way of several edges has no name")
	case l.least > l.most:
		c.r.fault(at, "%d..%d: the least is more than the most", l.least, l.most)
	case l.most > MaxHops || l.most == 0:
		c.r.fault(at, "a way has 1 to %d edges", MaxHops)
	}
}
