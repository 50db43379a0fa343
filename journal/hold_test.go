package journal_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// What is put or asked for is held until the store is closed; what is not there
// is not.
func TestHold(t *testing.T) {
	for name, most := range map[string]int{"packed": 0, "files": -1} {
		t.Run(name, func(t *testing.T) {
			disk := journaltest.NewFaultFS(1)
			opt := journal.Options{FS: disk, MaxPacked: most}
			s := open(t, "/data", opt)
			a, b := []byte("first"), []byte("second")
			sumA, sumB := sha256.Sum256(a), sha256.Sum256(b)
			journaltest.Put(t, s, a)
			journaltest.Put(t, s, b)
			if !s.Held(sumA) || s.Hold(sha256.Sum256(nil)) || s.Held(sha256.Sum256(nil)) {
				t.Error("what is held is not what was put")
			}
			if err := errors.Join(s.Blobs().Flush(), s.Close()); err != nil {
				t.Fatal(err)
			}
			s = open(t, "/data", opt)
			if s.Held(sumA) || !s.Hold(sumA) || !s.Held(sumA) {
				t.Error("after a restart nothing is held but what is asked for")
			}
			// Asked for while a sweep has found that nothing names it.
			got, err := s.Sweep(func(sum [32]byte) bool {
				if sum == sumB {
					s.Hold(sumB)
				}
				return s.Held(sum) && sum == sumA
			}, false)
			if err != nil || got.Blobs != 0 || !s.Blobs().Has(sumA) || !s.Blobs().Has(sumB) {
				t.Errorf("%+v %v", got, err)
			}
			if err := s.Blobs().Flush(); err != nil {
				t.Fatal(err)
			}
			got, err = s.Sweep(func(sum [32]byte) bool { return sum == sumA }, false)
			if most < 0 && (err != nil || got.Blobs != 1 || s.Hold(sumB)) {
				t.Errorf("what is swept is held: %+v %v", got, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestBackupIntoItself(t *testing.T) {
	s := open(t, "/data", journal.Options{FS: journaltest.NewFaultFS(1)})
	defer s.Close()
	for _, dst := range []string{"/data", "/data/blobs/backup", "/data/../data/x"} {
		if err := s.Backup(t.Context(), dst); !errors.Is(err, journal.ErrNotEmpty) {
			t.Errorf("%s: %v", dst, err)
		}
	}
	if err := s.Backup(t.Context(), "/database"); err != nil {
		t.Error(err)
	}
	if b, err := journal.ReadBackup("/database", nil); !errors.Is(err, journal.ErrBackup) {
		t.Errorf("on the machine's own disk: %+v %v", b, err)
	}
}
