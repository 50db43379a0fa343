package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
)

// Checkpoint says what the log folds to at one of its seqs, so that a start
// folds only what comes after. To the journal Payload is bytes; it stays small,
// as what it stands for lies in an object file.
type Checkpoint struct {
	// Seq is the last record that was folded; a frame ends with it.
	Seq uint64
	// Chain is the log's hash at Seq; see Log.ChainAt.
	Chain [32]byte
	// Epoch is that of the process that wrote it.
	Epoch uint64
	// Fold is the version of the folding code; a reader with another one
	// passes the checkpoint over.
	Fold uint64
	// Objects is what Payload refers to.
	Objects Extent
	Payload []byte
}

// Extent is the beginning of an object file: what a checkpoint needs of it.
type Extent struct {
	Generation uint64 // 0 is none
	Length     int64
}

// Checkpoints keeps checkpoints of a log. Any goroutine.
type Checkpoints interface {
	// WriteCheckpoint makes a checkpoint durable, and before it what it needs
	// of the object file. One of the same seq is replaced. Of the older ones
	// Options.Keep are kept. Refused with ErrSeq if no frame ends with Seq,
	// with ErrChain if the chain is another there.
	WriteCheckpoint(c Checkpoint) error
	// Checkpoints returns those that can be started from, newest first: whole,
	// of this log's chain, with an object file that is long enough. A log
	// that ends before its newest checkpoint is refused by Open already.
	Checkpoints() ([]Checkpoint, error)
	// Objects returns the object files that checkpoints refer to.
	Objects() Objects
}

// MaxCheckpoint is the greatest payload of a checkpoint, in bytes.
const MaxCheckpoint = 16 << 20

// The limits of keeping checkpoints.
const (
	defaultKeep = 3
	fewestKept  = 2 // the newest may turn out to be unreadable
)

// point is a checkpoint as it stands on disk.
type point struct {
	Checkpoint
	sum uint32 // crc32c of the extent
}

// A checkpoint's file, little-endian, named by its seq:
//
//	0  magic "JTC1"     64 object file's generation u64
//	4  version u32      72 its length u64
//	8  seq u64          80 crc32c of that length of it
//	16 epoch u64        84 payload length u32
//	24 fold u64         88 payload
//	32 chain, 32 bytes  .. crc32c of all before
const (
	pointHead    = 88
	pointVersion = 1
	pointExt     = ".ckpt"
	pointTemp    = "new" + tempExt
)

var pointMagic = [4]byte{'J', 'T', 'C', '1'}

