package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

const onePack = "/data/blobs/packs/0000000000000001.pack"

// count counts the events of an op.
func count(events []journaltest.Event, op journaltest.Op, part string) int {
	n := 0
	for i := index(events, 0, op, part); i >= 0; i = index(events, i+1, op, part) {
		n++
	}
	return n
}

// packed is a store whose one pack has n batches of two blobs each.
func packed(t *testing.T, seed uint64, batches int) (*journaltest.FaultFS, *journal.Store, [][]byte) {
	t.Helper()
	disk := journaltest.NewFaultFS(seed)
	disk.Inject(noReserve)
	s := open(t, "/data", journal.Options{FS: disk})
	var all [][]byte
	for i := range batches {
		for j := range 2 {
			c := fmt.Appendf(nil, "blob %d of batch %d, %s", j, i, strings.Repeat("x", 40*j))
			journaltest.Put(t, s, c)
			all = append(all, c)
		}
		if err := s.Blobs().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	disk.Inject(nil)
	return disk, s, all
}

// However many blobs, a flush is one sync; content that is there costs none.
func TestManyBlobsAreOneSync(t *testing.T) {
	disk, s, all := packed(t, 1, 1)
	disk.Events()
	for i := range 1000 {
		journaltest.Put(t, s, fmt.Appendf(nil, "small %d", i))
	}
	journaltest.Append(t, s, 1, nil)
	events := disk.Events()
	if n := count(events, journaltest.OpSync, "blobs") + count(events, journaltest.OpSyncDir, "blobs") + count(events, journaltest.OpSyncAll, ""); n != 1 {
		t.Errorf("%d syncs of 1000 blobs", n)
	}
	if index(events, index(events, 0, journaltest.OpSync, ".pack"), journaltest.OpWrite, ".seg") < 0 {
		t.Error("the pack is not synced before the frame is written")
	}
	for range 2 {
		for _, c := range all {
			journaltest.Put(t, s, c)
		}
		if err := s.Blobs().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if events := disk.Events(); len(events) > 0 {
		t.Errorf("content that is there was written again: %v", events)
	}
}

// A pack may end anywhere in its last batch: that is cut off, and the earlier
// ones are there.
func TestTornPack(t *testing.T) {
	disk, s, all := packed(t, 1, 3)
	data, _ := disk.ReadFile(onePack)
	closeStore(t, s)
	second := bytes.LastIndex(data[:len(data)-24], []byte("JTBE")) + 24
	for _, tear := range []func(b []byte, at int) []byte{
		func(b []byte, at int) []byte { return b[:at] },
		func(b []byte, at int) []byte { clear(b[at:]); return b },
		func(b []byte, at int) []byte { b[at] ^= 1; return b },
	} {
		for at := second; at < len(data); at++ {
			disk := journaltest.NewFaultFS(1)
			disk.Inject(noReserve)
			disk.Plant(onePack, tear(bytes.Clone(data), at))
			s := open(t, "/data", journal.Options{FS: disk})
			for i, c := range all {
				err := journaltest.Content(s, c)
				if i < 4 && err != nil || i >= 4 && !errors.Is(err, journal.ErrNoBlob) {
					t.Fatalf("torn at %d: blob %d: %v", at, i, err)
				}
			}
			journaltest.Put(t, s, all[5])
			if err := s.Blobs().Flush(); err != nil {
				t.Fatal(err)
			}
			disk.Crash()
			s = open(t, "/data", journal.Options{FS: disk})
			for i, c := range all {
				if err := journaltest.Content(s, c); (err == nil) != (i != 4) {
					t.Fatalf("torn at %d, put again: blob %d: %v", at, i, err)
				}
			}
			closeStore(t, s)
		}
	}
}

// Damage that is no torn end is named: of a content when it is read, of what
// tells blobs apart at the start.
func TestDamagedPack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		at      int64
		refused bool
	}{
		{"a content in an earlier batch", 50, false},
		{"a head in an earlier batch", 20, true},
		{"a magic in an earlier batch", 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk, s, all := packed(t, 1, 3)
			disk.Flip(onePack, tt.at, 2)
			if err := journaltest.Content(s, all[0]); !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), onePack+" at 0") {
				t.Errorf("read: %v", err)
			}
			if r, err := s.Verify(); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], onePack+" at 0") || r.Packs != 1 || r.Blobs != 6 {
				t.Errorf("verify: %+v, %v", r, err)
			}
			closeStore(t, s)
			before, _ := disk.ReadFile(onePack)
			s, err := journal.Open("/data", journal.Options{FS: disk})
			if tt.refused {
				if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), onePack+" at 0") {
					t.Errorf("open: %v", err)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range all {
					if err := journaltest.Content(s, c); errors.Is(err, journal.ErrCorrupt) != (i == 0) {
						t.Errorf("blob %d: %v", i, err)
					}
				}
			}
			if after, _ := disk.ReadFile(onePack); !bytes.Equal(before, after) {
				t.Error("the pack was changed")
			}
		})
	}
}

