package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"jitos.dev/net/wire"
)

var update = flag.Bool("update", false, "write docs/reference anew")

// TestReference holds the pages of reference to the program: every verb with its
// flags and examples, and every code with what it is to a shell and to HTTP.
func TestReference(t *testing.T) {
	for name, want := range map[string]string{"commands.md": commandPage(t), "codes.md": codePage()} {
		file := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s is not what the program says (%v); write it anew: go test ./cmd/jitos -run TestReference -update", file, err)
		}
	}
}

func commandPage(t *testing.T) string {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nMade from the program: what `--help` says of every verb. `jitos man DIR` writes the same as manual pages.\n")
	b.WriteString("\n## Flags of every verb\n\n")
	verbs(t, func(c *cobra.Command) {
		if !c.HasParent() {
			flagTable(&b, c.PersistentFlags())
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n", c.CommandPath(), c.Short)
		if c.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.Long))
		}
		usage := strings.TrimSuffix(c.UseLine(), " [flags]")
		fmt.Fprintf(&b, "\n```\n%s\n```\n\nFor example:\n\n```\n%s\n```\n", usage, unindented(c.Example))
		if c.HasAvailableLocalFlags() {
			b.WriteString("\n")
			flagTable(&b, c.LocalNonPersistentFlags())
		}
	})
	return b.String()
}

// flagTable lists flags. Defaults are left out: some come from the environment,
// and those that matter stand in the texts.
func flagTable(b *bytes.Buffer, flags *pflag.FlagSet) {
	listed := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !listed {
			b.WriteString("| flag | |\n|---|---|\n")
			listed = true
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, says := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(says, "|", `\|`))
	})
}

func unindented(example string) string {
	lines := strings.Split(example, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func codePage() string {
	var b strings.Builder
	b.WriteString("# Codes\n\nMade from the program. Every failure has one of these codes. In the API it stands in the problem's `code` (RFC 9457); the command line\n")
	b.WriteString("ends with its exit code, having said what is wrong, why, and what to type next.\n\n")
	b.WriteString("| code | HTTP | exit | |\n|---|---|---|---|\n")
	for _, c := range wire.Codes() {
		p := wire.NewProblem(c, "")
		fmt.Fprintf(&b, "| `%s` | %d | %d | %s |\n", c, p.Status, p.Exit(), p.Title)
	}
	b.WriteString("\nBesides these: 0, it went well; 1, also whatever has no code; 124, `--timeout` is over; 130, interrupted.\n")
	return b.String()
}
