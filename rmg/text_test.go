package rmg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// git runs the real program on three texts, named 0, 1 and 2. Whatever the user's
// git is set to, it is the plain program that counts.
func git(t *testing.T, dir string, texts [][]byte, args ...string) (out []byte, exit int) {
	t.Helper()
	for i, b := range texts {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir, "GIT_CONFIG_GLOBAL=/dev/null")
	cmd.Dir = dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && failed.ExitCode() >= 0:
		return out, failed.ExitCode()
	case err != nil:
		t.Fatalf("git %v: %v", args, err)
	}
	return out, 0
}

func gitMerge(t *testing.T, dir string, in triple) (merged []byte, clean bool) {
	t.Helper()
	out, exit := git(t, dir, [][]byte{in.system, in.base, in.workspace}, "merge-file", "-p", "-q", "0", "1", "2")
	// It has no other failure for what it does not take for text.
	if exit >= 128 && bytes.IndexByte(slices.Concat(in.base, in.system, in.workspace), 0) < 0 {
		t.Fatalf("git merge-file: exit %d", exit)
	}
	return out, exit == 0
}

// gitScript is what DiffScript says, by git.
func gitScript(t *testing.T, dir string, a, b []byte) string {
	t.Helper()
	out, _ := git(t, dir, [][]byte{a, b}, "diff", "--no-index", "--no-color", "--diff-algorithm=myers", "--no-indent-heuristic", "-U100000000", "0", "1")
	_, lines, ok := bytes.Cut(out, []byte("\n@@"))
	if !ok {
		return rmg.DiffScript(a, a)
	}
	var script strings.Builder
	for i, l := range bytes.Split(lines, []byte("\n")) {
		if i > 0 && len(l) > 0 && l[0] != '\\' {
			script.WriteByte(l[0])
		}
	}
	return script.String()
}

// TestDiffLikeGit holds line diffs to git's, line for line: which of several
// diffs is told decides what a merge takes for a conflict.
func TestDiffLikeGit(t *testing.T) {
	dir := t.TempDir()
	compare := func(name string, a, b []byte) {
		t.Helper()
		if got, want := rmg.DiffScript(a, b), gitScript(t, dir, a, b); got != want {
			t.Errorf("%s: %d lines changed, in git's diff %d", name, len(got)-strings.Count(got, " "), len(want)-strings.Count(want, " "))
		}
	}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		sort := textSorts[seed%7] // all but those with a zero byte
		in := sort.draw(r)
		compare(fmt.Sprint(sort.name, " ", seed), in.base, in.system)
	}
	// So long, and with so many edits all over it, that it is not worth while to
	// go on to the end where a way has come far for its edits.
	const size = 70_000
	r := rand.New(rand.NewPCG(1, 2))
	var long [2]bytes.Buffer
	for range size {
		l := r.IntN(size)
		fmt.Fprintln(&long[0], l)
		if r.IntN(40) == 0 {
			l = r.IntN(size)
		}
		fmt.Fprintln(&long[1], l)
	}
	compare("long", long[0].Bytes(), long[1].Bytes())
	compare("long, back", long[1].Bytes(), long[0].Bytes())
}

// TestMergeTextLikeGit compares with git on seeded texts. The law: where git has
// a conflict we have one, and where both are clean the bytes are equal. What else
// differs is counted by its reason, in a table that is kept: rewrite it with
// -update.
//
// JITOS_MERGE_CORPUS is how many texts there are (300; the table of 20000 is
// kept too), JITOS_SEED where they begin.
func TestMergeTextLikeGit(t *testing.T) {
	count, seed := envInt(t, "JITOS_MERGE_CORPUS", 300), envInt(t, "JITOS_SEED", 1)
	t.Logf("JITOS_SEED=%d JITOS_MERGE_CORPUS=%d go test ./rmg -run %s", seed, count, t.Name())
	dir := t.TempDir()
	table := map[string]*agreement{}
	for i := range count {
		sort, in := drawTriple(seed + i)
		got, clean := rmg.MergeText(in.base, in.system, in.workspace)
		want, gitClean := gitMerge(t, dir, in)
		again := fmt.Sprintf("%s; JITOS_SEED=%d JITOS_MERGE_CORPUS=1 go test ./rmg -run %s", sort, seed+i, t.Name())
		if table[sort] == nil {
			table[sort] = &agreement{reasons: map[string]int{}}
		}
		a := table[sort]
		a.all++
		if clean {
			a.ours++
		}
		if gitClean {
			a.git++
		}
		switch {
		case clean && !gitClean:
			t.Errorf("git has a conflict, we are clean; %s", again)
		case clean && !bytes.Equal(got, want):
			t.Errorf("both are clean, with different bytes; %s", again)
		case clean == gitClean:
			a.agree++
		default:
			why := whyStricter(in)
			a.reasons[why]++
			t.Logf("git is clean, we have a conflict: %s; %s", why, again)
			if why == "unknown" {
				t.Errorf("stricter than git without a reason; %s", again)
			}
		}
		back, cleanBack := rmg.MergeText(in.base, in.workspace, in.system)
		if cleanBack != clean || !bytes.Equal(back, got) {
			t.Errorf("the other way round it is different; %s", again)
		}
	}
	text := agreements(table)
	t.Logf("\n%s", text)
	if seed == 1 && (count == 300 || count == 20000) {
		golden(t, fmt.Sprintf("text/agreement-%d.txt", count), text)
	}
}

