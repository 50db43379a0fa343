package worktree

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rmg"
)

// The limits of layers.
const (
	maxDeltas  = 16   // over one base, beside a workspace's own upper layer
	maxInUpper = 64   // files by which a workspace may differ from its layers before it gets one for it
	maxInDelta = 4096 // files of one delta layer; beyond it a base is made
	maxLayers  = 48   // kept on disk; those least recently used go first
	maxNear    = 4    // layers that a tree is compared with to find one to stand on
)

// layer is an immutable folder: of a whole tree (a base), or of what a tree has
// over another (a delta, with whiteouts). What it shows together with those
// below it is named by the digest of a tree; nothing that a worker may write is
// ever linked to it.
type layer struct {
	dir   string
	meta  layerMeta
	below *layer // nil for a base

	git  sync.Mutex     // held while a .git is made for it
	gits map[string]int // folders that stand for .git, by how many use each; guarded by git

	// Guarded by layers.mu.
	tree    rmg.Graph // zero until somebody asks for it again after a start
	known   bool      // tree is set
	checked bool      // looked at since the start
	users   int
	used    uint64 // layers.now when it was last handed out
	ready   chan struct{}
	err     error // why it could not be made, once ready is closed
}

// layerMeta is what is kept beside a layer's files.
type layerMeta struct {
	Digest rmg.Digest  `json:"digest"`
	Below  *rmg.Digest `json:"below,omitempty"`
	// Stamps is the hash of every file's size, times and inode: one that was
	// touched since has others. Boot is the start of the machine that it holds
	// for: what a crash of it left is not trusted.
	Stamps string `json:"stamps"`
	Boot   string `json:"boot"`
}

// layers are those of one manager.
type layers struct {
	dir  string
	boot string

	mu   sync.Mutex // guards the fields below
	all  map[rmg.Digest]*layer
	gone []*layer // out of all, but somebody is in them or in what stands on them
	now  uint64
}

func (l *layer) files() string { return filepath.Join(l.dir, "tree") }

// chain lists the folders of a layer and those below it, topmost first.
func (l *layer) chain() []string {
	var out []string
	for x := l; x != nil; x = x.below {
		out = append(out, x.files())
	}
	return out
}

func (l *layer) depth() int { return len(l.chain()) - 1 }

// optionsLen is how much of a mount's options a chain takes, in bytes.
func (l *layer) optionsLen() int {
	n := 0
	for _, dir := range l.chain() {
		n += len(dir) + 1
	}
	return n
}

// openLayers takes in what an earlier start left, and removes what it had not
// finished.
func openLayers(dir string) (*layers, error) {
	ls := &layers{dir: dir, all: map[rmg.Digest]*layer{}}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		ls.boot = strings.TrimSpace(string(boot))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		l := &layer{dir: filepath.Join(dir, d.Name()), ready: make(chan struct{}), gits: map[string]int{}}
		close(l.ready)
		data, err := os.ReadFile(filepath.Join(l.dir, "meta"))
		if err == nil {
			err = json.Unmarshal(data, &l.meta)
		}
		if err != nil || ls.all[l.meta.Digest] != nil || ls.boot == "" || l.meta.Boot != ls.boot {
			if err := removeAll(l.dir); err != nil {
				return nil, err
			}
			continue
		}
		ls.all[l.meta.Digest] = l
		half, _ := filepath.Glob(filepath.Join(l.dir, "new-*"))
		for _, dir := range half {
			if err := removeAll(dir); err != nil {
				return nil, err
			}
		}
	}
	return ls, ls.connect()
}

// connect finds each delta what it stands on, and removes those that have
// nothing.
func (ls *layers) connect() error {
	for again := true; again; {
		again = false
		for _, l := range ls.all {
			if l.meta.Below == nil {
				continue
			}
			if l.below = ls.all[*l.meta.Below]; l.below != nil {
				continue
			}
			delete(ls.all, l.meta.Digest)
			if err := removeAll(l.dir); err != nil {
				return err
			}
			again = true
		}
	}
	return nil
}

// stand returns layers that show tree but for at most maxInUpper files, which it
// names, and holds them until release. With check the files are looked at for
// having been touched, which costs a stat of each; else that is done once after
// a start.
func (m *Manager) stand(ctx context.Context, tree rmg.Graph, check bool) (*layer, []string, error) {
	for {
		l, names, make, err := m.nearest(tree)
		if err != nil {
			return nil, nil, err
		}
		if make != nil {
			m.build(ctx, l, tree, names, make)
			l, names = make, nil
		}
		select {
		case <-l.ready:
		case <-ctx.Done():
			m.layers.release(l)
			return nil, nil, ctx.Err()
		}
		if l.err != nil {
			m.layers.release(l)
			if ctx.Err() == nil && errors.Is(l.err, context.Canceled) {
				continue // it was another's to make, who went away
			}
			return nil, nil, l.err
		}
		sound, err := m.layers.look(l, check)
		if err == nil && sound {
			return l, names, nil
		}
		m.layers.release(l)
		if err != nil {
			return nil, nil, err
		}
	}
}

