package mcp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// However much a command prints, its beginning and its end are kept, and what is
// not is counted.
func TestEndsOfAnOutput(t *testing.T) {
	var small ends
	small.add("one\n")
	small.add("two\n")
	if small.String() != "one\ntwo\n" || small.cut() {
		t.Errorf("%q", small.String())
	}
	for name, line := range map[string]string{"lines": strings.Repeat("x", 99) + "\n", "one endless line": strings.Repeat("y", 3*tailOutput), "umlauts": strings.Repeat("ä", 1000) + "\n"} {
		var e ends
		total := 0
		e.add("first\n")
		for total < 10*(headOutput+tailOutput) {
			e.add(line)
			total += len(line)
		}
		e.add("last\n")
		out := e.String()
		if !strings.HasPrefix(out, "first\n") || !strings.HasSuffix(out, "last\n") || !e.cut() {
			t.Errorf("%s: begins %.20q, cut is %v", name, out, e.cut())
		}
		if len(out) > headOutput+tailOutput+100 {
			t.Errorf("%s: %d bytes are kept", name, len(out))
		}
		var dropped int
		for _, l := range strings.Split(out, "\n") {
			_, _ = fmt.Sscanf(l, "… %d bytes left out …", &dropped)
		}
		if got := total + len("first\nlast\n") - dropped; got < len(out)-100 || got > len(out)+100 {
			t.Errorf("%s: %d bytes are said to be left out of %d, and %d kept", name, dropped, total, len(out))
		}
	}
}

func TestPlaces(t *testing.T) {
	p := &space{id: "w1", root: "/repo/app/main", dir: "/home/ada/app"}
	for name, want := range map[string]rmg.Path{
		"a.go": "/repo/app/main/a.go", "./x/../a.go": "/repo/app/main/a.go", "": "/repo/app/main", ".": "/repo/app/main",
		"/home/ada/app/x/a.go": "/repo/app/main/x/a.go", "/home/ada/app": "/repo/app/main", "/svc/a": "/svc/a",
		"50%": "/repo/app/main/50%25", "~x": "/repo/app/main/%7Ex", "a:12": "/repo/app/main/a%3A12",
	} {
		at, err := p.place(name)
		if err != nil || at != want {
			t.Errorf("%q: %s %v, want %s", name, at, err, want)
			continue
		}
		if back, err := p.place(p.shown(at)); err != nil || back != at {
			t.Errorf("%q is shown as %q, which is at %s", name, p.shown(at), back)
		}
	}
	for _, name := range []string{"..", "../x", "x/../../y", "/x//%"} {
		if at, err := p.place(name); err == nil {
			t.Errorf("%q is at %s", name, at)
		}
	}
	if at, err := (&space{id: "w2"}).place("a.go"); err == nil {
		t.Errorf("without a repository a.go is at %s", at)
	}
	for _, at := range []rmg.Path{"/repo/app/mainly/x", "/svc/~e", "/repo/app/main/~e"} {
		if got := p.shown(at); got != string(at) {
			t.Errorf("%s is shown as %s", at, got)
		}
	}
}

// A glob says what a shell's would, wherever it looks: signs of a selector are
// none in a name.
func TestGlobs(t *testing.T) {
	for glob, want := range map[string][2]string{
		"*.go": {"/r/a b[1]*/x.go", "/r/a b[1]*/x.ts"}, "**/*_test.go": {"/r/a b[1]*/x/y/z_test.go", "/r/other/z_test.go"},
		"a?.go": {"/r/a b[1]*/ab.go", "/r/a b[1]*/a.go"}, "[x].go": {"/r/a b[1]*/[x].go", "/r/a b[1]*/x.go"},
	} {
		o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
		for _, file := range want {
			at := rmg.Root
			for _, name := range strings.Split(strings.Trim(file, "/"), "/") {
				if at = at.Child(name); at == rmg.Root {
					continue
				}
				if _, ok := o.Get(at); !ok {
					if err := o.AddNode(at, "X", rmg.Props{}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		sel, err := rmg.ParseSelector(selectorOf(rmg.Root.Join("r", "a b[1]*"), glob))
		if err != nil {
			t.Errorf("%q: %v", glob, err)
			continue
		}
		var got []string
		for m, err := range o.Graph().Find(sel, rmg.FindOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, s := range m.Path.Segments() {
				parts = append(parts, s.ID)
			}
			got = append(got, "/"+strings.Join(parts, "/"))
		}
		if len(got) != 1 || got[0] != want[0] {
			t.Errorf("%q (%s) matches %q, want %q", glob, sel, got, want[0])
		}
	}
}

func TestURIs(t *testing.T) {
	for uri, want := range map[string]string{
		"jitos:///repo/a": "system /repo/a", "jitos://w12/repo/a": "sws:w12 /repo/a", "jitos:///": "system /", "jitos:///a%2Fb": "system /a%2Fb",
		"file:///etc/passwd": "", "jitos:///%zz": "", "nothing": "",
	} {
		view, at, err := parseURI(uri)
		if got := strings.TrimSpace(view + " " + string(at)); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%s: %q %v", uri, got, err)
		}
	}
}

func TestNamesOfAgents(t *testing.T) {
	for name, want := range map[string]string{"Claude Code": "claude-code", "": "agent", "ä/:": "agent", "x\ny": "x-y", strings.Repeat("a", 99): strings.Repeat("a", 40)} {
		if got := agentName(&sdk.InitializeParams{ClientInfo: &sdk.Implementation{Name: name}}); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	if got := agentName(nil); got != "agent" {
		t.Errorf("%q", got)
	}
}

// What a model is told has the code first, then what happened, each particular,
// and last what to do; what no client may see is not in it.
func TestRefusalsAreForModels(t *testing.T) {
	p := wire.NewProblem(rmg.Conflict, "both sides changed it").WithHint("workspace_rebase")
	for range maxListed + 2 {
		p.Conflicts = append(p.Conflicts, wire.Conflict{Path: "/a", Prop: "x", Reason: "both changed", SystemBy: "ada"})
	}
	text := forAgent(fmt.Errorf("collapse: %w", p)).Error()
	lines := strings.Split(text, "\n")
	if lines[0] != "conflict: both sides changed it" || lines[1] != "- /a x: both changed (changed by ada)" || lines[maxListed+1] != "- and 2 more" || lines[len(lines)-1] != "next: workspace_rebase" {
		t.Errorf("%s", text)
	}
	if !errors.Is(forAgent(p), &rmg.Error{Code: rmg.Conflict}) {
		t.Error("the problem is lost")
	}
}

func TestMatchesOfALine(t *testing.T) {
	list := appendMatches(nil, regexp.MustCompile(`^b+$`), "f", "a\nb\r\nbb\nc", 9)
	if len(list) != 2 || list[0] != (match{"f", 2, "b"}) || list[1] != (match{"f", 3, "bb"}) {
		t.Errorf("%v", list)
	}
	if list = appendMatches(nil, regexp.MustCompile(``), "f", strings.Repeat("x\n", 9), 4); len(list) != 4 {
		t.Errorf("%d", len(list))
	}
	if got := cut(strings.Repeat("ä", 9), 4); got != "äää…" {
		t.Errorf("%q", got)
	}
}
