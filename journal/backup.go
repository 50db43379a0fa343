package journal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A backup is laid out as a data folder, and has a manifest beside, which is
// written last: without it, it is half a backup. It is text, one line for the
// format, the last seq, the chain, one for each file with size and SHA-256, and
// the crc32c of the lines before. Neither a backup nor what is being restored
// can be opened.
const (
	manifestName   = "manifest"
	manifestFormat = "jitos-backup 1"
	restoringName  = "restoring"
)

// manifest is what a backup holds.
type manifest struct {
	seq   uint64
	chain [32]byte
	files []copied
}

// copied is a file of a backup.
type copied struct {
	name string // below the folder, with slashes
	size int64
	sum  [32]byte
}

func (m manifest) encode() []byte {
	b := fmt.Appendf(nil, "%s\nseq %d\nchain %x\n", manifestFormat, m.seq, m.chain)
	for _, f := range m.files {
		b = fmt.Appendf(b, "file %s %d %x\n", f.name, f.size, f.sum)
	}
	return fmt.Appendf(b, "crc32c %08x\n", crc32.Checksum(b, castagnoli))
}

func decodeManifest(text []byte) (m manifest, err error) {
	if !bytes.HasPrefix(text, []byte(manifestFormat+"\n")) {
		return m, fmt.Errorf("it does not begin with %q: %w", manifestFormat, ErrVersion)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var f copied
		var sum []byte
		line := lines.Text()
		switch word, _, _ := strings.Cut(line, " "); word {
		case "seq":
			_, err = fmt.Sscanf(line, "seq %d", &m.seq)
		case "chain":
			if _, err = fmt.Sscanf(line, "chain %x", &sum); err == nil {
				copy(m.chain[:], sum)
			}
		case "file":
			if _, err = fmt.Sscanf(line, "file %s %d %x", &f.name, &f.size, &sum); err == nil {
				copy(f.sum[:], sum)
				m.files = append(m.files, f)
			}
			if err == nil && !filepath.IsLocal(filepath.FromSlash(f.name)) {
				err = fmt.Errorf("it names %s", f.name)
			}
		}
		if err != nil {
			return m, err
		}
	}
	if !bytes.Equal(m.encode(), text) {
		return m, errors.New("its checksum is wrong")
	}
	return m, nil
}

// writer copies files into a folder, durably.
type writer struct {
	ctx   context.Context
	fs    FS
	dir   string
	files []copied
	dirs  []string // to be synced
}

// file writes one, as fill gives it.
func (w *writer) file(name string, fill func(io.Writer) error) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	for d := filepath.Dir(path); len(d) >= len(w.dir); d = filepath.Dir(d) {
		if len(w.dirs) == 0 || w.dirs[len(w.dirs)-1] != d {
			w.dirs = append(w.dirs, d)
		}
	}
	if err := w.fs.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := w.fs.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := hashing{w: bufio.NewWriterSize(f, 1<<20), h: sha256.New(), ctx: w.ctx}
	if err = fill(&h); err == nil {
		err = h.w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	w.files = append(w.files, copied{name, h.size, [32]byte(h.h.Sum(nil))})
	return nil
}

