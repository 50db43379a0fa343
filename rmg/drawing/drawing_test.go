package drawing_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
	"jitos.dev/rmg/drawing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a file under testdata; -update writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s, which -update rewrites, says\n%swe have\n%s", file, want, got)
	}
}

// languages are the two of the package.
var languages = []struct {
	ext  string
	draw func(io.Writer, rmg.Graph, drawing.Options) error
}{{"dot", drawing.DOT}, {"mmd", drawing.Mermaid}}

// maker makes a graph of paths: nodes, and edges as path, from and to.
type maker struct{ *rmg.Overlay }

func newMaker() maker { return maker{rmg.NewOverlay(rmg.Graph{})} }

func (m maker) node(kind string, paths ...rmg.Path) {
	for _, p := range paths {
		must(m.AddNode(p, kind, rmg.Props{}))
	}
}

func (m maker) edge(kind string, p rmg.Path, from, to string) {
	must(m.AddEdge(p, kind, from, to, rmg.Props{}))
}

// nested has graphs in nodes and in edges, and edges at all of them.
func nested() rmg.Graph {
	m := newMaker()
	m.node("Group", "/svc", "/ops")
	m.node("Person", "/ada")
	m.node("Service", "/svc/auth", "/svc/db", "/ops/log")
	m.node("Table", "/svc/db/users", "/svc/db/keys")
	m.edge("depends_on", "/svc/~auth-db", "auth", "db")
	m.edge("joins", "/svc/db/~j", "users", "keys")
	m.edge("uses", "/~ada-svc", "ada", "svc")
	m.edge("watches", "/~ops-svc", "ops", "svc")
	m.edge("heals", "/~svc-svc", "svc", "svc")
	m.edge("calls", "/~svc-ops", "svc", "ops")
	m.node("Hop", "/~svc-ops/queue", "/~svc-ops/relay")
	m.edge("next", "/~svc-ops/~n", "queue", "relay")
	return m.Graph()
}

// odd has ids and kinds that each language could take for something else.
func odd() rmg.Graph {
	m := newMaker()
	ids := []string{
		`quote"d`, `back\slash`, `ends in \`, `\N\G`, "new\nline", "nul\x00", "\xff", "&lt;b&gt;", "<b>x</b>", "end", "%%{init: {}}%%", "`code`", "1. list", "- list",
		"_em_", "#35;", "a|b", "fa:fa-car", "https://x.org", "é中", "~t", "x:1", "p/q", "]} --> {[", "graph", "subgraph", strings.Repeat("long", 50), " ", "\u202e", "style:x",
	}
	for i, id := range ids {
		must(m.AddNode(rmg.Root.Child(id), `K"\<&>|`, rmg.Props{}))
		if i == 0 {
			continue
		}
		must(m.AddEdge(rmg.Root.EdgeChild(id), `e"\<&>|`, id, ids[i-1], rmg.Props{}))
	}
	m.node("K", rmg.Root.Child(ids[0]).Child("in\"side"))
	return m.Graph()
}

// chain has n nodes, each with an edge to the next, and in the first one n more.
func chain(n int) rmg.Graph {
	m := newMaker()
	for i := range n {
		m.node("N", rmg.Root.Child(fmt.Sprintf("n%03d", i)))
		if i > 0 {
			m.edge("to", rmg.Root.EdgeChild(fmt.Sprintf("e%03d", i)), fmt.Sprintf("n%03d", i-1), fmt.Sprintf("n%03d", i))
		}
	}
	for i := range n {
		m.node("N", rmg.Root.Join("n000", fmt.Sprintf("m%03d", i)))
	}
	return m.Graph()
}

// TestGolden draws graphs as the files under testdata have them.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		g    rmg.Graph
		opt  drawing.Options
	}{
		{"empty", rmg.Graph{}, drawing.Options{}},
		{"nested", nested(), drawing.Options{}},
		{"nested-depth-1", nested(), drawing.Options{Depth: 1}},
		{"nested-depth-2", nested(), drawing.Options{Depth: 2}},
		{"odd", odd(), drawing.Options{}},
		{"cut-in-nodes", chain(10), drawing.Options{Max: 4}},
		{"cut-in-edges", chain(10), drawing.Options{Max: 15}},
		{"cut-inside", chain(10), drawing.Options{Max: 22}},
		{"whole", chain(10), drawing.Options{Max: 29}},
	} {
		for _, l := range languages {
			var b bytes.Buffer
			if err := l.draw(&b, c.g, c.opt); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+"."+l.ext, b.String())
		}
	}
}

// What a line of a drawing may be.
var (
	dotText  = `"(?:[^"\\\n]|\\["\\n])*"`
	dotLines = regexp.MustCompile(`^(?:digraph \{|  compound=true|  (?:node|edge|graph) \[[^"]*(?:"sans-serif")?[^"]*\]|` +
		`\}| +\}| +subgraph ` + dotText + ` \{| +label=` + dotText + `| +style="rounded,dashed"|` +
		` +` + dotText + `(?: -> ` + dotText + `)? \[(?:(?:, )?\w+=(?:\w+|` + dotText + `))+\])$`)
	mermaidText  = `(?:[^\x00-\x7f]|[-A-Za-z0-9 ,./=_]|#\d+;|<br/>)+`
	mermaidLines = regexp.MustCompile(`^(?:flowchart TB| +end| +subgraph [nx]\d+\["` + mermaidText + `"\]| +n\d+\["` + mermaidText + `"\]|` +
		` +note\d+\("` + mermaidText + `"\)| +n\d+ -->\|"` + mermaidText + `"\| n\d+| +n\d+ -\.- x\d+| +x\d+ -\.-> n\d+| +style \w+ stroke-dasharray: 5 5)$`)
)

