// Package logs holds what makes records durable, ours and other people's, behind
// one interface, and the queue by which many submitters share a commit.
package logs

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver

	"jitos.dev/journal"
)

// Log makes records durable. One goroutine at a time.
type Log interface {
	// Commit returns when all of the batch are on disk, or none.
	Commit(batch [][]byte) error
	Close() error
}

// Raw is the disk itself: a write and an fdatasync.
const Raw = "write+fdatasync"

// Names are the logs, ours first.
func Names() []string { return []string{"journal", Raw, "sqlite", "bbolt", "pebble"} }

// Open makes the log of that name in an empty folder.
func Open(name, dir string) (Log, error) {
	switch name {
	case "journal":
		s, err := journal.Open(dir, journal.Options{})
		return &ours{s: s}, err
	case Raw:
		f, err := os.Create(filepath.Join(dir, "raw"))
		return &raw{f: f}, err
	case "sqlite":
		return openSQLite(dir)
	case "bbolt":
		return openBolt(dir)
	case "pebble":
		db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}})
		return &pebbleLog{db: db}, err
	}
	return nil, fmt.Errorf("there is no log %q", name)
}

// join lays records beside each other, each with its length.
func join(buf []byte, batch [][]byte) []byte {
	for _, r := range batch {
		buf = append(binary.AppendUvarint(buf, uint64(len(r))), r...)
	}
	return buf
}

type ours struct {
	s   *journal.Store
	buf []byte
}

func (l *ours) Commit(batch [][]byte) error {
	last, _ := l.s.Last()
	l.buf = join(l.buf[:0], batch)
	return l.s.Append(context.Background(), journal.Frame{Epoch: l.s.Epoch(), First: last + 1, Count: uint32(len(batch)), Payload: l.buf})
}

func (l *ours) Close() error { return l.s.Close() }

type raw struct {
	f   *os.File
	buf []byte
}

func (l *raw) Commit(batch [][]byte) error {
	l.buf = join(l.buf[:0], batch)
	if _, err := l.f.Write(l.buf); err != nil {
		return err
	}
	return unix.Fdatasync(int(l.f.Fd()))
}

func (l *raw) Close() error { return l.f.Close() }

type sqlite struct {
	db     *sql.DB
	insert *sql.Stmt
}

func openSQLite(dir string) (Log, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("create table log (seq integer primary key, record blob)"); err != nil {
		return nil, err
	}
	insert, err := db.Prepare("insert into log (record) values (?)")
	return &sqlite{db, insert}, err
}

func (l *sqlite) Commit(batch [][]byte) error {
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := tx.Stmt(l.insert)
	for _, r := range batch {
		if _, err := insert.Exec(r); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (l *sqlite) Close() error { return l.db.Close() }

type bolt struct {
	db   *bbolt.DB
	next uint64
}

var boltBucket = []byte("log")

func openBolt(dir string) (Log, error) {
	db, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, nil)
	if err != nil {
		return nil, err
	}
	return &bolt{db: db}, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(boltBucket)
		return err
	})
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (l *bolt) Commit(batch [][]byte) error {
	return l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(boltBucket)
		b.FillPercent = 1 // keys only grow
		for _, r := range batch {
			l.next++
			if err := b.Put(key(l.next), r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *bolt) Close() error { return l.db.Close() }

type pebbleLog struct {
	db   *pebble.DB
	next uint64
}

func (l *pebbleLog) Commit(batch [][]byte) error {
	b := l.db.NewBatch()
	defer b.Close()
	for _, r := range batch {
		l.next++
		if err := b.Set(key(l.next), r, nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func (l *pebbleLog) Close() error { return l.db.Close() }

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}
