package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

const referenceFile = "../../docs/reference.md"

// docs/reference.md says of each verb what its help says. JITOS_UPDATE=1 writes it.
func TestTheReferenceIsOfThisProgram(t *testing.T) {
	t.Cleanup(xdg.Reload) // after the environment is as it was
	for _, name := range []string{"JITOS_SOCKET", "JITOS_SERVER", "JITOS_TOKEN_FILE", "JITOS_OUTPUT", "JITOS_CONFIG", "JITOS_DATA", "JITOS_LISTEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", "/home/ada")
	t.Setenv("XDG_DATA_HOME", "")
	xdg.Reload()
	want := reference((&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}).root())
	if os.Getenv("JITOS_UPDATE") != "" {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/reference.md is not of this program; JITOS_UPDATE=1 go test ./cmd/jitos -run %s writes it anew", t.Name())
	}
}

// reference is the page: all verbs, in the order of the tree.
func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Reference of the command line\n\nMade from the program itself (`cmd/jitos/reference_test.go`); the API's is `GET /openapi.json`.\nEach verb takes the flags of all verbs as well.\n\n## Flags of all verbs\n\n")
	fmt.Fprintf(&b, "```\n%s```\n", root.PersistentFlags().FlagUsages())
	sections(&b, root)
	return b.String()
}

func sections(b *strings.Builder, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s.\n\n", sub.CommandPath(), strings.TrimSuffix(sub.Short, "."))
		if sub.Long != "" {
			fmt.Fprintf(b, "%s\n\n", sub.Long)
		}
		fmt.Fprintf(b, "```\n%s\n", sub.UseLine())
		if sub.Example != "" {
			fmt.Fprintf(b, "\n%s\n", strings.TrimRight(sub.Example, "\n"))
		}
		if flags := sub.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
			fmt.Fprintf(b, "\n%s", flags.FlagUsages())
		}
		b.WriteString("```\n")
		sections(b, sub)
	}
}
