package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Report is what Verify found.
type Report struct {
	Segments, Frames, Records, Blobs int
	Indexes                          int // sidecars of segments
	Checkpoints                      int // that can be started from
	Packs                            int // of blobs
	Purged                           int // contents that are known to be absent
	Bytes                            int64
	Chain                            [32]byte
	Problems                         []string // empty when all is well; each says where
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Verify reads everything anew from disk, beside a running writer, and checks
// crcs, chain, seqs, sidecars, checkpoints with their object files, and the
// hashes of contents. The error is for what could not be read at all.
func (s *Store) Verify() (Report, error) {
	var r Report
	// The sidecars first: reading the log makes a bad one again.
	if err := s.verifySidecars(&r); err != nil {
		return r, err
	}
	s.verifyLog(&r)
	if err := s.verifyPoints(&r); err != nil {
		return r, err
	}
	err := s.blobs.verify(&r)
	return r, err
}

func (s *Store) verifyLog(r *Report) {
	s.mu.RLock()
	last := s.next - 1
	r.Segments = len(s.segments)
	s.mu.RUnlock()
	var prev [32]byte
	next, epoch := uint64(1), uint64(0)
	for f, err := range s.read(1) {
		if err != nil {
			r.problem("%v", err)
			break
		}
		if f.first > last {
			break
		}
		switch {
		case f.prev != prev:
			r.problem("seq %d: the frame does not follow the one before it", f.first)
		case f.first != next:
			r.problem("seq %d: the frame follows seq %d", f.first, next-1)
		case f.epoch < epoch:
			r.problem("seq %d: the frame is of epoch %d, after %d", f.first, f.epoch, epoch)
		}
		if _, err := s.frame(f); err != nil {
			r.problem("seq %d: %v", f.first, err)
		}
		prev, next, epoch = sha256.Sum256(f.bytes), f.first+uint64(f.count), f.epoch
		r.Frames++
		r.Records += int(f.count)
		r.Bytes += int64(len(f.bytes))
	}
	r.Chain = prev
	if now, chain := s.Last(); now == last && chain != prev && len(r.Problems) == 0 {
		r.problem("the chain does not end where the writer is")
	}
}

// verifySidecars compares the index of each full segment with the segment.
func (s *Store) verifySidecars(r *Report) error {
	list := s.list()
	for _, g := range list[:max(len(list)-1, 0)] {
		have, err := s.readSidecar(g.name)
		var bad *errSidecar
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // it could not be written, and is held in memory
		case errors.As(err, &bad):
			r.problem("%s: %v", g.sidecar(), err)
			continue
		case err != nil:
			return err
		}
		r.Indexes++
		made, err := s.reindex(g)
		switch {
		case errors.Is(err, ErrCorrupt): // of the segment, which has been told
		case err != nil:
			return err
		case !have.same(made) || string(have.body) != string(made.body):
			r.problem("%s: it is not the index of its segment", g.sidecar())
		}
	}
	return nil
}

// verifyPoints reads the checkpoints and the object files that they refer to.
// No checkpoint is written meanwhile.
func (s *Store) verifyPoints(r *Report) error {
	s.pointing.Lock()
	defer s.pointing.Unlock()
	names, err := s.fs.ReadDir(s.path("checkpoints"))
	if err != nil {
		return err
	}
	for _, n := range names {
		if !strings.HasSuffix(n, pointExt) {
			continue
		}
		name := s.path("checkpoints", n)
		b, err := s.readFile(name)
		if err != nil {
			return err
		}
		p, err := decodePoint(b)
		if err == nil && n != pointName(p.Seq) {
			err = fmt.Errorf("it is of seq %d", p.Seq)
		}
		if err == nil {
			err = s.stands(p)
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return err
			}
			r.problem("%s: %v", name, err)
			continue
		}
		r.Bytes += int64(len(b))
		bad, err := s.verifyObjects(p)
		if err != nil {
			return err
		}
		if bad != "" {
			r.problem("%s, of which %s names %d bytes", bad, name, p.Objects.Length)
			continue
		}
		r.Checkpoints++
	}
	return nil
}

// verifyObjects says how what a checkpoint refers to is not what it was.
func (s *Store) verifyObjects(p point) (string, error) {
	if p.Objects == (Extent{}) {
		return "", nil
	}
	f, err := s.objects.open(p.Objects.Generation)
	if err != nil {
		return "", err
	}
	sum, err := checksum(0, io.NewSectionReader(f, 0, p.Objects.Length))
	if err == nil && sum != p.sum {
		return fmt.Sprintf("%s: its checksum is wrong", f.name), nil
	}
	return "", err
}