// A full pack is not read at the start, unless its index is missing or bad.
func TestPackIndex(t *testing.T) {
	const name = "/data/blobs/packs/0000000000000001.idx"
	for what, damage := range map[string]func(d *journaltest.FaultFS){
		"all is well":  nil,
		"no index":     func(d *journaltest.FaultFS) { _ = d.Remove(name) },
		"a bad index":  func(d *journaltest.FaultFS) { d.Flip(name, 33, 3) },
		"an empty one": func(d *journaltest.FaultFS) { d.Plant(name, nil) },
	} {
		disk := journaltest.NewFaultFS(1)
		opt := journal.Options{FS: disk, PackSize: 400}
		s := open(t, "/data", opt)
		var all [][]byte
		for i := range 9 {
			all = append(all, journaltest.Payload(uint64(i), 200))
			journaltest.Put(t, s, all[i])
			if err := s.Blobs().Flush(); err != nil {
				t.Fatal(err)
			}
		}
		closeStore(t, s)
		if damage != nil {
			damage(disk)
		}
		for i := range 2 {
			disk.Events()
			s = open(t, "/data", opt)
			if read := count(disk.Events(), journaltest.OpRead, onePack) > 0; read != (damage != nil && i == 0) {
				t.Errorf("%s: the pack was read: %v", what, read)
			}
			for _, c := range all {
				if err := journaltest.Content(s, c); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			closeStore(t, s)
		}
	}
}

// A folder of before packs is read, and its blobs are not stored twice.
func TestBlobsOfBeforePacks(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	s := open(t, "/data", journal.Options{FS: disk, MaxPacked: -1})
	journaltest.Put(t, s, []byte("of before"))
	closeStore(t, s)
	s = open(t, "/data", journal.Options{FS: disk})
	if err := journaltest.Content(s, []byte("of before")); err != nil {
		t.Error(err)
	}
	journaltest.Put(t, s, []byte("of before"))
	if names, _ := disk.ReadDir("/data/blobs/packs"); len(names) > 0 {
		t.Errorf("packed again: %q", names)
	}
	if r, err := s.Verify(); err != nil || r.Blobs != 1 {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// Without room a packed blob is refused, or the append that would need it, and
// nothing is poisoned or lost.
func TestFullDiskPacked(t *testing.T) {
	disk, s, all := packed(t, 1, 2)
	disk.SetRoom(10)
	if _, _, err := s.Blobs().Put(strings.NewReader("no room for this")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("put: %v", err)
	}
	disk.SetRoom(48 + 10 + 3) // for the entry, not for its mark
	waits := []byte("ten bytes.")
	journaltest.Put(t, s, waits)
	for range 2 {
		if err := appendNext(t, s, nil); !errors.Is(err, journal.ErrFull) || errors.Is(err, journal.ErrPoisoned) {
			t.Fatalf("append: %v", err)
		}
		if err := journaltest.Content(s, waits); err != nil {
			t.Error(err)
		}
		disk.SetRoom(0)
	}
	disk.SetRoom(journal.ReserveSize + 10000)
	journaltest.Append(t, s, 1, nil)
	disk.Crash()
	s = open(t, "/data", journal.Options{FS: disk})
	for _, c := range append(all, waits) {
		if err := journaltest.Content(s, c); err != nil {
			t.Error(err)
		}
	}
}

// A sync of a pack that failed poisons, and is not tried again.
func TestPackFailurePoisons(t *testing.T) {
	for _, tt := range []struct {
		op   journaltest.Op
		part string
		err  error
	}{
		{journaltest.OpSync, ".pack", syscall.EIO},
		{journaltest.OpSync, ".pack", syscall.ENOSPC},
		{journaltest.OpSyncDir, "packs", syscall.EIO},
		{journaltest.OpWrite, ".pack", syscall.EIO},
	} {
		disk := journaltest.NewFaultFS(1)
		s := open(t, "/data", journal.Options{FS: disk})
		journaltest.Append(t, s, 1, nil)
		want := journaltest.Frames(t, s, 1)
		journaltest.Put(t, s, []byte("content"))
		disk.Inject(journaltest.Once(tt.op, tt.part, tt.err))
		for range 2 {
			if err := appendNext(t, s, nil); !errors.Is(err, journal.ErrPoisoned) || !errors.Is(err, tt.err) {
				t.Errorf("%s: append: %v", tt.op, err)
			}
			if err := s.Blobs().Flush(); !errors.Is(err, tt.err) {
				t.Errorf("%s: a later flush: %v", tt.op, err)
			}
		}
		disk.Crash()
		s = open(t, "/data", journal.Options{FS: disk})
		journaltest.Same(t, journaltest.Frames(t, s, 1), want)
	}
}

// A blob whose pack only the page cache had is shown after a restart; then no
// power cut may take it.
func TestWhatAPackShowsIsDurable(t *testing.T) {
	shown := 0
	for seed := range uint64(40) {
		disk, s, _ := packed(t, seed, int(seed%2))
		c := journaltest.Payload(seed, 1500)
		journaltest.Put(t, s, c)
		disk.Inject(journaltest.Once(journaltest.OpSync, ".pack", syscall.EIO))
		if err := s.Blobs().Flush(); err == nil {
			t.Fatal("the flush succeeded")
		}
		disk.Kill()
		s = open(t, "/data", journal.Options{FS: disk})
		if !s.Blobs().Has(sha256.Sum256(c)) {
			continue
		}
		shown++
		disk.Crash()
		s = open(t, "/data", journal.Options{FS: disk})
		if err := journaltest.Content(s, c); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if shown < 20 {
		t.Errorf("it was shown %d times only: this tests nothing", shown)
	}
}

// holds returns the files below a folder that hold some bytes.
func holds(disk *journaltest.FaultFS, dir string, content []byte) []string {
	var found []string
	names, err := disk.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, n := range names {
		b, err := disk.ReadFile(dir + "/" + n)
		if err == nil && bytes.Contains(b, content) {
			found = append(found, dir+"/"+n)
		}
		found = append(found, holds(disk, dir+"/"+n, content)...)
	}
	return found
}

// A store that puts, flushes, sweeps and purges is stopped at any change, again
// and again. What was flushed and kept is there; what was purged is nowhere on
// the disk, and stays known; what was being swept or purged is whole or absent.
func TestCrashesOfBlobs(t *testing.T) {
	var purges, sweeps, half int
	for seed := range uint64(150) {
		disk := journaltest.NewFaultFS(seed)
		opt := journal.Options{FS: disk, MaxPacked: 300, PackSize: 900}
		var kept, gone, perhaps [][]byte // perhaps: purged, or not
		var i uint64
		for life := range 5 {
			disk.Inject(noReserve)
			s, err := journal.Open("/data", opt)
			if err == nil {
				if life < 4 {
					disk.StopAfter(1 + int((seed*7+uint64(life)*13)%70))
				}
				for _, c := range kept {
					if err := journaltest.Content(s, c); err != nil {
						t.Fatalf("seed %d, life %d: what is kept: %v", seed, life, err)
					}
				}
				perhaps = slices.DeleteFunc(perhaps, func(c []byte) bool {
					err := journaltest.Content(s, c)
					if errors.Is(err, journal.ErrPurged) {
						gone = append(gone, c)
					} else if err == nil {
						kept = append(kept, c)
					} else {
						t.Fatalf("seed %d, life %d: half purged: %v", seed, life, err)
					}
					half++
					return true
				})
				for _, c := range gone {
					if err := journaltest.Content(s, c); !errors.Is(err, journal.ErrPurged) {
						t.Fatalf("seed %d, life %d: what was purged: %v", seed, life, err)
					}
					if found := holds(disk, "/data/blobs", c); len(found) > 0 {
						t.Fatalf("seed %d, life %d: what was purged is in %q", seed, life, found)
					}
				}
				if r, err := s.Verify(); err != nil && !errors.Is(err, journaltest.ErrDown) || len(r.Problems) > 0 {
					t.Fatalf("seed %d, life %d: verify: %+v, %v", seed, life, r, err)
				}
			}
			for err == nil && life < 4 {
				i++
				var more [][]byte
				for j := range 4 {
					c := fmt.Appendf(nil, "seed %d blob %d.%d %s", seed, i, j, bytes.Repeat([]byte{'a' + byte(i%20)}, 70*int(i+uint64(j))%500))
					more = append(more, c)
					if _, _, err = s.Blobs().Put(bytes.NewReader(c)); err != nil {
						break
					}
				}
				if err != nil {
					break
				}
				if err = s.Blobs().Flush(); err != nil {
					break
				}
				kept = append(kept, more[:2]...)
				if i%2 == 0 {
					sum := map[[32]byte]bool{}
					for _, c := range kept {
						sum[sha256.Sum256(c)] = true
					}
					if _, err = s.Sweep(func(s [32]byte) bool { return sum[s] }, false); err == nil {
						sweeps++
					}
				} else if len(kept) > 0 {
					c := kept[int(i)%len(kept)]
					kept = slices.DeleteFunc(kept, func(x []byte) bool { return bytes.Equal(x, c) })
					if err = s.Purge(sha256.Sum256(c)); err == nil {
						purges++
						gone = append(gone, c)
					} else {
						perhaps = append(perhaps, c)
					}
				}
			}
			if err != nil && !errors.Is(err, journaltest.ErrDown) {
				t.Fatalf("seed %d, life %d: %v", seed, life, err)
			}
			if (seed+uint64(life))%3 == 0 {
				disk.Kill()
			} else {
				disk.Crash()
			}
		}
	}
	if purges < 100 || sweeps < 100 || half < 50 {
		t.Errorf("%d purges, %d sweeps, %d purges that were stopped: this tests little", purges, sweeps, half)
	}
	t.Logf("%d purges, %d sweeps, %d purges that were stopped", purges, sweeps, half)
}

// Tombstones that are damaged are refused: what was purged must not come again.
func TestDamagedTombstones(t *testing.T) {
	disk, s, all := packed(t, 1, 1)
	if err := s.Purge(sha256.Sum256(all[0])); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Verify(); err != nil || r.Purged != 1 || len(r.Problems) > 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	closeStore(t, s)
	for at := range int64(65 + 16) {
		disk.Flip("/data/blobs/purged", at, 1)
		if _, err := journal.Open("/data", journal.Options{FS: disk}); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("byte %d: %v", at, err)
		}
		disk.Flip("/data/blobs/purged", at, 1)
	}
	// Bytes that come back by another way are told.
	s = open(t, "/data", journal.Options{FS: disk})
	h := fmt.Sprintf("%x", sha256.Sum256(all[0]))
	disk.Plant("/data/blobs/"+h[:2]+"/"+h[2:], all[0])
	if r, err := s.Verify(); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], h) {
		t.Errorf("verify: %+v, %v", r, err)
	}
	closeStore(t, s)
	s = open(t, "/data", journal.Options{FS: disk})
	if found := holds(disk, "/data/blobs", all[0]); len(found) > 0 {
		t.Errorf("what was purged is in %q", found)
	}
	closeStore(t, s)
}

// A start goes on where a crash stopped a sweep between two packs of the same.
func TestBlobInTwoPacks(t *testing.T) {
	disk, s, all := packed(t, 1, 1)
	data, _ := disk.ReadFile(onePack)
	closeStore(t, s)
	disk.Plant("/data/blobs/packs/0000000000000002.pack", data)
	s = open(t, "/data", journal.Options{FS: disk})
	for _, c := range all {
		if err := journaltest.Content(s, c); err != nil {
			t.Error(err)
		}
	}
	if err := s.Purge(sha256.Sum256(all[0])); err != nil {
		t.Fatal(err)
	}
	if found := holds(disk, "/data/blobs", all[0]); len(found) > 0 {
		t.Errorf("what was purged is in %q", found)
	}
	closeStore(t, s)
	s = open(t, "/data", journal.Options{FS: disk})
	if err := journaltest.Content(s, all[1]); err != nil {
		t.Error(err)
	}
}

// A Put of content that a Sweep is about to drop, after it has written the pack
// anew without it, keeps it.
func TestPutBesideARewrite(t *testing.T) {
	disk := journaltest.NewFaultFS(1)
	fsys := &atRename{FaultFS: disk}
	s := open(t, "/data", journal.Options{FS: fsys})
	for i := range 9 {
		journaltest.Put(t, s, journaltest.Payload(uint64(i), 100))
	}
	if err := s.Blobs().Flush(); err != nil {
		t.Fatal(err)
	}
	kept := sha256.Sum256(journaltest.Payload(0, 100))
	again := journaltest.Payload(5, 100)
	renames := 0
	fsys.do = func() { // of the index of the pack that gets no more; then of the new pack
		renames++
		fsys.do = func() {
			renames++
			journaltest.Put(t, s, again)
		}
	}
	r, err := s.Sweep(func(sum [32]byte) bool { return sum == kept }, false)
	if err != nil || r.Blobs != 7 || renames != 2 {
		t.Errorf("sweep: %+v, %v; %d renames", r, err, renames)
	}
	journaltest.Append(t, s, 1, nil)
	disk.Crash()
	s = open(t, "/data", journal.Options{FS: disk})
	if err := journaltest.Content(s, again); err != nil {
		t.Errorf("what was put: %v", err)
	}
	if r, err := s.Verify(); err != nil || r.Blobs != 2 || len(r.Problems) > 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
}

// When Purge has returned, no power cut brings the content back to the disk.
func TestPurgeIsDurable(t *testing.T) {
	for seed := range uint64(40) {
		disk := journaltest.NewFaultFS(seed)
		disk.Inject(noReserve)
		s := open(t, "/data", journal.Options{FS: disk, MaxPacked: 300})
		all := [][]byte{journaltest.Payload(1, 200), journaltest.Payload(2, 900), journaltest.Payload(3, 100)}
		for _, c := range all {
			journaltest.Put(t, s, c)
		}
		if seed%2 == 0 {
			journaltest.Append(t, s, 1, nil)
		}
		for _, c := range all[:2] {
			if err := s.Purge(sha256.Sum256(c)); err != nil {
				t.Fatal(err)
			}
		}
		disk.Crash()
		for _, c := range all[:2] {
			if found := holds(disk, "/data", c); len(found) > 0 {
				t.Fatalf("seed %d: what was purged is in %q", seed, found)
			}
		}
	}
}
