package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Swept is what a Sweep removed, or would remove.
type Swept struct {
	Blobs int
	Bytes int64 // of content
	Packs int   // written anew without it, or removed
	// What is not kept and stays, as most of its pack is kept.
	LeftBlobs int
	LeftBytes int64
}

// Sweep removes the blobs that keep says no to, beside readers and writers; a
// dry run only says which. keep has to know of all content that is named, or
// was put and is going to be. What is put from the call on, or was and is not
// flushed, stays. A pack is written anew when less than half of it is kept. A
// crash at any point loses nothing that is kept.
func (s *Store) Sweep(keep func(sum [32]byte) bool, dryRun bool) (Swept, error) {
	b := s.blobs
	b.upkeep.Lock()
	defer b.upkeep.Unlock()
	b.mu.Lock()
	b.touched = b.unflushed()
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.touched = nil
		b.mu.Unlock()
	}()
	var r Swept
	if err := b.sweepFiles(keep, dryRun, &r); err != nil {
		return r, err
	}
	return r, b.sweepPacks(keep, dryRun, &r)
}

// unflushed is what was put since the last Flush; called with mu held.
func (b *blobStore) unflushed() map[[32]byte]bool {
	all := maps.Clone(b.pending)
	if w := b.packs.open; w != nil {
		for _, e := range w.entries[len(w.entries)-int(w.batch.count):] {
			all[e.sum] = true
		}
	}
	return all
}

func (b *blobStore) isTouched(sum [32]byte) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.touched[sum]
}

