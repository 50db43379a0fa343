package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A pack that gets no more has an index beside it, which also says that it is
// whole. Without a good one the pack is read, and its end may be torn.
//
//	0 magic "JTP1"    8  pack size u64
//	4 version u32     16 entries u32
//
// Then for each entry sum, offset u64 and size u32, and a crc32c of all before.
const (
	packIndexHead    = 20
	packIndexEntry   = 44
	packIndexVersion = 1
)

var packIndexMagic = [4]byte{'J', 'T', 'P', '1'}

func encodePackIndex(size int64, entries []entry) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, packIndexHead+packIndexEntry*len(entries)+4), packIndexMagic[:]...)
	b = le.AppendUint32(b, packIndexVersion)
	b = le.AppendUint64(b, uint64(size))
	b = le.AppendUint32(b, uint32(len(entries)))
	for _, e := range entries {
		b = append(b, e.sum[:]...)
		b = le.AppendUint64(b, uint64(e.offset))
		b = le.AppendUint32(b, uint32(e.size))
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodePackIndex(b []byte) (size int64, entries []entry, ok bool) {
	le := binary.LittleEndian
	n := len(b) - 4
	if n < packIndexHead || [4]byte(b[:4]) != packIndexMagic || crc32.Checksum(b[:n], castagnoli) != le.Uint32(b[n:]) ||
		le.Uint32(b[4:]) != packIndexVersion || n != packIndexHead+packIndexEntry*int(le.Uint32(b[16:])) {
		return 0, nil, false
	}
	for e := b[packIndexHead:n]; len(e) > 0; e = e[packIndexEntry:] {
		entries = append(entries, entry{[32]byte(e[:32]), int64(le.Uint64(e[32:])), int(le.Uint32(e[40:]))})
	}
	return int64(le.Uint64(b[8:])), entries, true
}

func packIndexName(pack string) string { return strings.TrimSuffix(pack, packExt) + indexExt }

// writePackIndex says durably that a pack gets no more. If that fails, the next
// start reads the pack.
func (b *blobStore) writePackIndex(w *pack) {
	name := packIndexName(b.packName(w.id))
	err := replace(b.fs, name+tempExt, name, encodePackIndex(w.size, w.entries))
	if err == nil {
		err = b.fs.SyncDir(filepath.Join(b.dir, "packs"))
	}
	if err != nil {
		b.notice(fmt.Sprintf("the index %s was not written: %v", name, err))
	}
	b.mu.Lock()
	w.entries = nil
	b.mu.Unlock()
}

// entriesOf returns what is in a pack, from its index or from itself; sealed
// says that the index has it.
func (b *blobStore) entriesOf(name string) (s scanned, sealed bool, err error) {
	size, err := b.fs.Stat(name)
	if err != nil {
		return s, false, err
	}
	if raw, err := b.readFile(packIndexName(name)); err == nil {
		if n, entries, ok := decodePackIndex(raw); ok && n == size {
			return scanned{entries: entries, end: size}, true, nil
		}
	}
	data, err := b.readFile(name)
	if err != nil {
		return s, false, err
	}
	s, at, err := scan(data)
	if err != nil {
		err = fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, name, at, err)
	}
	return s, false, err
}

func (b *blobStore) readFile(name string) ([]byte, error) {
	f, err := b.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	data, err := readAll(f)
	return data, errors.Join(err, f.Close())
}

// openPacks takes in every pack, cuts off a torn end, and goes on with the last
// one that has room.
func (b *blobStore) openPacks() error {
	dir := filepath.Join(b.dir, "packs")
	names, err := b.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	var loose []*pack // without an index
	for _, n := range names {
		orphan := strings.HasSuffix(n, indexExt) && !slices.Contains(names, strings.TrimSuffix(n, indexExt)+packExt)
		if orphan || strings.HasSuffix(n, tempExt) {
			if err := b.fs.Remove(filepath.Join(dir, n)); err != nil {
				return err
			}
		}
		var id uint64
		if _, err := fmt.Sscanf(n, "%x"+packExt, &id); err != nil || filepath.Join(dir, n) != b.packName(id) {
			continue
		}
		w := &pack{id: id, named: true}
		sealed, err := b.openPack(w)
		if err != nil {
			return err
		}
		b.packs.all[id], b.packs.last = w, max(b.packs.last, id)
		if !sealed {
			loose = append(loose, w)
		}
	}
	// A name that a killed process left in the page cache alone is one that
	// has just been relied on.
	if err := b.fs.SyncDir(dir); err != nil {
		return err
	}
	for i, w := range loose {
		if i < len(loose)-1 || w.size >= b.limit {
			b.writePackIndex(w)
			continue
		}
		w.batch = batch{start: w.size}
		b.packs.open = w
		if b.packs.file, err = b.fs.OpenFile(b.packName(w.id), os.O_RDWR, 0); err != nil {
			return err
		}
	}
	return nil
}

// openPack takes one in, and makes what it shows durable.
func (b *blobStore) openPack(w *pack) (sealed bool, err error) {
	name := b.packName(w.id)
	s, sealed, err := b.entriesOf(name)
	if err != nil {
		return false, err
	}
	w.size = s.end
	for _, e := range s.entries {
		b.packs.index[e.sum] = spot{w, e.offset, e.size}
		if b.purged[e.sum] {
			b.packs.undead[e.sum] = true
		}
	}
	if sealed {
		return true, nil
	}
	w.entries = s.entries
	f, err := b.fs.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	return false, errors.Join(b.settlePack(f, name, s), f.Close())
}

// settlePack cuts off the end of a pack that is no whole batch, and makes what
// is left durable, the last batch written again: see Store.settle.
func (b *blobStore) settlePack(f File, name string, s scanned) error {
	last := make([]byte, s.end-s.last)
	if _, err := f.ReadAt(last, s.last); err != nil && len(last) > 0 {
		return err
	}
	if s.why != nil {
		// Nobody was told that it is there. It is not kept: what is to be
		// purged may be in it.
		if err := f.Truncate(s.end); err != nil {
			return err
		}
		b.notice(fmt.Sprintf("blobs that were never flushed are cut off from %s at %d: %v", name, s.end, s.why))
	}
	if _, err := f.WriteAt(last, s.last); err != nil {
		return err
	}
	return f.Sync()
}

func sortedPacks[T any](all map[*pack]T) []*pack {
	return slices.SortedFunc(maps.Keys(all), func(a, b *pack) int { return cmp.Compare(a.id, b.id) })
}
