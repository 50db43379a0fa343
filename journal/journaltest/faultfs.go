// Package journaltest holds what tests of the log stand on: a disk that loses
// what was not synced, and the promises of journal.Log as a suite.
package journaltest

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"jitos.dev/journal"
)

// ErrDown is returned by everything between a stop and the next Kill or Crash,
// and for ever by files that were open then.
var ErrDown = errors.New("journaltest: the machine is down")

// Op names an operation of the file system.
type Op string

// The operations; those that change something count for StopAfter.
const (
	OpCreate   Op = "create"
	OpOpen     Op = "open"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpMkdir    Op = "mkdir"
	OpSyncDir  Op = "syncdir"
	OpSyncAll  Op = "syncall"
)

// Event is one operation that was asked for.
type Event struct {
	Op   Op
	Name string
}

// FaultFS is a disk in memory that keeps apart what a program sees and what
// would be there after the power went.
//
// Written bytes are durable after Sync of the file, names after SyncDir of the
// folder, and neither brings the other. At a Crash the seed chooses which part
// of the rest survives: nothing, all, a beginning with a torn last write, or
// any subset of the 512-byte sectors, in any order, holes read as zeros. A
// failed Sync behaves as on Linux: the data is still seen, but a later Sync
// says yes without writing it. Any goroutine.
type FaultFS struct {
	mu     sync.Mutex // guards all of it, and every node
	rng    *rand.Rand
	root   *node
	locked map[string]bool
	life   int  // files opened in an earlier life are dead
	down   bool // between a stop and the next life
	left   int  // changes until the machine stops; negative: never
	room   int64
	fault  func(Op, string) error
	events []Event
}

var _ journal.FS = (*FaultFS)(nil)

// NewFaultFS returns an empty disk. The same seed and the same operations give
// the same losses.
func NewFaultFS(seed uint64) *FaultFS {
	return &FaultFS{
		rng: rand.New(rand.NewPCG(seed, 0x6a69746f73)), root: newDir(), locked: map[string]bool{}, left: -1, room: -1,
	}
}

// Inject makes every operation ask f first; an error of f is the operation's.
// A failing write leaves some of its bytes. f must not call the disk. Nil, a
// Kill or a Crash ends it.
func (d *FaultFS) Inject(f func(op Op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Once returns a fault that fails the first op on a name that contains part.
func Once(op Op, part string, err error) func(Op, string) error {
	done := false
	return func(o Op, name string) error {
		if done || o != op || !strings.Contains(name, part) {
			return nil
		}
		done = true
		return err
	}
}

// SetRoom sets how many more bytes the disk takes; negative is without bound.
func (d *FaultFS) SetRoom(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
	if n >= 0 {
		d.room += d.root.usage()
	}
}

// StopAfter stops the machine in the middle of the n-th change from now.
func (d *FaultFS) StopAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

// Kill ends the process: open files and locks are gone, what it saw stays.
func (d *FaultFS) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.restart()
}

// Crash cuts the power: what was not synced survives as chance will have it.
func (d *FaultFS) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.root.crash(d.rng, map[*node]bool{})
	d.restart()
}

func (d *FaultFS) restart() {
	d.locked = map[string]bool{}
	d.life++
	d.down = false
	d.left = -1
	d.fault = nil
}

// Events returns what was asked for since the last call of Events.
func (d *FaultFS) Events() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.events
	d.events = nil
	return list
}

// ReadFile returns what a program would see.
func (d *FaultFS) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	return slices.Clone(n.data), nil
}

// Plant puts a durable file there, with its folders.
func (d *FaultFS) Plant(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.root
	for _, p := range split(filepath.Dir(name)) {
		if at.seen[p] == nil {
			at.put(p, newDir())
			at.settle()
		}
		at = at.seen[p]
	}
	at.put(filepath.Base(name), &node{data: slices.Clone(data), disk: slices.Clone(data)})
	at.settle()
}

// Flip turns one bit round, in what is seen and in what is durable.
func (d *FaultFS) Flip(name string, offset int64, bit uint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("open", name)
	if err != nil {
		panic(err)
	}
	n.data[offset] ^= 1 << (bit % 8)
	if offset < int64(len(n.disk)) {
		n.disk[offset] ^= 1 << (bit % 8)
	}
}

// ask notes an operation and says whether it may go on. cut is true for the
// change in the middle of which the machine stops: it may be done or not.
func (d *FaultFS) ask(op Op, name string) (cut bool, err error) {
	if d.down {
		return false, ErrDown
	}
	d.events = append(d.events, Event{op, name})
	if d.fault != nil {
		if err := d.fault(op, name); err != nil {
			return false, &fs.PathError{Op: string(op), Path: name, Err: err}
		}
	}
	if d.left < 0 || op == OpOpen || op == OpRead {
		return false, nil
	}
	if d.left > 0 {
		d.left--
	}
	if d.left == 0 {
		d.down = true
		return true, nil
	}
	return false, nil
}