func (b *blobStore) sweepFiles(keep func([32]byte) bool, dryRun bool, r *Swept) error {
	dirs := map[string]bool{}
	for sum, err := range b.files() {
		if err != nil {
			return err
		}
		if b.isTouched(sum) || keep(sum) {
			continue
		}
		size, err := b.fs.Stat(b.name(sum))
		if err != nil {
			return err
		}
		if !dryRun {
			removed, err := b.sweepFile(sum)
			if err != nil {
				return err
			}
			if !removed {
				continue
			}
			dirs[filepath.Dir(b.name(sum))] = true
		}
		r.Blobs++
		r.Bytes += size
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		if err := b.fs.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// sweepFile removes a file, unless its content was put meanwhile.
func (b *blobStore) sweepFile(sum [32]byte) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.touched[sum] {
		return false, nil
	}
	return true, b.fs.Remove(b.name(sum))
}

func (b *blobStore) sweepPacks(keep func([32]byte) bool, dryRun bool, r *Swept) error {
	b.mu.RLock()
	index := maps.Clone(b.packs.index)
	all := map[*pack][]entry{}
	size := map[*pack]int64{}
	for _, p := range b.packs.all {
		all[p], size[p] = nil, p.size
	}
	b.mu.RUnlock()
	live := map[*pack]int64{}
	for sum, at := range index {
		if b.isTouched(sum) || keep(sum) {
			live[at.pack] += entryHead + int64(at.size)
		} else {
			all[at.pack] = append(all[at.pack], entry{sum, at.offset, at.size})
		}
	}
	for _, p := range sortedPacks(all) {
		var bytes int64
		for _, e := range all[p] {
			bytes += int64(e.size)
		}
		if size[p] == 0 || 2*live[p] >= size[p] {
			r.LeftBlobs += len(all[p])
			r.LeftBytes += bytes
			continue
		}
		gone := map[[32]byte]bool{}
		for _, e := range all[p] {
			gone[e.sum] = true
		}
		if !dryRun {
			if err := b.rewrite(p, gone); err != nil {
				return err
			}
		}
		for _, e := range all[p] { // without what was put meanwhile
			if gone[e.sum] {
				r.Blobs++
				r.Bytes += int64(e.size)
			}
		}
		r.Packs++
	}
	return nil
}

// rewrite puts a new pack without what is gone, and without what is in another
// pack as well, in the place of one. What a Sweep finds to be put meanwhile is
// taken out of gone. The new one is durable before the old one goes.
func (b *blobStore) rewrite(old *pack, gone map[[32]byte]bool) error {
	if err := b.seal(old); err != nil {
		return err
	}
	s, _, err := b.entriesOf(b.packName(old.id))
	if err != nil {
		return err
	}
	for {
		b.mu.Lock()
		for sum := range gone {
			if b.touched[sum] {
				delete(gone, sum)
			}
		}
		var stay []entry
		for _, e := range s.entries {
			if !gone[e.sum] && b.packs.index[e.sum].pack == old {
				stay = append(stay, e)
			}
		}
		b.mu.Unlock()
		made, err := b.writePack(old, stay)
		if err != nil {
			return err
		}
		if b.swap(old, made, gone) {
			break
		}
		if err := b.removePack(made); err != nil {
			return err
		}
	}
	return b.removePack(old)
}

// seal sees to it that a pack gets no more.
func (b *blobStore) seal(p *pack) error {
	b.flush.Lock()
	defer b.flush.Unlock()
	b.mu.RLock()
	open := b.packs.open == p
	b.mu.RUnlock()
	if !open {
		return nil
	}
	return b.flushAll(true)
}

// writePack makes a pack of some entries of another, byte for byte; nil of none.
func (b *blobStore) writePack(old *pack, stay []entry) (*pack, error) {
	if len(stay) == 0 {
		return nil, nil
	}
	from, err := b.fs.OpenFile(b.packName(old.id), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	var data []byte
	var t batch
	made := &pack{named: true}
	for _, e := range stay {
		at := len(data)
		data = append(data, make([]byte, entryHead+e.size)...)
		if _, err := from.ReadAt(data[at:], e.offset); err != nil {
			return nil, fmt.Errorf("%w: %s at %d: %w", ErrCorrupt, b.packName(old.id), e.offset, err)
		}
		if h, _, ok := decodeEntry(data[at:]); !ok || h.sum != e.sum || h.size != e.size {
			return nil, fmt.Errorf("%w: %s at %d: the blob is not what was put there", ErrCorrupt, b.packName(old.id), e.offset)
		}
		made.entries = append(made.entries, entry{e.sum, int64(at), e.size})
		t.count++
	}
	t.sum = crc32.Checksum(data, castagnoli)
	data = append(data, t.mark()...)
	made.size = int64(len(data))
	b.mu.Lock()
	b.packs.last++
	made.id = b.packs.last
	b.mu.Unlock()
	name := b.packName(made.id)
	if err := replace(b.fs, name+tempExt, name, data); err != nil {
		return nil, err
	}
	entries := made.entries
	b.writePackIndex(made) // and syncs the folder, if it can write
	made.entries = entries
	return made, b.fs.SyncDir(filepath.Join(b.dir, "packs"))
}

// swap makes the index point to the new pack; false if what is gone was put
// again.
func (b *blobStore) swap(old, made *pack, gone map[[32]byte]bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for sum := range gone {
		if b.touched[sum] {
			return false
		}
	}
	delete(b.packs.all, old.id)
	for sum := range gone {
		if b.packs.index[sum].pack == old {
			delete(b.packs.index, sum)
		}
	}
	if made != nil {
		b.packs.all[made.id] = made
		for _, e := range made.entries {
			b.packs.index[e.sum] = spot{made, e.offset, e.size}
		}
		made.entries = nil
	}
	return true
}

// removePack removes a pack that nothing points to, durably.
func (b *blobStore) removePack(p *pack) error {
	if p == nil {
		return nil
	}
	name := b.packName(p.id)
	err := b.fs.Remove(name)
	if ierr := b.fs.Remove(packIndexName(name)); !errors.Is(ierr, fs.ErrNotExist) {
		err = errors.Join(err, ierr)
	}
	return errors.Join(err, b.fs.SyncDir(filepath.Join(b.dir, "packs")))
}
