package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"jitos.dev/journal"
)

// TestLog holds the promises of journal.Log. fresh makes an empty place and
// returns what opens the log there; it is called again after each Close.
func TestLog(t *testing.T, fresh func(t *testing.T) (open func() journal.Log)) {
	tests := []struct {
		name string
		run  func(t *testing.T, open func() journal.Log)
	}{
		{"an empty log", testEmpty},
		{"what was appended is read, in order", testOrder},
		{"read begins with the frame that holds the seq", testFrom},
		{"what is refused leaves no trace", testRefused},
		{"a cancelled context appends nothing", testCancelled},
		{"reopening finds the same", testReopen},
		{"the epoch rises above that of the last frame", testEpoch},
		{"the chain covers content and order", testChain},
		{"the payload belongs to the caller again", testPayload},
		{"a range may be left early", testLeave},
		{"a range ends where the log ended", testSnapshot},
		{"readers beside the writer see a beginning", testBeside},
		{"a tail follows the log", testTail},
		{"the chain is known at every frame's end", testChainAt},
		{"after close nothing is appended", testClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, fresh(t)) })
	}
}

// Payload returns n bytes, that differ for each seq.
func Payload(seq uint64, n int) []byte {
	b := bytes.Repeat(fmt.Appendf(nil, "<%d>", seq), n/3+1)
	return b[:n]
}

// Append adds a frame of count records after the last, and returns it.
func Append(t testing.TB, l journal.Log, count uint32, payload []byte) journal.Frame {
	t.Helper()
	last, _ := l.Last()
	f := journal.Frame{Epoch: l.Epoch(), First: last + 1, Count: count, Payload: payload}
	if err := l.Append(t.Context(), f); err != nil {
		t.Fatalf("append of seq %d: %v", f.First, err)
	}
	return f
}

// Frames reads all there is from a seq on.
func Frames(t testing.TB, l journal.Log, from uint64) []journal.Frame {
	t.Helper()
	var all []journal.Frame
	for f, err := range l.Read(from) {
		if err != nil {
			t.Fatalf("read from %d, after %d frames: %v", from, len(all), err)
		}
		all = append(all, f)
	}
	return all
}