// change does what is asked for, once: with a cut, by chance, and then ErrDown.
func (d *FaultFS) change(op Op, name string, do func() error) error {
	cut, err := d.ask(op, name)
	switch {
	case err != nil:
		return err
	case !cut:
		return do()
	case d.rng.IntN(2) == 0:
		return errors.Join(ErrDown, do())
	}
	return ErrDown
}

func split(name string) []string {
	return strings.FieldsFunc(filepath.Clean(name), func(r rune) bool { return r == filepath.Separator })
}

func (d *FaultFS) find(op, name string) (*node, error) {
	n := d.root
	for _, p := range split(name) {
		if n = n.seen[p]; n == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return n, nil
}

// OpenFile opens or makes a file.
func (d *FaultFS) OpenFile(name string, flag int, _ fs.FileMode) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("open", name)
	switch {
	case d.down:
		return nil, ErrDown
	case err == nil && n.dir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case err == nil && flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case err == nil:
		if _, err := d.ask(OpOpen, name); err != nil {
			return nil, err
		}
		if flag&os.O_TRUNC != 0 {
			n.truncate(0)
		}
	case flag&os.O_CREATE == 0:
		return nil, err
	default:
		dir, err := d.find("open", filepath.Dir(name))
		if err != nil {
			return nil, err
		}
		n = &node{}
		err = d.change(OpCreate, name, func() error { dir.put(filepath.Base(name), n); return nil })
		if err != nil {
			return nil, err
		}
	}
	write := flag&(os.O_WRONLY|os.O_RDWR) != 0
	return &file{d: d, n: n, name: name, life: d.life, write: write}, nil
}

// Rename moves a file. In one folder it is one change; between two folders
// each has to be synced.
func (d *FaultFS) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("rename", from)
	if err != nil {
		return err
	}
	src, _ := d.find("rename", filepath.Dir(from))
	dst, err := d.find("rename", filepath.Dir(to))
	if err != nil {
		return err
	}
	return d.change(OpRename, to, func() error {
		if src == dst {
			src.move(filepath.Base(from), filepath.Base(to), n)
			return nil
		}
		dst.put(filepath.Base(to), n)
		src.put(filepath.Base(from), nil)
		return nil
	})
}

// Remove removes a file.
func (d *FaultFS) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("remove", name)
	if err != nil {
		return err
	}
	if len(n.seen) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	dir, _ := d.find("remove", filepath.Dir(name))
	return d.change(OpRemove, name, func() error { dir.put(filepath.Base(name), nil); return nil })
}

// MkdirAll makes a folder and those above it.
func (d *FaultFS) MkdirAll(name string, _ fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, path := d.root, ""
	for _, p := range split(name) {
		path += "/" + p
		if at.seen[p] == nil {
			if err := d.change(OpMkdir, path, func() error { at.put(p, newDir()); return nil }); err != nil {
				return err
			}
		}
		at = at.seen[p]
		if !at.dir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

// ReadDir lists names, sorted.
func (d *FaultFS) ReadDir(name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.ask(OpRead, name); err != nil {
		return nil, err
	}
	n, err := d.find("readdir", name)
	if err != nil {
		return nil, err
	}
	return n.names(), nil
}

// Stat returns the size.
func (d *FaultFS) Stat(name string) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return 0, ErrDown
	}
	n, err := d.find("stat", name)
	if err != nil {
		return 0, err
	}
	return int64(len(n.data)), nil
}

// SyncDir makes the folder's names durable, not what stands in the files.
func (d *FaultFS) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("syncdir", name)
	if err != nil {
		return err
	}
	return d.change(OpSyncDir, name, func() error { n.settle(); return nil })
}

// SyncAll makes everything durable.
func (d *FaultFS) SyncAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.change(OpSyncAll, name, func() error { d.root.settleAll(); return nil })
}

// Lock takes the lock of a name, which a Kill or Crash gives back.
func (d *FaultFS) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.down:
		return nil, ErrDown
	case d.locked[name]:
		return nil, journal.ErrLocked
	}
	d.locked[name] = true
	return &held{d: d, name: name, life: d.life}, nil
}

type held struct {
	d    *FaultFS
	name string
	life int
}

func (h *held) Close() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.life == h.d.life {
		delete(h.d.locked, h.name)
	}
	return nil
}
