package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// How long the kernel may keep what it was told: of a version that moves on, and
// of one that does not.
const (
	livingFor = time.Second
	pinnedFor = time.Hour
)

func (a *app) mountCmd() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use: "mount VERSION DIR", Short: "Show a version as a read-only file system, until interrupted", Args: cobra.ExactArgs(2),
		Example: "  jitos mount seq:40 /mnt/then\n  jitos mount sws:w12 ~/w12 --path /repo/app/main",
		Long: `Shows the files of a version in a folder: nodes with something inside as folders,
files and links as what they are. "system" and "sws:ID" are shown as they are at
the moment of looking, "seq:N" and "sws:ID@N" as they were. It ends with Ctrl-C,
or with umount.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := rmg.ParsePath(at)
			if err != nil {
				return &usageError{err}
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			if _, err := c.Graph(cmd.Context(), client.GraphQuery{View: args[0], Path: p}); err != nil {
				return err
			}
			return a.mount(cmd.Context(), &view{c: c, version: args[0]}, p, args[1])
		},
	}
	cmd.Flags().StringVar(&at, "path", "/", "the graph path to show")
	return cmd
}

// mount serves until ctx ends or somebody unmounts.
func (a *app) mount(ctx context.Context, v *view, at rmg.Path, dir string) error {
	keep := v.keep()
	opt := &fs.Options{EntryTimeout: &keep, AttrTimeout: &keep, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	opt.MountOptions = fuse.MountOptions{FsName: v.version, Name: "jitos", Options: []string{"ro"}, DirectMount: true, DirectMountFlags: mountFlags}
	s, err := fs.Mount(dir, &shown{v: v, at: at}, opt)
	if err != nil {
		return wire.NewProblem(rmg.Unavailable, "%s cannot be mounted at %s: %v", v.version, dir, err).WithHint(fuseHint)
	}
	fmt.Fprintf(a.out, "%s is shown at %s\n", v.version, dir)
	stop := context.AfterFunc(ctx, func() { _ = s.Unmount() })
	defer stop()
	s.Wait()
	return nil
}

// view is a version as the daemon tells of it.
type view struct {
	c       *client.Client
	version string
}

// keep is how long an answer holds.
func (v *view) keep() time.Duration {
	if strings.HasPrefix(v.version, "seq:") || strings.Contains(v.version, "@") {
		return pinnedFor
	}
	return livingFor
}

// shown is an element of the graph as a file of the mount.
type shown struct {
	fs.Inode
	v  *view
	at rmg.Path
}

var (
	_ fs.NodeLookuper   = (*shown)(nil)
	_ fs.NodeReaddirer  = (*shown)(nil)
	_ fs.NodeGetattrer  = (*shown)(nil)
	_ fs.NodeReadlinker = (*shown)(nil)
	_ fs.NodeOpener     = (*shown)(nil)
)

func (n *shown) element(ctx context.Context, at rmg.Path) (wire.Element, syscall.Errno) {
	ans, err := n.v.c.Graph(ctx, client.GraphQuery{View: n.v.version, Path: at})
	return ans.Element, errnoOf(err)
}

// errnoOf says an answer's error as a file system does.
func errnoOf(err error) syscall.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, &rmg.Error{Code: rmg.NotFound}):
		return syscall.ENOENT
	case errors.Is(err, &rmg.Error{Code: rmg.Denied}):
		return syscall.EACCES
	}
	return syscall.EIO
}

// fileName is an id as the name of a file: one that no file can have stands there
// as it does in paths.
func fileName(id string) string {
	switch {
	case id == "." || id == "..":
		return strings.ReplaceAll(id, ".", "%2E")
	case strings.ContainsAny(id, "/\x00"):
		return string(rmg.Root.Child(id))[1:]
	}
	return id
}

// escaped is the path of a name that stands for such an id.
func escaped(dir rmg.Path, name string) (rmg.Path, bool) {
	p, err := rmg.ParsePath("/" + name)
	if err != nil || !strings.Contains(name, "%") {
		return "", false
	}
	id := p.Base().ID
	return dir.Child(id), fileName(id) == name
}

func modeOf(kind string, props rmg.Props) uint32 {
	switch kind {
	case rewrite.KindFile:
		if props.String(rewrite.PropMode) == "0755" {
			return syscall.S_IFREG | 0o755
		}
		return syscall.S_IFREG | 0o644
	case rewrite.KindSymlink:
		return syscall.S_IFLNK | 0o777
	}
	return syscall.S_IFDIR | 0o755
}

// Lookup finds one name.
func (n *shown) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	p := n.at.Child(name)
	e, errno := n.element(ctx, p)
	if other, ok := escaped(n.at, name); ok && errno == syscall.ENOENT {
		p = other
		e, errno = n.element(ctx, p)
	}
	if errno != 0 {
		return nil, errno
	}
	fillAttr(&out.Attr, e.Kind, e.Props)
	return n.NewInode(ctx, &shown{v: n.v, at: p}, fs.StableAttr{Mode: out.Mode & syscall.S_IFMT}), 0
}

func fillAttr(a *fuse.Attr, kind string, props rmg.Props) {
	a.Mode = modeOf(kind, props)
	a.Nlink = 1
	if kind == rewrite.KindFile {
		a.Size = uint64(props.Blob(rewrite.PropBlob).Size)
	}
	if kind == rewrite.KindSymlink {
		a.Size = uint64(len(target(props)))
	}
}

// Getattr tells of the element itself.
func (n *shown) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	e, errno := n.element(ctx, n.at)
	if errno == 0 {
		fillAttr(&out.Attr, e.Kind, e.Props)
	}
	return errno
}

// Readdir lists the nodes that are inside.
func (n *shown) Readdir(ctx context.Context) (fs.DirStream, syscall.Errno) {
	var list []fuse.DirEntry
	for next := ""; ; {
		ans, err := n.v.c.Graph(ctx, client.GraphQuery{View: n.v.version, Path: n.at, Depth: 1, Cursor: next})
		if err != nil {
			return nil, errnoOf(err)
		}
		if ans.Graph != nil {
			for _, x := range ans.Graph.Nodes {
				list = append(list, fuse.DirEntry{Name: fileName(string(x.ID)), Mode: modeOf(x.Kind, x.Props) & syscall.S_IFMT})
			}
		}
		if next = ans.Next; next == "" {
			return fs.NewListDirStream(list), 0
		}
	}
}

func target(props rmg.Props) string {
	v, _ := props.Get(rewrite.PropTarget)
	s, _ := v.AsString()
	if b, ok := v.AsBytes(); ok {
		s = string(b)
	}
	return s
}

// Readlink is a symlink's target.
func (n *shown) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	e, errno := n.element(ctx, n.at)
	return []byte(target(e.Props)), errno
}

// Open fetches a file's content into a file without a name: none is held whole
// in memory, and what is read is of one moment.
func (n *shown) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
		return nil, 0, syscall.EROFS
	}
	e, errno := n.element(ctx, n.at)
	if errno != 0 {
		return nil, 0, errno
	}
	b := e.Props.Blob(rewrite.PropBlob)
	f, err := n.v.fetch(ctx, fmt.Sprintf("%x", b.Sum))
	if err != nil {
		return nil, 0, errnoOf(err)
	}
	return &content{f: f}, fuse.FOPEN_DIRECT_IO, 0
}

func (v *view) fetch(ctx context.Context, sum string) (*os.File, error) {
	src, err := v.c.Blob(ctx, sum)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	f, err := os.CreateTemp("", "jitos-mount-")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, src)
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// content is an open file of the mount.
type content struct {
	mu sync.Mutex // guards f
	f  *os.File
}

var (
	_ fs.FileReader   = (*content)(nil)
	_ fs.FileReleaser = (*content)(nil)
)

// Read reads at an offset.
func (c *content) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.f.ReadAt(dest, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Release lets go of the content.
func (c *content) Release(context.Context) syscall.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fs.ToErrno(c.f.Close())
}
