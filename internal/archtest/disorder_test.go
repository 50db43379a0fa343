package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestDisorderIsSeen judges a tree that breaks the rules: each breach is found,
// at its line, and nothing else. A rule that stops working fails here.
func TestDisorderIsSeen(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/disorder.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir, want := t.TempDir(), ""
	for _, f := range archive.Files {
		text := os.Expand(string(f.Data), word)
		if f.Name == "found" {
			want = text
			continue
		}
		full := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range judge(files, contract, []exemption{
		{imports, "kernel", "workers/repair", ""},
		{imports, "kernel", "viewer", "the kernel does not import it"},
	}) {
		fmt.Fprintln(&got, f)
	}
	if d := udiff.Unified("want", "got", want, got.String()); d != "" {
		t.Error(d)
	}
}

// word writes the words that the fake tree needs and this one may not hold.
func word(name string) string {
	switch name {
	case "SHARED":
		return foreign[0]
	case "WORK":
		return foreign[1]
	case "OURS":
		return own[0]
	case "TO":
		return unfinished[0]
	case "FIX":
		return unfinished[1]
	case "XX":
		return unfinished[2]
	case "LINES":
		return strings.Repeat("\n", maxLines-1)
	}
	return "$" + name
}
