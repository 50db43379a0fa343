package journaltest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"jitos.dev/journal"
)

// BlobKeeper is a place for content that can be swept and purged.
type BlobKeeper interface {
	Blobs() journal.Blobs
	Sweep(keep func(sum [32]byte) bool, dryRun bool) (journal.Swept, error)
	Purge(sum [32]byte) error
	Close() error
}

// TestBlobs holds the promises of journal.Blobs, and of what removes from it.
// fresh is as for TestLog.
func TestBlobs(t *testing.T, fresh func(t *testing.T) (open func() BlobKeeper)) {
	tests := []struct {
		name string
		run  func(t *testing.T, open func() BlobKeeper)
	}{
		{"what was put is there, at once and later", testPut},
		{"a reader reads and seeks", testSeek},
		{"what fails to be read is not put", testPutFails},
		{"many put and flush side by side", testPutBeside},
		{"a sweep removes what is not kept", testSweep},
		{"a dry run removes nothing", testDryRun},
		{"what is put during a sweep stays", testSweepBeside},
		{"what is purged is known to be absent", testPurge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, fresh(t)) })
	}
}

// Put puts content, and returns its name.
func Put(t testing.TB, k BlobKeeper, content []byte) [32]byte {
	t.Helper()
	sum, n, err := k.Blobs().Put(bytes.NewReader(content))
	if err != nil || n != int64(len(content)) || sum != sha256.Sum256(content) {
		t.Fatalf("put of %d bytes: %x, %d, %v", len(content), sum, n, err)
	}
	return sum
}

// Content says how a blob is not there with this content; nil if it is.
func Content(k BlobKeeper, content []byte) error {
	sum := sha256.Sum256(content)
	r, err := k.Blobs().Open(sum)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err == nil && !bytes.Equal(b, content) {
		err = fmt.Errorf("%d bytes with another content than the %d that were put", len(b), len(content))
	}
	if err == nil && !k.Blobs().Has(sum) {
		err = errors.New("it is there, and Has says no")
	}
	return err
}

// absent says how a blob that should not be there is.
func absent(k BlobKeeper, content []byte, want error) error {
	sum := sha256.Sum256(content)
	if r, err := k.Blobs().Open(sum); !errors.Is(err, want) {
		if err == nil {
			err = r.Close()
		}
		return fmt.Errorf("open of what is not there: %v, not %v", err, want)
	}
	if k.Blobs().Has(sum) {
		return errors.New("it is not there, and Has says it is")
	}
	return nil
}

// contents are n of them, around the size up to which blobs are packed.
func contents(n int) [][]byte {
	var all [][]byte
	for i := range n {
		size := []int{0, 1, 100, 3000, journal.MaxPacked, journal.MaxPacked + 1, 3 * journal.MaxPacked}[i%7]
		if i >= 7 {
			size += 20 + i
		}
		all = append(all, Payload(uint64(i), size))
	}
	return all
}

func closeKeeper(t testing.TB, k BlobKeeper) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func flush(t testing.TB, k BlobKeeper) {
	t.Helper()
	if err := k.Blobs().Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
}

