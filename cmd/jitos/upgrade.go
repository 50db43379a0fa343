package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// upgradeMargin is how many bytes have to be free beyond what an upgrade writes.
const upgradeMargin = 64 << 20

// openData opens the data folder. A log of an older fold version is backed up and
// then upgraded; one of a newer version, or too old a one, is refused as it is.
func openData(ctx context.Context, data string, log *slog.Logger) (*journal.Store, error) {
	store, err := openStore(data, log)
	if err != nil {
		return nil, err
	}
	fold, err := kernel.FoldOf(store)
	if err == nil && (fold == 0 || fold == kernel.FoldVersion) {
		return store, nil
	}
	if err == nil {
		err = kernel.Upgradable(fold)
	}
	if err == nil {
		err = upgrade(ctx, store, data, fold, log)
	}
	if err := errors.Join(err, closeOf(store, err == nil)); err != nil {
		return nil, err
	}
	return openStore(data, log)
}

// closeOf closes a store; one whose log was rewritten has nothing to say then.
func closeOf(store *journal.Store, rewritten bool) error {
	if err := store.Close(); !rewritten {
		return err
	}
	return nil
}

func openStore(data string, log *slog.Logger) (*journal.Store, error) {
	store, err := journal.Open(data, journal.Options{Notice: func(s string) { log.Warn("journal", "notice", s) }})
	switch {
	case errors.Is(err, journal.ErrLocked):
		return nil, wire.NewProblem(rmg.Unavailable, "another daemon has %s open", data).WithHint("jitos status talks to it")
	case errors.Is(err, journal.ErrVersion):
		return nil, wire.NewProblem(rmg.Unavailable, "the data folder %s is of a newer jitos: %v", data, err).WithHint("use the newer jitos; nothing was changed")
	case err != nil:
		return nil, wire.NewProblem(rmg.Unavailable, "the data folder %s cannot be opened: %v", data, err)
	}
	return store, nil
}

// backupOf is where the backup before an upgrade goes: beside the data folder, by
// the fold version that it is of.
func backupOf(data string, fold uint64) string {
	return fmt.Sprintf("%s.fold%d", filepath.Clean(data), fold)
}

// backupsOf are the backups that upgrades made of a data folder.
func backupsOf(data string) []string {
	var list []string
	for fold := range uint64(kernel.FoldVersion) {
		if _, err := os.Stat(backupOf(data, fold)); err == nil {
			list = append(list, backupOf(data, fold))
		}
	}
	return list
}

// upgrade backs a store up and rewrites its log.
func upgrade(ctx context.Context, store *journal.Store, data string, fold uint64, log *slog.Logger) error {
	to := backupOf(data, fold)
	if err := roomToUpgrade(store, data, to, freeAt); err != nil {
		return err
	}
	log.Warn("the data folder is of an older fold version; it is backed up first", "version", fold, "backup", to)
	if err := backupFirst(ctx, store, to); err != nil {
		return err
	}
	done, err := kernel.Upgrade(ctx, store, blobStore{store.Blobs()})
	if err != nil {
		return wire.NewProblem(rmg.Unavailable, "the data folder %s cannot be upgraded: %v", data, err).
			WithHint("it is as it was, and so is its backup %s; use the jitos that wrote it", to)
	}
	log.Warn("the data folder is upgraded", "from", done.From, "to", kernel.FoldVersion, "records", done.Records, "world", done.World, "backup", to)
	return nil
}

// backupFirst makes the backup, or takes the one that an upgrade made which was cut
// off. What else stands there is not touched, but for half a backup.
func backupFirst(ctx context.Context, store *journal.Store, to string) error {
	seq, chain := store.Last()
	b, err := journal.ReadBackup(to, nil)
	switch {
	case err == nil && b.Seq == seq && b.Chain == chain:
		return nil
	case err == nil:
		return wire.NewProblem(rmg.Exists, "the backup before an upgrade would go to %s, where one of seq %d stands; this log ends with %d", to, b.Seq, seq).
			WithHint("move it away")
	case errors.Is(err, journal.ErrBackup) && journal.HalfBackup(to):
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	if err := store.Backup(ctx, to); err != nil {
		return wire.NewProblem(rmg.Unavailable, "the data folder is of an older version, and cannot be backed up to %s: %v", to, err).
			WithHint("nothing was changed; move away what stands there, or make room")
	}
	return nil
}

// roomToUpgrade refuses what would not fit: the backup, and the log once more.
func roomToUpgrade(store *journal.Store, data, to string, freeAt func(dir string) (int64, error)) error {
	all, err := store.Size()
	if err != nil {
		return err
	}
	log, err := folderSize(filepath.Join(data, "log"))
	if err != nil {
		return err
	}
	free, err := freeAt(filepath.Dir(to))
	if err != nil {
		return err
	}
	if need := all + log + upgradeMargin; free < need {
		return wire.NewProblem(rmg.Unavailable, "the data folder %s is of an older version: a backup and an upgrade take %s, and %s is free", data, sizeText(need), sizeText(free)).
			WithHint("make room; nothing was changed")
	}
	return nil
}

// freeAt is how many bytes an ordinary user may still write in a folder.
func freeAt(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	blocks, size := uint64(st.Bavail), uint64(st.Bsize)
	if size != 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return int64(blocks * size), nil
}

// folderSize adds up the files of a folder.
func folderSize(dir string) (int64, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, d := range list {
		info, err := d.Info()
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}
