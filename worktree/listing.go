package worktree

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/rmg"
)

// Which ignored files come along is git's to say, and it looks through the whole
// working tree for it. So what it said is kept with the stamps of all that it went
// by: the folders, in which names come and go, the files that say what is ignored,
// and the files themselves. While those stand its answer does, for a stat of each.

// tick is the coarsest clock that a file system is taken to stamp by: what was
// stamped within it may be written again and keep its stamp.
const tick = 20 * time.Millisecond

// listing is what was found for a working tree and some patterns.
type listing struct {
	names   []string // the files, relative, in order
	at      []seen   // the same, and how they were
	key     string   // the hash of both
	dirs    []seenDir
	rules   []seen   // files that say what is ignored, those included that are not there
	index   seen     // git's, which changes with every landing
	tracked [32]byte // of the tracked files that the patterns name: only the index tells that they are
}

// seen is a file by its absolute name and the stamp it had; zero: it was not there.
type seen struct {
	name string
	was  stamp
}

// seenDir is a folder, with the hash of what the names in it were.
type seenDir struct {
	seen
	names [32]byte
}

// list asks git. It costs a walk through the working tree, by git and by us.
func list(ctx context.Context, g git, also []string) (*listing, error) {
	l, began := &listing{}, time.Now()
	named, err := l.findRules(ctx, g, also)
	if err != nil || len(named) == 0 {
		return l, err
	}
	if err := l.findDirs(ctx, g.dir); err != nil {
		return nil, err
	}
	for i := range l.dirs {
		l.dirs[i].was = settled(l.dirs[i].was, began)
	}
	rules := stampsFor(l.rules, unix.Stat)
	for i := range l.rules {
		l.rules[i].was = settled(rules[i], began)
	}
	l.index.was = settled(stampAt(l.index.name, unix.Lstat), began)
	if l.tracked, err = tracked(ctx, g, named); err != nil {
		return nil, err
	}
	if l.names, err = included(ctx, g, named); err != nil {
		return nil, err
	}
	return l, l.stampFiles(ctx, g.dir)
}

// stands says whether git would give the same answer, and takes in the files'
// stamps as they are now. It costs a stat of all that the answer went by; a folder
// that was written to is read, and after a change of the index git is asked which of
// the files named are tracked.
func (l *listing) stands(ctx context.Context, g git, also []string) (bool, error) {
	began := time.Now()
	rules := stampsFor(l.rules, unix.Stat)
	for i, x := range l.rules {
		if rules[i] != x.was {
			return false, nil
		}
	}
	named := patterns(g.dir, also)
	if len(named) == 0 {
		return len(l.dirs) == 0, nil
	}
	dirs := stampsFor(plainly(l.dirs), unix.Lstat)
	for i := range l.dirs {
		d := &l.dirs[i]
		if dirs[i] == d.was {
			continue
		}
		entries, err := os.ReadDir(d.name)
		if err != nil || hashNames(entries) != d.names {
			return false, nil
		}
		d.was = settled(dirs[i], began)
	}
	if index := stampAt(l.index.name, unix.Lstat); index != l.index.was {
		is, err := tracked(ctx, g, named)
		if err != nil || is != l.tracked {
			return false, err
		}
		l.index.was = settled(index, began)
	}
	return true, l.stampFiles(ctx, g.dir)
}

// settled is a stamp that a later change of the file would not leave as it is; where
// it is too young for that, one that no file has.
func settled(s stamp, now time.Time) stamp {
	if s.ctime > now.Add(-tick).UnixNano() {
		return stamp{ctime: -1}
	}
	return s
}

// stampFiles takes the files' stamps, and waits for the clock to leave those behind
// that were written just now, once.
func (l *listing) stampFiles(ctx context.Context, top string) error {
	if l.at == nil {
		for _, name := range l.names {
			l.at = append(l.at, seen{name: filepath.Join(top, filepath.FromSlash(name))})
		}
	}
	began := time.Now()
	files := stampsFor(l.at, unix.Lstat)
	if slices.ContainsFunc(files, func(s stamp) bool { return settled(s, began) != s }) {
		t := time.NewTimer(tick)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		files = stampsFor(l.at, unix.Lstat)
	}
	same := l.key != ""
	for i, s := range files {
		same = same && s == l.at[i].was
		l.at[i].was = s
	}
	if same {
		return nil
	}
	h := sha256.New()
	hashRecord(h, top, stamp{})
	for i, s := range files {
		if s == (stamp{}) {
			return fail(rmg.Conflict, "try again when it is still", "%s went while it was to come along", l.names[i])
		}
		hashRecord(h, l.names[i], s)
	}
	l.key = fmt.Sprintf("%x", h.Sum(nil)[:16])
	return nil
}

func hashRecord(h hash.Hash, name string, s stamp) {
	buf := append([]byte(name), 0)
	for _, n := range []int64{s.size, s.mtime, s.ctime, int64(s.inode), int64(s.mode)} {
		buf = binary.BigEndian.AppendUint64(buf, uint64(n))
	}
	h.Write(buf)
}