// nearest finds the layer to stand on. One to be made comes back as make, which
// is in the table already, so that whoever wants it too waits for it; l is what
// it goes on, nil for a base. What is returned is held.
func (m *Manager) nearest(tree rmg.Graph) (l *layer, names []string, make *layer, err error) {
	digest := tree.Digest()
	ls := m.layers
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.now++
	if l := ls.all[digest]; l != nil {
		l.tree, l.known = tree, true
		return ls.hold(l), nil, nil, nil
	}
	var best *layer
	for _, x := range ls.recent(maxNear) {
		diff, err := differing(x.tree, tree, maxInDelta)
		if err != nil {
			return nil, nil, nil, err
		}
		if len(diff) <= maxInDelta && (best == nil || len(diff) < len(names)) {
			best, names = x, diff
		}
		if len(diff) <= maxInUpper {
			break
		}
	}
	if best != nil && len(names) <= maxInUpper {
		return ls.hold(best), names, nil, nil
	}
	if best != nil && (best.depth() >= maxDeltas || best.optionsLen() > maxMountOptions/2) {
		best, names = nil, nil
	}
	if best != nil {
		ls.hold(best)
	}
	make = ls.hold(newLayer(ls, digest, best))
	make.tree, make.known = tree, true
	ls.all[digest] = make
	return best, names, make, nil
}

func newLayer(ls *layers, digest rmg.Digest, below *layer) *layer {
	l := &layer{below: below, checked: true, ready: make(chan struct{}), gits: map[string]int{}}
	l.meta = layerMeta{Digest: digest, Boot: ls.boot}
	if below != nil {
		l.meta.Below = &below.meta.Digest
	}
	return l
}

// recent lists the layers that were used last and whose trees are known.
func (ls *layers) recent(n int) []*layer {
	var out []*layer
	for _, l := range ls.all {
		if l.known && l.isReady() && l.err == nil {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b *layer) int {
		return cmp.Or(cmp.Compare(b.used, a.used), bytes.Compare(a.meta.Digest[:], b.meta.Digest[:]))
	})
	return out[:min(n, len(out))]
}

func (l *layer) isReady() bool {
	select {
	case <-l.ready:
		return true
	default:
		return false
	}
}

// hold keeps a layer on disk; ls.mu is held.
func (ls *layers) hold(l *layer) *layer {
	l.users++
	l.used = ls.now
	return l
}

func (ls *layers) release(l *layer) {
	ls.mu.Lock()
	l.users--
	gone := ls.leavable()
	ls.mu.Unlock()
	for _, dir := range gone {
		_ = removeAll(dir) // what stays is removed at the next start
	}
}

// leavable takes out of gone the layers that nobody is in any more, and returns
// their folders. ls.mu is held.
func (ls *layers) leavable() []string {
	if len(ls.gone) == 0 {
		return nil
	}
	needed := map[*layer]bool{}
	for _, l := range ls.gone {
		for x := l; x != nil && l.users > 0; x = x.below {
			needed[x] = true
		}
	}
	var out []string
	ls.gone = slices.DeleteFunc(ls.gone, func(l *layer) bool {
		if !needed[l] {
			out = append(out, l.dir)
		}
		return !needed[l]
	})
	return out
}

// look says whether a layer and those below it are as they were made. One that
// is not is forgotten, with all that stand on it, and will be made again.
func (ls *layers) look(l *layer, again bool) (bool, error) {
	for x := l; x != nil; x = x.below {
		ls.mu.Lock()
		need := again || !x.checked
		ls.mu.Unlock()
		if !need {
			continue
		}
		is, err := stampsOf(x.files())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if err != nil || is != x.meta.Stamps {
			ls.forget(x)
			return false, nil
		}
		ls.mu.Lock()
		x.checked = true
		ls.mu.Unlock()
	}
	return true, nil
}

// forget takes a layer and those on it out of the table. Their folders stay for
// as long as somebody is in them.
func (ls *layers) forget(bad *layer) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for d, l := range ls.all {
		for x := l; x != nil; x = x.below {
			if x == bad {
				delete(ls.all, d)
				ls.gone = append(ls.gone, l)
				break
			}
		}
	}
}

// forgetAll takes every layer that is made out of the table, and returns the
// folders of those that nobody is in.
func (ls *layers) forgetAll() []string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for d, l := range ls.all {
		if l.isReady() {
			delete(ls.all, d)
			ls.gone = append(ls.gone, l)
		}
	}
	return ls.leavable()
}

// surplus takes the layers beyond maxLayers out of the table, those least
// recently used first, and returns their folders. ls.mu is held.
func (ls *layers) surplus() []string {
	var out []string
	for len(ls.all) > maxLayers {
		stands := map[*layer]bool{}
		for _, l := range ls.all {
			stands[l.below] = true
		}
		var old *layer
		for _, l := range ls.all {
			if l.users == 0 && l.isReady() && !stands[l] && (old == nil || l.used < old.used) {
				old = l
			}
		}
		if old == nil {
			break
		}
		delete(ls.all, old.meta.Digest)
		out = append(out, old.dir)
	}
	return out
}

// stampsOf hashes what tells of every file below a folder whether it was touched.
func stampsOf(dir string) (string, error) {
	h := sha256.New()
	var buf []byte
	err := walk(dir, func(name string, st fs.FileInfo) error {
		s := stampOf(st)
		buf = append(append(buf[:0], name...), 0)
		for _, n := range []int64{s.mtime, s.ctime, int64(s.inode), int64(s.mode)} {
			buf = binary.BigEndian.AppendUint64(buf, uint64(n))
		}
		if !st.IsDir() {
			buf = binary.BigEndian.AppendUint64(buf, uint64(s.size))
		}
		h.Write(buf)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
