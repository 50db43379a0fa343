package worktree

import (
	"context"
	"errors"
	"testing"

	"jitos.dev/rmg"
)

// A line is traced to the commit that brought it, a file to the last that
// touched it, both as of a commit.
func TestBlame(t *testing.T) {
	b := newBench(t, nil)
	ctx := context.Background()
	first := b.git("rev-parse", "HEAD")
	b.write("a.txt", "zero\none\n")
	b.git("commit", "-qam", "second\n\nJitos-Process: p9\nJitos-Seq: 57")
	second := b.git("rev-parse", "HEAD")
	for _, c := range []struct {
		at, name string
		line     int
		subject  string
	}{
		{second, "a.txt", 1, "second"},
		{second, "a.txt", 2, "first"},
		{first, "a.txt", 1, "first"},
		{second, "a.txt", 0, "second"},
		{second, "dir", 0, "first"},
		{second, "dir/b.txt", 1, "first"},
	} {
		got, err := b.m.Blame(ctx, b.top, c.at, c.name, c.line)
		if err != nil || got.Subject != c.subject || got.Author != "T" || len(got.ID) != 40 {
			t.Errorf("%s:%d at %.7s: %+v %v, want %s", c.name, c.line, c.at, got, err, c.subject)
		}
	}
	if got, _ := b.m.Blame(ctx, b.top, second, "a.txt", 1); got.Process != "p9" || got.Seq != 57 {
		t.Errorf("trailers: %+v", got)
	}
	for name, line := range map[string]int{"a.txt": 9, "none": 1, "no": 0, "--help": 1} {
		if _, err := b.m.Blame(ctx, b.top, second, name, line); !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
			t.Errorf("%s:%d: %v", name, line, err)
		}
	}
}
