package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of looking at files.
const (
	maxListed  = 2000    // files
	maxRead    = 1 << 20 // bytes of a file
	maxMatches = 200
)

// fault is an error that the model can do something about.
func fault(format string, args ...any) error {
	return &rmg.Error{Op: "tool", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...)}
}

func codeOf(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// at is the path of what a model names, relative to the repository.
func (d *desk) at(name string) (rmg.Path, error) {
	name = strings.TrimPrefix(strings.TrimSuffix(name, "/"), "./")
	if name == "" || name == "." {
		return d.a.Repo.Root, nil
	}
	ids := strings.Split(name, "/")
	for _, id := range ids {
		if id == "" || id == "." || id == ".." {
			return "", fault("%q is no path inside the repository; give one relative to its root", name)
		}
	}
	return d.a.Repo.Root.Join(ids...), nil
}

func (d *desk) name(p rmg.Path) string {
	ids, _ := d.a.Repo.Root.Rel(p)
	return strings.Join(ids, "/")
}

// content reads a text file.
func (d *desk) content(name string) (rmg.Path, string, error) {
	p, err := d.at(name)
	if err != nil {
		return p, "", err
	}
	e, ok := d.space.Graph().Get(p)
	if !ok || e.Kind != rewrite.KindFile {
		return p, "", fault("there is no file %s", name)
	}
	b := e.Props.Blob(rewrite.PropBlob)
	if b.Size > maxRead {
		return p, "", fault("%s has %d bytes; %d are read at most", name, b.Size, maxRead)
	}
	data, err := d.space.ReadBlob(b)
	if err != nil {
		return p, "", err
	}
	if !isText(data) {
		return p, "", fault("%s is no text", name)
	}
	return p, string(data), nil
}

func isText(data []byte) bool { return utf8.Valid(data) && !bytes.ContainsRune(data, 0) }

// put writes a file, under the rights of the process.
func (d *desk) put(ctx context.Context, p rmg.Path, text, reason string) error {
	b, err := d.space.PutBlob([]byte(text))
	if err != nil {
		return err
	}
	return d.space.Rewrite(ctx, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: p, Blob: b}}, Reason: reason})
}

// files are those below a path, sorted by name.
func (d *desk) files(at rmg.Path) []rmg.Path {
	g := d.space.Graph()
	if e, ok := g.Get(at); ok && e.Kind == rewrite.KindFile {
		return []rmg.Path{at}
	}
	var out []rmg.Path
	for p, e := range g.Walk(at) {
		if e.Kind == rewrite.KindFile {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b rmg.Path) int { return strings.Compare(d.name(a), d.name(b)) })
	return out
}

type fileInput struct{ Path, Text, Old, New, Pattern, Diff string }

func input(in json.RawMessage) (fileInput, error) {
	var x fileInput
	err := json.Unmarshal(in, &x)
	return x, err
}

func list(_ context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	at, err := d.at(in.Path)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	all := d.files(at)
	for i, p := range all {
		if i == maxListed {
			fmt.Fprintf(&out, "and %d more\n", len(all)-i)
			break
		}
		e, _ := d.space.Graph().Get(p)
		fmt.Fprintf(&out, "%s %d\n", d.name(p), e.Props.Blob(rewrite.PropBlob).Size)
	}
	if out.Len() == 0 {
		return "", fault("there are no files below %q", in.Path)
	}
	return out.String(), nil
}

func read(_ context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	_, text, err := d.content(in.Path)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		fmt.Fprintf(&out, "%5d  %s", n, line)
	}
	return out.String(), nil
}

func search(ctx context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	re, err := regexp.Compile(in.Pattern)
	if err != nil {
		return "", fault("the pattern is no regular expression: %v", err)
	}
	at, err := d.at(in.Path)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	hits := 0
	for _, p := range d.files(at) {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		_, text, err := d.content(d.name(p))
		if err != nil {
			continue // no text, or too large for one
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			if !re.MatchString(line) {
				continue
			}
			if hits++; hits > maxMatches {
				return out.String() + "and more; narrow the pattern\n", nil
			}
			fmt.Fprintf(&out, "%s:%d: %s\n", d.name(p), n, strings.TrimSpace(line))
		}
	}
	if hits == 0 {
		return "no line matches", nil
	}
	return out.String(), nil
}

func write(ctx context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	p, err := d.at(in.Path)
	if err != nil {
		return "", err
	}
	if err := d.put(ctx, p, in.Text, "write "+in.Path); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s has %d bytes now", in.Path, len(in.Text)), nil
}

func edit(ctx context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	p, text, err := d.content(in.Path)
	if err != nil {
		return "", err
	}
	switch n := strings.Count(text, in.Old); {
	case in.Old == "":
		return "", fault("old is empty; use write for a new file")
	case n == 0:
		return "", fault("old does not stand in %s; read it again, and leave out the line numbers", in.Path)
	case n > 1:
		return "", fault("old stands in %s %d times; give more of what is around it", in.Path, n)
	}
	if err := d.put(ctx, p, strings.Replace(text, in.Old, in.New, 1), "edit "+in.Path); err != nil {
		return "", err
	}
	return "changed " + in.Path, nil
}
