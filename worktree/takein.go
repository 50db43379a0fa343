package worktree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// The steps of taking in what a plain folder holds, as Options.Step hears of them
// before each is done.
const (
	StepTakeIn = "take-in" // move the branch to the commit of what the folder holds
	StepSeen   = "seen"    // put the index in place that knows these files
)

// plainAuthor is who commits what a plain folder holds: nobody knows who wrote it.
const plainAuthor = "a person"

// takeIn commits what a plain folder holds, if it holds something else than when it
// was last looked at, and returns the head. The folder's turn is held. It costs a
// stat of each file, and a reading of those that were touched.
//
// A folder that has nothing in it any more is refused without empty: it is more
// likely to be a disk that is not there.
//
// The index is made beside the one in place, and the branch moves before that is
// put there: whatever a death leaves, the next look makes good.
func (m *Manager) takeIn(ctx context.Context, top string, empty bool) (string, error) {
	list, err := os.ReadDir(top)
	if err != nil {
		return "", fail(rmg.NotFound, "bring it back, or add it where it is now: jitos folder add", "the folder %s cannot be read: %v", top, err)
	}
	if err := m.plains.plantPlain(top); err != nil {
		return "", full(err)
	}
	if err := m.mend(ctx, top); err != nil {
		return "", err
	}
	tip, err := m.knownHead(ctx, top)
	if err != nil {
		return "", err
	}
	if len(list) == 0 && tip != "" && !empty {
		if names, err := m.plainGit(top).line(ctx, "ls-tree", "--name-only", tip); err != nil || names != "" {
			return "", errors.Join(err, fail(rmg.Conflict, "mount what belongs there; if it is meant to be empty: jitos folder add "+top, "%s is empty, and was not", top))
		}
	}
	part, err := os.MkdirTemp(m.plains.place(top), "new-")
	if err != nil {
		return "", full(err)
	}
	defer os.RemoveAll(part)
	t := &taking{m: m, g: m.plainGit(top), own: m.plainGit(top), tip: tip}
	t.g.env = []string{"GIT_INDEX_FILE=" + filepath.Join(part, "index")}
	return t.commit(ctx)
}

// taking is one look at a plain folder.
type taking struct {
	m   *Manager
	g   git // with an index of its own
	own git
	tip string // "" at the first look
}

func (t *taking) index() string { return strings.TrimPrefix(t.g.env[0], "GIT_INDEX_FILE=") }

// commit does it, and returns the head.
func (t *taking) commit(ctx context.Context) (string, error) {
	if err := t.add(ctx); err != nil {
		return "", err
	}
	tree, err := t.g.line(ctx, "write-tree")
	if err != nil {
		return "", err
	}
	was := ""
	if t.tip != "" {
		if was, err = t.own.line(ctx, "rev-parse", t.tip+"^{tree}"); err != nil {
			return "", err
		}
	}
	if was == tree {
		return t.tip, t.seen()
	}
	commit, err := t.commitOf(ctx, tree)
	if err != nil {
		return "", err
	}
	t.m.opt.Step(StepTakeIn)
	tip := t.tip
	if tip == "" {
		tip = strings.Repeat("0", len(commit))
	}
	if _, err := t.own.run(ctx, "update-ref", "--create-reflog", "-m", "jitos: take in", "refs/heads/"+plainBranch, commit, tip); err != nil {
		return "", err
	}
	if err := t.seen(); err != nil {
		return "", err
	}
	_, err = t.own.run(ctx, "-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
	return commit, err
}

// seen puts the index in place.
func (t *taking) seen() error {
	t.m.opt.Step(StepSeen)
	return os.Rename(t.index(), filepath.Join(t.own.repo, "index"))
}

// add puts what the folder holds into the index.
func (t *taking) add(ctx context.Context) error {
	if err := t.rules(); err != nil {
		return err
	}
	err := copyFile(filepath.Join(t.own.repo, "index"), t.index())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return full(err)
	}
	args := []string{"-c", "advice.addEmbeddedRepo=false"}
	if t.tip == "" {
		if err := t.few(ctx); err != nil {
			return err
		}
		args = append(args, "-c", "core.bigFileThreshold=1") // into one pack, not a file for each
	} else if err := t.leaveLost(ctx); err != nil {
		return err
	}
	args = append(args, "add", "--all", "--", ":/")
	if _, err = t.g.run(ctx, args...); err == nil {
		return nil
	}
	unborn, e := t.unborn(ctx)
	if e != nil {
		return e
	}
	if len(unborn) > 0 {
		_, err = t.g.run(ctx, append(args, unborn...)...)
	}
	if err != nil {
		err = fail(rmg.Invalid, "make it readable, or name it in "+ignoreFile, "not all of %s can be read: %s", t.g.dir, cutText(err.Error()))
	}
	return err
}

// rules writes what is left out besides what the folder's .gitignore files name.
func (t *taking) rules() error {
	text := stagePrefix + "*/\n" // also of a folder in it that was added by itself
	own := filepath.Join(t.g.dir, ignoreFile)
	if st, err := os.Lstat(own); err == nil && st.Mode().IsRegular() {
		data, err := os.ReadFile(own)
		if err != nil {
			return err
		}
		text = string(data) + "\n" + text
	}
	return os.WriteFile(filepath.Join(t.own.repo, "info", "exclude"), []byte(text), 0o600)
}

