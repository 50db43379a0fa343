package worktree

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// TestRevisedTreesAreGits makes random changes of random trees, of few names so that
// files and folders take each other's places and sort close to each other; the
// trees are those that git makes of an index.
func TestRevisedTreesAreGits(t *testing.T) {
	ctx := context.Background()
	for _, format := range []string{"sha1", "sha256"} {
		b := &bench{T: t, top: t.TempDir()}
		b.git("init", "-q", "-b", "main", "--object-format="+format)
		var blobs []string
		for i := range 3 {
			g := git{dir: b.top, stdin: strings.NewReader(fmt.Sprint(i))}
			id, err := g.line(ctx, "hash-object", "-w", "--stdin")
			b.must(err)
			blobs = append(blobs, id)
		}
		rnd := rand.New(rand.NewPCG(1, uint64(len(format))))
		parts := []string{"a", "a.b", "a-", "a0", "é"}
		name := func() string {
			n := parts[rnd.IntN(len(parts))]
			for rnd.IntN(2) == 0 {
				n += "/" + parts[rnd.IntN(len(parts))]
			}
			return n
		}
		modes := []string{"100644", "100755", "120000", submodule}
		holds := map[string]entry{}
		free := func(n string) bool { // neither below a file, nor where there is a folder
			for m := range holds {
				if m == n || strings.HasPrefix(m, n+"/") || strings.HasPrefix(n, m+"/") {
					return false
				}
			}
			return true
		}
		tip := b.git("-c", "user.name=T", "-c", "user.email=t@example.com", "commit-tree", b.git("mktree", "--missing"), "-m", "empty")
		for round := range 15 {
			var gone, rest []LandPath
			for _, n := range sortedNames(holds) {
				if rnd.IntN(3) == 0 || round == 14 {
					gone = append(gone, LandPath{Path: pathOf("/", n), OldMode: holds[n].mode, OldID: holds[n].id})
					delete(holds, n)
				}
			}
			was := map[string]bool{}
			for n := range holds {
				was[n] = true
			}
			for range rnd.IntN(8) {
				n, e := name(), entry{modes[rnd.IntN(len(modes))], blobs[rnd.IntN(len(blobs))]}
				if round < 14 && (free(n) || was[n]) {
					holds[n] = e
					rest = append(rest, LandPath{Path: pathOf("/", n), NewMode: e.mode, NewID: e.id})
				}
			}
			paths := append(gone, rest...)
			if len(paths) == 0 {
				continue
			}
			got, err := revise(ctx, git{dir: b.top}, tip, paths, t.TempDir())
			b.must(err)
			g := git{dir: b.top, env: []string{"GIT_INDEX_FILE=" + filepath.Join(t.TempDir(), "index")}}
			_, err = g.run(ctx, "read-tree", tip)
			b.must(err)
			b.must(indexInfo(ctx, g, paths))
			want, err := g.line(ctx, "write-tree", "--missing-ok")
			b.must(err)
			if got != want {
				t.Fatalf("round %d, %s: %s, where git has\n%s", round, format, b.git("ls-tree", "-r", got), b.git("ls-tree", "-r", want))
			}
			tip = b.git("-c", "user.name=T", "-c", "user.email=t@example.com", "commit-tree", got, "-p", tip, "-m", "next")
		}
		if got := b.git("ls-tree", "-r", tip); got != "" {
			t.Errorf("in the end there is\n%s", got)
		}
		b.git("fsck", "--strict")
	}
}
