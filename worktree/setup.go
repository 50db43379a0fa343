package worktree

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rmg"
)

// What a set-up step of a repository made (an installed package, generated code)
// stands in a folder of its own, named by the hash of all that the step saw. It is
// shown below the files of workspaces and of gates, and never written to again:
// it was made where no worker ever was.

// The limits of what set-up steps make.
const (
	maxMade      = 16      // steps whose files are kept, beside those in use
	maxMadeFiles = 200_000 // files of one
	maxMadeBytes = 4 << 30 // bytes of one
)

// made is what one step made.
type made struct {
	dir     string // holds files and meta
	meta    madeMeta
	checked bool // looked at since the start
	users   int
	used    uint64
}

// madeMeta is kept beside the files; see layerMeta.
type madeMeta struct {
	Key    string `json:"key"`
	Stamps string `json:"stamps"`
	Boot   string `json:"boot"`
}

func (x *made) files() string { return filepath.Join(x.dir, "files") }

// setups are what all steps made, by their keys.
type setups struct {
	dir, boot string

	mu  sync.Mutex // guards the fields below
	all map[string]*made
	now uint64
}

// openSetups takes in what an earlier start left, and removes what it had not
// finished or a crash of the machine may have left half written.
func openSetups(dir string) (*setups, error) {
	s := &setups{dir: dir, all: map[string]*made{}}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		s.boot = strings.TrimSpace(string(boot))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		x := &made{dir: filepath.Join(dir, d.Name())}
		data, err := os.ReadFile(filepath.Join(x.dir, "meta"))
		if err == nil {
			err = json.Unmarshal(data, &x.meta)
		}
		if err != nil || x.meta.Key != d.Name() || s.boot == "" || x.meta.Boot != s.boot {
			if err := removeAll(x.dir); err != nil {
				return nil, err
			}
			continue
		}
		s.all[x.meta.Key] = x
	}
	return s, nil
}

// hold keeps what was made under a key from going. Stale: it is not there, or
// somebody touched it. With check the files are looked at for that each time,
// which costs a stat of each; else once after a start.
func (s *setups) hold(key string, check bool) (*made, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := fail(rmg.Stale, "try again: it is made anew", "what a set-up step made is there no more")
	x := s.all[key]
	if x == nil {
		return nil, gone
	}
	if check || !x.checked {
		is, err := stampsOf(x.files())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || is != x.meta.Stamps {
			delete(s.all, key) // its folder goes aside when another takes its place
			return nil, gone
		}
		x.checked = true
	}
	s.now++
	x.users++
	x.used = s.now
	return x, nil
}

func (s *setups) release(x *made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.users--
}

// keep puts a folder in the table, and removes those beyond maxMade.
func (s *setups) keep(key, part string) error {
	x := &made{dir: filepath.Join(s.dir, key), meta: madeMeta{Key: key, Boot: s.boot}, checked: true}
	var err error
	if x.meta.Stamps, err = stampsOf(filepath.Join(part, "files")); err != nil {
		return err
	}
	data, err := json.Marshal(x.meta)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(part, "meta"), data, 0o600); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.aside(x.dir); err != nil {
		return err
	}
	if err := os.Rename(part, x.dir); err != nil {
		return err
	}
	s.now++
	x.used = s.now
	s.all[key] = x
	return s.clear(maxMade)
}

// aside moves a folder that was touched out of the way: somebody may be in it, so
// that it is removed at the next start. s.mu is held.
func (s *setups) aside(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	to, err := os.MkdirTemp(s.dir, "new-")
	if err != nil {
		return err
	}
	return os.Rename(dir, filepath.Join(to, "was"))
}

// clear removes all but the n used last of those that nobody uses. s.mu is held.
func (s *setups) clear(n int) (err error) {
	var idle []*made
	for _, key := range sortedNames(s.all) {
		if s.all[key].users == 0 {
			idle = append(idle, s.all[key])
		}
	}
	slices.SortFunc(idle, func(a, b *made) int { return cmp.Compare(b.used, a.used) })
	for _, x := range idle[min(n, len(idle)):] {
		err = errors.Join(err, removeAll(x.dir))
		delete(s.all, x.meta.Key)
	}
	return err
}

