package kernel

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of what is shown of a change, and of what an answer changes in it.
const (
	maxShownText   = 1 << 20   // bytes of both sides of all hunks; the rest has places alone
	maxHunkFile    = 4 << 20   // bytes of a file that is taken apart; a larger one is one hunk
	maxAmendments  = 1000      // files and hunks that one answer names
	maxEditedBytes = 768 << 10 // of a file that was edited
)

// FileChange is what the workspace of a question does to one file. What is no text,
// and a file that is added or removed, is one hunk without lines.
type FileChange struct {
	Path   rmg.Path
	Change rmg.ChangeKind // added, removed or changed
	Hunks  []rmg.LineHunk
	Whole  bool // it is kept or rejected whole
	Cut    bool // its hunks have no text: there is too much of it

	old, now rmg.Element
	was, is  []byte // unless Whole
}

// Content is what the file holds in the workspace.
func (c FileChange) Content() rmg.Blob { return c.now.Props.Blob(rewrite.PropBlob) }

// Reply is a person's answer to a question. An approval may leave out parts of the
// change and edit files of it: what is approved then is what is left.
type Reply struct {
	Answer  string     // approve, reject
	Comment string     // recorded with it
	Reject  []HunkRef  // parts of the change to be left out
	Edit    []FileEdit // files of the change, as they are to be
}

// HunkRef names a part of a change: the N-th hunk of a file, or all of them.
type HunkRef struct {
	File rmg.Path
	N    int // from 1; 0 is all
}

// FileEdit is a file as a person wants it.
type FileEdit struct {
	File rmg.Path
	Text []byte
}

func (r Reply) amends() bool { return len(r.Reject) > 0 || len(r.Edit) > 0 }

// request is what a resend of the answer is known by.
func (r Reply) request(id string) []any {
	out := []any{id, r.Answer, r.Comment}
	if r.amends() {
		out = append(out, r.Reject, r.Edit)
	}
	return out
}