func testPut(t *testing.T, open func() BlobKeeper) {
	k := open()
	all := contents(14)
	check := func(when string) {
		t.Helper()
		for _, c := range all {
			if err := Content(k, c); err != nil {
				t.Fatalf("%s: %d bytes: %v", when, len(c), err)
			}
		}
		if err := absent(k, []byte("never put"), journal.ErrNoBlob); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	for range 2 { // the second time all is there
		for _, c := range all {
			Put(t, k, c)
		}
		check("put")
		flush(t, k)
		check("flushed")
	}
	closeKeeper(t, k)
	for range 2 {
		k = open()
		check("reopened")
		Put(t, k, all[2])
		closeKeeper(t, k)
	}
}

func testSeek(t *testing.T, open func() BlobKeeper) {
	k := open()
	defer closeKeeper(t, k)
	for _, c := range contents(7)[3:] {
		r, err := k.Blobs().Open(Put(t, k, c))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Seek(-10, io.SeekEnd); err != nil || n != int64(len(c)-10) {
			t.Errorf("seek: %d, %v", n, err)
		}
		if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, c[len(c)-10:]) {
			t.Errorf("after a seek: %q, %v", b, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testPutFails(t *testing.T, open func() BlobKeeper) {
	k := open()
	defer closeKeeper(t, k)
	broken := errors.New("broken")
	for _, c := range contents(7)[2:] {
		r := io.MultiReader(bytes.NewReader(c), failing{broken})
		if _, _, err := k.Blobs().Put(r); !errors.Is(err, broken) {
			t.Errorf("put of a reader that fails: %v", err)
		}
		if err := absent(k, c, journal.ErrNoBlob); err != nil {
			t.Error(err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func testPutBeside(t *testing.T, open func() BlobKeeper) {
	k := open()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 30 {
				c := fmt.Appendf(nil, "content %d", i*(1+g%2))
				_, _, err := k.Blobs().Put(bytes.NewReader(c))
				if err == nil {
					err = Content(k, c)
				}
				if err == nil && i%5 == g {
					err = k.Blobs().Flush()
				}
				if err == nil {
					err = Content(k, c)
				}
				if err != nil {
					t.Errorf("beside others: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	closeKeeper(t, k)
	k = open()
	defer closeKeeper(t, k)
	for i := range 30 {
		if err := Content(k, fmt.Appendf(nil, "content %d", i*2)); err != nil {
			t.Errorf("reopened: %v", err)
		}
	}
}

// sums is what a sweep has to keep.
func sums(all [][]byte) func([32]byte) bool {
	keep := map[[32]byte]bool{}
	for _, c := range all {
		keep[sha256.Sum256(c)] = true
	}
	return func(sum [32]byte) bool { return keep[sum] }
}

func testSweep(t *testing.T, open func() BlobKeeper) {
	k := open()
	all := contents(28)
	kept := all[:7]
	for _, c := range all {
		Put(t, k, c)
	}
	// What is not flushed stays, whatever is kept.
	if r, err := k.Sweep(sums(nil), false); err != nil || r.Blobs > 0 {
		t.Fatalf("a sweep of what was just put: %+v, %v", r, err)
	}
	flush(t, k)
	want := int64(0)
	for _, c := range all[7:] {
		want += int64(len(c))
	}
	r, err := k.Sweep(sums(kept), false)
	if err != nil || r.Blobs+r.LeftBlobs != 21 || r.Bytes+r.LeftBytes != want || r.Blobs == 0 {
		t.Fatalf("sweep: %+v, %v; 21 of %d bytes are not kept", r, err, want)
	}
	check := func(when string) {
		t.Helper()
		for _, c := range kept {
			if err := Content(k, c); err != nil {
				t.Errorf("%s: what is kept: %v", when, err)
			}
		}
		gone := 0
		for _, c := range all[7:] {
			if absent(k, c, journal.ErrNoBlob) == nil {
				gone++
			} else if err := Content(k, c); err != nil {
				t.Errorf("%s: what is left: %v", when, err)
			}
		}
		if gone != r.Blobs {
			t.Errorf("%s: %d are gone, not %d", when, gone, r.Blobs)
		}
	}
	check("swept")
	closeKeeper(t, k)
	k = open()
	check("reopened")
	for _, c := range all {
		Put(t, k, c) // what was swept may come again
	}
	flush(t, k)
	closeKeeper(t, k)
	k = open()
	for _, c := range all {
		if err := Content(k, c); err != nil {
			t.Errorf("put again: %v", err)
		}
	}
	if r, err := k.Sweep(sums(nil), false); err != nil || r.Blobs != len(all) {
		t.Errorf("a sweep of all: %+v, %v", r, err)
	}
	closeKeeper(t, k)
}

func testDryRun(t *testing.T, open func() BlobKeeper) {
	k := open()
	defer closeKeeper(t, k)
	all := contents(14)
	for _, c := range all {
		Put(t, k, c)
	}
	flush(t, k)
	dry, err := k.Sweep(sums(all[:2]), true)
	if err != nil || dry.Blobs+dry.LeftBlobs != 12 {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	for _, c := range all {
		if err := Content(k, c); err != nil {
			t.Errorf("after a dry run: %v", err)
		}
	}
	if r, err := k.Sweep(sums(all[:2]), false); err != nil || r != dry {
		t.Errorf("sweep: %+v, %v; the dry run said %+v", r, err, dry)
	}
}

func testSweepBeside(t *testing.T, open func() BlobKeeper) {
	k := open()
	all := contents(14)
	for _, c := range all {
		Put(t, k, c)
	}
	flush(t, k)
	// The sweep asks about each: meanwhile the others are put again.
	i := 0
	_, err := k.Sweep(func([32]byte) bool {
		if i < 7 {
			Put(t, k, all[i])
			i++
		}
		return false
	}, false)
	if err != nil {
		t.Fatalf("sweep: %v", err)
	}
	flush(t, k)
	closeKeeper(t, k)
	k = open()
	defer closeKeeper(t, k)
	for _, c := range all[:i] {
		// One that had gone already when it was put was stored anew.
		if err := Content(k, c); err != nil {
			t.Errorf("%d bytes that were put during a sweep: %v", len(c), err)
		}
	}
}

func testPurge(t *testing.T, open func() BlobKeeper) {
	k := open()
	all := contents(14)
	for _, c := range all[:10] {
		Put(t, k, c)
	}
	flush(t, k)
	for _, c := range all[10:12] {
		Put(t, k, c) // 12 and 13 are never put
	}
	for i := 0; i < len(all); i += 2 {
		for range 2 {
			if err := k.Purge(sha256.Sum256(all[i])); err != nil {
				t.Fatalf("purge: %v", err)
			}
		}
	}
	for range 3 {
		for i, c := range all {
			var err error
			switch {
			case i%2 == 0:
				err = absent(k, c, journal.ErrPurged)
				if _, _, perr := k.Blobs().Put(bytes.NewReader(c)); !errors.Is(perr, journal.ErrPurged) {
					t.Errorf("put of what was purged: %v", perr)
				}
			case i < 12:
				err = Content(k, c)
			}
			if err != nil {
				t.Errorf("content %d of %d bytes: %v", i, len(c), err)
			}
		}
		closeKeeper(t, k)
		k = open()
	}
	closeKeeper(t, k)
}
