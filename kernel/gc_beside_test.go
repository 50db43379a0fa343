package kernel

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// TestGCBesideWriters collects again and again while many write contents, name
// them a moment later, and drop what they had: whatever is named can be read.
func TestGCBesideWriters(t *testing.T) {
	dir := t.TempDir()
	git, run := &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{}
	b := openStage(t, dir, git, run)
	b.policy("settings:\n  keep_discarded: 1ms\n")
	const writers, rounds = 4, 25
	done, errs := make(chan struct{}), make(chan error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { errs <- writeBeside(b, w, rounds) })
	}
	go func() { wg.Wait(); close(done) }()
	collected := 0
	for running := true; running; {
		if _, err := b.GC(b.ctx(), ada, GCRequest{}); err != nil {
			t.Fatal(err)
		}
		collected++
		select {
		case <-done:
			running = false
		default:
		}
	}
	for range writers {
		b.must(<-errs)
	}
	b.end()
	b = openStage(t, dir, git, run)
	named := 0
	for p, e := range b.now().world.Walk(rmg.Root) {
		v, ok := e.Props.Get(rewrite.PropBlob)
		if !ok {
			continue
		}
		blob, _ := v.AsBlob()
		if data, err := readBlob(b.Kernel.store, blob); err != nil || int64(len(data)) != blob.Size {
			t.Errorf("%s: %d bytes, %v", p, len(data), err)
		}
		named++
	}
	if want := writers * rounds * 2; named != want {
		t.Errorf("%d contents are named, not %d, after %d collections", named, want, collected)
	}
	b.end()
}

// writeBeside makes files whose content was put before, and workspaces that are
// dropped again, large contents and small ones.
func writeBeside(b *stage, writer, rounds int) error {
	for i := range rounds {
		for _, size := range []int{30, 70_000} {
			text := bulk(fmt.Sprintf("%d-%d-%d ", writer, i, size), size)
			blob, err := b.PutBlob(strings.NewReader(text))
			if err != nil {
				return err
			}
			op := rewrite.Op{Op: rewrite.Write, Path: rmg.Root.Child(fmt.Sprintf("f%d-%d-%d", writer, i, size)), Blob: blob}
			if _, err := b.Rewrite(b.ctx(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{op}}); err != nil {
				return err
			}
		}
		w, err := b.Fork(b.ctx(), ada, ForkRequest{})
		if err != nil {
			return err
		}
		op := writeText(rmg.Root.Child("lost"), bulk(fmt.Sprintf("lost %d-%d", writer, i), 70_000))
		if _, err := b.Rewrite(b.ctx(), ada, "sws:"+w.ID, rewrite.Rewrite{Ops: []rewrite.Op{op}}); err != nil {
			return err
		}
		if _, err := b.Discard(b.ctx(), ada, w.ID, "not wanted"); err != nil {
			return err
		}
	}
	return nil
}
