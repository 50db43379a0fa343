package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jitos.dev/work"
)

// readsOf runs a shell script in a folder that has some files, with all that it
// reads recorded.
func readsOf(t *testing.T, own, script string) Outcome {
	t.Helper()
	folder, scratch := filepath.Join(t.TempDir(), "tree"), t.TempDir()
	for name, text := range map[string]string{
		"a.txt": "a", "b.txt": "b", "sub/c.txt": "c", "sub/deep/d.txt": "d", "tool": "#!/bin/sh\ncat a.txt", "by": "#!" + folder + "/tool\n", "unread": "u",
	} {
		full := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"link": "sub/c.txt", "dir": "sub", "abs": folder + "/b.txt", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := Run(t.Context(), Command{
		Argv: []string{"/bin/sh", "-c", script}, Dir: folder, Write: []string{folder, scratch}, Env: []string{"PATH=/usr/bin:/bin", "SCRATCH=" + scratch, "TREE=" + folder},
		Timeout: time.Minute, Own: own, Reads: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a command reads of its folder is recorded, by whatever name it goes there;
// so is what it looks for in vain, and of what folders it reads the names.
func TestReadsAreRecorded(t *testing.T) {
	for script, want := range map[string]string{
		"read x < a.txt":                "a.txt",
		"read x < ./sub/../b.txt":       "b.txt",
		"read x < $TREE/sub/c.txt":      "sub/c.txt",
		"cd sub && read x < deep/d.txt": "sub sub/deep/d.txt",
		"read x < link":                 "link sub/c.txt",
		"read x < abs":                  "abs b.txt",
		"read x < dir/deep/d.txt":       "dir sub/deep/d.txt",
		"test -e none":                  "none",
		"test -e sub/none/at/all":       "sub/none/at/all",
		"test -e loop":                  "loop",
		"ls sub/deep > /dev/null":       "sub/deep sub/deep/",
		"ln -s $TREE/a.txt $SCRATCH/l; read x < $SCRATCH/l": "a.txt",
		"(read x < a.txt) & wait; (exec cat b.txt)":         "a.txt b.txt",
		"read x < /proc/self/cwd/a.txt":                     "a.txt",
		"exec 3< sub; read x < /proc/self/fd/3/c.txt":       "sub/ sub/c.txt",
		"./tool":        "a.txt tool",
		"./by":          "a.txt by tool",
		"echo x > made": "made",
		"cat /etc/passwd /usr/bin/env > /dev/null": "",
	} {
		out := readsOf(t, "", script)
		if out.Reads == nil || out.Reads.By != work.ReadsBySeccomp || !slices.Contains(out.InForce.Parts, readsPart) {
			t.Fatalf("%s: not recorded: %+v", script, out.InForce)
		}
		// The shell looks for where it is as it begins.
		got := strings.Join(slices.DeleteFunc(out.Reads.Names, func(s string) bool { return s == "" }), " ")
		if got != want {
			t.Errorf("%s\nread %q\nnot  %q\n%s", script, got, want, out.Stderr)
		}
	}
}

// Names are those of the folder also where it is seen at another place.
func TestReadsAtTheOwnPath(t *testing.T) {
	own := t.TempDir()
	out := readsOf(t, own, "read x < a.txt; read x < "+own+"/b.txt; pwd")
	if !slices.Contains(out.InForce.Parts, ownPath) {
		t.Fatalf("it is not seen there: %+v", out.InForce)
	}
	if out.Reads == nil || !slices.Contains(out.Reads.Names, "a.txt") || !slices.Contains(out.Reads.Names, "b.txt") || slices.Contains(out.Reads.Names, "unread") {
		t.Errorf("%s\nread %+v", out.Stdout, out.Reads)
	}
}

// Where names come to mean something else, what was read is not known, and nothing
// is claimed.
func TestReadsThatAreNotAll(t *testing.T) {
	out := readsOf(t, "", "nsenter -m -t $$ true; read x < a.txt")
	if out.Reads != nil || !strings.Contains(strings.Join(out.InForce.Lacks, " "), readsPart) {
		t.Errorf("%+v, %+v\n%s", out.Reads, out.InForce, out.Stderr)
	}
}

// A report of what was read may be longer than a pipe holds.
func TestManyReads(t *testing.T) {
	long := strings.Repeat("n", 200)
	out := readsOf(t, "", "i=0; while [ $i -lt 2000 ]; do test -e "+long+"$i; i=$((i+1)); done")
	if out.Reads == nil || len(out.Reads.Names) < 2000 {
		t.Errorf("not recorded: %+v", out.InForce)
	}
}

// Of a command that is killed it is not known what it read.
func TestReadsOfTheKilled(t *testing.T) {
	folder := t.TempDir()
	out, err := Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", "while :; do test -e x; done"}, Dir: folder, Write: []string{folder}, Timeout: time.Second, Reads: true})
	if err != nil || !out.TimedOut || out.Reads != nil {
		t.Errorf("%+v %v", out, err)
	}
}

// Where nothing was heard of a command, not even that it became one, nothing is
// claimed: it has no listener.
func TestReadsOfTheUnheard(t *testing.T) {
	if got, _ := newRecorder(spec{Write: []string{t.TempDir()}}).done(); got != nil {
		t.Errorf("%+v", got)
	}
}
