package worktree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"jitos.dev/rmg"
)

// What a workspace has besides its tree does not come back, so that git in it must
// not call it untracked: its own info/exclude names it. That stands in the upper
// layer, since the .git below is shared by workspaces that need other things.

// maxNamed is how many files info/exclude names one by one. Git compares every
// untracked name with every line of it: where there are more, folders are named
// that hold nothing of the tree's, and what a command adds to them is not shown.
const maxNamed = 500

// errMany ends a walk that has seen enough.
var errMany = errors.New("too many to name")

// excludeBesides writes it into the .git of a folder that is mounted.
func (o *mounted) excludeBesides(tree rmg.Graph) error {
	var lines []string
	for _, dir := range o.f.besides() {
		more, err := excluded(dir, tree, false)
		if errors.Is(err, errMany) {
			more, err = excluded(dir, tree, true)
		}
		if err != nil && !errors.Is(err, errMany) {
			return err
		}
		lines = append(lines, more...)
	}
	if len(lines) == 0 {
		return nil
	}
	file := filepath.Join(o.f.Path(), ".git", "info", "exclude")
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(string(data)+"\n"+strings.Join(lines, "\n")+"\n"), 0o644)
}

// excluded lists patterns of what stands below a folder and is not in a tree; with
// folders those that the tree has nothing in are one pattern each. errMany: there
// are more than maxNamed, of which it lists that many.
func excluded(dir string, tree rmg.Graph, folders bool) ([]string, error) {
	var out []string
	err := walk(dir, func(name string, st fs.FileInfo) error {
		e, has := tree.Get(pathOf(rmg.Root, name))
		switch {
		case st.IsDir() && (has && !isFile(e) || !has && !folders):
			return nil
		case has:
			return skip(st)
		case len(out) == maxNamed:
			return errMany
		}
		line := "/" + excludePattern(name)
		if st.IsDir() {
			line += "/"
		}
		out = append(out, line)
		return skip(st)
	})
	return out, err
}

// excludePattern is a name in the words of .gitignore.
func excludePattern(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; c {
		case '\n':
			b.WriteByte('?') // no line can say it
			continue
		case '*', '?', '[', '\\', ' ':
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
