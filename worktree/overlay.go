package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"jitos.dev/rmg"
)

// mounted is a folder that shows layers under an upper layer of its own. What
// it costs to make, and to look through, is what differs from the layers.
type mounted struct {
	f     *Folder
	stand *layer           // held; nil before the first update
	delta map[string]stamp // what update wrote into the upper layer; zero where it hid a name
	git   string           // the layer that .git is in, held; "" where there is none
	n     int              // of the upper layer: each mount gets a new one
}

func (o *mounted) dir(what string) string {
	return filepath.Join(o.f.dir, fmt.Sprintf("%s-%d", what, o.n))
}

// update shows another tree, and drops what was written.
func (o *mounted) update(ctx context.Context, tree rmg.Graph) error {
	if err := o.drop(); err != nil {
		return err
	}
	m := o.f.m
	l, names, err := m.stand(ctx, tree, o.f.fresh)
	if err != nil {
		return err
	}
	o.stand = l
	if err := o.show(ctx, tree, names); err != nil {
		return errors.Join(full(err), o.drop())
	}
	return nil
}

// show writes what the layers do not have into a new upper layer, and mounts it.
func (o *mounted) show(ctx context.Context, tree rmg.Graph, names []string) error {
	o.n++
	for _, d := range []string{"upper", "work"} {
		if err := os.Mkdir(o.dir(d), 0o755); err != nil {
			return err
		}
	}
	if err := o.f.m.writeDelta(ctx, o.dir("upper"), tree, names); err != nil {
		return err
	}
	lowers := o.stand.chain()
	if o.f.git != nil {
		if err := o.withGit(ctx); err != nil {
			return err
		}
		lowers = append([]string{o.gitLayer()}, lowers...)
	}
	lowers = append(lowers, o.f.besides()...)
	if err := o.mount(lowers); err != nil {
		return err
	}
	if o.f.git != nil {
		if err := errors.Join(o.bindGit(), o.excludeBesides(tree)); err != nil {
			return err
		}
	}
	o.delta = map[string]stamp{}
	for _, name := range names {
		o.delta[name] = stamp{}
		if st, err := os.Lstat(filepath.Join(o.f.Path(), filepath.FromSlash(name))); err == nil {
			o.delta[name] = stampOf(st)
		}
	}
	return nil
}

// touched names what the upper layer does, and looks at nothing else.
func (o *mounted) touched(ctx context.Context) (map[string]stamp, error) {
	out := map[string]stamp{}
	upper := o.dir("upper")
	err := walk(upper, func(name string, st fs.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == ".git" {
			return skip(st)
		}
		here, _ := o.f.tree.Get(pathOf(rmg.Root, name))
		if st.IsDir() && !isFile(here) && !isOpaque(filepath.Join(upper, name)) {
			return nil // what is below it shows through
		}
		for _, n := range below(o.f.tree, name) {
			out[n] = o.delta[n]
		}
		if !st.IsDir() && !isWhiteout(st) && !o.f.isBesides(name) {
			out[name] = o.delta[name]
		}
		return nil
	})
	for name, s := range o.delta {
		out[name] = s
	}
	return out, err
}

func (o *mounted) mount(lowers []string) error {
	return mountOverlay(o.f.Path(), o.dir("upper"), o.dir("work"), lowers)
}

func (o *mounted) unmount() error {
	return errors.Join(unmount(filepath.Join(o.f.Path(), ".git", gitObjects)), unmount(o.f.Path()))
}

// drop takes the mount and its upper layer away.
func (o *mounted) drop() error {
	err := o.unmount()
	if o.stand != nil {
		o.leaveGit()
		o.f.m.layers.release(o.stand)
		o.stand = nil
	}
	if o.n > 0 {
		err = errors.Join(err, removeAll(o.dir("upper")), removeAll(o.dir("work")))
	}
	return err
}

func skip(st fs.FileInfo) error {
	if st.IsDir() {
		return fs.SkipDir
	}
	return nil
}
