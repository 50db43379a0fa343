package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// LandRequest is a change to bring into a repository.
type LandRequest struct {
	ID       string // unique: "p12-57"
	Top      string
	Branch   string
	Tip      string // commit that Old is the tree of
	Old, New rmg.Graph
	Message  string // with its trailers
	Author   string // "Name <mail>"
	AtUnix   int64  // of author and committer, so that the commit's id is determined
}

// Landing is a prepared landing; it is journalled before Land begins, so that
// a crash can be finished or taken back. It marshals as JSON.
type Landing struct {
	ID     string     `json:"id"`
	Top    string     `json:"top"`
	Branch string     `json:"branch"`
	Tip    string     `json:"tip"`
	Commit string     `json:"commit"`
	Paths  []LandPath `json:"paths"`
	Plain  bool       `json:"plain,omitempty"` // Top is a plain folder
}

// LandPath is one path of a landing; an absent side has no Mode. Removals come
// first, so that a folder can take the place of a file, or a file that of a
// folder.
type LandPath struct {
	Path    rmg.Path `json:"path"`               // below the repository's root, escaped as graph paths are
	OldMode string   `json:"old_mode,omitempty"` // git mode: "100644", "100755", "120000", "160000"
	OldID   string   `json:"old_id,omitempty"`   // git object
	NewMode string   `json:"new_mode,omitempty"`
	NewID   string   `json:"new_id,omitempty"`
	// Convert says that the file may have other bytes in the working tree.
	Convert bool `json:"convert,omitempty"`
}

// names are those of its paths, in order.
func (l Landing) names() []string {
	out := make([]string, len(l.Paths))
	for i, p := range l.Paths {
		out[i] = p.name()
	}
	return out
}

// name is the file's, with "/" between its parts.
func (p LandPath) name() string {
	ids, _ := rmg.Root.Rel(p.Path)
	return strings.Join(ids, "/")
}

// LandResult says how a landing ended.
type LandResult string

// The ends of a landing.
const (
	Landed  LandResult = "landed"
	Moved   LandResult = "moved"   // the branch is no longer at Tip; nothing was changed
	Blocked LandResult = "blocked" // the person's uncommitted work stands on a landed path; nothing was changed
)

// Outcome is the end of a landing. Kept holds content found where it was not
// expected, stored before it was put back.
type Outcome struct {
	Result LandResult
	Paths  []string // Blocked: the paths concerned
	Kept   []rmg.Blob
}

