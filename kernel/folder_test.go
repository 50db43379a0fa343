package kernel

import (
	"context"
	"errors"
	"testing"

	"jitos.dev/rmg"
)

// A plain folder is brought in by the owner alone, and stands in the graph as what
// it is for as long as it is that.
func TestFoldersAreAdded(t *testing.T) {
	onBench(t, func(b *bench) {
		ctx := context.Background()
		b.repo.commit(t, map[string]string{"a.go": "def A\n"})
		ci := Caller{Name: "ci", Kind: KindProcess, Caps: CapIntent | CapRewrite | CapCollapse}
		if _, err := b.k.AddFolder(ctx, ci, "/app"); !errors.Is(err, &rmg.Error{Code: rmg.Denied}) || b.repo.plain {
			t.Errorf("automation added it: %v", err)
		}
		folder := func() bool {
			e, ok := b.k.now().world.Get(repoRoot.Child("app"))
			if !ok || e.Props.String(propOrigin) != "/app" {
				t.Fatalf("%+v", e)
			}
			return e.Props.Bool(propFolder)
		}
		f, err := b.k.AddFolder(ctx, ada, "/app")
		if err != nil || f.Root != repoRoot.Join("app", "main") || f.Top != "/app" || f.Head != b.repo.head || !folder() {
			t.Fatalf("%+v: %v", f, err)
		}
		tree, err := treeAt(b.k.now().world, f.Root)
		if _, ok := tree.Get(rmg.Root.Child("a.go")); err != nil || !ok {
			t.Errorf("its files are not there: %v", err)
		}
		b.repo.mu.Lock()
		b.repo.plain = false // git init, git commit
		b.repo.mu.Unlock()
		if _, err := b.k.Fork(ctx, ada, ForkRequest{Dir: "/app"}); err != nil || folder() {
			t.Errorf("it is a repository: %v", err)
		}
	})
}
