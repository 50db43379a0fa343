package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
)

// How many bytes of a segment are read at once: first, as one may want no more
// than a frame, and at most.
const (
	firstRun = 64 << 10
	maxRun   = 1 << 20
)

// stored is a frame as it stands in the log.
type stored struct {
	header
	bytes []byte
}

func (s *Store) frame(f stored) (Frame, error) {
	payload, err := s.codec.unpack(f.bytes[headerSize:], f.flags)
	return Frame{Epoch: f.epoch, First: f.first, Count: f.count, Payload: payload}, err
}

// Read ranges over frames; see Log.
func (s *Store) Read(from uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for b, err := range s.read(from) {
			var f Frame
			if err == nil {
				f, err = s.frame(b)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// Tail ranges over frames and waits for more; see Log.
func (s *Store) Tail(ctx context.Context, from uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for {
			for f, err := range s.Read(from) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					yield(Frame{}, err)
					return
				}
				if !yield(f, nil) {
					return
				}
				from = f.First + uint64(f.Count)
			}
			if err := s.wait(ctx, from); err != nil {
				yield(Frame{}, err)
				return
			}
		}
	}
}

// wait returns when there is a frame that holds a seq >= from.
func (s *Store) wait(ctx context.Context, from uint64) error {
	for {
		s.mu.Lock()
		there, dead := s.next > max(from, 1), s.poisoned
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news := s.news
		s.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case there:
			return nil
		case errors.Is(dead, ErrClosed):
			return ErrClosed
		case dead != nil:
			return fmt.Errorf("%w: %w", ErrPoisoned, dead)
		}
		select {
		case <-news:
		case <-ctx.Done():
		}
	}
}

// list returns the segments as they are now.
func (s *Store) list() []segment {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]segment, len(s.segments))
	for i, g := range s.segments {
		list[i] = *g
		list[i].body = slices.Clip(g.body)
	}
	return list
}

// read ranges over the bytes of frames whose checksums are right.
func (s *Store) read(from uint64) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		for _, g := range s.list() {
			if g.frames == 0 || g.next <= from {
				continue
			}
			g, err := s.loaded(g)
			if err != nil {
				yield(stored{}, err)
				return
			}
			if !s.readSegment(g, from, yield) {
				return
			}
		}
	}
}

// readSegment reads frames that stand beside each other at once.
func (s *Store) readSegment(g segment, from uint64, yield func(stored, error) bool) bool {
	f, err := s.fs.OpenFile(g.name, os.O_RDONLY, 0)
	if err != nil {
		yield(stored{}, err)
		return false
	}
	defer f.Close()
	var run []place
	size, limit := 0, firstRun
	flush := func() bool {
		if !readRun(f, g.name, run, size, yield) {
			return false
		}
		run, size, limit = run[:0], 0, min(2*limit, maxRun)
		return true
	}
	for p := range g.places(from) {
		if size > 0 && size+p.length > limit && !flush() {
			return false
		}
		run, size = append(run, p), size+p.length
	}
	return size == 0 || flush()
}

func readRun(f File, name string, run []place, size int, yield func(stored, error) bool) bool {
	data := make([]byte, size)
	n, err := f.ReadAt(data, run[0].offset)
	data = data[:n]
	for _, p := range run {
		if len(data) < p.length {
			yield(stored{}, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, p.offset, err))
			return false
		}
		b := data[:p.length:p.length]
		h, err := p.check(b)
		if err != nil {
			yield(stored{}, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, p.offset, err))
			return false
		}
		if !yield(stored{h, b}, nil) {
			return false
		}
		data = data[p.length:]
	}
	return true
}

// ChainAt returns the chain's hash after the frame that ends with seq; see Log.
func (s *Store) ChainAt(seq uint64) ([32]byte, error) {
	if seq == 0 {
		return [32]byte{}, nil
	}
	list := s.list()
	i, ok := slices.BinarySearchFunc(list, seq, func(g segment, seq uint64) int {
		switch {
		case g.next <= seq:
			return -1
		case g.first > seq:
			return 1
		}
		return 0
	})
	if !ok {
		return [32]byte{}, fmt.Errorf("%w: %d is not in the log", ErrSeq, seq)
	}
	if list[i].next == seq+1 {
		return list[i].end, nil
	}
	g, err := s.loaded(list[i])
	if err != nil {
		return [32]byte{}, err
	}
	for p := range g.places(seq + 1) {
		if p.first != seq+1 {
			break
		}
		return s.before(g.name, p)
	}
	return [32]byte{}, fmt.Errorf("%w: no frame ends with %d", ErrSeq, seq)
}

// before returns the chain's hash before a frame: its header has it.
func (s *Store) before(name string, p place) (chain [32]byte, err error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return chain, err
	}
	defer f.Close()
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, p.offset); err != nil {
		return chain, err
	}
	h, err := decodeHeader(b)
	if err == nil && h.first != p.first {
		err = errors.New("another frame stands there")
	}
	if err != nil {
		return chain, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, p.offset, err)
	}
	return h.prev, nil
}
