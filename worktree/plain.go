package worktree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"jitos.dev/rmg"
)

// A plain folder is one without git that a person asked to have added. What it
// holds is kept as commits in a git folder of ours, which nothing in the person's
// folder tells of; so it comes in, and landings go back, as with a repository.
// Nobody commits there but us: what the folder holds when it is looked at is its
// head (see takeIn).

// The names of plain folders.
const (
	plainBranch = "main"            // the one branch that each has
	stagePrefix = ".jitos-landing-" // the folder in which a landing makes its files begins with it
	ignoreFile  = ".jitosignore"    // in its root: rules besides those of .gitignore
)

// maxPlainFiles is how many files a folder may have to be added.
const maxPlainFiles = 200_000

// plainConfig makes git keep the bytes of files as they are, and do nothing of the
// person's that is for their own commits.
const plainConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	autocrlf = false
	logAllRefUpdates = true
	worktree = %s
[commit]
	gpgSign = false
[jitos]
	hooks = false
`

// plainAttributes go before every .gitattributes of the folder.
const plainAttributes = "* -text -eol -crlf -filter -ident -working-tree-encoding\n"

// plains are the plain folders that were added.
type plains struct {
	dir string // holds <id>/top, its place, and <id>/git

	mu  sync.Mutex      // guards the field below
	all map[string]bool // by place
}

// openPlains takes in what earlier starts added, and removes what was not
// finished: nobody but us works in these git folders, so that a lock of git's is
// one of a command that died.
func openPlains(dir string) (*plains, error) {
	ps := &plains{dir: dir, all: map[string]bool{}}
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, d := range list {
		at := filepath.Join(dir, d.Name())
		top, err := os.ReadFile(filepath.Join(at, "top"))
		if err != nil || ps.place(string(top)) != at {
			if err := removeAll(at); err != nil {
				return nil, err
			}
			continue
		}
		if err := errors.Join(clearPlain(at), ps.unpack(string(top))); err != nil {
			return nil, err
		}
		ps.all[string(top)] = true
	}
	return ps, nil
}

// clearPlain removes what a death left in a folder's place, but for what says that
// a landing is to be finished: its lock, and its desk.
func clearPlain(at string) error {
	half, err := filepath.Glob(filepath.Join(at, "new-*"))
	desks, e := filepath.Glob(filepath.Join(at, "git", "jitos-*"))
	err = errors.Join(err, e)
	if _, e := os.Lstat(filepath.Join(at, "git", "index.lock")); errors.Is(e, fs.ErrNotExist) {
		half = append(half, desks...)
	}
	for _, name := range half {
		err = errors.Join(err, removeAll(name))
	}
	locks := []string{"HEAD.lock", "packed-refs.lock"}
	refs := filepath.Join(at, "git", "refs")
	err = errors.Join(err, filepath.WalkDir(refs, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".lock") {
			err = os.Remove(p)
		}
		return err
	}))
	for _, name := range locks {
		if e := os.Remove(filepath.Join(at, "git", name)); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// place is where all about a folder is kept.
func (ps *plains) place(top string) string {
	sum := sha256.Sum256([]byte(top))
	return filepath.Join(ps.dir, fmt.Sprintf("%x", sum[:8]))
}

func (ps *plains) has(top string) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.all[top]
}

func (ps *plains) set(top string, is bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if is {
		ps.all[top] = true
	} else {
		delete(ps.all, top)
	}
}

// tops lists the places of all, sorted.
func (ps *plains) tops() []string {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return sortedNames(ps.all)
}

// isPlain says whether a folder counts as plain: one that became a repository
// since it was added is one.
func (m *Manager) isPlain(top string) bool { return m.plains.has(top) && !hasGit(top) }

func hasGit(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ".git"))
	return err == nil
}

// git is git in a working tree, or in a plain folder.
func (m *Manager) git(top string) git {
	if m.isPlain(top) {
		return m.plainGit(top)
	}
	return git{dir: top}
}

// gitOf is git for a landing, which goes on as it began whatever becomes of the
// folder meanwhile.
func (m *Manager) gitOf(l Landing) git {
	if l.Plain {
		return m.plainGit(l.Top)
	}
	return git{dir: l.Top}
}

func (m *Manager) plainGit(top string) git {
	return git{dir: top, repo: filepath.Join(m.plains.place(top), "git")}
}

// turn waits until nobody else looks at a plain folder, or lands in it.
func (m *Manager) turn(ctx context.Context, top string) (func(), error) {
	return m.take(ctx, "plain/"+filepath.Base(m.plains.place(top)))
}

// turnOf is turn for a landing, in what may have been forgotten since it was
// prepared.
func (m *Manager) turnOf(ctx context.Context, l Landing) (func(), error) {
	free, err := m.turn(ctx, l.Top)
	if err != nil {
		return nil, err
	}
	if err := m.plains.plantPlain(l.Top); err != nil {
		free()
		return nil, err
	}
	return free, nil
}

// plainAbove is the plain folder that a folder stands in, "" if there is none or a
// repository is nearer.
func (m *Manager) plainAbove(dir string) string {
	real, err := realFolder(dir)
	if err != nil {
		return ""
	}
	for d := real; !hasGit(d); d = filepath.Dir(d) {
		if m.plains.has(d) {
			return d
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	return ""
}

// realFolder is a folder's one name.
func realFolder(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(full)
}

// locatePlain is Locate in a plain folder.
func (m *Manager) locatePlain(ctx context.Context, top string) (Repo, error) {
	free, err := m.turn(ctx, top)
	if err != nil {
		return Repo{}, err
	}
	defer free()
	head, err := m.knownHead(ctx, top)
	if err == nil && head == "" {
		head, err = m.takeIn(ctx, top, false)
	}
	return Repo{Top: top, GitDir: m.plainGit(top).repo, Origin: top, Name: filepath.Base(top), Branch: plainBranch, Head: head, Plain: true}, err
}

// knownHead is the commit of what a folder held when it was last looked at, "" if
// it never was.
func (m *Manager) knownHead(ctx context.Context, top string) (string, error) {
	g := m.plainGit(top)
	if _, err := os.Stat(g.repo); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return m.branchTip(ctx, Landing{Top: top, Branch: plainBranch, Plain: true})
}

// AddFolder lets a folder that is no git repository be worked on as one is: what
// it holds is its head, and landings change its files. Nothing is written in it.
// Adding one again takes in what it holds now, whatever it is. It costs a reading
// of all its files.
//
// NotFound: there is no such folder. Exists: it is in a git repository, as which
// it can be worked on. Denied: it holds the daemon's own data, or stands in it.
// Limit: it has too many files.
func (m *Manager) AddFolder(ctx context.Context, dir string) (Repo, error) {
	top, err := realFolder(dir)
	if err == nil {
		var st fs.FileInfo
		if st, err = os.Stat(top); err == nil && !st.IsDir() {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return Repo{}, fail(rmg.NotFound, "name a folder that is there", "%q is no folder", dir)
	}
	if err := m.mayAdd(ctx, top); err != nil {
		return Repo{}, err
	}
	free, err := m.turn(ctx, top)
	if err != nil {
		return Repo{}, err
	}
	defer free()
	fresh := !m.plains.has(top)
	if fresh {
		if err := m.plains.add(top); err != nil {
			return Repo{}, full(err)
		}
	}
	head, err := m.takeIn(ctx, top, true)
	if err != nil {
		if fresh {
			m.plains.set(top, false)
			err = errors.Join(err, removeAll(m.plains.place(top)))
		}
		return Repo{}, err
	}
	return Repo{Top: top, GitDir: m.plainGit(top).repo, Origin: top, Name: filepath.Base(top), Branch: plainBranch, Head: head, Plain: true}, nil
}

// mayAdd refuses what must not be added, or need not.
func (m *Manager) mayAdd(ctx context.Context, top string) error {
	if data, err := realFolder(m.opt.Data); err != nil || isWithin(data, top) || isWithin(top, data) {
		return errors.Join(err, fail(rmg.Denied, "add a folder further down, or keep JITOS's data elsewhere (JITOS_DATA)",
			"%s holds what JITOS itself keeps in %s, or stands in it", top, m.opt.Data))
	}
	if hasGit(top) {
		return fail(rmg.Exists, "type the command in it: it needs no adding", "%s is a git repository", top)
	}
	out, err := git{dir: top}.run(ctx, "ls-files", "-z", "--", ".")
	if isExit(err, 128) {
		return nil // in no repository
	}
	if err == nil && len(out) > 0 {
		err = fail(rmg.Exists, "type the command in it: it needs no adding", "%s is part of a git repository", top)
	}
	return err
}

// isWithin says whether a name is that of a folder, or of something in it.
func isWithin(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// add makes the place of a folder.
func (ps *plains) add(top string) error {
	if err := os.MkdirAll(ps.dir, 0o700); err != nil {
		return err
	}
	part, err := os.MkdirTemp(ps.dir, "new-")
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(part, "top"), []byte(top), 0o600)
	if err == nil {
		err = os.Rename(part, ps.place(top))
	}
	if err != nil {
		return errors.Join(err, removeAll(part))
	}
	ps.set(top, true)
	return nil
}

// plantPlain makes the git folder of a plain folder if it is not there.
func (ps *plains) plantPlain(top string) error {
	at := ps.place(top)
	if _, err := os.Stat(filepath.Join(at, "git")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	part, err := os.MkdirTemp(at, "new-")
	if err != nil {
		return err
	}
	for _, d := range []string{"objects", "refs", "info"} {
		if err := os.Mkdir(filepath.Join(part, d), 0o700); err != nil {
			return errors.Join(err, removeAll(part))
		}
	}
	for name, text := range map[string]string{
		"HEAD": "ref: refs/heads/" + plainBranch + "\n", "config": fmt.Sprintf(plainConfig, configValue(top)), "info/attributes": plainAttributes,
	} {
		if err := os.WriteFile(filepath.Join(part, name), []byte(text), 0o600); err != nil {
			return errors.Join(err, removeAll(part))
		}
	}
	return os.Rename(part, filepath.Join(at, "git"))
}

// configValue is a text as a git configuration has it.
func configValue(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// forgetPlains removes the git folders of plain folders, with every copy of
// content in them. They are made anew, of what the folders hold, when they are
// asked for; those in use, or in which a landing is to be finished, stay.
func (m *Manager) forgetPlains() (err error) {
	for _, top := range m.plains.tops() {
		at := m.plains.place(top)
		free, ok := m.tryTake("plain/" + filepath.Base(at))
		if !ok {
			continue
		}
		if _, e := os.Lstat(filepath.Join(at, "git", "index.lock")); errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, removeAll(filepath.Join(at, "git")))
		}
		free()
	}
	return err
}
