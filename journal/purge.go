package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
)

// The tombstones stand in one file, DIR/blobs/purged: a line for each sum, in
// hex and in order, and a last line with the crc32c of those before.
const tombstones = "purged"

// Purge removes content from the blob store for good: its bytes are gone from
// its file or its pack when Purge returns, Open and Put of it are refused with
// ErrPurged from then on, and the log's chain still verifies. It may be called
// again, and of what was never put. Backups, object files and what the file
// system does with freed blocks are not its business.
func (s *Store) Purge(sum [32]byte) error {
	b := s.blobs
	b.upkeep.Lock()
	defer b.upkeep.Unlock()
	// First it is written down: from here on every start goes on with it.
	if err := b.bury(sum); err != nil {
		return err
	}
	if err := b.eraseFile(sum); err != nil {
		return err
	}
	return b.erasePacked(sum)
}

// bury adds a tombstone.
func (b *blobStore) bury(sum [32]byte) error {
	b.mu.RLock()
	there := b.purged[sum]
	all := maps.Clone(b.purged)
	b.mu.RUnlock()
	if there {
		return nil
	}
	all[sum] = true
	name := filepath.Join(b.dir, tombstones)
	if err := replace(b.fs, name+tempExt, name, encodeTombstones(all)); err != nil {
		return err
	}
	if err := b.fs.SyncDir(b.dir); err != nil {
		return err
	}
	b.mu.Lock()
	b.purged[sum] = true
	b.mu.Unlock()
	return nil
}

func encodeTombstones(all map[[32]byte]bool) []byte {
	var text []byte
	for _, sum := range slices.SortedFunc(maps.Keys(all), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
		text = fmt.Appendf(text, "%x\n", sum)
	}
	return fmt.Appendf(text, "crc32c %08x\n", crc32.Checksum(text, castagnoli))
}

func decodeTombstones(text []byte) (map[[32]byte]bool, error) {
	all := map[[32]byte]bool{}
	rest := text
	for len(rest) >= 65 && rest[64] == '\n' {
		sum, err := hex.DecodeString(string(rest[:64]))
		if err != nil {
			break
		}
		all[[32]byte(sum)] = true
		rest = rest[65:]
	}
	if !bytes.Equal(text, encodeTombstones(all)) {
		return nil, fmt.Errorf("it is no list of sums that ends at %d with its checksum", len(text)-len(rest))
	}
	return all, nil
}

// eraseFile removes a blob that is a file, flushed or not.
func (b *blobStore) eraseFile(sum [32]byte) error {
	b.flush.Lock() // it would give the file its last name
	defer b.flush.Unlock()
	b.mu.Lock()
	delete(b.fresh, sum)
	delete(b.pending, sum)
	b.mu.Unlock()
	for _, name := range []string{b.fresher(sum), b.name(sum)} {
		err := b.fs.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			if name == b.name(sum) {
				continue
			}
			err = nil // but a Flush may have moved it, and not synced whence
		}
		if err = errors.Join(err, b.fs.SyncDir(filepath.Dir(name))); err != nil {
			return err
		}
	}
	return nil
}

// erasePacked writes every pack anew that the content is in: after a crash in a
// Sweep there may be two.
func (b *blobStore) erasePacked(sum [32]byte) error {
	b.mu.RLock()
	all := maps.Clone(b.packs.all)
	open := b.packs.open
	b.mu.RUnlock()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p := all[id]
		if p == open {
			// What is in it is known only when it gets no more.
			if err := b.seal(p); err != nil {
				return err
			}
		}
		s, _, err := b.entriesOf(b.packName(id))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(s.entries, func(e entry) bool { return e.sum == sum }) {
			continue
		}
		if err := b.rewrite(p, map[[32]byte]bool{sum: true}); err != nil {
			return err
		}
	}
	return nil
}

// openPurged reads the tombstones.
func (b *blobStore) openPurged() error {
	name := filepath.Join(b.dir, tombstones)
	if err := b.fs.Remove(name + tempExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := b.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if b.purged, err = decodeTombstones(text); err != nil {
		// What was purged must not be taken again for want of a line.
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
	}
	return b.fs.SyncDir(b.dir) // it may be known to the page cache alone
}

// finishPurges goes on where a crash stopped a Purge.
func (b *blobStore) finishPurges() error {
	for _, sum := range slices.SortedFunc(maps.Keys(b.purged), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }) {
		if _, err := b.fs.Stat(b.name(sum)); err == nil {
			if err := b.eraseFile(sum); err != nil {
				return err
			}
		}
		if b.packs.undead[sum] {
			if err := b.erasePacked(sum); err != nil {
				return err
			}
		}
	}
	return nil
}
