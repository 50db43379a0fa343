package rmg_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"jitos.dev/rmg"
)

var (
	textCases = flag.Int("text.cases", 300, "how many merges to compare with git")
	textSeed  = flag.Uint64("text.seed", 1, "where the comparison with git begins")
)

// gitMerge is the real program.
func gitMerge(t *testing.T, dir string, base, system, workspace []byte) (merged []byte, clean bool) {
	t.Helper()
	var names []string
	for i, b := range [][]byte{system, base, workspace} {
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	cmd := exec.CommandContext(context.Background(), "git", append([]string{"merge-file", "-p", "-q"}, names...)...)
	// Whatever the user's git is set to, it is the plain merge that counts.
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir, "GIT_CONFIG_GLOBAL=/dev/null")
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() >= 128 || exit.ExitCode() < 0) {
		t.Fatalf("git merge-file: %v", err)
	}
	return out, err == nil
}

// words makes lines out of few letters, so that lines repeat, or of many.
func words(r *rand.Rand, n, letters int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "%c%d", 'a'+r.IntN(min(letters, 26)), r.IntN(letters/26+1))
	}
	return out
}

// edited changes some lines: put in, taken out, replaced, swapped, repeated.
func edited(r *rand.Rand, lines [][]byte, letters int) [][]byte {
	out := append([][]byte(nil), lines...)
	for range r.IntN(4) {
		at := r.IntN(len(out) + 1)
		n := min(r.IntN(4), len(out)-at)
		switch r.IntN(5) {
		case 0:
			out = append(out[:at:at], append(words(r, 1+r.IntN(3), letters), out[at:]...)...)
		case 1:
			out = append(out[:at:at], out[at+n:]...)
		case 2:
			out = append(out[:at:at], append(words(r, n, letters), out[at+n:]...)...)
		case 3:
			out = append(out[:at+n:at+n], out[at:]...)
		default:
			if at+n < len(out) {
				out = append(append(append([][]byte(nil), out[:at]...), out[at+n]), append(append([][]byte(nil), out[at:at+n]...), out[at+n+1:]...)...)
			}
		}
	}
	return out
}

func text(r *rand.Rand, lines [][]byte) []byte {
	b := bytes.Join(lines, []byte("\n"))
	if len(lines) > 0 && r.IntN(8) > 0 {
		b = append(b, '\n')
	}
	return b
}

// TestMergeTextLikeGit compares with git on seeded texts. The law: where git
// has a conflict we have one, and where both are clean the bytes are equal.
// Where lines repeat we may be stricter than git; where they do not we are as
// able as git is, but for changes with nothing sure between them.
func TestMergeTextLikeGit(t *testing.T) {
	dir := t.TempDir()
	var plain, repeating tally
	for i := range uint64(*textCases) {
		r := rand.New(rand.NewPCG(*textSeed+i, 0))
		letters := []int{2, 3, 5, 10, 1000, 1000}[r.IntN(6)]
		size := []int{4, 10, 20, 60}[r.IntN(4)]
		b := words(r, r.IntN(size), letters)
		base, s, w := text(r, b), text(r, edited(r, b, letters)), text(r, edited(r, b, letters))
		got, clean := rmg.MergeText(base, s, w)
		want, gitClean := gitMerge(t, dir, base, s, w)
		again := fmt.Sprintf("go test ./rmg -run TestMergeTextLikeGit -text.cases=1 -text.seed=%d\nbase %q\nsystem %q\nworkspace %q", *textSeed+i, base, s, w)
		count := &repeating
		if letters == 1000 {
			count = &plain
		}
		switch {
		case clean && !gitClean:
			t.Errorf("git has a conflict, we are clean with %q\n%s", got, again)
		case clean && !bytes.Equal(got, want):
			t.Errorf("git merges to %q, we to %q\n%s", want, got, again)
		case clean:
			count.clean++
		case gitClean:
			count.strict++
		default:
			count.conflict++
		}
		back, cleanBack := rmg.MergeText(base, w, s)
		if cleanBack != clean || !bytes.Equal(back, got) {
			t.Errorf("the other way round: %q, %v; not %q, %v\n%s", back, cleanBack, got, clean, again)
		}
	}
	t.Logf("plain %+v, repeating %+v", plain, repeating)
	if *textCases >= 100 && plain.strict*10 > plain.clean {
		t.Errorf("stricter than git %d times against %d clean merges of plain texts", plain.strict, plain.clean)
	}
}

// tally counts merges: strict is where git is clean and we are not.
type tally struct{ clean, conflict, strict int }

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