// patterns are git's arguments for what is to come along; none if nothing is.
func patterns(top string, also []string) []string {
	var named []string
	rules := filepath.Join(top, includeFile)
	if st, err := os.Lstat(rules); err == nil && st.Mode().IsRegular() {
		named = append(named, "--exclude-from="+rules)
	}
	for _, pattern := range also {
		named = append(named, "--exclude="+pattern)
	}
	return named
}

// findRules names the files that decide what is ignored, but for those in the tree.
func (l *listing) findRules(ctx context.Context, g git, also []string) (named []string, err error) {
	l.rules = []seen{{name: filepath.Join(g.dir, includeFile)}}
	if named = patterns(g.dir, also); len(named) == 0 {
		l.rules[0].was = settled(stampAt(l.rules[0].name, unix.Stat), time.Now())
		return nil, nil
	}
	out, err := g.line(ctx, "rev-parse", "--git-path", "index", "--git-path", "info/exclude", "--git-path", "config", "--git-path", "config.worktree")
	if err != nil {
		return nil, err
	}
	own := strings.Split(out, "\n")
	l.index.name = absolute(g.dir, own[0])
	names := map[string]bool{}
	for _, name := range own[1:] {
		names[absolute(g.dir, name)] = true
	}
	home, xdg := os.Getenv("HOME"), os.Getenv("XDG_CONFIG_HOME")
	xdg = filepath.Join(cmp.Or(xdg, filepath.Join(home, ".config")), "git")
	for _, name := range []string{filepath.Join(home, ".gitconfig"), filepath.Join(xdg, "config"), filepath.Join(xdg, "ignore")} {
		names[name] = true
	}
	// Files that these take in, and where a person has their rules.
	out, err = g.line(ctx, "config", "--list", "--show-origin", "--name-only", "-z")
	if err != nil {
		return nil, err
	}
	for _, rec := range records([]byte(out)) {
		if name, ok := strings.CutPrefix(rec, "file:"); ok {
			names[absolute(g.dir, name)] = true
		}
	}
	out, err = g.line(ctx, "config", "--type=path", "--get", "core.excludesFile")
	var ge *errGit
	if err != nil && (!errors.As(err, &ge) || ge.exit != 1) {
		return nil, err
	}
	if out != "" {
		names[absolute(g.dir, out)] = true
	}
	for _, name := range sortedNames(names) {
		l.rules = append(l.rules, seen{name: name})
	}
	return named, nil
}

// findDirs looks into every folder of the working tree but git's own. One that may
// not be read is empty, as it is for git.
func (l *listing) findDirs(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := seenDir{seen: seen{dir, stampAt(dir, unix.Lstat)}}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d.names = hashNames(entries)
	l.dirs = append(l.dirs, d)
	for _, e := range entries {
		switch {
		case e.Name() == ".git":
		case e.IsDir():
			if err := l.findDirs(ctx, filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		case e.Name() == ".gitignore":
			l.rules = append(l.rules, seen{name: filepath.Join(dir, e.Name())})
		}
	}
	return nil
}

func hashNames(entries []fs.DirEntry) [32]byte {
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%s\x00%d\x00", e.Name(), e.Type())
	}
	return sha256.Sum256(b.Bytes())
}

// tracked hashes the tracked files that patterns name.
func tracked(ctx context.Context, g git, named []string) ([32]byte, error) {
	out, err := g.run(ctx, append([]string{"ls-files", "-z", "--cached", "--ignored"}, named...)...)
	return sha256.Sum256(out), err
}

// included lists the files that patterns name and git ignores.
func included(ctx context.Context, g git, named []string) ([]string, error) {
	out, err := g.run(ctx, append([]string{"ls-files", "-z", "--others", "--ignored"}, named...)...)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	// They are untracked. Left to find that out again, git compares each with the
	// whole index: 8,192 names and 10,000 files took 1.5 s.
	g.stdin = strings.NewReader(string(out))
	out, err = g.run(ctx, "check-ignore", "--no-index", "-z", "--stdin")
	var ge *errGit
	if err != nil && (!errors.As(err, &ge) || ge.exit != 1) {
		return nil, err
	}
	names := records(out)
	if len(names) > maxIncluded {
		return nil, fail(rmg.Limit, "narrow "+includeFile+", or copy in .jitos/setup.yaml", "%d ignored files of %s are to come along; the limit is %d", len(names), g.dir, maxIncluded)
	}
	slices.Sort(names)
	return names, nil
}

func plainly(dirs []seenDir) []seen {
	out := make([]seen, len(dirs))
	for i, d := range dirs {
		out[i] = d.seen
	}
	return out
}

// stampsFor takes the stamps of many files, on all processors.
func stampsFor(list []seen, stat func(string, *unix.Stat_t) error) []stamp {
	out := make([]stamp, len(list))
	var wg sync.WaitGroup
	part := max(256, (len(list)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(list); from += part {
		wg.Go(func() {
			for i := from; i < min(from+part, len(list)); i++ {
				out[i] = stampAt(list[i].name, stat)
			}
		})
	}
	wg.Wait()
	return out
}

// stampAt is the stamp of one file, zero if it cannot be had.
func stampAt(name string, stat func(string, *unix.Stat_t) error) stamp {
	var st unix.Stat_t
	for {
		switch err := stat(name, &st); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return stamp{}
		}
		return stamp{size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), inode: st.Ino, mode: fs.FileMode(st.Mode)}
	}
}
