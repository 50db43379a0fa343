package worktree

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
)

// TestGitDoesNotShowWhatStepsMade, whatever it is called, and shows what a command
// makes beside it: what git status says is what a scan brings back.
func TestGitDoesNotShowWhatStepsMade(t *testing.T) {
	ifPrivate(t, func(b *bench) {
		ctx := context.Background()
		b.write("deps/of-the-tree", "t\n")
		b.git("add", "-A")
		b.git("commit", "-qm", "deps")
		b.write(".git/info/exclude", "*.mine\n")
		tree, of := b.head(), Origin{Top: b.top, Branch: "main", Commit: b.git("rev-parse", "main")}
		few := map[string]string{
			"deps/x/a": "", "deps/b c ": "", "deps/[ab]*?": "", "deps/!not": "", "deps/#x": "", `deps/back\slash`: "", "deps/two\nlines": "", "deps/of-the-tree": "another",
		}
		if _, err := b.make("few", tree, nil, few); err != nil {
			t.Fatal(err)
		}
		many := map[string]string{"deps/one": ""}
		for i := range maxNamed {
			many[fmt.Sprintf("deps/many/%d", i)] = ""
		}
		if _, err := b.make("many", tree, nil, many); err != nil {
			t.Fatal(err)
		}
		status := func(f *Folder) string { return b.run(f.Path(), "git", "status", "--porcelain", "-uall") }
		f, err := b.m.SlotWith(ctx, "s/0", tree, of, Needs{Made: []string{"few", "many"}})
		b.must(err)
		for range 2 {
			if got := status(f); got != "" {
				t.Errorf("at first git shows\n%s", got)
			}
			in := &bench{T: t, top: f.Path()}
			in.write("deps/x/new", "n\n")
			in.write("deps/a", "n\n") // what a pattern of [ab]*? would hide
			in.write("x.mine", "n\n")
			in.write("deps/x/a", "changed, and stays here\n")
			in.write("deps/many/new", "shown by nobody but the scan\n")
			if got := status(f); got != "?? deps/a\n?? deps/x/new\n" {
				t.Errorf("git shows\n%s", got)
			}
			ops, err := f.Scan(ctx, root)
			b.must(err)
			var names []string
			for _, op := range ops {
				names = append(names, strings.TrimPrefix(string(op.Path), "/t/"))
			}
			if got := strings.Join(names, " "); got != "deps/a deps/many/new deps/x/new" {
				t.Errorf("a scan brings back %s", got)
			}
			b.must(f.Update(ctx, b.apply(tree, []rewrite.Op{b.op("a.txt", "one\n", "0644")})))
		}
		b.must(f.Close())

		// Who needs nothing of it has files of these names shown.
		f, err = b.m.Slot(ctx, "s/1", tree, of)
		b.must(err)
		b.must(os.MkdirAll(filepath.Join(f.Path(), "deps", "x"), 0o755))
		b.must(os.WriteFile(filepath.Join(f.Path(), "deps", "x", "a"), nil, 0o644))
		if got := status(f); got != "?? deps/x/a\n" {
			t.Errorf("without it git shows\n%s", got)
		}
		b.must(f.Close())
	})
}
