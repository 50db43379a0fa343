package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
)

// Report is what Verify found.
type Report struct {
	Segments, Frames, Records, Blobs int
	Bytes                            int64
	Chain                            [32]byte
	Problems                         []string // empty when all is well
}

// Verify reads the whole log and every blob anew from disk, beside a running
// writer, and checks crcs, chain, seqs and content hashes. The error is for
// what could not be read at all.
func (s *Store) Verify() (Report, error) {
	var r Report
	s.mu.RLock()
	last := s.next - 1
	r.Segments = len(s.segments)
	s.mu.RUnlock()
	var prev [32]byte
	for f, err := range s.read(1) {
		if err != nil {
			r.Problems = append(r.Problems, err.Error())
			break
		}
		if f.first > last {
			break
		}
		if f.prev != prev {
			r.Problems = append(r.Problems, fmt.Sprintf("seq %d: the frame does not follow the one before it", f.first))
		}
		prev = sha256.Sum256(f.bytes)
		r.Frames++
		r.Records += int(f.count)
		r.Bytes += int64(len(f.bytes))
	}
	r.Chain = prev
	if now, chain := s.Last(); now == last && chain != prev && len(r.Problems) == 0 {
		r.Problems = append(r.Problems, "the chain does not end where the writer is")
	}
	n, bytes, problems, err := s.blobs.verify()
	r.Blobs, r.Bytes = n, r.Bytes+bytes
	r.Problems = append(r.Problems, problems...)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}