// Prepare writes the objects of the commit: Tip's tree with the difference of
// Old and New. No ref, index or file is touched.
func (m *Manager) Prepare(ctx context.Context, r LandRequest) (Landing, error) {
	l := Landing{ID: r.ID, Top: r.Top, Branch: r.Branch, Tip: r.Tip, Plain: m.isPlain(r.Top)}
	dir, err := os.MkdirTemp(m.opt.Dir, "prepare-")
	if err != nil {
		return l, err
	}
	defer os.RemoveAll(dir)
	// What files are like in a working tree is said by the one that they land in.
	site, err := m.findSite(ctx, l)
	if err != nil {
		return l, err
	}
	in := r
	if site != nil {
		in.Top = site.top
	}
	if l.Paths, err = m.landPaths(ctx, in, dir); err != nil {
		return l, err
	}
	g := m.gitOf(l)
	tree, err := revise(ctx, g, r.Tip, l.Paths, dir)
	if err != nil {
		return l, err
	}
	name, mail, _ := strings.Cut(strings.TrimSuffix(r.Author, ">"), " <")
	at := fmt.Sprintf("@%d +0000", r.AtUnix)
	g.env = append(g.env, "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+mail, "GIT_AUTHOR_DATE="+at,
		"GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+mail, "GIT_COMMITTER_DATE="+at)
	l.Commit, err = g.commitTree(ctx, tree, r.Tip, r.Message)
	return l, err
}

// landPaths lists what differs, and writes the objects of the new side. O(change).
func (m *Manager) landPaths(ctx context.Context, r LandRequest, dir string) ([]LandPath, error) {
	names, err := differing(r.Old, r.New, math.MaxInt)
	if err != nil {
		return nil, err
	}
	g := m.git(r.Top)
	var gone, rest []LandPath
	var contents []want
	for _, name := range names {
		p := LandPath{Path: pathOf(rmg.Root, name)}
		if w, ok := wanted(r.New, name); ok {
			p.NewMode = w.mode()
			rest, contents = append(rest, p), append(contents, w)
		} else {
			gone = append(gone, p)
		}
	}
	if err := m.writeObjects(ctx, g, dir, contents, rest); err != nil {
		return nil, err
	}
	list := append(gone, rest...)
	if err := convert(ctx, g, list); err != nil {
		return nil, err
	}
	if err := unfaithful(ctx, g, list, dir); err != nil {
		return nil, err
	}
	return list, m.oldSides(ctx, r, list)
}

// namesAtOnce is how many names one git command is given.
const namesAtOnce = 200

// oldSides fills in what Tip holds at each path, and checks that it is what the
// change was made from.
func (m *Manager) oldSides(ctx context.Context, r LandRequest, list []LandPath) error {
	tip, err := m.Tree(ctx, r.Top, r.Tip)
	if err != nil {
		return err
	}
	at := map[string]*LandPath{}
	for i := range list {
		name := list[i].name()
		was, had := wanted(r.Old, name)
		is, has := wanted(tip, name)
		if had != has || was != is {
			return fail(rmg.Conflict, "", "%s is not what %s holds", name, r.Tip)
		}
		if has {
			at[name] = &list[i]
		}
	}
	g := m.git(r.Top).literal()
	for names := range slices.Chunk(sortedNames(at), namesAtOnce) {
		out, err := g.run(ctx, append([]string{"ls-tree", "-z", "--full-tree", r.Tip, "--"}, names...)...)
		if err != nil {
			return err
		}
		for _, rec := range records(out) {
			meta, name, _ := strings.Cut(rec, "\t")
			if p, f := at[name], strings.Fields(meta); p != nil && len(f) == 3 {
				p.OldMode, p.OldID = f[0], f[2]
			}
		}
	}
	for _, name := range sortedNames(at) {
		if at[name].OldID == "" {
			return fmt.Errorf("git ls-tree does not tell of %q", name)
		}
	}
	return nil
}

func (w want) mode() string {
	switch {
	case w.link:
		return "120000"
	case w.sub != "":
		return submodule
	case w.exec:
		return "100755"
	}
	return "100644"
}

// writeObjects stores contents in the repository with one git process, and fills
// in their ids. The content of paths[i] is left in the file i of dir.
func (m *Manager) writeObjects(ctx context.Context, g git, dir string, contents []want, paths []LandPath) error {
	var files bytes.Buffer
	for i, w := range contents {
		if w.sub != "" {
			paths[i].NewID = w.sub
			continue
		}
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := m.writeContent(file, w); err != nil {
			return full(err)
		}
		fmt.Fprintln(&files, file)
	}
	if files.Len() == 0 {
		return nil
	}
	g.stdin = &files
	out, err := g.run(ctx, "hash-object", "-w", "--no-filters", "--stdin-paths")
	if err != nil {
		return err
	}
	ids := strings.Fields(string(out))
	for i, w := range contents {
		if w.sub != "" {
			continue
		}
		if len(ids) == 0 {
			return errors.New("git hash-object answered too few ids")
		}
		paths[i].NewID, ids = ids[0], ids[1:]
	}
	return nil
}

func (m *Manager) writeContent(file string, w want) error {
	if w.link {
		return os.WriteFile(file, []byte(w.text), 0o600)
	}
	src, err := m.opt.Blobs.Open(w.blob)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// indexInfo puts the new sides of paths into the index that g works on.
func indexInfo(ctx context.Context, g git, paths []LandPath) error {
	var in bytes.Buffer
	for _, p := range paths {
		if p.NewMode == "" {
			fmt.Fprintf(&in, "0 %s\t%s\x00", strings.Repeat("0", len(p.OldID)), p.name())
		} else {
			fmt.Fprintf(&in, "%s %s\t%s\x00", p.NewMode, p.NewID, p.name())
		}
	}
	g.stdin = &in
	_, err := g.run(ctx, "-c", "core.fsync=none", "update-index", "-z", "--index-info")
	return err
}

// The steps of a landing, as Options.Step hears of them before each is done.
const (
	StepLock   = "lock"   // take index.lock
	StepCheck  = "check"  // see that nothing of the person's is in the way
	StepStage  = "stage"  // make the new files beside their places
	StepRef    = "ref"    // compare-and-swap of the branch
	StepFile   = "file"   // replace one file; once for each path
	StepIndex  = "index"  // put the new index in place
	StepUnlock = "unlock" // remove index.lock
)

// Land brings a prepared landing in: compare-and-swap of the ref, then index
// entries and files of its paths only, under index.lock throughout, each file
// replaced by exchange. A branch that is checked out nowhere has its ref moved.
//
// The order matters. The lock keeps git commands out; the check is made under
// it, and everything that needs room on the disk is written; the ref is the point of no return: before it a crash leaves nothing but
// our lock, after it Resume finishes.
//
// A plain folder that a person wrote in where the landing goes has Moved: what they
// wrote is its head then.
func (m *Manager) Land(ctx context.Context, l Landing) (Outcome, error) {
	if !l.Plain {
		return m.land(ctx, l)
	}
	free, err := m.turnOf(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	defer free()
	if err := m.mend(ctx, l.Top); err != nil {
		return Outcome{}, err
	}
	out, err := m.land(ctx, l)
	if err != nil || out.Result != Blocked {
		return out, err
	}
	if head, err := m.takeIn(ctx, l.Top, false); err != nil || head == l.Tip {
		return out, err
	}
	return outcome(true), nil
}

func (m *Manager) land(ctx context.Context, l Landing) (Outcome, error) {
	at, why, err := m.lockSite(ctx, l)
	switch {
	case err != nil || why != "":
		return Outcome{Result: Blocked, Paths: []string{why}}, err
	case at == nil:
		m.opt.Step(StepRef)
		moved, err := m.swapRef(ctx, l)
		return outcome(moved), err
	}
	m.opt.Step(StepCheck)
	if tip, err := m.branchTip(ctx, l); err != nil || tip != l.Tip {
		return outcome(true), errors.Join(err, at.unlock(l))
	}
	inWay, err := at.inTheWay(ctx, l)
	if err == nil && len(inWay) == 0 {
		m.opt.Step(StepStage)
		inWay, err = at.prepare(ctx, l)
	}
	if err != nil || len(inWay) > 0 {
		return Outcome{Result: Blocked, Paths: inWay}, errors.Join(err, at.unlock(l))
	}
	m.opt.Step(StepRef)
	if moved, err := m.swapRef(ctx, l); err != nil || moved {
		return outcome(true), errors.Join(err, at.unlock(l))
	}
	return m.finish(ctx, at, l)
}

// lockSite finds where the branch is checked out, nil if nowhere, and locks it:
// once locked no git command takes it to another branch. why is not empty if the
// lock could not be had.
func (m *Manager) lockSite(ctx context.Context, l Landing) (at *site, why string, err error) {
	for range maxSwitches {
		at, err := m.findSite(ctx, l)
		if err != nil || at == nil {
			return nil, "", err
		}
		if why, err := at.lock(ctx, l, m.opt.Step); err != nil || why != "" {
			return nil, why, err
		}
		if at.on(l.Branch) {
			return at, "", nil
		}
		again, err := m.findSite(ctx, l)
		if err == nil && again != nil && again.top == at.top {
			return at, "", nil // git keeps HEAD in its own way
		}
		if err := errors.Join(err, at.unlock(l)); err != nil {
			return nil, "", err
		}
	}
	return nil, "the working tree, which is taken from branch to branch", nil
}

// maxSwitches is how often a branch may be found checked out elsewhere.
const maxSwitches = 5

func outcome(moved bool) Outcome {
	if moved {
		return Outcome{Result: Moved}
	}
	return Outcome{Result: Landed}
}

// Resume finishes a landing that a crash cut off, or takes it back: after it
// the ref is at Commit with files and index to match (Landed), or nothing of
// the landing is left (Moved). It may be called any number of times.
func (m *Manager) Resume(ctx context.Context, l Landing) (Outcome, error) {
	if l.Plain {
		free, err := m.turnOf(ctx, l)
		if err != nil {
			return Outcome{}, err
		}
		defer free()
	}
	return m.resume(ctx, l)
}

func (m *Manager) resume(ctx context.Context, l Landing) (Outcome, error) {
	tip, err := m.branchTip(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	at, err := m.findSite(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	landed := tip == l.Commit
	if !landed && tip != "" && tip != l.Tip {
		_, err := m.gitOf(l).run(ctx, "merge-base", "--is-ancestor", l.Commit, tip)
		landed = err == nil
	}
	switch {
	case at == nil:
		return outcome(!landed), nil
	case !landed:
		return outcome(true), at.unlock(l)
	case tip != l.Commit && !at.ours(l):
		// Somebody committed on top: git had the index, so all was done.
		return outcome(false), nil
	}
	if why, err := at.lock(ctx, l, m.opt.Step); err != nil || why != "" {
		return Outcome{}, errors.Join(err, fail(rmg.Unavailable, "let the other git command end, or remove a lock it left", "%s", why))
	}
	return m.finish(ctx, at, l)
}

// Park points a branch of its own at the landing's commit: "jitos/p12". was is
// the commit of an earlier try that it may stand at, "" for none. Exists if the
// branch is there with another commit.
func (m *Manager) Park(ctx context.Context, l Landing, branch, was string) error {
	g := m.gitOf(l)
	ref := "refs/heads/" + branch
	is, err := g.line(ctx, "rev-parse", "--verify", "--quiet", ref)
	switch {
	case err == nil && is == l.Commit:
		return nil
	case err == nil && is != was:
		return fail(rmg.Exists, "git branch -m moves it out of the way", "branch %s is there already, at %s", branch, is)
	case err != nil && !isExit(err, 1):
		return err
	case err != nil:
		is = strings.Repeat("0", len(l.Commit))
	}
	_, err = g.run(ctx, "update-ref", "--create-reflog", "-m", "jitos: park "+l.ID, ref, l.Commit, is)
	return err
}

// branchTip is the branch's commit, "" if the branch is gone.
func (m *Manager) branchTip(ctx context.Context, l Landing) (string, error) {
	tip, err := m.gitOf(l).line(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+l.Branch)
	if isExit(err, 1) {
		return "", nil
	}
	return tip, err
}

// swapRef moves the branch from Tip to Commit, if it is at Tip.
func (m *Manager) swapRef(ctx context.Context, l Landing) (moved bool, err error) {
	for try := 0; ; try++ {
		_, err = m.gitOf(l).run(ctx, "update-ref", "--create-reflog", "-m", "jitos: land "+l.ID, "refs/heads/"+l.Branch, l.Commit, l.Tip)
		if err == nil {
			return false, nil
		}
		tip, e := m.branchTip(ctx, l)
		switch {
		case e != nil:
			return false, e
		case tip == l.Commit:
			return false, nil
		case tip != l.Tip:
			return true, nil
		case try == lockTries:
			return false, err // somebody else holds the ref's lock
		}
		if err := pause(ctx); err != nil {
			return false, err
		}
	}
}
