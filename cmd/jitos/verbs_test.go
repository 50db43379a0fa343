package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// verbs walks the program's verbs, those that are hidden left out.
func verbs(t *testing.T, do func(*cobra.Command)) {
	t.Helper()
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		do(c)
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				walk(sub)
			}
		}
	}
	walk(a.root())
}

// Help says of each verb what it is and shows how it is used, and what it shows
// is understood: verbs, flags and how many arguments.
func TestHelpIsRight(t *testing.T) {
	n := 0
	verbs(t, func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		if c.Example == "" {
			t.Errorf("%s shows no example", c.CommandPath())
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not described", c.CommandPath(), f.Name)
			}
		})
		for _, line := range strings.Split(c.Example, "\n") {
			for _, argv := range commandsIn(t, line) {
				n++
				if argv[0] != "jitos" {
					continue
				}
				if err := understood(argv[1:]); err != nil {
					t.Errorf("%s: the example %q: %v", c.CommandPath(), line, err)
				}
			}
		}
		var out bytes.Buffer
		c.SetOut(&out)
		if err := c.Help(); err != nil || !strings.Contains(out.String(), "Usage:") {
			t.Errorf("%s --help: %v %s", c.CommandPath(), err, out.String())
		}
	})
	if n < 80 {
		t.Errorf("only %d examples were seen", n)
	}
	for _, wrong := range []string{"jitos shwo p1", "jitos show", "jitos show p1 p2", "jitos show --colour p1", "jitos sws dicsard w1", "jitos undo 1 --dry"} {
		if understood(strings.Fields(wrong)[1:]) == nil {
			t.Errorf("%s is taken for an example", wrong)
		}
	}
}

// What the guides tell to type is understood as well.
func TestGuidesAreRight(t *testing.T) {
	n := 0
	for _, name := range []string{"getting-started.md", "concepts.md", "methods.md", "recipes.md", "mcp.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		inside := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, "```") {
				inside = !inside
				continue
			}
			// What the shell fills in has to be something.
			line = strings.NewReplacer(" VERB", " show", " SEQ", " 57", " > evidence.json", "").Replace(line)
			line, _, _ = strings.Cut(line, "  # ")
			if i := strings.Index(line, "jitos "); !inside || i < 0 || strings.HasPrefix(line, "go ") || strings.HasPrefix(line, "0 3") {
				continue
			}
			for _, argv := range commandsIn(t, strings.TrimPrefix(line, "JITOS_TOKEN=... ")) {
				if argv[0] != "jitos" {
					continue
				}
				n++
				if err := understood(argv[1:]); err != nil {
					t.Errorf("%s: %q: %v", name, line, err)
				}
			}
		}
	}
	if n < 24 {
		t.Errorf("only %d commands were seen", n)
	}
}

// understood parses a command line and runs nothing.
func understood(args []string) error {
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	root := a.root()
	var stop func(c *cobra.Command)
	stop = func(c *cobra.Command) {
		if c.RunE != nil {
			c.RunE = func(*cobra.Command, []string) error { return nil }
		}
		for _, sub := range c.Commands() {
			stop(sub)
		}
	}
	stop(root)
	root.SetArgs(args)
	return root.ExecuteContext(context.Background())
}

// commandsIn splits a line of an example as a shell would: words with quotes,
// pipes, a comment, where its input comes from.
func commandsIn(t *testing.T, line string) [][]string {
	t.Helper()
	var out [][]string
	var argv []string
	word, quote, inside := "", rune(0), false
	end := func() {
		if inside {
			argv = append(argv, word)
		}
		word, inside = "", false
	}
	for _, r := range strings.TrimSpace(line) + "\n" {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ' || r == '\n':
			end()
		case r == '|':
			end()
			if len(argv) > 0 {
				out = append(out, argv)
			}
			argv = nil
		default:
			word, inside = word+string(r), true
		}
	}
	if quote != 0 {
		t.Errorf("a quote is open in %q", line)
	}
	for i, w := range argv {
		if w == "<" || w == ">" || w == "#" {
			argv = argv[:i]
			break
		}
	}
	if len(argv) > 0 {
		out = append(out, argv)
	}
	return out
}

// The manual has a page for each verb, the same each time it is written.
func TestManual(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
		root := a.root()
		root.SetArgs([]string{"man", dir})
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	verbs(t, func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Error(err)
			return
		}
		again, err := os.ReadFile(filepath.Join(two, name))
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("%s is another one the second time: %v", name, err)
		}
		if !bytes.Contains(page, []byte(".SH NAME")) || !bytes.Contains(page, []byte(".SH EXAMPLE")) {
			t.Errorf("%s has no name or no example", name)
		}
	})
}

// Ctrl-C ends what only looks, with the exit code for that.
func TestInterruptedIs130(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new")
	cmd := p.command("app", "jitos", "log", "-f")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Once it has printed a record it runs.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait() // its code says how it ended
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit code %d", got)
	}
}