// nodeName is the name with which the line of a node begins. Whatever the brackets and
// arrows in it are, it ends where its text does.
var nodeName = regexp.MustCompile(`^(?:` + dotText + `|n\d+)(?: ?\[)`)

// TestAnyText: whatever is in ids and kinds, a drawing is lines of the form that
// drawings have, frames are closed, every element is there once, and the drawing is
// the same each time.
func TestAnyText(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringMatching(`[-"\\#&;<>%{}|:. _a]{1,6}`),
		rapid.SampledFrom([]string{"\n", "\r", "\u2028", "\\", `"`, "end", "\x7f", "\u200b"}),
		rapid.StringN(1, 5, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
		ids := rapid.SliceOfNDistinct(text, 1, 4, rapid.ID).Draw(t, "nodes")
		holder := rapid.SampledFrom(ids).Draw(t, "holder")
		for _, id := range ids {
			must(o.AddNode(rmg.Root.Child(id), text.Draw(t, "kind"), rmg.Props{}))
		}
		for _, id := range ids {
			must(o.AddNode(rmg.Root.Join(holder, id), text.Draw(t, "kind"), rmg.Props{}))
		}
		for _, id := range rapid.SliceOfNDistinct(text, 0, 3, rapid.ID).Draw(t, "edges") {
			p := rmg.Root.EdgeChild(id)
			must(o.AddEdge(p, text.Draw(t, "kind"), rapid.SampledFrom(ids).Draw(t, "from"), rapid.SampledFrom(ids).Draw(t, "to"), rmg.Props{}))
			if rapid.Bool().Draw(t, "holds") {
				must(o.AddNode(p.Child(id), "K", rmg.Props{}))
			}
		}
		g := o.Graph()
		opt := drawing.Options{Depth: rapid.IntRange(0, 2).Draw(t, "depth"), Max: rapid.IntRange(0, 12).Draw(t, "max")}
		for _, l := range languages {
			var b, again bytes.Buffer
			must(l.draw(&b, g, opt))
			must(l.draw(&again, g, opt))
			if b.String() != again.String() {
				t.Fatalf("two drawings differ:\n%s\n%s", b.String(), again.String())
			}
			checkLines(t, l.ext, strings.TrimSuffix(b.String(), "\n"))
		}
	})
}

func checkLines(t *rapid.T, ext, doc string) {
	form, opens, closes := dotLines, "{", "}"
	if ext == "mmd" {
		form, opens, closes = mermaidLines, `"]`, "end"
	}
	open, seen := 0, map[string]bool{}
	for _, line := range strings.Split(doc, "\n") {
		if !form.MatchString(line) {
			t.Fatalf("a line is of no form: %q in\n%s", line, doc)
		}
		word := strings.TrimSpace(line)
		if word == closes {
			open--
		} else if strings.HasPrefix(word, "digraph") || strings.HasPrefix(word, "subgraph") && strings.HasSuffix(word, opens) {
			open++
		}
		if name := nodeName.FindString(word); name != "" {
			if seen[name] {
				t.Fatalf("%s is there twice in\n%s", name, doc)
			}
			seen[name] = true
		}
	}
	if open != 0 {
		t.Fatalf("%d frames are left open in\n%s", open, doc)
	}
}

// TestCounts: what is drawn and what is said to be left out are all there is.
func TestCounts(t *testing.T) {
	g := chain(10)
	for most := 1; most <= 29; most++ {
		var b bytes.Buffer
		must(drawing.DOT(&b, g, drawing.Options{Max: most}))
		doc := b.String()
		nodes, edges := strings.Count(doc, `\nN"]`)+strings.Count(doc, `\nN"`+"\n")+strings.Count(doc, `\nN\nholds`), strings.Count(doc, " -> ")
		if nodes+edges != most {
			t.Errorf("of at most %d elements %d nodes and %d edges are drawn", most, nodes, edges)
		}
		for _, m := range regexp.MustCompile(`(?:label="|holds |, )(\d+) (node|edge)`).FindAllStringSubmatch(doc, -1) {
			var n int
			if _, err := fmt.Sscan(m[1], &n); err != nil {
				t.Fatal(err)
			}
			if m[2] == "node" {
				nodes += n
			} else {
				edges += n
			}
		}
		if nodes != 20 || edges != 9 {
			t.Errorf("at most %d: %d nodes and %d edges are drawn or counted, of 20 and 9\n%s", most, nodes, edges, doc)
		}
	}
}

// TestFailures: errors of the writer come back, those of the store too.
func TestFailures(t *testing.T) {
	broken := errors.New("no room")
	var file bytes.Buffer
	root, err := rmg.NewStore(nil, &file, 0).Put(chain(100))
	must(err)
	src := &failing{data: file.Bytes()}
	stored, err := rmg.NewStore(src, nil, int64(file.Len())).Open(root)
	must(err)
	src.broken = true
	for _, l := range languages {
		if err := l.draw(failingWriter{broken}, chain(100), drawing.Options{}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", l.ext, err)
		}
		if err := l.draw(io.Discard, stored, drawing.Options{}); err == nil {
			t.Errorf("%s: a graph that cannot be read is drawn", l.ext)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

type failing struct {
	data   []byte
	broken bool
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.broken {
		return 0, io.ErrUnexpectedEOF
	}
	return bytes.NewReader(f.data).ReadAt(p, at)
}
