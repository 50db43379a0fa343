package journaltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"jitos.dev/journal"
)

// Keeper is a log that keeps checkpoints.
type Keeper interface {
	journal.Log
	journal.Checkpoints
}

// TestCheckpoints holds the promises of journal.Checkpoints and
// journal.Objects. fresh is as for TestLog; at least three checkpoints have to
// be kept.
func TestCheckpoints(t *testing.T, fresh func(t *testing.T) (open func() Keeper)) {
	tests := []struct {
		name string
		run  func(t *testing.T, open func() Keeper)
	}{
		{"there are none at first", testNoCheckpoint},
		{"what was written is found, newest first", testCheckpointsFound},
		{"one of the same seq is replaced", testCheckpointReplaced},
		{"what is not of the log is refused", testCheckpointRefused},
		{"an object file is read as it is appended to", testObjectsBeside},
		{"what no checkpoint names is gone after a restart", testObjectsCut},
		{"a generation is dropped when it is not needed", testDrop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, fresh(t)) })
	}
}

// Mark writes a checkpoint of the log's last seq.
func Mark(t testing.TB, k Keeper, at journal.Extent, payload string) journal.Checkpoint {
	t.Helper()
	seq, chain := k.Last()
	c := journal.Checkpoint{Seq: seq, Chain: chain, Epoch: k.Epoch(), Fold: 7, Objects: at, Payload: []byte(payload)}
	if err := k.WriteCheckpoint(c); err != nil {
		t.Fatalf("checkpoint of seq %d: %v", seq, err)
	}
	return c
}

// Marks holds that a log has these checkpoints, newest first.
func Marks(t testing.TB, k Keeper, want ...journal.Checkpoint) {
	t.Helper()
	got, err := k.Checkpoints()
	if err != nil {
		t.Fatalf("checkpoints: %v", err)
	}
	if !slices.EqualFunc(got, want, SameMark) {
		t.Fatalf("checkpoints are\n%+v, not\n%+v", got, want)
	}
}

// SameMark reports whether two checkpoints are the same.
func SameMark(a, b journal.Checkpoint) bool {
	return a.Seq == b.Seq && a.Chain == b.Chain && a.Epoch == b.Epoch && a.Fold == b.Fold && a.Objects == b.Objects && bytes.Equal(a.Payload, b.Payload)
}

// Grow appends to an object file, and returns its extent then.
func Grow(t testing.TB, f journal.ObjectFile, b []byte) journal.Extent {
	t.Helper()
	if n, err := f.Write(b); n != len(b) || err != nil {
		t.Fatalf("write of %d bytes to object file %d: %d, %v", len(b), f.Generation(), n, err)
	}
	return journal.Extent{Generation: f.Generation(), Length: f.Size()}
}

// Object opens an object file, and holds that it has these bytes.
func Object(t testing.TB, k Keeper, generation uint64, want []byte) journal.ObjectFile {
	t.Helper()
	f, err := k.Objects().Open(generation)
	if err != nil {
		t.Fatalf("object file %d: %v", generation, err)
	}
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil || !bytes.Equal(got, want) || f.Size() != int64(len(want)) {
		t.Fatalf("object file %d has %d bytes, says %d, not the %d that were written, or others: %v", generation, len(got), f.Size(), len(want), err)
	}
	return f
}

func begin(t testing.TB, k Keeper) journal.ObjectFile {
	t.Helper()
	f, err := k.Objects().Begin()
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	return f
}

func testNoCheckpoint(t *testing.T, open func() Keeper) {
	k := open()
	defer closeLog(t, k)
	Marks(t, k)
	if g := k.Objects().Generations(); len(g) > 0 {
		t.Errorf("generations: %v", g)
	}
	if _, err := k.Objects().Open(1); !errors.Is(err, journal.ErrNoObjects) {
		t.Errorf("open: %v", err)
	}
	if chain, err := k.ChainAt(0); err != nil || chain != [32]byte{} {
		t.Errorf("chain at 0: %x, %v", chain, err)
	}
}

func testCheckpointsFound(t *testing.T, open func() Keeper) {
	k := open()
	var want []journal.Checkpoint
	for i := range 3 {
		Append(t, k, 2, Payload(uint64(i), 500))
		want = append([]journal.Checkpoint{Mark(t, k, journal.Extent{}, string(Payload(9, i*100)))}, want...)
		Marks(t, k, want...)
	}
	Append(t, k, 1, nil)
	closeLog(t, k)
	k = open()
	Marks(t, k, want...)
	// An old seq can be marked as well; of the four the newest are kept.
	chain, err := k.ChainAt(want[2].Seq)
	if err != nil || chain != want[2].Chain {
		t.Errorf("chain at %d: %x, %v", want[2].Seq, chain, err)
	}
	want = append([]journal.Checkpoint{Mark(t, k, journal.Extent{}, "newest")}, want...)
	got, err := k.Checkpoints()
	if err != nil || len(got) < 3 || !slices.EqualFunc(got[:3], want[:3], SameMark) {
		t.Errorf("checkpoints are %+v, %v", got, err)
	}
	closeLog(t, k)
}

