package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// ownRoot is the part of a sandbox that has nothing in its file system but what it
// is given. Landlock alone keeps nobody from a named socket, below its ABI 9: there
// a socket is out of reach only if there is no path to it.
const ownRoot = "own root"

// piece is one file or folder that is shown in the new root.
type piece struct {
	at   string // where
	file bool
	tree int // a copy of the mounts there, held by descriptor
}

// enterRoot leaves the machine's file system for one that has the system's
// programs, and what the spec names. Where that fails the sandbox stays where it
// was, and says so.
func enterRoot(s spec, in *work.Sandbox) {
	if !slices.Contains(in.Parts, "mountns") {
		return
	}
	if err := changeRoot(wanted(s)); err != nil {
		in.Lacks = append(in.Lacks, ownRoot+": "+err.Error())
		return
	}
	in.Parts = append(in.Parts, ownRoot)
}

// wanted lists what is shown, parents first, and nothing that stands below
// another one: that comes with it.
func wanted(s spec) []string {
	var all []string
	for _, p := range slices.Concat(systemDirs, systemFiles, systemDevices, s.Read, s.Write, []string{s.Dir}) {
		if !filepath.IsAbs(p) || filepath.Clean(p) == "/" {
			continue
		}
		all = append(all, filepath.Clean(p))
		if real, err := filepath.EvalSymlinks(p); err == nil {
			all = append(all, real) // what links to it, links to there
		}
	}
	slices.Sort(all)
	var out []string
	for _, p := range slices.Compact(all) {
		if !slices.ContainsFunc(out, func(above string) bool { return strings.HasPrefix(p, above+"/") && !isLink(above) }) {
			out = append(out, p)
		}
	}
	return out
}

func isLink(p string) bool {
	st, err := os.Lstat(p)
	return err == nil && st.Mode()&os.ModeSymlink != 0
}

// newRoot is where the new root is mounted before it becomes the root. What stood
// there is held by descriptor by then.
const newRoot = "/proc"

// changeRoot makes a root of the places that are there, and enters it.
func changeRoot(places []string) error {
	var pieces []piece
	links := map[string]string{}
	defer func() {
		for _, p := range pieces {
			unix.Close(p.tree)
		}
	}()
	for _, at := range places {
		st, err := os.Stat(at)
		if err != nil {
			continue // a system need not have it all
		}
		if isLink(at) && filepath.Dir(at) == "/" {
			if links[at], err = os.Readlink(at); err != nil { // /bin of most systems
				return err
			}
			continue
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, at, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return &os.PathError{Op: "open_tree", Path: at, Err: err}
		}
		pieces = append(pieces, piece{at, !st.IsDir(), fd})
	}
	if err := unix.Mount("tmpfs", newRoot, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m,mode=0755"); err != nil {
		return err
	}
	if err := furnish(pieces, links); err != nil {
		_ = unix.Unmount(newRoot, unix.MNT_DETACH) // back to where it was
		return err
	}
	return nil
}

func furnish(pieces []piece, links map[string]string) error {
	for _, p := range pieces {
		at := newRoot + p.at
		dir := at
		if p.file {
			dir = filepath.Dir(at)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if p.file {
			if err := os.WriteFile(at, nil, 0o644); err != nil {
				return err
			}
		}
		if err := unix.MoveMount(p.tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return &os.PathError{Op: "move_mount", Path: p.at, Err: err}
		}
	}
	for at, to := range links {
		if err := os.Symlink(to, newRoot+at); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, newRoot+"/dev/"+name); err != nil {
			return err
		}
	}
	for _, d := range []string{"/tmp", "/run", "/home", "/var"} { // programs take for granted that these are there
		if err := os.MkdirAll(newRoot+d, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return &os.PathError{Op: "pivot_root", Path: newRoot, Err: err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return os.Chdir("/")
}
