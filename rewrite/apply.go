package rewrite

import (
	"errors"
	"fmt"

	"jitos.dev/rmg"
)

// The props and kinds of the files' world.
const (
	KindDir       = "Dir"
	KindFile      = "File"
	KindSymlink   = "Symlink"
	KindSubmodule = "Submodule"

	PropBlob   = "blob"   // File: content
	PropMode   = "mode"   // File: "0644" or "0755"
	PropTarget = "target" // Symlink: string, or bytes when it is not UTF-8
	PropCommit = "commit" // Submodule: which commit of its own repository
)

// Resolve turns what is left open in ops into what a record holds: text and
// base64 of write ops become blobs, put by put. The size of a blob named by
// hash alone is asked of size; it is NotFound if the content is not there.
// Ops are checked on the way (Invalid).
func Resolve(ops []Op, put func([]byte) (rmg.Blob, error), size func(sum [32]byte) (int64, bool)) ([]Op, error) {
	if len(ops) > MaxOps {
		return nil, &rmg.Error{Op: "rewrite", Code: rmg.Limit, Msg: fmt.Sprintf("%d ops; the limit is %d", len(ops), MaxOps), Hint: "split it into several rewrites"}
	}
	out := make([]Op, len(ops))
	for i, o := range ops {
		if _, ok := fields[o.Op]; !ok {
			return nil, at(i, bad("there is no op %q", o.Op))
		}
		if err := o.check(); err != nil {
			return nil, at(i, err)
		}
		if o.Op == Write {
			var err error
			if o, err = resolveWrite(o, put, size); err != nil {
				return nil, at(i, err)
			}
		}
		out[i] = o
	}
	return out, nil
}

func resolveWrite(o Op, put func([]byte) (rmg.Blob, error), size func(sum [32]byte) (int64, bool)) (Op, error) {
	var data []byte
	switch {
	case o.HasText:
		data = []byte(o.Text)
	case o.HasBytes:
		data = o.Bytes
	default:
		n, ok := size(o.Blob.Sum)
		if !ok {
			return o, &rmg.Error{Op: "write", Path: o.Path, Code: rmg.NotFound, Msg: fmt.Sprintf("there is no content %x", o.Blob.Sum), Hint: "put it first (PUT /blob)"}
		}
		o.Blob.Size = n
		return o, nil
	}
	b, err := put(data)
	if err != nil {
		return o, err
	}
	return Op{Op: Write, Path: o.Path, Blob: b, Mode: o.Mode}, nil
}

// at says which op failed.
func at(i int, err error) error {
	var e *rmg.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("op %d: %w", i, err)
	}
	c := *e
	c.Msg = fmt.Sprintf("op %d: %s", i, c.Msg)
	return &c
}

// Apply applies resolved ops to o, in order. If one fails, o is as it was
// before the first, and the *rmg.Error says which op, by number and path.
//
// write makes or replaces a File node with props blob and mode, and makes the
// missing parent folders (kind Dir) below any folder that is there.
func Apply(o *rmg.Overlay, ops []Op) error {
	mark := o.Mark()
	for i := range ops {
		if err := apply(o, &ops[i]); err != nil {
			o.Rewind(mark)
			return at(i, err)
		}
	}
	return nil
}

// ApplyNoting is Apply that takes nothing back: if an op fails, those before it
// are applied. It tells note of each op, by its index, before it is applied, while o
// is as the op meets it. A mark would have o copy anew what it copied for the ops of
// calls before.
func ApplyNoting(o *rmg.Overlay, ops []Op, note func(o *rmg.Overlay, i int)) error {
	for i := range ops {
		note(o, i)
		if err := apply(o, &ops[i]); err != nil {
			return at(i, err)
		}
	}
	return nil
}

func apply(o *rmg.Overlay, op *Op) error {
	switch op.Op {
	case AddNode:
		return o.AddNode(op.Path, op.Kind, rmg.PropsOf(op.Props))
	case AddEdge:
		return o.AddEdge(op.Path, op.Kind, op.From, op.To, rmg.PropsOf(op.Props))
	case Set:
		return o.Set(op.Path, op.Props)
	case Retype:
		return o.Retype(op.Path, op.Kind)
	case Inc:
		return o.Inc(op.Path, op.Prop, op.By)
	case SetAdd:
		return o.SetAdd(op.Path, op.Prop, op.Value)
	case SetRemove:
		return o.SetRemove(op.Path, op.Prop, op.Value)
	case Move:
		return o.Move(op.Path, op.Dest)
	case Remove:
		return o.Remove(op.Path, op.Cascade)
	case Write:
		return write(o, op)
	}
	return bad("there is no op %q", op.Op)
}

func write(o *rmg.Overlay, op *Op) error {
	if op.HasText || op.HasBytes {
		return &rmg.Error{Op: "write", Path: op.Path, Code: rmg.Internal, Msg: "the op is not resolved"}
	}
	e, ok := o.Get(op.Path)
	if !ok {
		if err := folders(o, op.Path.Parent()); err != nil {
			return err
		}
		mode := op.Mode
		if mode == "" {
			mode = "0644"
		}
		return o.AddNode(op.Path, KindFile, rmg.PropsOf(map[string]rmg.Value{PropBlob: rmg.BlobOf(op.Blob), PropMode: rmg.String(mode)}))
	}
	if e.Kind != KindFile {
		return &rmg.Error{Op: "write", Path: op.Path, Code: rmg.Exists, Msg: fmt.Sprintf("a %s is there, not a file", e.Kind), Hint: "remove it first"}
	}
	props := map[string]rmg.Value{PropBlob: rmg.BlobOf(op.Blob)}
	if op.Mode != "" {
		props[PropMode] = rmg.String(op.Mode)
	}
	return o.Set(op.Path, props)
}

// folders makes missing folders below one that is there.
func folders(o *rmg.Overlay, p rmg.Path) error {
	if e, ok := o.Get(p); ok {
		if p == rmg.Root || e.Kind == KindDir {
			return nil
		}
		return &rmg.Error{Op: "write", Path: p, Code: rmg.Invalid, Msg: fmt.Sprintf("a %s is no folder", e.Kind)}
	}
	if p.Parent() == rmg.Root {
		return &rmg.Error{Op: "write", Path: p, Code: rmg.NotFound, Msg: "there is no such folder", Hint: "files stand below a folder (kind Dir); add it first"}
	}
	if err := folders(o, p.Parent()); err != nil {
		return err
	}
	return o.AddNode(p, KindDir, rmg.Props{})
}