func testCheckpointReplaced(t *testing.T, open func() Keeper) {
	k := open()
	Append(t, k, 1, nil)
	old := Mark(t, k, journal.Extent{}, "old")
	Append(t, k, 1, nil)
	Mark(t, k, journal.Extent{}, "first")
	second := Mark(t, k, journal.Extent{}, "second")
	Marks(t, k, second, old)
	closeLog(t, k)
	k = open()
	defer closeLog(t, k)
	Marks(t, k, second, old)
}

func testCheckpointRefused(t *testing.T, open func() Keeper) {
	k := open()
	defer closeLog(t, k)
	Append(t, k, 2, nil)
	Append(t, k, 3, nil)
	seq, chain := k.Last()
	good := Mark(t, k, journal.Extent{}, "good")
	f := begin(t, k)
	Grow(t, f, []byte("12345"))
	for _, tt := range []struct {
		name   string
		change func(c *journal.Checkpoint)
		err    error
	}{
		{"a seq that is not there yet", func(c *journal.Checkpoint) { c.Seq = seq + 1 }, journal.ErrSeq},
		{"a seq inside a frame", func(c *journal.Checkpoint) { c.Seq = seq - 1 }, journal.ErrSeq},
		{"seq 0", func(c *journal.Checkpoint) { c.Seq, c.Chain = 0, [32]byte{} }, journal.ErrSeq},
		{"another chain", func(c *journal.Checkpoint) { c.Chain[31] ^= 1 }, journal.ErrChain},
		{"the chain of another seq", func(c *journal.Checkpoint) { c.Seq = 2 }, journal.ErrChain},
		{"a later epoch", func(c *journal.Checkpoint) { c.Epoch++ }, journal.ErrFenced},
		{"no such generation", func(c *journal.Checkpoint) { c.Objects = journal.Extent{Generation: 99} }, journal.ErrNoObjects},
		{"more objects than there are", func(c *journal.Checkpoint) { c.Objects.Length = 6 }, journal.ErrNoObjects},
		{"less than none", func(c *journal.Checkpoint) { c.Objects.Length = -1 }, journal.ErrNoObjects},
		{"too much", func(c *journal.Checkpoint) { c.Payload = make([]byte, journal.MaxCheckpoint+1) }, journal.ErrLimit},
	} {
		c := journal.Checkpoint{Seq: seq, Chain: chain, Epoch: k.Epoch(), Objects: journal.Extent{Generation: f.Generation(), Length: 5}}
		tt.change(&c)
		if err := k.WriteCheckpoint(c); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, not %v", tt.name, err, tt.err)
		}
		Marks(t, k, good)
	}
}

func testObjectsBeside(t *testing.T, open func() Keeper) {
	k := open()
	Append(t, k, 1, nil)
	f := begin(t, k)
	var want []byte
	for i := range 60 {
		b := Payload(uint64(i), i*3000)
		want = append(want, b...)
		at := Grow(t, f, b)
		if at.Length != int64(len(want)) {
			t.Fatalf("size is %d, not %d", at.Length, len(want))
		}
		Object(t, k, f.Generation(), want)
		if from := len(want) / 2; i%7 == 0 && from > 10 {
			got := make([]byte, 10)
			if n, err := f.ReadAt(got, int64(from)); n != 10 || err != nil || !bytes.Equal(got, want[from:from+10]) {
				t.Fatalf("read at %d: %d bytes %q, %v", from, n, got, err)
			}
		}
	}
	if n, err := f.ReadAt(make([]byte, 10), f.Size()-3); n != 3 || err != io.EOF {
		t.Errorf("read over the end: %d, %v", n, err)
	}
	at := journal.Extent{Generation: f.Generation(), Length: f.Size()}
	c := Mark(t, k, at, "all")
	closeLog(t, k)
	k = open()
	defer closeLog(t, k)
	Marks(t, k, c)
	f = Object(t, k, at.Generation, want)
	Grow(t, f, []byte("goes on"))
	Object(t, k, at.Generation, append(want, "goes on"...))
}

