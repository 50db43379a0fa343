package worktree

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folderMode is git's mode of a tree in another.
const folderMode = "40000"

// revision is what a landing makes of one folder of a commit.
type revision struct {
	files   map[string]LandPath  // by base name
	folders map[string]*revision // those below in which something changes
}

// revisionOf sorts the paths of a landing into folders.
func revisionOf(paths []LandPath) *revision {
	top := &revision{}
	for _, p := range paths {
		r := top
		parts := strings.Split(p.name(), "/")
		for _, d := range parts[:len(parts)-1] {
			if r.folders == nil {
				r.folders = map[string]*revision{}
			}
			if r.folders[d] == nil {
				r.folders[d] = &revision{}
			}
			r = r.folders[d]
		}
		if r.files == nil {
			r.files = map[string]LandPath{}
		}
		r.files[parts[len(parts)-1]] = p
	}
	return top
}

// reviser makes the trees of a landing's commit from those of its tip: the ones in
// which something changes, and no others. An index of all would cost what the
// repository is large.
type reviser struct {
	objects *contents
	idLen   int // of an id, in hex digits
	dir     string
	made    []string // ids, each in a file of dir by its number; those in others first
}

// revise writes them, and returns the topmost one's id. dir is for its files.
func revise(ctx context.Context, g git, tip string, paths []LandPath, dir string) (string, error) {
	top, err := g.line(ctx, "rev-parse", "--verify", tip+"^{tree}")
	if err != nil {
		return "", err
	}
	v := &reviser{idLen: len(top), dir: filepath.Join(dir, "trees")}
	if err := os.Mkdir(v.dir, 0o700); err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := g.command(ctx, "cat-file", "--batch")
	if v.objects, err = newContents(cmd); err != nil {
		return "", err
	}
	id, err := v.folder(top, revisionOf(paths))
	v.objects.in.Close()
	if err != nil {
		stop()
	}
	if werr := cmd.Wait(); err == nil {
		err = werr
	}
	if err != nil || id == "" {
		return v.empty(ctx, g, err)
	}
	return id, v.write(ctx, g)
}

// empty is a commit without a file, where there was no error.
func (v *reviser) empty(ctx context.Context, g git, err error) (string, error) {
	if err != nil {
		return "", full(err)
	}
	g.stdin = strings.NewReader("")
	return g.line(ctx, "hash-object", "-w", "-t", "tree", "--stdin")
}

// folder makes one tree, and returns its id, "" if it is left with nothing; was is
// its id at the tip, "" if it is not there.
func (v *reviser) folder(was string, r *revision) (string, error) {
	entries, err := v.read(was)
	if err != nil {
		return "", err
	}
	before := map[string]string{} // the trees at the tip
	for name, e := range entries {
		if e.mode == folderMode {
			before[name] = e.id
		}
	}
	// A file may take a folder's place, and a folder that of a file.
	for name, p := range r.files {
		if p.NewMode == "" {
			delete(entries, name)
		}
	}
	for _, name := range sortedNames(r.folders) {
		id, err := v.folder(before[name], r.folders[name])
		if err != nil {
			return "", err
		}
		if id == "" {
			delete(entries, name)
		} else {
			entries[name] = entry{folderMode, id}
		}
	}
	for name, p := range r.files {
		if p.NewMode != "" {
			entries[name] = entry{p.NewMode, p.NewID}
		}
	}
	if len(entries) == 0 {
		return "", nil
	}
	return v.make(entries)
}

// read gives the entries of a tree.
func (v *reviser) read(id string) (map[string]entry, error) {
	entries := map[string]entry{}
	if id == "" {
		return entries, nil
	}
	err := v.objects.read(id, func(r io.Reader) error {
		data, err := io.ReadAll(r)
		for len(data) > 0 && err == nil {
			// MODE SP NAME NUL ID
			head, rest, ok := bytes.Cut(data, []byte{0})
			mode, name, spaced := strings.Cut(string(head), " ")
			if !ok || !spaced || len(rest) < v.idLen/2 {
				return fmt.Errorf("tree %s is none", id)
			}
			entries[name] = entry{mode, hex.EncodeToString(rest[:v.idLen/2])}
			data = rest[v.idLen/2:]
		}
		return err
	})
	return entries, err
}

// make puts a tree in a file, and returns its id.
func (v *reviser) make(entries map[string]entry) (string, error) {
	names := sortedNames(entries)
	// In git's order a folder's name ends with "/".
	full := func(name string) string {
		if entries[name].mode == folderMode {
			return name + "/"
		}
		return name
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(full(a), full(b)) })
	var data []byte
	for _, name := range names {
		id, err := hex.DecodeString(entries[name].id)
		if err != nil || len(id) != v.idLen/2 {
			return "", fmt.Errorf("%s: %q is no id", name, entries[name].id)
		}
		data = append(append(append(data, entries[name].mode+" "+name...), 0), id...)
	}
	id := treeID(data, v.idLen)
	file := filepath.Join(v.dir, fmt.Sprint(len(v.made)))
	v.made = append(v.made, id)
	return id, os.WriteFile(file, data, 0o600)
}

// treeID is the id that git gives to a tree.
func treeID(data []byte, idLen int) string {
	h := sha1.New()
	if idLen == 64 {
		h = sha256.New()
	}
	fmt.Fprintf(h, "tree %d\x00", len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// write has git store all that were made, with one process.
func (v *reviser) write(ctx context.Context, g git) error {
	var files strings.Builder
	for i := range v.made {
		fmt.Fprintln(&files, filepath.Join(v.dir, fmt.Sprint(i)))
	}
	g.stdin = strings.NewReader(files.String())
	out, err := g.run(ctx, "hash-object", "-w", "-t", "tree", "--no-filters", "--stdin-paths")
	if err == nil && !slices.Equal(strings.Fields(string(out)), v.made) {
		err = errors.New("git gives the trees other ids")
	}
	return err
}
