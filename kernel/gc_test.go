package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// bulk is content of its own that stands in a file, or with few bytes in a pack.
func bulk(name string, size int) string {
	return name + "\n" + strings.Repeat(name[:1], size)
}

// readable is every file of every version that is kept, by version and path:
// those of the system, and all heads of workspaces but of those that are not asked
// for.
func readable(t *testing.T, k *Kernel, until uint64, without ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	look := func(name string, world rmg.Graph) {
		out[name] = world.Digest().String()
		for p, e := range world.Walk(rmg.Root) {
			b, ok := e.Props.Get(rewrite.PropBlob)
			if !ok {
				continue
			}
			blob, _ := b.AsBlob()
			data, err := readBlob(k.store, blob)
			if err != nil {
				t.Errorf("%s: %s: %v", name, p, err)
			}
			out[name+string(p)] = string(data)
		}
	}
	for seq := uint64(1); seq <= until; seq++ {
		v, err := k.open(seq)
		if err != nil {
			t.Fatal(err)
		}
		look(seqText(seq), v.world)
	}
	for id := range ledgerSpaces(k.now().ledger) {
		s, _ := k.space(id)
		if slices.Contains(without, id) || s.forked > until {
			continue
		}
		heads, err := k.headsOf(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range heads {
			look(fmt.Sprintf("sws:%s@%d", id, h.seq), h.world)
		}
	}
	return out
}

// onDiskNow lists every file below a folder with its size.
func onDiskNow(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			out[name] = st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *stage) policy(text string) {
	b.t.Helper()
	_, err := b.SetPolicy(b.ctx(), ada, []byte(text), "for the test")
	b.must(err)
}

// A history with everything in it: what was collapsed, what is open and stands on
// what was discarded, what is discarded and stands on nothing, what nobody names.
// A gc takes the last two, and nobody can tell the rest from what it was.
func TestGC(t *testing.T) {
	dir := t.TempDir()
	git, run := &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{}
	b := openStage(t, dir, git, run)
	root := b.repo(map[string]string{"a.txt": bulk("first", 100), "big.txt": bulk("large", 80_000)})
	sizes := []int{20, 70_000}
	write := func(w, name string) {
		for _, size := range sizes {
			b.write("sws:"+w, writeText(root.Child(fmt.Sprintf("%s-%d", name, size)), bulk(name, size)))
		}
	}
	in := b.fork()
	write(in, "landed")
	b.collapsed(in)
	lost := b.fork()
	write(lost, "xlost")
	b.write("sws:"+lost, writeText(root.Child("shared"), bulk("landed", 70_000))) // named elsewhere as well
	under := b.fork()
	write(under, "under")
	over, err := b.Fork(b.ctx(), ada, ForkRequest{From: "sws:" + under})
	b.must(err)
	write(over.ID, "above")
	for _, id := range []string{lost, under} {
		_, err := b.Discard(b.ctx(), ada, id, "not wanted")
		b.must(err)
	}
	_, err = b.PutBlob(strings.NewReader(bulk("orphan", 70_000)))
	b.must(err)
	b.must(b.store.Blobs().Flush())
	if got, err := b.GC(b.ctx(), ada, GCRequest{}); err != nil || got.Seq != 0 || got.Recent == 0 || got.Removed.Blobs != 0 {
		t.Fatalf("what was put since the start: %+v %v", got, err)
	}
	b.end()

	b = openStage(t, dir, git, run)
	// Without a policy discarded workspaces are kept for ever.
	got, err := b.GC(b.ctx(), ada, GCRequest{DryRun: true})
	if b.must(err); len(got.Spaces) != 0 || got.Kept != 2 || got.GivenUp.Blobs != 0 || got.Unnamed.Blobs != 1 || got.Policy != "" {
		t.Errorf("without a policy: %+v", got)
	}
	b.policy("settings:\n  keep_discarded: 1000h\n")
	if got, err = b.GC(b.ctx(), ada, GCRequest{DryRun: true}); err != nil || len(got.Spaces) != 0 || got.Policy != "1000h" {
		t.Errorf("before its time: %+v %v", got, err)
	}
	b.policy("settings:\n  keep_discarded: 0s\n")
	// Put before, and about to be named now.
	wanted, err := b.PutBlob(strings.NewReader(bulk("wanted", 70_000)))
	b.must(err)
	until := b.now().seq
	was, disk := readable(t, b.Kernel, until, lost), onDiskNow(t, filepath.Join(dir, "blobs"))

	dry, err := b.GC(b.ctx(), ada, GCRequest{DryRun: true})
	b.must(err)
	if !slices.Equal(dry.Spaces, []string{lost}) || dry.Kept != 1 || dry.Unnamed != (Content{1, 70_007}) || dry.GivenUp != (Content{2, 70_032}) {
		t.Errorf("dry: %+v", dry)
	}
	if b.now().seq != until || !maps.Equal(onDiskNow(t, filepath.Join(dir, "blobs")), disk) {
		t.Error("a dry run changed something")
	}
	done, err := b.GC(b.ctx(), ada, GCRequest{Reason: "room"})
	b.must(err)
	want := dry
	want.Seq, want.Recent = until+1, done.Recent
	if !reflect.DeepEqual(done, want) || done.Removed.Bytes < 140_000 {
		t.Errorf("it did %+v, and said %+v", done, want)
	}
	for _, gone := range []string{"xlost", "orphan"} {
		if onDisk(t, filepath.Join(dir, "blobs"), bulk(gone, 70_000)) {
			t.Errorf("%s is on the disk", gone)
		}
	}
	same := func() {
		t.Helper()
		now := readable(t, b.Kernel, until, lost)
		for name, text := range was {
			if now[name] != text {
				t.Errorf("%s is %.60q and was %.60q", name, now[name], text)
			}
		}
		v, err := b.Verify(b.ctx())
		if err != nil || len(v.Problems) > 0 || v.GivenUp != 1 || v.Gone < 1 {
			t.Errorf("verify: %+v %v", v, err)
		}
		if r, err := b.Replay(b.ctx(), ReplayRequest{}, nil); err != nil || r.Difference != "" {
			t.Errorf("replay: %+v %v", r, err)
		}
		for what, err := range map[string]error{
			"restore": second(b.Restore(b.ctx(), ada, lost)),
			"fork":    second(b.Fork(b.ctx(), ada, ForkRequest{From: "sws:" + lost})),
		} {
			if code(err) != rmg.Conflict || !strings.Contains(err.Error(), fmt.Sprintf("given up by the gc of ada@host at seq %d", done.Seq)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if w, err := b.Workspace(lost); err != nil || !strings.Contains(w.Outcome, fmt.Sprintf("not wanted; its contents were given up by the gc of seq %d", done.Seq)) || w.Changes != 3 {
			t.Errorf("%+v %v", w, err)
		}
	}
	same()
	e, _ := b.now().ledger.Get(gcPath(done.Seq))
	if e.Props.String("by") != "ada@host" || e.Props.String("reason") != "room" || e.Props.Int("removed_bytes") != done.Removed.Bytes || e.Props.Int("spaces") != 1 {
		t.Errorf("on the record: %v", e.Props)
	}
	if f, err := b.Kernel.store.Open(wanted); err != nil {
		t.Errorf("what was put since the start is gone: %v", err)
	} else {
		f.Close()
	}
	// What it stands on is kept for as long as it is there, and restored as it was.
	_, err = b.Restore(b.ctx(), ada, under)
	b.must(err)
	_, err = b.Discard(b.ctx(), ada, under, "")
	b.must(err)
	b.end()
	b = openStage(t, dir, git, run)
	same()
	_, err = b.Discard(b.ctx(), ada, over.ID, "")
	b.must(err)
	if last, err := b.GC(b.ctx(), ada, GCRequest{}); err != nil || !slices.Equal(last.Spaces, []string{under, over.ID}) {
		t.Errorf("both: %+v %v", last, err)
	}
	if again, err := b.GC(b.ctx(), ada, GCRequest{}); err != nil || again.Seq != 0 || len(again.Spaces) > 0 || again.Removed.Blobs > 0 {
		t.Errorf("again: %+v %v", again, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestGCRefuses(t *testing.T) {
	b := newStage(t)
	worker := Caller{Name: "w", Process: "p1", Kind: KindWorker}
	if _, err := b.GC(b.ctx(), worker, GCRequest{DryRun: true}); code(err) != rmg.Denied {
		t.Errorf("a worker: %v", err)
	}
	if _, err := b.Backup(b.ctx(), worker, t.TempDir()); code(err) != rmg.Denied {
		t.Errorf("a worker's backup: %v", err)
	}
	b.collecting.Lock()
	if _, err := b.GC(b.ctx(), ada, GCRequest{}); code(err) != rmg.Conflict {
		t.Errorf("beside another: %v", err)
	}
	b.collecting.Unlock()
	if _, err := b.Rewrite(b.ctx(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{addOp("/gc/x", "K", nil)}}); code(err) != rmg.Denied {
		t.Errorf("writing the entry by hand: %v", err)
	}
}

// What verify is for: a file that was given content which is not there.
func TestVerifyMissesContent(t *testing.T) {
	b := newStage(t)
	seq := b.write("system", writeText("/f", bulk("text", 70_000)))
	b.must(b.store.Blobs().Flush())
	_, err := b.store.Sweep(func([32]byte) bool { return false }, false)
	b.must(err)
	v, err := b.Verify(b.ctx())
	if b.must(err); len(v.Problems) != 1 || v.Problems[0] != fmt.Sprintf("content that record %d wrote is not there", seq) {
		t.Errorf("%q", v.Problems)
	}
}

// TestGCStoppedAnywhere cuts the power at every so-manieth change of the disk
// during a gc: nothing that is kept is lost, and the next gc takes the rest.
func TestGCStoppedAnywhere(t *testing.T) {
	for n := 1; n < 40; n += 3 {
		disk := journaltest.NewFaultFS(uint64(n))
		s := mustOpen(t, disk, few)
		put := func(view string, p rmg.Path, name string, size int) {
			t.Helper()
			if _, err := s.Rewrite(t.Context(), ada, view, rewrite.Rewrite{Ops: []rewrite.Op{writeText(p, bulk(name, size))}}); err != nil {
				t.Fatal(err)
			}
		}
		put("system", "/kept", "kept", 70_000)
		put("system", "/small", "small", 30)
		w, err := s.Fork(t.Context(), ada, ForkRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			put("sws:"+w.ID, rmg.Path(fmt.Sprintf("/lost%d", i)), fmt.Sprintf("lost%d", i), 70_000)
			put("sws:"+w.ID, rmg.Path(fmt.Sprintf("/few%d", i)), fmt.Sprintf("few%d", i), 3000)
		}
		_, err = s.Discard(t.Context(), ada, w.ID, "")
		if _, perr := s.SetPolicy(t.Context(), ada, []byte("settings:\n  keep_discarded: 0s\n"), ""); errors.Join(err, perr) != nil {
			t.Fatal(err, perr)
		}
		until := s.now().seq
		was := readable(t, s.Kernel, until, w.ID)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}

		s = mustOpen(t, disk, few)
		disk.StopAfter(n)
		_, stopped := s.GC(t.Context(), ada, GCRequest{})
		disk.Crash()
		_ = s.close()
		s = mustOpen(t, disk, few)
		if now := readable(t, s.Kernel, until, w.ID); !maps.Equal(now, was) {
			t.Fatalf("stopped at change %d (%v): something kept is not what it was", n, stopped)
		}
		_, err = s.GC(t.Context(), ada, GCRequest{})
		v, verr := s.Verify(t.Context())
		if errors.Join(err, verr) != nil || len(v.Problems) > 0 || v.GivenUp != 1 || v.Gone != 6 {
			t.Fatalf("stopped at change %d (%v): then %v, %+v %v", n, stopped, err, v, verr)
		}
		if now := readable(t, s.Kernel, until, w.ID); !maps.Equal(now, was) {
			t.Fatalf("stopped at change %d: after the next gc something kept is not what it was", n)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A backup taken after a gc, while the kernel writes, is restored to what it was
// at its last record, and goes on.
func TestBackupAndRestore(t *testing.T) {
	from := t.TempDir()
	git, run := &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{}
	b := openStage(t, from, git, run)
	b.write("system", writeText("/kept", bulk("kept", 70_000)))
	w := b.fork()
	b.write("sws:"+w, writeText("/lost", bulk("lost", 70_000)))
	_, err := b.Discard(b.ctx(), ada, w, "")
	b.must(err)
	b.policy("settings:\n  keep_discarded: 0s\n")
	b.end()
	b = openStage(t, from, git, run)
	if got, err := b.GC(b.ctx(), ada, GCRequest{}); err != nil || got.Removed.Blobs != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	b.must(b.markNow(true))
	stop, wrote := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				wrote <- nil
				return
			default:
			}
			op := writeText(rmg.Path(fmt.Sprintf("/n%d", i)), bulk("note", i))
			if _, err := b.Rewrite(b.ctx(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{op}}); err != nil {
				wrote <- err
				return
			}
		}
	}()
	copied, restored := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "data")
	said, err := b.Backup(b.ctx(), ada, copied)
	close(stop)
	b.must(errors.Join(err, <-wrote))
	if _, err := b.Backup(b.ctx(), ada, copied); code(err) != rmg.Exists {
		t.Errorf("over another: %v", err)
	}
	if _, err := b.Backup(b.ctx(), ada, filepath.Join(from, "x")); code(err) != rmg.Exists {
		t.Errorf("into the data folder: %v", err)
	}
	held, err := journal.ReadBackup(copied, nil)
	if b.must(err); said != (Backed{held.Seq, held.Files, held.Bytes}) || said.Files == 0 {
		t.Errorf("it said %+v, and is %+v", said, held)
	}
	b.must(journal.Restore(b.ctx(), copied, restored, journal.Options{}))
	re := openStage(t, restored, git, run)
	for seq := held.Seq; seq >= held.Seq-3; seq-- {
		want, err := b.open(seq)
		b.must(err)
		got, err := re.open(seq)
		if b.must(err); got.world.Digest() != want.world.Digest() || got.ledger.Digest() != want.ledger.Digest() {
			t.Errorf("seq %d is another", seq)
		}
	}
	re.write("system", writeText("/more", "more"))
	v, err := re.Verify(re.ctx())
	if re.must(err); len(v.Problems) > 0 || v.Gone != 1 {
		t.Errorf("%+v", v)
	}
	if !bytes.Equal([]byte(re.text("/kept")), []byte(b.text("/kept"))) {
		t.Error("content is another")
	}
}