func (p point) encode() []byte {
	b := make([]byte, pointHead, pointHead+len(p.Payload)+4)
	copy(b, pointMagic[:])
	le := binary.LittleEndian
	le.PutUint32(b[4:], pointVersion)
	le.PutUint64(b[8:], p.Seq)
	le.PutUint64(b[16:], p.Epoch)
	le.PutUint64(b[24:], p.Fold)
	copy(b[32:], p.Chain[:])
	le.PutUint64(b[64:], p.Objects.Generation)
	le.PutUint64(b[72:], uint64(p.Objects.Length))
	le.PutUint32(b[80:], p.sum)
	le.PutUint32(b[84:], uint32(len(p.Payload)))
	b = append(b, p.Payload...)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodePoint(b []byte) (point, error) {
	le := binary.LittleEndian
	n := len(b) - 4
	switch {
	case n < pointHead || [4]byte(b[:4]) != pointMagic:
		return point{}, errors.New("it is no checkpoint")
	case crc32.Checksum(b[:n], castagnoli) != le.Uint32(b[n:]):
		return point{}, errors.New("its checksum is wrong")
	case le.Uint32(b[4:]) != pointVersion:
		return point{}, fmt.Errorf("version %d: %w", le.Uint32(b[4:]), ErrVersion)
	case int(le.Uint32(b[84:])) != n-pointHead || le.Uint64(b[8:]) == 0 || le.Uint64(b[72:]) > math.MaxInt64:
		return point{}, errors.New("it makes no sense")
	}
	return point{
		Checkpoint: Checkpoint{
			Seq: le.Uint64(b[8:]), Epoch: le.Uint64(b[16:]), Fold: le.Uint64(b[24:]), Chain: [32]byte(b[32:64]),
			Objects: Extent{le.Uint64(b[64:]), int64(le.Uint64(b[72:]))}, Payload: b[pointHead:n:n],
		},
		sum: le.Uint32(b[80:]),
	}, nil
}

func pointName(seq uint64) string { return fmt.Sprintf("%016x"+pointExt, seq) }

var _ Checkpoints = (*Store)(nil)

// readPoints reads the checkpoints that are whole, newest first, and removes a
// temporary file that was left.
func (s *Store) readPoints() ([]point, error) {
	names, err := s.fs.ReadDir(s.path("checkpoints"))
	if err != nil {
		return nil, err
	}
	var all []point
	for _, n := range slices.Backward(names) {
		name := s.path("checkpoints", n)
		if n == pointTemp {
			if err := s.fs.Remove(name); err != nil {
				return nil, err
			}
		}
		if !strings.HasSuffix(n, pointExt) {
			continue
		}
		b, err := s.readFile(name)
		if err != nil {
			return nil, err
		}
		p, err := decodePoint(b)
		if err == nil && n != pointName(p.Seq) {
			err = fmt.Errorf("it is of seq %d", p.Seq)
		}
		if err != nil {
			s.opt.Notice(fmt.Sprintf("the checkpoint %s is passed over: %v", name, err))
			continue
		}
		all = append(all, p)
	}
	return all, nil
}

// stands says why a checkpoint cannot be started from; nil if it can.
func (s *Store) stands(p point) error {
	chain, err := s.ChainAt(p.Seq)
	switch {
	case err != nil:
		return err
	case chain != p.Chain:
		return fmt.Errorf("%w: seq %d", ErrChain, p.Seq)
	}
	return s.objects.reaches(p.Objects)
}

// refuted reports whether an error of stands is about the checkpoint, and not
// about the disk.
func refuted(err error) bool {
	return errors.Is(err, ErrChain) || errors.Is(err, ErrSeq) || errors.Is(err, ErrNoObjects) || errors.Is(err, ErrCorrupt)
}

// sift sets aside the checkpoints that do not stand. Left where it is, one whose
// object file is too short would seem to stand as soon as that has grown.
func (s *Store) sift() error {
	var stand []point
	for _, p := range s.points {
		err := s.stands(p)
		if err == nil {
			stand = append(stand, p)
			continue
		}
		if !refuted(err) {
			return err
		}
		name := pointName(p.Seq)
		s.opt.Notice(fmt.Sprintf("the checkpoint of seq %d is set aside in %s: %v", p.Seq, s.path("torn", name), err))
		if err := s.fs.Rename(s.path("checkpoints", name), s.path("torn", name)); err != nil {
			return err
		}
	}
	if len(stand) == len(s.points) {
		return nil
	}
	s.points = stand
	return errors.Join(s.fs.SyncDir(s.path("torn")), s.fs.SyncDir(s.path("checkpoints")))
}

// Checkpoints returns those that can be started from; see Checkpoints.
func (s *Store) Checkpoints() ([]Checkpoint, error) {
	s.pointing.Lock()
	defer s.pointing.Unlock()
	var all []Checkpoint
	for _, p := range s.points {
		err := s.stands(p)
		switch {
		case err == nil:
			all = append(all, p.Checkpoint)
		case !refuted(err):
			return nil, err
		}
	}
	return all, nil
}

// Objects returns the object files; see Checkpoints.
func (s *Store) Objects() Objects { return s.objects }

// WriteCheckpoint makes a checkpoint durable; see Checkpoints.
func (s *Store) WriteCheckpoint(c Checkpoint) error {
	s.pointing.Lock()
	defer s.pointing.Unlock()
	switch {
	case s.unsure != nil:
		return s.unsure
	case len(c.Payload) > MaxCheckpoint:
		return fmt.Errorf("%w: a checkpoint of %d bytes", ErrLimit, len(c.Payload))
	case c.Epoch > s.epoch:
		return fmt.Errorf("%w: epoch %d, now %d", ErrFenced, c.Epoch, s.epoch)
	case c.Seq == 0:
		return fmt.Errorf("%w: there is nothing before the first record", ErrSeq)
	}
	p := point{Checkpoint: c}
	p.Payload = bytes.Clone(c.Payload)
	if err := s.stands(p); err != nil {
		return err
	}
	var err error
	if p.sum, err = s.objects.settle(p.Objects, s.points); err != nil {
		return err
	}
	if err := s.writePoint(p); err != nil {
		return err
	}
	s.prune()
	return nil
}

// writePoint writes a checkpoint's file so that it is there whole or not.
func (s *Store) writePoint(p point) error {
	temp, name := s.path("checkpoints", pointTemp), s.path("checkpoints", pointName(p.Seq))
	if err := replace(s.fs, temp, name, p.encode()); err != nil {
		return err
	}
	i, replaced := slices.BinarySearchFunc(s.points, p.Seq, func(q point, seq uint64) int { return cmp.Compare(seq, q.Seq) })
	if err := s.fs.SyncDir(s.path("checkpoints")); err != nil {
		// Which of the two is there after a crash is unknown, so both are
		// held on to, and a sync is not tried again.
		s.unsure = err
		s.points = slices.Insert(s.points, i, p)
		return err
	}
	if replaced {
		s.points[i] = p
	} else {
		s.points = slices.Insert(s.points, i, p)
	}
	return nil
}

// replace writes a file durably under a temporary name, of which nothing is left
// if that fails, and gives it its name. The folder is the caller's to sync.
func replace(fsys FS, temp, name string, data []byte) error {
	f, err := fsys.OpenFile(temp, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return nil
}

// prune removes checkpoints beyond those that are kept. One that comes back, as
// the folder is not synced, does no harm.
func (s *Store) prune() {
	kept := 0
	s.points = slices.DeleteFunc(s.points, func(p point) bool {
		if s.stands(p) == nil {
			if kept++; kept <= s.opt.Keep {
				return false
			}
		}
		if err := s.fs.Remove(s.path("checkpoints", pointName(p.Seq))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.opt.Notice(fmt.Sprintf("the checkpoint of seq %d was not removed: %v", p.Seq, err))
			return false
		}
		return true
	})
}
