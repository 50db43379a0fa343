package kernel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"jitos.dev/rmg"
	"jitos.dev/work"
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

// What was added is forgotten by the owner alone, and not while work goes on in it;
// once more finishes what was cut off between the record and the files.
func TestFoldersAreForgotten(t *testing.T) {
	onBench(t, func(b *bench) {
		ctx := context.Background()
		b.repo.commit(t, map[string]string{"a.go": "def A\n"})
		if _, err := b.k.ForgetFolder(ctx, ada, "/app", false); !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
			t.Errorf("one that was not added: %v", err)
		}
		if _, err := b.k.AddFolder(ctx, ada, "/app"); err != nil {
			t.Fatal(err)
		}
		ci := Caller{Name: "ci", Kind: KindProcess, Caps: CapIntent | CapRewrite | CapCollapse}
		if _, err := b.k.ForgetFolder(ctx, ci, "/app", false); !errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
			t.Errorf("automation forgot it: %v", err)
		}
		let := make(chan struct{})
		b.run.task = func(context.Context, string, work.Assignment) (work.Result, error) {
			<-let
			return work.Result{OK: true}, nil
		}
		id := b.intent(IntentRequest{})
		synctest.Wait()
		if _, err := b.k.ForgetFolder(ctx, ada, "/app", false); !errors.Is(err, &rmg.Error{Code: rmg.Conflict}) {
			t.Errorf("while %s goes on: %v", id, err)
		}
		close(let)
		b.end(id)

		want := ForgottenFolder{Root: repoRoot.Child("app"), Top: "/app", Bytes: 7}
		seq := b.k.now().seq
		if got, err := b.k.ForgetFolder(ctx, ada, "/app", true); err != nil || got != want || b.k.now().seq != seq || !b.repo.plain {
			t.Errorf("a dry run: %+v, %v", got, err)
		}
		if got, err := b.k.ForgetFolder(ctx, ada, "/app", false); err != nil || got != want || b.repo.plain {
			t.Errorf("%+v, %v", got, err)
		}
		if _, ok := b.k.now().world.Get(want.Root); ok {
			t.Error("it is in the world")
		}
		b.repo.plain = true // the daemon died right after the record
		want.Root = ""
		if got, err := b.k.ForgetFolder(ctx, ada, "/app", false); err != nil || got != want || b.repo.plain {
			t.Errorf("once more: %+v, %v", got, err)
		}
	})
}
