package worktree

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// TestRoundTrip lets a worker loose on a workspace and lands what the scan finds,
// again and again, with a person committing in between. Plain git is the judge:
// the landed tree is the one that git add -A makes of the workspace, the files
// in the repository are those of the workspace, and git finds nothing to tell of.
//
// JITOS_ROUNDTRIPS says how many rounds, JITOS_SEED from where.
func TestRoundTrip(t *testing.T) {
	rounds, seed := envInt(t, "JITOS_ROUNDTRIPS", 24), envInt(t, "JITOS_SEED", 7)
	mechanisms(t, func(t *testing.T, mount bool) {
		// Repositories are kept small, so that what is rare meets itself.
		for done := 0; done < rounds; done += perRepository {
			t.Run(fmt.Sprint(seed+done), func(t *testing.T) {
				roundTrips(t, mount, seed+done, min(perRepository, rounds-done))
			})
		}
	})
}

const perRepository = 100

func envInt(t *testing.T, name string, or int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return or
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func roundTrips(t *testing.T, mount bool, seed, rounds int) {
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	b := benchWith(t, Options{Mount: mount})
	defer func() {
		if t.Failed() {
			t.Logf("JITOS_SEED=%d JITOS_ROUNDTRIPS=%d go test -run TestRoundTrip ./worktree repeats it", seed, rounds)
		}
	}()
	for round := range rounds {
		if rnd.IntN(8) == 0 {
			b.personCommits(rnd)
		}
		if b.roundTrip(rnd, round); t.Failed() {
			return
		}
	}
	b.sound()
}

// personCommits is a person who works in the repository itself.
func (b *bench) personCommits(rnd *rand.Rand) {
	b.Helper()
	for range 1 + rnd.IntN(3) {
		edit(b.T, rnd, b.top)
	}
	b.git("add", "-A")
	b.git("commit", "-q", "--allow-empty", "-m", "a person's")
}

func (b *bench) roundTrip(rnd *rand.Rand, round int) {
	b.Helper()
	ctx := context.Background()
	old := b.head()
	f := b.slot(fmt.Sprint("r/", rnd.IntN(2)), old)
	for range 1 + rnd.IntN(8) {
		edit(b.T, rnd, f.Path())
	}
	ops, err := f.Scan(ctx, root)
	b.must(err)
	files, tree := snapshotFiles(b.T, f.Path()), b.plainTree(f.Path())
	b.must(f.Close())
	next := b.apply(old, ops)
	tip := b.git("rev-parse", "main")
	if next.Digest() == old.Digest() {
		if was := b.git("rev-parse", tip+"^{tree}"); was != tree {
			b.Fatalf("round %d: nothing was found, but git finds tree %s where %s was", round, tree, was)
		}
		return
	}
	l, err := b.m.Prepare(ctx, LandRequest{
		ID: fmt.Sprintf("p1-%d", round), Top: b.top, Branch: "main", Tip: tip, Old: old, New: next,
		Message: "m\n", Author: "J <j@localhost>", AtUnix: int64(round),
	})
	b.must(err)
	if got := b.git("rev-parse", l.Commit+"^{tree}"); got != tree {
		b.Fatalf("round %d: the commit's tree is not git's own\nops %v\n%s", round, ops, b.git("diff", "--stat", tree, got))
	}
	out, err := b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Landed {
		b.Fatalf("round %d: %+v\nof %+v\nin\n%s", round, out, l.Paths, snapshot(b.T, b.top))
	}
	// Only what it says of files: of an ignore file that is a link now it warns.
	if s, err := (git{dir: b.top}).line(ctx, "status", "--porcelain", "--ignored"); s != "" || err != nil {
		b.Fatalf("round %d: status\n%s\n%v\nafter %+v", round, s, err, l.Paths)
	}
	if got := snapshotFiles(b.T, b.top); got != files {
		b.Fatalf("round %d: files\n%s\nwant\n%s", round, got, files)
	}
	if read := b.head(); read.Digest() != next.Digest() {
		b.Fatalf("round %d: what was read is not what landed", round)
	}
	if rnd.IntN(6) == 0 {
		b.freshly(next, files, round)
	}
}

// freshly holds a gate's folder, and a full reading, against what landed.
func (b *bench) freshly(tree rmg.Graph, files string, round int) {
	b.Helper()
	g, err := b.m.Fresh(context.Background(), "gate", tree)
	b.must(err)
	if got := snapshotFiles(b.T, g.Path()); got != files {
		b.Fatalf("round %d: a gate sees\n%s\nwant\n%s", round, got, files)
	}
	b.must(g.Close())
	all, err := b.m.readAll(context.Background(), b.top, b.git("rev-parse", "main"))
	b.must(err)
	if all.Digest() != tree.Digest() {
		b.Fatalf("round %d: all of the commit is not its differences", round)
	}
}

// plainTree is the tree that git alone makes of a folder.
func (b *bench) plainTree(dir string) string {
	b.Helper()
	index := filepath.Join(b.TempDir(), "index")
	var out []byte
	for _, args := range [][]string{{"add", "-A", "."}, {"write-tree"}} {
		cmd := exec.Command("git", append([]string{"--git-dir=" + filepath.Join(b.top, ".git"), "--work-tree=" + dir}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_INDEX_FILE="+index)
		var err error
		if out, err = cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return strings.TrimSpace(string(out))
}

// names are parts of file names that something could stumble over.
var names = []string{
	"a.txt", "b", "c.go", "x y", "\"q\"", "bad\xff", "tab\tname", "new\nline", "ü", "u\u0308", "~t", "~", "a:1", "1:2", "-f", "%41", "%", "*", "[a]", "\\",
	"...", ".hidden", " ", "#c", "!n", "link", "dir", "gone", "CON", strings.Repeat("n", 200),
}

func randomName(rnd *rand.Rand) string {
	parts := make([]string, 1+rnd.IntN(3))
	for i := range parts {
		parts[i] = names[rnd.IntN(len(names))]
	}
	return filepath.Join(parts...)
}

// edit does one random thing to a folder, as far as it can be done.
func edit(t *testing.T, rnd *rand.Rand, dir string) {
	t.Helper()
	full := filepath.Join(dir, randomName(rnd))
	if rnd.IntN(2) == 0 {
		full = existing(rnd, dir)
	}
	switch rnd.IntN(10) {
	case 0:
		os.RemoveAll(full)
	case 1:
		makeWay(dir, full)
		os.Symlink([]string{"a.txt", "nowhere", "..", "bad\xff", "dir"}[rnd.IntN(5)], full)
	case 2:
		if st, err := os.Lstat(full); err != nil || !st.Mode().IsRegular() {
			return
		}
		os.Chmod(full, []os.FileMode{0o644, 0o755}[rnd.IntN(2)])
	case 3, 4:
		to := filepath.Join(dir, randomName(rnd))
		if strings.HasPrefix(to+"/", full+"/") || strings.HasPrefix(full+"/", to+"/") {
			return
		}
		if _, err := os.Lstat(full); err != nil {
			return
		}
		makeWay(dir, to)
		if _, err := os.Lstat(full); err == nil {
			if out, err := exec.Command("mv", "--", full, to).CombinedOutput(); err != nil {
				t.Fatalf("mv %q %q: %v: %s", full, to, err, out)
			}
		}
	case 5:
		if f, err := os.OpenFile(full, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			fmt.Fprintf(f, "more %d\n", rnd.IntN(100))
			f.Close()
		}
	case 6:
		makeWay(dir, full)
		os.MkdirAll(full, 0o755)
		os.WriteFile(filepath.Join(full, "in"), []byte("in a folder\n"), 0o644)
	default:
		makeWay(dir, full)
		os.WriteFile(full, content(rnd), 0o644)
	}
}

// content is nothing, a few lines, or binary.
func content(rnd *rand.Rand) []byte {
	switch rnd.IntN(6) {
	case 0:
		return nil
	case 1:
		return bytes.Repeat([]byte{byte(rnd.IntN(256)), 0, '\r', '\n'}, 1+rnd.IntN(20_000))
	}
	return fmt.Appendf(nil, "line %d\nof the same\n", rnd.IntN(50))
}

// existing picks something that is there, a folder or not.
func existing(rnd *rand.Rand, dir string) string {
	var all []string
	filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if d != nil && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && p != dir {
			all = append(all, p)
		}
		return nil
	})
	if len(all) == 0 {
		return filepath.Join(dir, "a.txt")
	}
	return all[rnd.IntN(len(all))]
}

// makeWay removes what stands at a place, and what stands where it needs a
// folder, and makes that folder.
func makeWay(dir, full string) {
	for d := filepath.Dir(full); d != dir; d = filepath.Dir(d) {
		if st, err := os.Lstat(d); err == nil && !st.IsDir() {
			os.Remove(d)
		}
	}
	os.RemoveAll(full)
	os.MkdirAll(filepath.Dir(full), 0o755)
}
