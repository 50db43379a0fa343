package drawing

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"jitos.dev/rmg"
)

// Mermaid writes a graph as a flowchart, which Markdown shows that stands in a
// block of the language mermaid. Its nodes are numbered.
//
// An error of w comes back as it is, one of the store that g is read from as
// rmg.Protect gives it.
func Mermaid(w io.Writer, g rmg.Graph, opt Options) error {
	var pic *picture
	if err := rmg.Protect(func() { pic = plan(g, opt, MaxMermaid) }); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	m := &mermaid{printer: printer{w: out}}
	m.line(0, "flowchart TB")
	m.picture(pic, 1)
	for _, name := range m.dashed {
		m.line(1, "style ", name, " stroke-dasharray: 5 5")
	}
	if m.err != nil {
		return m.err
	}
	return out.Flush()
}

type mermaid struct {
	printer
	dashed []string
	notes  int
}

func (m *mermaid) picture(pic *picture, depth int) {
	for _, it := range pic.nodes {
		if it.inner != nil {
			m.frame(it, depth)
		} else {
			m.line(depth, mermaidID(it), `["`, mermaidText(it.lines()), `"]`)
		}
	}
	for _, it := range pic.edges {
		m.edge(it, depth)
	}
	if note := pic.note(); note != "" {
		m.notes++
		name := fmt.Sprintf("note%d", m.notes)
		m.line(depth, name, `("`, mermaidText([]string{note}), `")`)
		m.dashed = append(m.dashed, name)
	}
}

func (m *mermaid) frame(it *item, depth int) {
	m.line(depth, "subgraph ", mermaidID(it), `["`, mermaidText(it.lines()), `"]`)
	m.picture(it.inner, depth+1)
	m.line(depth, "end")
}

func (m *mermaid) edge(it *item, depth int) {
	from, to := mermaidID(it.from), mermaidID(it.to)
	if it.inner == nil {
		m.line(depth, from, ` -->|"`, mermaidText(it.lines()), `"| `, to)
		return
	}
	m.frame(it, depth)
	m.dashed = append(m.dashed, mermaidID(it))
	m.line(depth, from, " -.- ", mermaidID(it))
	m.line(depth, mermaidID(it), " -.-> ", to)
}

// mermaidID is a name that no word of the language begins with.
func mermaidID(it *item) string {
	if it.e.Edge {
		return fmt.Sprintf("x%d", it.number)
	}
	return fmt.Sprintf("n%d", it.number)
}

// mermaidText writes lines of text. Labels know HTML, Markdown, icons and escapes,
// and a directive counts wherever it stands: all that is no letter, number or plain
// mark is written by its number.
func mermaidText(lines []string) string {
	for i, l := range lines {
		lines[i] = mermaidLine(l)
	}
	return strings.Join(lines, "<br/>")
}

func mermaidLine(s string) string {
	var b strings.Builder
	for i, r := range s {
		inside := i > 0 && i+1 < len(s)
		switch {
		case r >= 0x80, 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == ',', r == '/', r == '=':
			b.WriteRune(r)
		case inside && (r == '-' || r == '_' || r == '.' && s[i+1] != ' ' || r == ' '):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