// TestMarkTextLikeGit holds texts with marks to what git writes with --diff3, to the
// byte.
func TestMarkTextLikeGit(t *testing.T) {
	dir, conflicts := t.TempDir(), 0
	for seed := range uint64(150) {
		sort, in := drawTriple(seed + 1)
		got := rmg.MarkText(in.base, in.system, in.workspace)
		merged, clean := rmg.MergeText(in.base, in.system, in.workspace)
		if clean || got == nil {
			if !bytes.Equal(got, merged) {
				t.Errorf("%s %d: there is no conflict, or no text, and marks are another text", sort, seed)
			}
			continue
		}
		conflicts++
		want, _ := git(t, dir, [][]byte{in.system, in.base, in.workspace},
			"merge-file", "-p", "-q", "--diff3", "-L", "system", "-L", "base", "-L", "workspace", "0", "1", "2")
		if !bytes.Equal(got, want) {
			t.Errorf("%s %d:\n%s\ngit has\n%s", sort, seed, got, want)
		}
	}
	if conflicts < 20 {
		t.Errorf("%d conflicts are too few", conflicts)
	}
}

// agreement counts merges, and those that are clean.
type agreement struct {
	all, git, ours, agree int
	reasons               map[string]int // why we are stricter
}

// whyStricter is the reason for which a merge that is clean for git is none for
// us.
func whyStricter(t triple) string {
	for _, text := range [][]byte{t.base, t.system, t.workspace} {
		if bytes.IndexByte(text, 0) >= 8000 {
			return "a zero byte, farther from the beginning than git looks"
		}
	}
	return "unknown"
}

func agreements(table map[string]*agreement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %8s %9s %10s %8s %8s\n", "texts", "merges", "git clean", "ours clean", "agree", "differ")
	for _, s := range textSorts {
		a := table[s.name]
		if a == nil {
			continue
		}
		fmt.Fprintf(&b, "%-16s %8d %9d %10d %8d %8d\n", s.name, a.all, a.git, a.ours, a.agree, a.all-a.agree)
		for _, why := range slices.Sorted(maps.Keys(a.reasons)) {
			fmt.Fprintf(&b, "  %d: %s\n", a.reasons[why], why)
		}
	}
	return b.String()
}