// check refuses an answer that is none, before anything is looked at.
func (r Reply) check(a Approval) error {
	refused := func(code rmg.Code, hint, format string, args ...any) error {
		return &rmg.Error{Op: "answer", Path: a.at, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	switch {
	case r.Answer != "approve" && r.Answer != "reject":
		return refused(rmg.Invalid, "use approve or reject", "%q is no answer", r.Answer)
	case len(r.Comment) > maxComment:
		return refused(rmg.Limit, "", "a comment of %d bytes; the limit is %d", len(r.Comment), maxComment)
	case !r.amends():
		return nil
	case r.Answer != "approve":
		return refused(rmg.Invalid, "approve what is left, or reject it all", "what is rejected as a whole is not changed")
	case a.About == AboutConflict || a.Head == 0:
		return refused(rmg.Invalid, a.Next(), "%s is not about a change that can be taken apart", a.ID)
	case len(r.Reject)+len(r.Edit) > maxAmendments:
		return refused(rmg.Limit, "answer with the files edited", "%d hunks and files; the limit is %d", len(r.Reject)+len(r.Edit), maxAmendments)
	}
	return nil
}

// ChangeOf is what the workspace of a question changes in files, in order of paths.
func (k *Kernel) ChangeOf(id string) ([]FileChange, error) {
	a, err := k.Approval(id)
	if err != nil || a.About == AboutConflict || a.About == AboutPermission {
		return nil, err
	}
	s, ok := k.space(a.Workspace)
	if !ok {
		return nil, nil // its contents are gone, and nothing waits for an answer
	}
	list, err := k.fileChanges(s)
	left := maxShownText
	for i := range list {
		for _, h := range list[i].Hunks {
			left -= len(h.Old) + len(h.New)
		}
		if list[i].Cut = left < 0; list[i].Cut {
			for n := range list[i].Hunks {
				list[i].Hunks[n].Old, list[i].Hunks[n].New = nil, nil
			}
		}
	}
	return list, err
}

// fileChanges is what a workspace changes in files, on what it stands on.
func (k *Kernel) fileChanges(s *space) ([]FileChange, error) {
	var out []FileChange
	for ch := range rmg.Diff(s.base, s.last().world) {
		c := FileChange{Path: ch.Path, Change: ch.Kind, old: ch.Old, now: ch.New, Whole: true}
		if ch.Old.Kind != rewrite.KindFile && ch.New.Kind != rewrite.KindFile {
			continue
		}
		if ch.Old.Kind == ch.New.Kind {
			var err error
			if c.was, err = k.smallText(ch.Old); err != nil {
				return nil, err
			}
			if c.is, err = k.smallText(ch.New); err != nil {
				return nil, err
			}
			if c.was != nil && c.is != nil && !bytes.Equal(c.was, c.is) {
				c.Whole, c.Hunks = false, rmg.LineHunks(c.was, c.is)
			}
		}
		if c.Whole {
			c.Hunks = []rmg.LineHunk{{OldLine: 1, Line: 1}}
		}
		out = append(out, c)
	}
	return out, nil
}

// smallText is the text of a file; nil if it is none, or too large to be taken apart.
func (k *Kernel) smallText(e rmg.Element) ([]byte, error) {
	b := e.Props.Blob(rewrite.PropBlob)
	switch {
	case b.Size > maxHunkFile:
		return nil, nil
	case b.Size == 0:
		return []byte{}, nil
	}
	data, err := readBlob(k.store, b)
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, err
	}
	return data, err
}

// amendment is what an answer changes in a workspace.
type amendment struct {
	ops  []rewrite.Op
	head uint64 // of the workspace that it was made for
	text string // in words
}

// amend makes the rewrite that an answer asks for. NotFound: the change has no such
// file or hunk. Invalid: nothing would be left of it.
func (k *Kernel) amend(a Approval, r Reply) (amendment, error) {
	out := amendment{head: a.Head}
	refused := func(code rmg.Code, p rmg.Path, hint, format string, args ...any) (amendment, error) {
		return out, &rmg.Error{Op: "answer", Path: p, Code: code, Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	s, ok := k.space(a.Workspace)
	if !ok {
		return out, noSpace(a.Workspace)
	}
	list, err := k.fileChanges(s)
	if err != nil {
		return out, err
	}
	at := func(p rmg.Path) int { return slices.IndexFunc(list, func(c FileChange) bool { return c.Path == p }) }
	drop, edited := map[rmg.Path][]bool{}, map[rmg.Path]bool{}
	var words []string
	for _, ref := range r.Reject {
		i := at(ref.File)
		if i < 0 {
			return refused(rmg.NotFound, ref.File, "jitos inbox "+a.ID+" lists what is changed", "the change has no such file")
		}
		n := len(list[i].Hunks)
		if ref.N < 0 || ref.N > n {
			return refused(rmg.NotFound, ref.File, "jitos inbox "+a.ID+" numbers them", "there is no hunk %d: the file has %s", ref.N, plural(n, "hunk"))
		}
		if drop[ref.File] == nil {
			drop[ref.File] = make([]bool, n)
		}
		word := fmt.Sprintf("without hunk %d of %s", ref.N, ref.File)
		if ref.N == 0 {
			word = "without " + string(ref.File)
		}
		for j := range drop[ref.File] {
			drop[ref.File][j] = drop[ref.File][j] || ref.N == 0 || j == ref.N-1
		}
		words = append(words, word)
	}
	for _, e := range r.Edit {
		i := at(e.File)
		switch {
		case i < 0:
			return refused(rmg.NotFound, e.File, "jitos inbox "+a.ID+" lists what is changed; what else you want is another intent, or yours to commit", "the change has no such file")
		case list[i].now.Kind != rewrite.KindFile:
			return refused(rmg.Invalid, e.File, "reject that first", "the change removes the file")
		case edited[e.File] || drop[e.File] != nil:
			return refused(rmg.Invalid, e.File, "name each file once", "a file is edited once, and not rejected as well")
		case len(e.Text) > maxEditedBytes:
			return refused(rmg.Limit, e.File, "", "%d bytes; the limit is %d", len(e.Text), maxEditedBytes)
		}
		edited[e.File] = true
		blob, err := k.putBytes(e.Text)
		if err != nil {
			return out, err
		}
		if blob == list[i].now.Props.Blob(rewrite.PropBlob) {
			continue
		}
		out.ops = append(out.ops, rewrite.Op{Op: rewrite.Write, Path: e.File, Blob: blob})
		words = append(words, string(e.File)+" edited")
	}
	kept := false
	for _, c := range list {
		which := drop[c.Path]
		kept = kept || which == nil || slices.Contains(which, false)
		if which == nil {
			continue
		}
		op, err := k.without(c, which)
		if err != nil {
			return out, err
		}
		out.ops = append(out.ops, op)
	}
	if !kept {
		return refused(rmg.Invalid, a.at, "jitos answer "+a.ID+" reject", "nothing of the change would be left")
	}
	out.text = strings.Join(words, "; ")
	return out, nil
}

// without is the op that takes hunks out of a changed file.
func (k *Kernel) without(c FileChange, drop []bool) (rewrite.Op, error) {
	whole := !slices.Contains(drop, false)
	switch {
	case whole && c.old.Kind == "":
		return rewrite.Op{Op: rewrite.Remove, Path: c.Path, Cascade: true}, nil
	case whole && c.old.Kind != rewrite.KindFile || whole && c.now.Kind != "" && c.now.Kind != rewrite.KindFile:
		return rewrite.Op{}, &rmg.Error{Op: "answer", Path: c.Path, Code: rmg.Invalid, Msg: "it became another kind of thing, which cannot be left out alone", Hint: "reject the change, and say why with -m"}
	case whole:
		return rewrite.Op{Op: rewrite.Write, Path: c.Path, Blob: c.old.Props.Blob(rewrite.PropBlob), Mode: c.old.Props.String(rewrite.PropMode)}, nil
	}
	blob, err := k.putBytes(rmg.WithoutHunks(c.was, c.is, func(n int) bool { return drop[n] }))
	return rewrite.Op{Op: rewrite.Write, Path: c.Path, Blob: blob}, err
}

func movedSince(a Approval) error {
	return &rmg.Error{
		Op: "answer", Path: a.at, Code: rmg.Stale, Msg: "the workspace has changed since it was asked about",
		Hint: "jitos answer " + a.ID + " approve has it asked about as it is now",
	}
}

// answersOwn reports whether an op is a person's answer that changes the workspace
// of the question: it stands in the record with what it changes, so that no crash
// comes in between.
func answersOwn(op rewrite.Op) bool {
	_, ok := op.Props[propAmended]
	under := op.Path.Parent().Parent()
	return op.Op == rewrite.Set && ok && (under == procRoot || under == swsRoot)
}

// stands reports whether a question stands answered for what a workspace came to by
// the answer itself: at head, it asks for nothing that was not asked then.
func (a Approval) stands(about string, head uint64, around string, asked []Asked) bool {
	if a.State != ApprovalApproved || a.About != about || a.Amended == 0 || a.Amended != head || a.Around == "" || a.Around != around || a.More > 0 {
		return false
	}
	return !slices.ContainsFunc(asked, func(q Asked) bool { return !slices.Contains(a.Asked, q) })
}
