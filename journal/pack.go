package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// A pack is a file of small blobs, in batches. A batch is what one Flush makes
// durable with one sync: entries, and then a mark. As with a log, only the last
// batch can be torn, and with it nothing is lost that a frame names.
//
// An entry, little-endian, is a head and then the content:
//
//	0  magic "JTB1"     36 size u32
//	4  sum, 32 bytes    40 crc32c of the content
//	                    44 crc32c of bytes 0-43
//
// A mark:
//
//	0  magic "JTBE"     16 crc32c of the batch
//	4  entries u32      20 crc32c of bytes 0-19
//	8  where the batch begins u64
const (
	entryHead = 48
	markSize  = 24
	packExt   = ".pack"
)

var (
	entryMagic = [4]byte{'J', 'T', 'B', '1'}
	markMagic  = [4]byte{'J', 'T', 'B', 'E'}
)

// entry is a blob in a pack.
type entry struct {
	sum    [32]byte
	offset int64 // of the head
	size   int
}

// spot is where a blob is.
type spot struct {
	pack   *pack
	offset int64
	size   int
}

// pack is one file.
type pack struct {
	id   uint64
	size int64 // where the next entry goes
	// Of the one that is written: all entries, and the batch that has no mark.
	entries []entry
	batch   batch
	named   bool // its name is durable
}

// batch is the entries since the last mark.
type batch struct {
	start int64
	count uint32
	sum   uint32
}

// packs are all of them, and what is in them; guarded by the blobStore's mu.
type packs struct {
	index map[[32]byte]spot
	all   map[uint64]*pack
	last  uint64 // the greatest id
	open  *pack  // the one that is written; nil if there is none
	file  File   // of open

	undead map[[32]byte]bool // purged, and found in a pack at the start
}

func newPacks() packs {
	return packs{index: map[[32]byte]spot{}, all: map[uint64]*pack{}, undead: map[[32]byte]bool{}}
}

func (b *blobStore) packName(id uint64) string {
	return filepath.Join(b.dir, "packs", fmt.Sprintf("%016x"+packExt, id))
}

// appendEntry writes an entry.
func appendEntry(to []byte, sum [32]byte, content []byte) []byte {
	le, at := binary.LittleEndian, len(to)
	to = append(append(to, entryMagic[:]...), sum[:]...)
	to = le.AppendUint32(to, uint32(len(content)))
	to = le.AppendUint32(to, crc32.Checksum(content, castagnoli))
	to = le.AppendUint32(to, crc32.Checksum(to[at:], castagnoli))
	return append(to, content...)
}

// decodeEntry reads the head of an entry, of which size bytes follow.
func decodeEntry(b []byte) (e entry, sum uint32, ok bool) {
	le := binary.LittleEndian
	if len(b) < entryHead || [4]byte(b[:4]) != entryMagic || crc32.Checksum(b[:44], castagnoli) != le.Uint32(b[44:]) {
		return entry{}, 0, false
	}
	return entry{sum: [32]byte(b[4:36]), size: int(le.Uint32(b[36:]))}, le.Uint32(b[40:]), true
}

func (t batch) mark() []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, markSize), markMagic[:]...)
	b = le.AppendUint32(b, t.count)
	b = le.AppendUint64(b, uint64(t.start))
	b = le.AppendUint32(b, t.sum)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeMark(b []byte) (t batch, ok bool) {
	le := binary.LittleEndian
	if len(b) < markSize || [4]byte(b[:4]) != markMagic || crc32.Checksum(b[:20], castagnoli) != le.Uint32(b[20:]) {
		return t, false
	}
	return batch{start: int64(le.Uint64(b[8:])), count: le.Uint32(b[4:]), sum: le.Uint32(b[16:])}, true
}

// putPacked appends content to the pack that is being written.
func (b *blobStore) putPacked(sum [32]byte, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if there, err := b.claim(sum); there || err != nil {
		return err
	}
	p := &b.packs
	if p.open == nil {
		if err := b.beginPack(); err != nil {
			return err
		}
	}
	w := p.open
	data := appendEntry(make([]byte, 0, entryHead+len(content)), sum, content)
	if _, err := p.file.WriteAt(data, w.size); err != nil {
		return err // what was written is written over
	}
	w.entries = append(w.entries, entry{sum, w.size, len(content)})
	p.index[sum] = spot{w, w.size, len(content)}
	w.size += int64(len(data))
	w.batch.count++
	w.batch.sum = crc32.Update(w.batch.sum, castagnoli, data)
	return nil
}

