package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A log is rewritten beside itself: each segment has one of the same name and with
// nextExt, of the same frames with other payloads and so another chain. The marker
// says that all of them are durable. From then on they are the log, and each start
// goes on with putting them in its place, until the marker is gone; before, they are
// nothing, and a start removes them.
const (
	nextExt       = ".next"
	rewrittenName = "rewritten"
)

// Rewrite gives each frame of the log another payload: payload returns it, and is
// called with all frames in order. Seqs, counts and epochs stay; checkpoints and
// what they refer to go, as they are of another chain. It is done at the next Open:
// after Rewrite the store can only be closed. On an error the log is as it was, or,
// where the marker could not be made durable, either, as the next Open finds it.
// Blobs that payload puts are durable before the log is. O(log), on disk once more.
func (s *Store) Rewrite(ctx context.Context, payload func(Frame) ([]byte, error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.poisoned != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, s.poisoned)
	}
	var chain [32]byte
	for _, g := range s.list() {
		var err error
		if chain, err = s.rewriteSegment(ctx, g, chain, payload); err != nil {
			return errors.Join(err, s.dropNext())
		}
	}
	if err := errors.Join(s.blobs.Flush(), s.fs.SyncDir(s.path("log"))); err != nil {
		return errors.Join(err, s.dropNext())
	}
	// From here on nobody knows which log it is but who opens it again.
	s.publish(func() { s.poisoned = errors.New("the log was rewritten") })
	if err := replace(s.fs, s.path(rewrittenName+tempExt), s.path(rewrittenName), nil); err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// rewriteSegment writes one, and returns the chain after it.
func (s *Store) rewriteSegment(ctx context.Context, g segment, chain [32]byte, payload func(Frame) ([]byte, error)) ([32]byte, error) {
	g, err := s.loaded(g)
	if err != nil {
		return chain, err
	}
	var out bytes.Buffer
	f, err := s.fs.OpenFile(g.name+nextExt, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return chain, err
	}
	s.readSegment(g, 0, func(b stored, e error) bool {
		if err = errors.Join(e, ctx.Err()); err != nil {
			return false
		}
		var fr Frame
		if fr, err = s.frame(b); err != nil {
			return false
		}
		if fr.Payload, err = payload(fr); err != nil {
			err = fmt.Errorf("seq %d: %w", b.first, err)
			return false
		}
		if len(fr.Payload) > MaxFrame {
			err = fmt.Errorf("seq %d: a payload of %d bytes", b.first, len(fr.Payload))
			return false
		}
		var flags uint32
		if fr.Payload, flags, err = s.codec.pack(fr.Payload); err != nil {
			return false
		}
		var data []byte
		data, chain = encodeFrame(fr, flags, chain)
		if out.Write(data); out.Len() > 1<<20 {
			_, err = f.Write(out.Bytes())
			out.Reset()
		}
		return err == nil
	})
	if err == nil {
		_, err = f.Write(out.Bytes())
	}
	if err == nil {
		err = f.Sync()
	}
	return chain, errors.Join(err, f.Close())
}

// settleRewrite finishes what a Rewrite announced, or removes what one left that did
// not come so far. The lock is held.
func (s *Store) settleRewrite() error {
	switch _, err := s.fs.Stat(s.path(rewrittenName)); {
	case errors.Is(err, fs.ErrNotExist):
		return s.dropNext()
	case err != nil:
		return err
	}
	// A name that is durable is one of which the content is: the marker may have been
	// read from memory, and with it those.
	if err := errors.Join(s.fs.SyncDir(s.dir), s.fs.SyncDir(s.path("log"))); err != nil {
		return err
	}
	// First what is of the other chain, so that nobody takes it for one of this.
	for _, dir := range []string{"checkpoints", "objects", "log"} {
		if err := s.removeIn(dir, func(name string) bool { return dir != "log" || strings.HasSuffix(name, indexExt) }); err != nil {
			return err
		}
	}
	names, err := s.fs.ReadDir(s.path("log"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if to, ok := strings.CutSuffix(name, nextExt); ok {
			if err := s.fs.Rename(s.path("log", name), s.path("log", to)); err != nil {
				return err
			}
		}
	}
	if err := s.fs.SyncDir(s.path("log")); err != nil {
		return err
	}
	if err := s.fs.Remove(s.path(rewrittenName)); err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// dropNext removes the segments of a Rewrite that is none.
func (s *Store) dropNext() error {
	return s.removeIn("log", func(name string) bool { return strings.HasSuffix(name, nextExt) })
}

// removeIn removes files of a folder, durably.
func (s *Store) removeIn(dir string, which func(name string) bool) error {
	names, err := s.fs.ReadDir(s.path(dir))
	if err != nil {
		return err
	}
	removed := false
	for _, name := range names {
		if !which(name) {
			continue
		}
		removed = true
		if err := s.fs.Remove(filepath.Join(s.path(dir), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !removed {
		return nil
	}
	return s.fs.SyncDir(s.path(dir))
}