// few refuses a folder with more files than one may have.
func (t *taking) few(ctx context.Context) error {
	names, err := t.others(ctx)
	if err == nil && len(names) > maxPlainFiles {
		err = fail(rmg.Limit, "name in "+ignoreFile+" what is not to be worked on, in the words of .gitignore", "%s holds %d files; the limit is %d", t.g.dir, len(names), maxPlainFiles)
	}
	return err
}

// others lists what the index does not have; a repository in the folder by a name
// that ends with "/".
func (t *taking) others(ctx context.Context) ([]string, error) {
	out, err := t.g.run(ctx, "ls-files", "-z", "--others", "--exclude-standard")
	return records(out), err
}

// unborn lists the repositories in the folder that have no commit to refer to, as
// what is not to be added.
func (t *taking) unborn(ctx context.Context) ([]string, error) {
	names, err := t.others(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		sub, is := strings.CutSuffix(name, "/")
		if !is {
			continue
		}
		if _, err := (git{dir: filepath.Join(t.g.dir, sub)}).run(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
			out = append(out, ":(top,exclude,literal)"+sub)
		}
	}
	return out, nil
}

// leaveLost takes the reference to a repository out of the index where there is no
// repository any more: else git would not look at what is there instead.
func (t *taking) leaveLost(ctx context.Context) error {
	out, err := t.g.run(ctx, "ls-files", "-z", "--stage")
	if err != nil {
		return err
	}
	var lost strings.Builder
	for _, rec := range records(out) {
		meta, name, _ := strings.Cut(rec, "\t")
		if strings.HasPrefix(meta, submodule+" ") && !hasGit(filepath.Join(t.g.dir, name)) {
			lost.WriteString(name + "\x00")
		}
	}
	if lost.Len() == 0 {
		return nil
	}
	g := t.g
	g.stdin = strings.NewReader(lost.String())
	_, err = g.run(ctx, "update-index", "-z", "--force-remove", "--stdin")
	return err
}

// commitOf makes the commit of a tree. Its time is that at which the newest of its
// changes was written, so that it is the same whenever it is made.
func (t *taking) commitOf(ctx context.Context, tree string) (string, error) {
	args := []string{"ls-tree", "-r", "-z", "--name-only", tree}
	commit := []string{"commit-tree", tree, "-F", "-"}
	if t.tip != "" {
		args = []string{"diff-tree", "-r", "-z", "--no-renames", "--name-only", t.tip, tree}
		commit = append(commit, "-p", t.tip)
	}
	out, err := t.own.run(ctx, args...)
	if err != nil {
		return "", err
	}
	names := records(out)
	at, err := t.written(ctx, names)
	if err != nil {
		return "", err
	}
	g, when := t.own, fmt.Sprintf("@%d +0000", at)
	g.env = []string{
		"GIT_AUTHOR_NAME=" + plainAuthor, "GIT_AUTHOR_EMAIL=person@localhost", "GIT_AUTHOR_DATE=" + when,
		"GIT_COMMITTER_NAME=" + plainAuthor, "GIT_COMMITTER_EMAIL=person@localhost", "GIT_COMMITTER_DATE=" + when,
	}
	g.stdin = strings.NewReader("as it was found: " + someNames(names) + "\n")
	return g.line(ctx, commit...)
}

// written is when the newest of some files was written, in seconds since 1970; the
// time of the head where none of them is there any more.
func (t *taking) written(ctx context.Context, names []string) (int64, error) {
	at := int64(-1)
	for _, name := range names {
		if st, err := os.Lstat(filepath.Join(t.g.dir, name)); err == nil {
			at = max(at, st.ModTime().Unix(), 0)
		}
	}
	if at >= 0 || t.tip == "" {
		return max(at, 0), nil
	}
	was, err := t.own.line(ctx, "log", "-1", "--format=%ct", t.tip)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(was, 10, 64)
}

// someNames is a list in a few words.
func someNames(names []string) string {
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return cutText(names[0])
	}
	return fmt.Sprintf("%s and %d more", cutText(names[0]), len(names)-1)
}

// plan is where a landing in a plain folder stands written while it has the lock:
// nobody else could take that away.
func (s *site) plan(l Landing) string { return filepath.Join(s.desk(l), "plan") }

// writePlan writes it.
func (s *site) writePlan(l Landing) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return writeSynced(s.plan(l), string(data))
}

// mend finishes, or takes back, a landing that died and that nobody will come back
// to. The folder's turn is held, so that none is under way.
func (m *Manager) mend(ctx context.Context, top string) error {
	repo := m.plainGit(top).repo
	data, err := os.ReadFile(filepath.Join(repo, "index.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	id, ours := strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), "jitos landing ")
	if err != nil || !ours || !filepath.IsLocal("jitos-"+id) {
		return errors.Join(err, fail(rmg.Internal, "remove it, if no git command works there", "%s/index.lock is not ours", repo))
	}
	s := &site{top: top, gitDir: repo, plain: true}
	var l Landing
	if data, err = os.ReadFile(s.plan(Landing{ID: id})); err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil || l.ID != id {
		return errors.Join(err, fail(rmg.Internal, "", "nothing tells what landing %s was", id))
	}
	_, err = m.resume(ctx, l)
	return err
}