func envInt(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// golden compares with a file under testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
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

// TestMergeTextCases names what a merge of lines has to get right.
func TestMergeTextCases(t *testing.T) {
	const base = "1\n2\n3\n4\n5\n6\n"
	for _, c := range []struct{ name, base, sys, ws, want string }{
		{"nothing", base, base, base, base},
		{"one side", base, base, "x\n", "x\n"},
		{"apart", base, "one\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\nsix\n", "one\n2\n3\n4\n5\nsix\n"},
		{"one line between", base, "one\n2\n3\n4\n5\n6\n", "1\n2\nthree\n4\n5\n6\n", "one\n2\nthree\n4\n5\n6\n"},
		{"touching", base, "one\n2\n3\n4\n5\n6\n", "1\ntwo\n3\n4\n5\n6\n", "conflict"},
		{"both alike", base, "1\n3\n4\n5\n6\n", "1\n3\n4\n5\n6\n", "1\n3\n4\n5\n6\n"},
		{"alike, and more", base, "one\n2\n3\n4\n5\n6\n", "one\n2\n3\n4\n5\nsix\n", "one\n2\n3\n4\n5\nsix\n"},
		{"put in at one place", base, "1\n2\n3\nx\n4\n5\n6\n", "1\n2\n3\ny\n4\n5\n6\n", "conflict"},
		{"put in and taken out", base, "1\n2\n3\nx\n4\n5\n6\n", "1\n2\n3\n5\n6\n", "conflict"},
		{"both make the file", "", "a\n", "b\n", "conflict"},
		{"taken out against changed", base, "", "1\n2\n3\n4\n5\nsix\n", "conflict"},
		{"no newline at the end", "1\n2\n3", "one\n2\n3", "1\n2\nthree", "one\n2\nthree"},
		{"newline added", "1\n2\n3", "one\n2\n3", "1\n2\n3\n", "one\n2\n3\n"},
		{"line ends", "1\r\n2\r\n3\r\n", "1\r\n2\r\n3\n", "1\n2\r\n3\r\n", "1\n2\r\n3\n"},
		// Met while comparing with git, which has a conflict in each.
		{"repeating, two letters", "b\na\na\na\nb\na", "b\na\na\nb\na\nb\na\nb\na\n", "b\na\na\na\nb\na\nb\na\n", "conflict"},
		{"repeating, end of file", "a\nc\na\nc\nc\n", "a\nc\nc\nb\na\nc\nc", "a\nc\na\nc\nc", "conflict"},
		{
			"repeating, swapped", "g\ne\ni\ne\nd\nh\nh\nj\nb\ne\na\nb\nb\nj\nb\n",
			"g\ne\ni\ne\nd\nh\nh\nj\ne\nb\na\nb\nb\nj\nb\n", "g\ne\ni\ne\nd\nh\nh\nj\nb\ne\nb\na\nb\nj\nb\nf\nc\n", "conflict",
		},
		{
			"repeating, clean from both ends", "b\nb\na\na\na\nb\na\na\nb\na\na\nb\na\nb\na\n",
			"b\nb\na\na\na\na\nb\na\nb\na\na\nb\na\nb\nb\nb\na\n", "b\nb\na\na\na\na\nb\na\na\nb\na\nb\nb\nb\na\nb\na\nb\na\n", "conflict",
		},
		{"binary", "1\n2\n3\n", "1\n2\n\x00\n", "x\n2\n3\n", "conflict"},
		{"binary, one side", "1\n2\n3\n", "1\n2\n\x00\n", "1\n2\n3\n", "1\n2\n\x00\n"},
	} {
		got, clean := rmg.MergeText([]byte(c.base), []byte(c.sys), []byte(c.ws))
		if !clean {
			got = []byte("conflict")
		}
		if string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMergeTextLarge: work is bounded; two files with nothing in common beyond
// the bound are a conflict, a long file with small changes is not.
func TestMergeTextLarge(t *testing.T) {
	file := func(n int, name string) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "%s %d\n", name, i)
		}
		return b.Bytes()
	}
	if _, clean := rmg.MergeText(file(5000, "a"), file(5000, "b"), file(5000, "c")); clean {
		t.Error("three different files merge")
	}
	base := file(200_000, "a")
	s, w := append([]byte("first\n"), base...), append(bytes.Clone(base), "last\n"...)
	want := append([]byte("first\n"), w...)
	if got, clean := rmg.MergeText(base, s, w); !clean || !bytes.Equal(got, want) {
		t.Errorf("a long file with two small changes: clean %v, %d bytes, want %d", clean, len(got), len(want))
	}
}

func FuzzMergeText(f *testing.F) {
	f.Add([]byte("1\n2\n3\n"), []byte("1\n3\n"), []byte("0\n2\n3"))
	f.Add([]byte(""), []byte("\n"), []byte("\n\n"))
	f.Add([]byte("a\na\nb"), []byte("a\nb"), []byte("a\na\na\nb"))
	f.Fuzz(func(t *testing.T, base, s, w []byte) {
		got, clean := rmg.MergeText(base, s, w)
		back, cleanBack := rmg.MergeText(base, w, s)
		if clean != cleanBack || !bytes.Equal(got, back) {
			t.Fatalf("%q, %v; the other way round %q, %v", got, clean, back, cleanBack)
		}
		for name, in := range map[string][3][]byte{"one side": {base, s, base}, "the same": {base, s, s}} {
			if got, clean := rmg.MergeText(in[0], in[1], in[2]); !clean || !bytes.Equal(got, s) {
				t.Fatalf("%s: %q, %v; want %q", name, got, clean, s)
			}
		}
	})
}
