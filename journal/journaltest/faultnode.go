package journaltest

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// node is a file or a folder: what is seen, what is durable, and the changes
// between the two.
type node struct {
	data, disk []byte
	writes     []write

	seen, kept map[string]*node // nil in a file
	moves      []move
}

// write is a change of a file; without data, a truncation to at.
type write struct {
	at   int
	data []byte
}

// move is a change of a folder: to is what name now holds, nil for nothing,
// and gone a name that went in the same change.
type move struct {
	name, gone string
	to         *node
}

func newDir() *node { return &node{seen: map[string]*node{}, kept: map[string]*node{}} }

func (n *node) dir() bool { return n.seen != nil }

func (n *node) names() []string { return slices.Sorted(maps.Keys(n.seen)) }

func (n *node) put(name string, to *node) { n.change(move{name: name, to: to}) }

func (n *node) move(from, to string, what *node) { n.change(move{name: to, gone: from, to: what}) }

func (n *node) change(m move) {
	m.apply(n.seen)
	n.moves = append(n.moves, m)
}

func (m move) apply(names map[string]*node) {
	if m.gone != "" {
		delete(names, m.gone)
	}
	if m.to == nil {
		delete(names, m.name)
	} else {
		names[m.name] = m.to
	}
}

func (n *node) writeAt(b []byte, at int) {
	w := write{at, slices.Clone(b)}
	n.data = w.apply(n.data)
	n.writes = append(n.writes, w)
}

func (n *node) truncate(size int) {
	w := write{at: size}
	n.data = w.apply(n.data)
	n.writes = append(n.writes, w)
}

func (w write) apply(b []byte) []byte {
	if w.data == nil {
		return grow(b[:min(len(b), w.at):min(len(b), w.at)], w.at)
	}
	b = grow(b, w.at+len(w.data))
	copy(b[w.at:], w.data)
	return b
}

func grow(b []byte, size int) []byte {
	if len(b) < size {
		b = append(b, make([]byte, size-len(b))...)
	}
	return b
}

// settle makes durable: a file's bytes, a folder's names.
func (n *node) settle() {
	for _, w := range n.writes {
		n.disk = w.apply(n.disk)
	}
	for _, m := range n.moves {
		m.apply(n.kept)
	}
	n.writes, n.moves = nil, nil
}

func (n *node) settleAll() {
	n.settle()
	for _, k := range n.names() {
		n.seen[k].settleAll()
	}
}

// usage is the bytes that are seen at and below n.
func (n *node) usage() int64 {
	sum := int64(len(n.data))
	for _, k := range n.seen {
		sum += k.usage()
	}
	return sum
}

// lose lets chance choose what of the unsynced bytes reaches the disk. What is
// seen stays.
func (n *node) lose(rng *rand.Rand) {
	size := len(n.data)
	style := rng.IntN(4)
	upto := 0
	if len(n.writes) > 0 {
		upto = rng.IntN(len(n.writes))
	}
	for i, w := range n.writes {
		switch {
		case style == 0: // nothing
		case style == 1 || style == 2 && i < upto: // all, or a beginning
			n.disk = w.apply(n.disk)
		case style == 2 && i == upto && w.data != nil: // its last write, torn
			n.disk = write{w.at, w.data[:rng.IntN(len(w.data)+1)]}.apply(n.disk)
		case style == 3: // any sectors
			n.disk = w.some(n.disk, rng)
		}
	}
	// The new size may have been written without the bytes.
	if len(n.writes) > 0 && style != 0 && len(n.disk) < size && rng.IntN(3) == 0 {
		n.disk = grow(n.disk, size)
	}
	n.writes = nil
}

func (w write) some(disk []byte, rng *rand.Rand) []byte {
	if w.data == nil {
		if rng.IntN(2) == 0 {
			disk = w.apply(disk)
		}
		return disk
	}
	for from := 0; from < len(w.data); {
		to := min(len(w.data), from+sector-(w.at+from)%sector)
		if rng.IntN(2) == 0 {
			disk = write{w.at + from, w.data[from:to]}.apply(disk)
		}
		from = to
	}
	return disk
}

// crash makes what is seen what survived, at and below n.
func (n *node) crash(rng *rand.Rand, done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	if !n.dir() {
		n.lose(rng)
		if !bytes.Equal(n.data, n.disk) {
			n.data = slices.Clone(n.disk)
		}
		return
	}
	style := rng.IntN(3)
	for _, m := range n.moves {
		if style == 1 || style == 2 && rng.IntN(2) == 0 {
			m.apply(n.kept)
		}
	}
	n.moves = nil
	n.seen = maps.Clone(n.kept)
	for _, k := range n.names() {
		n.seen[k].crash(rng, done)
	}
}

// file is an open file.
type file struct {
	d     *FaultFS
	n     *node
	name  string
	life  int
	pos   int
	write bool
	done  bool
}

// enter takes the disk's lock; the caller gives it back in any case.
func (f *file) enter() error {
	f.d.mu.Lock()
	switch {
	case f.d.down || f.life != f.d.life:
		return ErrDown
	case f.done:
		return fs.ErrClosed
	}
	return nil
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if _, err := f.d.ask(OpRead, f.name); err != nil {
		return 0, err
	}
	return f.read(b, int(at))
}

func (f *file) read(b []byte, at int) (int, error) {
	if at >= len(f.n.data) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Read(b []byte) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if _, err := f.d.ask(OpRead, f.name); err != nil {
		return 0, err
	}
	n, err := f.read(b, f.pos)
	f.pos += n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	base := [...]int{io.SeekStart: 0, io.SeekCurrent: f.pos, io.SeekEnd: len(f.n.data)}
	at := base[whence] + int(offset)
	if at < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: syscall.EINVAL}
	}
	f.pos = at
	return int64(at), nil
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.put(b, int(at))
}

func (f *file) Write(b []byte) (int, error) {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := f.put(b, f.pos)
	f.pos += n
	return n, err
}

// put writes; a fault, a stop or a full disk lets through a beginning.
func (f *file) put(b []byte, at int) (int, error) {
	if !f.write {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.EBADF}
	}
	if len(b) == 0 {
		return 0, nil
	}
	n := len(b)
	cut, err := f.d.ask(OpWrite, f.name)
	switch {
	case cut:
		n, err = f.d.rng.IntN(len(b)+1), ErrDown
	case err == ErrDown:
		return 0, err
	case err != nil:
		n = f.d.rng.IntN(len(b) + 1)
	case f.d.room >= 0:
		free := max(0, f.d.room-f.d.root.usage()) + int64(len(f.n.data)-min(at, len(f.n.data)))
		if int64(n) > free {
			n, err = int(free), &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
		}
	}
	if n > 0 {
		f.n.writeAt(b[:n], at)
	}
	return n, err
}

func (f *file) Truncate(size int64) error {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	return f.d.change(OpTruncate, f.name, func() error { f.n.truncate(int(size)); return nil })
}

func (f *file) Sync() error {
	err := f.enter()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	err = f.d.change(OpSync, f.name, func() error { f.n.settle(); return nil })
	if err != nil && !f.d.down {
		// As on Linux: the pages count as clean from now on.
		f.n.lose(f.d.rng)
	}
	return err
}

func (f *file) Close() error {
	err := f.enter()
	defer f.d.mu.Unlock()
	f.done = true
	return err
}