// forget removes all that nobody uses.
func (s *setups) forget() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clear(0)
}

// Needs is what a folder holds besides its tree's files.
type Needs struct {
	Copy []string // ignored files of the working tree, in the words of .gitignore; besides those of .worktreeinclude
	Made []string // keys that Make was called with; a later one hides what it has in common with an earlier
}

// SlotWith is Slot with what a workspace needs. Stale: something of Made is there
// no more, and is to be made again.
func (m *Manager) SlotWith(ctx context.Context, name string, tree rmg.Graph, of Origin, n Needs) (*Folder, error) {
	return m.place(ctx, "slot/"+name, tree, of, n, false)
}

// FreshWith is Fresh with what set-up steps made, every file of which is looked at
// as well. Stale: as for SlotWith.
func (m *Manager) FreshWith(ctx context.Context, name string, tree rmg.Graph, made []string) (*Folder, error) {
	return m.place(ctx, "fresh/"+name, tree, Origin{}, Needs{Made: made}, true)
}

// Make has a set-up step run, unless what it made under the key is there. run gets
// a fresh folder of the tree and of what steps before made; what is there after it
// at names that keep takes, and that the tree does not have, is kept. Whoever wants
// the same key waits. Invalid: it made none of these. It costs a copy of what it
// made.
func (m *Manager) Make(ctx context.Context, key string, tree rmg.Graph, before []string, keep func(string) bool, run func(*Folder) error) (err error) {
	free, err := m.take(ctx, "make/"+key)
	if err != nil {
		return err
	}
	defer free()
	if x, err := m.setups.hold(key, false); err == nil {
		m.setups.release(x)
		return nil
	} else if !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
		return err
	}
	f, err := m.FreshWith(ctx, "setup", tree, before)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := run(f); err != nil {
		return err
	}
	part, err := os.MkdirTemp(m.setups.dir, "new-")
	if err != nil {
		return full(err)
	}
	if err := f.takeMade(ctx, part, keep); err != nil {
		return errors.Join(full(err), removeAll(part))
	}
	return m.setups.keep(key, part)
}

// takeMade copies what a step made.
func (f *Folder) takeMade(ctx context.Context, part string, keep func(string) bool) error {
	names, err := f.body.touched(ctx)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(part, "files"), 0o755); err != nil {
		return err
	}
	n, size := 0, int64(0)
	for _, name := range sortedNames(names) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, has := wanted(f.tree, name); has || !keep(name) || !f.holds(name) {
			continue
		}
		if n++; n > maxMadeFiles {
			return fail(rmg.Limit, "narrow what it keeps", "it made more than %d files", maxMadeFiles)
		}
		full := filepath.Join(f.Path(), filepath.FromSlash(name))
		st, err := os.Lstat(full)
		if err != nil {
			return err
		}
		if size += st.Size(); size > maxMadeBytes {
			return fail(rmg.Limit, "narrow what it keeps", "it made more than %d MiB", maxMadeBytes>>20)
		}
		if err := includeOne(full, filepath.Join(part, "files", filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if n == 0 {
		return fail(rmg.Invalid, "keeps names what it makes, relative to the repository", "it made nothing of what it is to keep")
	}
	return nil
}

// besides are the folders whose files a folder shows below its tree's, topmost
// first.
func (f *Folder) besides() []string {
	var out []string
	for _, x := range slices.Backward(f.made) {
		out = append(out, x.files())
	}
	if f.with != nil {
		out = append(out, f.with.dir)
	}
	return out
}

// isBesides says whether a name is of what a folder has besides its tree, and not
// of the tree.
func (f *Folder) isBesides(name string) bool {
	for _, dir := range f.besides() {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			_, has := wanted(f.tree, name)
			return !has
		}
	}
	return false
}

// bring holds what the folder needs.
func (f *Folder) bring(ctx context.Context, n Needs) error {
	for _, key := range n.Made {
		x, err := f.m.setups.hold(key, f.fresh)
		if err != nil {
			return err
		}
		f.made = append(f.made, x)
	}
	if f.of.Top == "" {
		return nil
	}
	var err error
	f.with, err = f.m.includes.hold(ctx, f.m.git(f.of.Top), n.Copy)
	return err
}