func (w *writer) bytes(name string, data []byte) error {
	return w.file(name, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

// sync makes the names of what was written durable.
func (w *writer) sync() error {
	done := map[string]bool{}
	for _, d := range w.dirs {
		if done[d] {
			continue
		}
		done[d] = true
		if err := w.fs.SyncDir(d); err != nil {
			return err
		}
	}
	return w.fs.SyncDir(filepath.Dir(w.dir))
}

// hashing sums up what goes through it, until the context ends.
type hashing struct {
	ctx  context.Context
	w    *bufio.Writer
	h    hash.Hash
	size int64
}

func (h *hashing) Write(b []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := h.w.Write(b)
	h.h.Write(b[:n])
	h.size += int64(n)
	return n, err
}

// begin makes an empty folder with a marker in it.
func (w *writer) begin(marker string) error {
	names, err := w.fs.ReadDir(w.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: %s holds %s", ErrNotEmpty, w.dir, names[0])
	}
	if err := w.bytes(marker, nil); err != nil {
		return err
	}
	w.files = nil
	return w.sync()
}

// More has files of others come into a backup, each by a name below the data folder
// that is none of the store's, without spaces, and what writes it.
type More func(add func(name string, fill func(io.Writer) error) error) error

// Backup is BackupWith without files of others.
func (s *Store) Backup(ctx context.Context, dst string) error { return s.BackupWith(ctx, dst, nil) }

// BackupWith writes a copy of the store as it is at one durable seq into the folder
// dst, which is empty or not there: log, contents, the newest checkpoint. All of
// it is checked on the way; damage ends it with ErrCorrupt, a folder inside the
// data folder with ErrNotEmpty. Readers and the
// writer go on; Sweep, Purge and Drop wait or refuse. What more brings comes last, and
// a restore puts it where it was; it may be nil. What is in dst is a backup when
// BackupWith has returned without an error, and else is known to be none.
func (s *Store) BackupWith(ctx context.Context, dst string, more More) error {
	s.blobs.upkeep.Lock()
	defer s.blobs.upkeep.Unlock()
	w := &writer{ctx: ctx, fs: s.fs, dir: filepath.Clean(dst)}
	if rel, err := filepath.Rel(s.dir, w.dir); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%w: %s lies in the data folder %s", ErrNotEmpty, w.dir, s.dir)
	}
	if err := w.begin(manifestName + tempExt); err != nil {
		return err
	}
	p, err := s.pinned()
	if err != nil {
		return err
	}
	defer s.objects.unpin(p.Objects.Generation)
	// In this order: the log has the checkpoint's seq, and what a frame names
	// was flushed before it.
	list := s.list()
	m := manifest{}
	if m.seq, m.chain, err = s.backupLog(w, list); err != nil {
		return err
	}
	if p.Seq > 0 {
		if err := s.backupPoint(w, p); err != nil {
			return err
		}
	}
	if err := s.blobs.backup(w); err != nil {
		return err
	}
	if more != nil {
		if err := more(w.file); err != nil {
			return err
		}
	}
	if err := w.sync(); err != nil {
		return err
	}
	m.files = w.files
	name := filepath.Join(w.dir, manifestName)
	if err := replace(s.fs, name+tempExt, name, m.encode()); err != nil {
		return err
	}
	return s.fs.SyncDir(w.dir)
}

// pinned returns the newest checkpoint, of which the object file will not go;
// none has seq 0.
func (s *Store) pinned() (point, error) {
	s.pointing.Lock()
	defer s.pointing.Unlock()
	for _, p := range s.points {
		err := s.stands(p)
		if err == nil {
			s.objects.pin(p.Objects.Generation)
			return p, nil
		}
		if !refuted(err) {
			return point{}, err
		}
	}
	s.objects.pin(0)
	return point{}, nil
}

func (o *objects) pin(generation uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pins[generation]++
}

func (o *objects) unpin(generation uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pins[generation]--; o.pins[generation] == 0 {
		delete(o.pins, generation)
	}
}

// backupLog copies frames that follow each other.
func (s *Store) backupLog(w *writer, list []segment) (seq uint64, chain [32]byte, err error) {
	walk := walker{next: 1}
	for _, g := range list {
		g, err := s.loaded(g)
		if err != nil {
			return 0, chain, err
		}
		err = w.file("log/"+filepath.Base(g.name), func(to io.Writer) error {
			var failed error
			s.readSegment(g, 0, func(f stored, err error) bool {
				if err == nil {
					if _, _, err = walk.frame(f.bytes); err != nil {
						err = fmt.Errorf("%w: %s: seq %d: %w", ErrCorrupt, g.name, f.first, err)
					}
				}
				if err == nil {
					_, err = to.Write(f.bytes)
				}
				failed = err
				return err == nil
			})
			return failed
		})
		if err != nil {
			return 0, chain, err
		}
		if walk.chain != g.end || walk.next != g.next {
			return 0, chain, fmt.Errorf("%w: %s ends with seq %d, or another chain", ErrCorrupt, g.name, walk.next-1)
		}
	}
	for _, g := range list[:max(len(list)-1, 0)] {
		g, err := s.loaded(g)
		if err == nil {
			err = w.bytes("log/"+filepath.Base(g.sidecar()), g.encode())
		}
		if err != nil {
			return 0, chain, err
		}
	}
	return walk.next - 1, walk.chain, nil
}

// backupPoint copies a checkpoint and what it needs of its object file.
func (s *Store) backupPoint(w *writer, p point) error {
	if err := w.bytes("checkpoints/"+pointName(p.Seq), p.encode()); err != nil {
		return err
	}
	if p.Objects == (Extent{}) {
		return nil
	}
	f, err := s.objects.open(p.Objects.Generation)
	if err != nil {
		return err
	}
	return w.file("objects/"+objectName(f.generation), func(to io.Writer) error {
		sum, err := checksum(0, io.TeeReader(io.NewSectionReader(f, 0, p.Objects.Length), to))
		if err == nil && sum != p.sum {
			err = fmt.Errorf("%w: %s: its checksum is wrong", ErrCorrupt, f.name)
		}
		return err
	})
}

// backup copies contents, and the tombstones; called with upkeep held.
func (b *blobStore) backup(w *writer) error {
	if err := b.backupFiles(w); err != nil {
		return err
	}
	b.mu.RLock()
	size := map[*pack]int64{}
	for _, p := range b.packs.all {
		size[p] = p.size
		if p == b.packs.open {
			size[p] = p.batch.start
		}
	}
	purged := encodeTombstones(b.purged)
	buried := len(b.purged) > 0
	b.mu.RUnlock()
	for _, p := range sortedPacks(size) {
		if err := b.backupPack(w, p, size[p]); err != nil {
			return err
		}
	}
	if !buried {
		return nil
	}
	return w.bytes("blobs/"+tombstones, purged)
}

func (b *blobStore) backupFiles(w *writer) error {
	for sum, err := range b.files() {
		if err != nil {
			return err
		}
		f, err := b.fs.OpenFile(b.name(sum), os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		h := hex.EncodeToString(sum[:])
		err = w.file("blobs/"+h[:2]+"/"+h[2:], func(to io.Writer) error {
			_, err := io.Copy(to, onlyReader{f})
			return err
		})
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if w.files[len(w.files)-1].sum != sum {
			return fmt.Errorf("%w: %s: its content has another hash", ErrCorrupt, b.name(sum))
		}
	}
	return nil
}

type onlyReader struct{ io.Reader }

// backupPack copies the whole batches of a pack.
func (b *blobStore) backupPack(w *writer, p *pack, size int64) error {
	name := b.packName(p.id)
	f, err := b.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	data := make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(f, 0, size), data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	s, at, err := scan(data)
	if err == nil && s.end != size {
		at, err = s.end, errors.New("no whole batch begins here")
	}
	if err != nil {
		return fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, at, err)
	}
	for _, e := range s.entries {
		if sha256.Sum256(data[e.offset+entryHead:][:e.size]) != e.sum {
			return fmt.Errorf("%w: %s at %d: blob %x: its content has another hash", ErrCorrupt, name, e.offset, e.sum)
		}
	}
	return w.bytes("blobs/packs/"+filepath.Base(name), data)
}