// Same compares frames, and fails with the first that differs.
func Same(t testing.TB, got, want []journal.Frame) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !Equal(got[i], want[i]) {
			t.Fatalf("frame %d is %s, not %s", i, Show(got[i]), Show(want[i]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d frames, not %d", len(got), len(want))
	}
}

// Equal reports whether two frames are the same.
func Equal(a, b journal.Frame) bool {
	return a.Epoch == b.Epoch && a.First == b.First && a.Count == b.Count && bytes.Equal(a.Payload, b.Payload)
}

// Show is a frame in one line.
func Show(f journal.Frame) string {
	return fmt.Sprintf("epoch %d, seq %d+%d, %d bytes %.12q", f.Epoch, f.First, f.Count, len(f.Payload), f.Payload)
}

// fill appends n frames of growing counts and sizes, one of them empty.
func fill(t *testing.T, l journal.Log, n int) []journal.Frame {
	t.Helper()
	all := make([]journal.Frame, n)
	for i := range all {
		last, _ := l.Last()
		all[i] = Append(t, l, uint32(1+i%3), Payload(last+1, i*17))
	}
	return all
}

func closeLog(t *testing.T, l journal.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func testEmpty(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	if seq, chain := l.Last(); seq != 0 || chain != [32]byte{} {
		t.Errorf("last is %d, %x", seq, chain)
	}
	if l.Epoch() != 1 {
		t.Errorf("epoch is %d, not 1", l.Epoch())
	}
	Same(t, Frames(t, l, 0), nil)
	Same(t, Frames(t, l, 7), nil)
}

func testOrder(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	want := fill(t, l, 20)
	Same(t, Frames(t, l, 0), want)
	Same(t, Frames(t, l, 1), want)
	end := want[len(want)-1]
	if seq, _ := l.Last(); seq != end.First+uint64(end.Count)-1 {
		t.Errorf("last is %d after %s", seq, Show(end))
	}
}

func testFrom(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	want := fill(t, l, 12)
	last, _ := l.Last()
	for from := uint64(1); from <= last+2; from++ {
		i := slices.IndexFunc(want, func(f journal.Frame) bool { return f.First+uint64(f.Count) > from })
		if i < 0 {
			i = len(want)
		}
		Same(t, Frames(t, l, from), want[i:])
	}
}

func testRefused(t *testing.T, open func() journal.Log) {
	l := open()
	want := fill(t, l, 3)
	seq, chain := l.Last()
	epoch := l.Epoch()
	for _, tt := range []struct {
		name string
		f    journal.Frame
		err  error
	}{
		{"a seq again", journal.Frame{Epoch: epoch, First: seq, Count: 1}, journal.ErrSeq},
		{"a gap", journal.Frame{Epoch: epoch, First: seq + 2, Count: 1}, journal.ErrSeq},
		{"seq 0", journal.Frame{Epoch: epoch, Count: 1}, journal.ErrSeq},
		{"an earlier epoch", journal.Frame{Epoch: epoch - 1, First: seq + 1, Count: 1}, journal.ErrFenced},
		{"a later epoch", journal.Frame{Epoch: epoch + 1, First: seq + 1, Count: 1}, journal.ErrFenced},
		{"no records", journal.Frame{Epoch: epoch, First: seq + 1}, journal.ErrLimit},
		{"too many bytes", journal.Frame{Epoch: epoch, First: seq + 1, Count: 1, Payload: make([]byte, journal.MaxFrame+1)}, journal.ErrLimit},
	} {
		if err := l.Append(t.Context(), tt.f); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, not %v", tt.name, err, tt.err)
		}
		if s, c := l.Last(); s != seq || c != chain {
			t.Errorf("%s: the log moved on to %d", tt.name, s)
		}
	}
	want = append(want, Append(t, l, 1, []byte("goes on")))
	closeLog(t, l)
	l = open()
	defer closeLog(t, l)
	Same(t, Frames(t, l, 1), want)
}

func testCancelled(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := l.Append(ctx, journal.Frame{Epoch: l.Epoch(), First: 1, Count: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if seq, _ := l.Last(); seq != 0 {
		t.Errorf("last is %d", seq)
	}
	Append(t, l, 1, nil)
}

func testReopen(t *testing.T, open func() journal.Log) {
	var want []journal.Frame
	var seq uint64
	var chain [32]byte
	for range 4 {
		l := open()
		if s, c := l.Last(); s != seq || c != chain {
			t.Fatalf("last is %d, %x; was %d, %x", s, c, seq, chain)
		}
		Same(t, Frames(t, l, 1), want)
		want = append(want, fill(t, l, 5)...)
		seq, chain = l.Last()
		closeLog(t, l)
	}
}

func testEpoch(t *testing.T, open func() journal.Log) {
	for want := uint64(1); want <= 4; want++ {
		l := open()
		if l.Epoch() != want {
			t.Fatalf("epoch is %d, not %d", l.Epoch(), want)
		}
		Append(t, l, 1, nil)
		if l.Epoch() != want {
			t.Fatalf("an append made epoch %d of %d", l.Epoch(), want)
		}
		closeLog(t, l)
	}
}

func testChain(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	was := map[[32]byte]uint64{}
	for range 5 {
		seq, chain := l.Last()
		if s, ok := was[chain]; ok {
			t.Fatalf("the chain is the same at seq %d and %d", s, seq)
		}
		was[chain] = seq
		Append(t, l, 1, []byte("the same"))
	}
}

func testPayload(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	b := []byte("first")
	Append(t, l, 1, b)
	copy(b, "other")
	if got := Frames(t, l, 1); string(got[0].Payload) != "first" {
		t.Errorf("payload is %q", got[0].Payload)
	}
}

func testLeave(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	fill(t, l, 6)
	n := 0
	for _, err := range l.Read(1) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	Append(t, l, 1, nil)
}

func testSnapshot(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	want := fill(t, l, 4)
	var got []journal.Frame
	for f, err := range l.Read(1) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, f); len(got) == 2 {
			Append(t, l, 1, []byte("later"))
		}
	}
	Same(t, got, want)
}

func testBeside(t *testing.T, open func() journal.Log) {
	l := open()
	defer closeLog(t, l)
	const frames = 60
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for last := uint64(0); last < frames; {
				next := uint64(1)
				for f, err := range l.Read(1) {
					if err != nil || f.First != next || !bytes.Equal(f.Payload, Payload(f.First, 40)) {
						t.Errorf("beside the writer, at %d: %s, %v", next, Show(f), err)
						return
					}
					next++
				}
				if next-1 < last {
					t.Errorf("a reader went back from %d to %d", last, next-1)
					return
				}
				last = next - 1
				if seq, _ := l.Last(); seq < last {
					t.Errorf("last is %d, but %d was read", seq, last)
					return
				}
				if t.Failed() {
					return
				}
			}
		})
	}
	// After a failure the readers have to come to an end, too.
	for seq := uint64(1); seq <= frames; seq++ {
		f := journal.Frame{Epoch: l.Epoch(), First: seq, Count: 1, Payload: Payload(seq, 40)}
		if err := l.Append(context.Background(), f); err != nil {
			t.Errorf("append: %v", err)
			break
		}
	}
	wg.Wait()
}

func testClosed(t *testing.T, open func() journal.Log) {
	l := open()
	Append(t, l, 1, nil)
	closeLog(t, l)
	if err := l.Append(t.Context(), journal.Frame{Epoch: l.Epoch(), First: 2, Count: 1}); err == nil {
		t.Error("append after close succeeded")
	}
	l = open()
	defer closeLog(t, l)
	if seq, _ := l.Last(); seq != 1 {
		t.Errorf("last is %d", seq)
	}
}