func testObjectsCut(t *testing.T, open func() Keeper) {
	k := open()
	Append(t, k, 1, nil)
	f := begin(t, k)
	c := Mark(t, k, Grow(t, f, []byte("needed")), "")
	Grow(t, f, []byte(" and not"))
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	Grow(t, begin(t, k), []byte("a compaction that did not end"))
	closeLog(t, k)
	k = open()
	defer closeLog(t, k)
	Marks(t, k, c)
	Object(t, k, c.Objects.Generation, []byte("needed"))
	if g := k.Objects().Generations(); !slices.Equal(g, []uint64{c.Objects.Generation}) {
		t.Errorf("generations: %v", g)
	}
}

func testDrop(t *testing.T, open func() Keeper) {
	k := open()
	Append(t, k, 1, nil)
	old := begin(t, k)
	first := Mark(t, k, Grow(t, old, []byte("old")), "1")
	compacted := begin(t, k)
	at := Grow(t, compacted, []byte("compacted"))
	drop := func() error { return k.Objects().Drop(old.Generation()) }
	for i := range 2 {
		if err := drop(); !errors.Is(err, journal.ErrInUse) {
			t.Fatalf("drop with %d newer checkpoints: %v", i, err)
		}
		Append(t, k, 1, nil)
		Mark(t, k, at, "")
	}
	marks, err := k.Checkpoints()
	if err != nil || len(marks) != 3 || !SameMark(marks[2], first) {
		t.Fatalf("before the drop: %+v, %v", marks, err)
	}
	if err := drop(); err != nil {
		t.Fatalf("drop: %v", err)
	}
	for range 2 {
		Marks(t, k, marks[:2]...)
		if err := k.Objects().Drop(old.Generation()); !errors.Is(err, journal.ErrNoObjects) {
			t.Errorf("dropped twice: %v", err)
		}
		if err := k.Objects().Drop(compacted.Generation()); !errors.Is(err, journal.ErrInUse) {
			t.Errorf("drop of what is needed: %v", err)
		}
		closeLog(t, k)
		k = open()
	}
	Object(t, k, compacted.Generation(), []byte("compacted"))
	if f := begin(t, k); f.Generation() <= compacted.Generation() {
		t.Errorf("a generation of the number %d, after %d", f.Generation(), compacted.Generation())
	}
	closeLog(t, k)
}

// testTail follows a log that grows, is left, cancelled and closed.
func testTail(t *testing.T, open func() journal.Log) {
	l := open()
	want := fill(t, l, 4)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan journal.Frame)
	end := make(chan error, 1)
	go func() {
		for f, err := range l.Tail(ctx, 2) {
			if err != nil {
				end <- err
				return
			}
			got <- f
		}
		end <- nil
	}()
	receive := func() journal.Frame {
		select {
		case f := <-got:
			return f
		case err := <-end:
			t.Fatalf("the tail ended: %v", err)
			return journal.Frame{}
		}
	}
	for _, f := range want[1:] {
		Same(t, []journal.Frame{receive()}, []journal.Frame{f})
	}
	for i := range 20 {
		f := Append(t, l, uint32(1+i%2), Payload(uint64(i), 30))
		Same(t, []journal.Frame{receive()}, []journal.Frame{f})
	}
	cancel()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Errorf("the tail ended with %v", err)
	}
	for _, err := range l.Tail(ctx, 1) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a tail of an ended context: %v", err)
		}
	}
	// One that waits beyond the end, and one that is left.
	last, _ := l.Last()
	go func() {
		for f, err := range l.Tail(context.Background(), last+3) {
			if err != nil {
				end <- err
				return
			}
			got <- f
		}
	}()
	for range l.Tail(context.Background(), 1) {
		break
	}
	Append(t, l, 2, nil)
	f := Append(t, l, 1, []byte("beyond"))
	Same(t, []journal.Frame{receive()}, []journal.Frame{f})
	closeLog(t, l)
	if err := <-end; !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after close the tail ended with %v", err)
	}
}

func testChainAt(t *testing.T, open func() journal.Log) {
	l := open()
	chains := map[uint64][32]byte{0: {}}
	for range 12 {
		last, _ := l.Last()
		Append(t, l, uint32(1+last%3), Payload(last, 90))
		seq, chain := l.Last()
		chains[seq] = chain
	}
	for range 2 {
		last, _ := l.Last()
		for seq := range last + 3 {
			want, ends := chains[seq]
			got, err := l.ChainAt(seq)
			if ends && (err != nil || got != want) || !ends && !errors.Is(err, journal.ErrSeq) {
				t.Errorf("chain at %d: %x, %v; a frame ends there: %v, with %x", seq, got, err, ends, want)
			}
		}
		closeLog(t, l)
		l = open()
	}
	closeLog(t, l)
}
