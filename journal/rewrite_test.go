package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
)

// laid is a log of several segments with contents and a checkpoint, and what it reads
// as before and after a rewrite.
func laid(t *testing.T, disk *journaltest.FaultFS) (opt journal.Options, old, anew []journal.Frame) {
	t.Helper()
	opt = journal.Options{FS: disk, SegmentSize: 600}
	for range 3 { // epochs
		s := open(t, "/data", opt)
		for i := range 4 {
			put(t, s, fmt.Sprintf("content %d", i))
			old = append(old, journaltest.Append(t, s, uint32(1+i%2), bytes.Repeat([]byte{byte('a' + i)}, 100)))
		}
		seq, chain := s.Last()
		if err := s.WriteCheckpoint(journal.Checkpoint{Seq: seq, Chain: chain, Epoch: s.Epoch(), Fold: 1, Payload: []byte("old")}); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
	}
	for _, f := range old {
		f.Payload = other(f)
		anew = append(anew, f)
	}
	return opt, old, anew
}

// other is as long, so that nothing but the chain tells the segments apart.
func other(f journal.Frame) []byte { return bytes.ToUpper(f.Payload) }

func rewrite(s *journal.Store) error {
	return s.Rewrite(context.Background(), func(f journal.Frame) ([]byte, error) { return other(f), nil })
}

// After a rewrite the log has the other payloads under the same seqs and epochs, is
// whole, has no checkpoint of before, and goes on.
func TestRewrite(t *testing.T) {
	opt, old, anew := laid(t, journaltest.NewFaultFS(1))
	s := open(t, "/data", opt)
	before := s.Epoch()
	failed := errors.New("no")
	if err := s.Rewrite(t.Context(), func(f journal.Frame) ([]byte, error) {
		if f.First > 5 {
			return nil, failed
		}
		return nil, nil
	}); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	journaltest.Same(t, journaltest.Frames(t, s, 1), old)
	if err := rewrite(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), journal.Frame{Epoch: s.Epoch(), First: 100, Count: 1}); !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("an append to a log that was rewritten: %v", err)
	}
	_ = s.Close() // its log is another one
	s = open(t, "/data", opt)
	journaltest.Same(t, journaltest.Frames(t, s, 1), anew)
	if list, err := s.Checkpoints(); err != nil || len(list) > 0 {
		t.Errorf("checkpoints of another chain: %v %v", list, err)
	}
	if s.Epoch() != before {
		t.Errorf("epoch %d, was %d", s.Epoch(), before)
	}
	journaltest.Append(t, s, 1, []byte("on"))
	closeStore(t, s)
	s = open(t, "/data", opt)
	if r, err := s.Verify(); err != nil || len(r.Problems) > 0 || r.Frames != len(anew)+1 {
		t.Errorf("%+v %v", r, err)
	}
}

// However a rewrite is cut off, the log is the one of before or the other one, all of
// it, and once it was answered it is the other one.
func TestRewriteCutOff(t *testing.T) {
	for _, kill := range []bool{true, false} {
		answered, was := 0, 0
		for n := 1; ; n++ {
			disk := journaltest.NewFaultFS(uint64(n))
			opt, old, anew := laid(t, disk)
			s := open(t, "/data", opt)
			disk.StopAfter(n)
			err := rewrite(s)
			ran := false // to its end
			if err == nil {
				_ = s.Close() // its log is another one
				if again, oerr := journal.Open("/data", opt); oerr == nil {
					ran = again.Close() == nil
				}
			}
			if kill {
				disk.Kill()
			} else {
				disk.Crash()
			}
			s = open(t, "/data", opt)
			got := journaltest.Frames(t, s, 1)
			switch {
			case bytes.Equal(got[0].Payload, anew[0].Payload):
				journaltest.Same(t, got, anew)
				answered++
			case err == nil:
				t.Fatalf("kill %v, %d: it was answered, and is the old log", kill, n)
			default:
				journaltest.Same(t, got, old)
				was++
			}
			if r, verr := s.Verify(); verr != nil || len(r.Problems) > 0 {
				t.Fatalf("kill %v, %d: %+v %v", kill, n, r, verr)
			}
			closeStore(t, s)
			if ran {
				break
			}
		}
		if answered < 10 || was < 5 {
			t.Errorf("kill %v: only %d rewritten and %d not", kill, answered, was)
		}
	}
}
