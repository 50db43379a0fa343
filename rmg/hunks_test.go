package rmg

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestHunksAreAllThatDiffers: without all of its changes a text is the old one,
// without none it is itself, and with one alone it is the old one but there.
func TestHunksAreAllThatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([abc]\n){0,12}[abc]?`)
		old, now := []byte(text.Draw(t, "old")), []byte(text.Draw(t, "now"))
		all := WithoutHunks(old, now, func(int) bool { return true })
		none := WithoutHunks(old, now, func(int) bool { return false })
		if string(all) != string(old) || string(none) != string(now) {
			t.Fatalf("without all %q, without none %q", all, none)
		}
		lines := slices.Collect(bytes.Lines(old))
		for n, h := range LineHunks(old, now) {
			end := h.OldLine - 1 + len(slices.Collect(bytes.Lines(h.Old)))
			want := slices.Concat(bytes.Join(lines[:h.OldLine-1], nil), h.New, bytes.Join(lines[end:], nil))
			if got := WithoutHunks(old, now, func(i int) bool { return i != n }); !bytes.Equal(got, want) {
				t.Fatalf("with hunk %d alone %q, not %q", n+1, got, want)
			}
		}
	})
}

func TestOneHunkIsLeftOut(t *testing.T) {
	old, now := []byte("a\nb\nc\nd\n"), []byte("A\nb\nc\nD\ne")
	hunks := LineHunks(old, now)
	if len(hunks) != 2 || string(hunks[1].Old) != "d\n" || string(hunks[1].New) != "D\ne" || hunks[1].OldLine != 4 || hunks[1].Line != 4 {
		t.Fatalf("%+v", hunks)
	}
	for n, want := range []string{"a\nb\nc\nD\ne", "A\nb\nc\nd\n"} {
		if got := WithoutHunks(old, now, func(i int) bool { return i == n }); string(got) != want {
			t.Errorf("without hunk %d: %q", n+1, got)
		}
	}
}