// beginPack makes a new pack to write to; called with mu held.
func (b *blobStore) beginPack() error {
	p := &b.packs
	w := &pack{id: p.last + 1}
	f, err := b.fs.OpenFile(b.packName(w.id), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	p.last, p.open, p.file, p.all[w.id] = w.id, w, f, w
	return nil
}

// flushPack ends the batch and makes it durable; called with flush held. A pack
// that is full, or with seal, gets no more.
func (b *blobStore) flushPack(seal bool) error {
	b.mu.Lock()
	p := &b.packs
	w, f := p.open, p.file
	if w == nil || w.batch.count == 0 && !(seal && w.size > 0) {
		b.mu.Unlock()
		return nil
	}
	pending := w.batch.count > 0
	if pending {
		if _, err := f.WriteAt(w.batch.mark(), w.size); err != nil {
			b.mu.Unlock()
			if full(err) {
				return fmt.Errorf("%w: %w", ErrFull, err)
			}
			b.broken = err
			return err
		}
		w.size += markSize
		w.batch = batch{start: w.size}
	}
	sealed := seal || w.size >= b.limit
	if sealed {
		p.open, p.file = nil, nil
	}
	b.mu.Unlock()
	if pending {
		if b.broken = b.syncPack(w, f); b.broken != nil {
			if sealed {
				f.Close()
			}
			return b.broken
		}
	}
	if !sealed {
		return nil
	}
	b.writePackIndex(w)
	return f.Close()
}

func (b *blobStore) syncPack(w *pack, f File) error {
	if !w.named {
		if err := b.fs.SyncDir(filepath.Join(b.dir, "packs")); err != nil {
			return err
		}
		w.named = true
	}
	return f.Sync()
}

// unpack returns the content of a packed blob. ErrPurged; ErrCorrupt if it is
// not what it was.
func (b *blobStore) unpack(sum [32]byte) (content []byte, packed bool, err error) {
	for {
		b.mu.RLock()
		at, packed := b.packs.index[sum]
		purged := b.purged[sum]
		b.mu.RUnlock()
		if purged {
			return nil, false, fmt.Errorf("%w: %x", ErrPurged, sum)
		}
		if !packed {
			return nil, false, nil
		}
		content, err := b.readSpot(sum, at)
		if errors.Is(err, fs.ErrNotExist) {
			b.mu.RLock()
			now := b.packs.index[sum]
			b.mu.RUnlock()
			if now != at {
				continue // a Sweep has moved it
			}
		}
		return content, err == nil, err
	}
}

func (b *blobStore) readSpot(sum [32]byte, at spot) ([]byte, error) {
	name := b.packName(at.pack.id)
	f, err := b.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, entryHead+at.size)
	if _, err := f.ReadAt(data, at.offset); err != nil {
		return nil, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, at.offset, err)
	}
	e, crc, ok := decodeEntry(data)
	content := data[entryHead:]
	if !ok || e.sum != sum || e.size != at.size || crc32.Checksum(content, castagnoli) != crc {
		return nil, fmt.Errorf("%w: %s at %d: the blob is not what was put there", ErrCorrupt, name, at.offset)
	}
	return content, nil
}

// close lets go of the pack that is being written.
func (b *blobStore) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.packs.file == nil {
		return nil
	}
	err := b.packs.file.Close()
	b.packs.open, b.packs.file = nil, nil
	return err
}

// scanned is what a pack's bytes hold.
type scanned struct {
	entries []entry
	end     int64 // after the last whole batch
	last    int64 // where that begins
	why     error // what follows is not one; nil if nothing follows
}

// scan goes through a pack's bytes. A batch that is bad with a whole one after
// it was durable: its contents may be damaged, and are told from others one by
// one; where its entries cannot be told apart, an error says at what offset.
func scan(data []byte) (s scanned, at int64, err error) {
	var cur batch
	var pend []entry
	for off := int64(0); ; {
		rest := data[off:]
		e, _, isEntry := decodeEntry(rest)
		m, isMark := decodeMark(rest)
		switch {
		case len(rest) == 0 && cur.count == 0:
			return s, 0, nil
		case isMark && (m == cur || m.start == cur.start && m.count == cur.count && laterBatch(rest[markSize:], data, off+markSize)):
			off += markSize
			s.entries = append(s.entries, pend...)
			s.last, s.end, pend, cur = cur.start, off, nil, batch{start: off}
		case isEntry && e.size <= len(rest)-entryHead:
			n := int64(entryHead + e.size)
			e.offset = off
			pend = append(pend, e)
			cur.count++
			cur.sum = crc32.Update(cur.sum, castagnoli, rest[:n])
			off += n
		case laterBatch(rest, data, cur.start+1):
			return s, off, errors.New("no blob begins here, and a whole batch follows")
		default:
			s.why = errors.New("there is no mark")
			if isMark {
				s.why = errors.New("the mark is of other bytes")
			}
			return s, 0, nil
		}
	}
}

// laterBatch reports whether rest holds the mark of a whole batch that begins
// in data at from or later.
func laterBatch(rest, data []byte, from int64) bool {
	for {
		i := bytes.Index(rest, markMagic[:])
		if i < 0 {
			return false
		}
		rest = rest[i:]
		at := int64(len(data) - len(rest))
		if m, ok := decodeMark(rest); ok && m.start >= from && m.start < at &&
			crc32.Checksum(data[m.start:at], castagnoli) == m.sum {
			return true
		}
		rest = rest[len(markMagic):]
	}
}

// verifyPacks reads every pack and compares each content with its name.
func (b *blobStore) verifyPacks(r *Report) error {
	b.mu.RLock()
	all := make(map[*pack][]entry, len(b.packs.all))
	for _, p := range b.packs.all {
		all[p] = nil
	}
	for sum, at := range b.packs.index {
		all[at.pack] = append(all[at.pack], entry{sum, at.offset, at.size})
	}
	b.mu.RUnlock()
	for _, p := range sortedPacks(all) {
		r.Packs++
		for _, e := range all[p] {
			content, packed, err := b.unpack(e.sum)
			switch {
			case errors.Is(err, ErrPurged) || err == nil && !packed:
				continue // swept or purged beside us
			case errors.Is(err, ErrCorrupt):
				r.problem("%v", err)
				r.Blobs++
				continue
			case err != nil:
				return err
			}
			r.Blobs++
			r.Bytes += int64(len(content))
			if sha256.Sum256(content) != e.sum {
				r.problem("%s at %d: blob %x: its content has another hash", b.packName(p.id), e.offset, e.sum)
			}
		}
	}
	return nil
}
