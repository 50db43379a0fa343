package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// filePatch is what a unified diff does to one file. "" is no file: one that is
// made, or that goes.
type filePatch struct {
	from, to string
	hunks    []hunk
}

// hunk replaces lines: old is what must stand there, each with its line end.
type hunk struct {
	line     int // where it should be, from 1
	old, new []string
}

// patch applies a diff of any number of files as one rewrite.
func patch(ctx context.Context, d *desk, raw json.RawMessage) (string, error) {
	in, err := input(raw)
	if err != nil {
		return "", err
	}
	files, err := parsePatch(in.Diff)
	if err != nil {
		return "", fault("the diff: %v", err)
	}
	var ops []rewrite.Op
	var names []string
	for _, f := range files {
		more, err := d.patchFile(f)
		if err != nil {
			return "", err
		}
		ops = append(ops, more...)
		names = append(names, f.name())
	}
	reason := "patch " + strings.Join(names, ", ")
	if err := d.space.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: reason}); err != nil {
		return "", err
	}
	return "changed " + strings.Join(names, ", "), nil
}

func (f filePatch) name() string {
	if f.to == "" {
		return f.from
	}
	return f.to
}

// patchFile makes the ops of one file.
func (d *desk) patchFile(f filePatch) ([]rewrite.Op, error) {
	text := ""
	if f.from != "" {
		var err error
		if _, text, err = d.content(f.from); err != nil {
			return nil, err
		}
	}
	out, err := f.apply(text)
	if err != nil {
		return nil, fault("%s: %v", f.name(), err)
	}
	var ops []rewrite.Op
	if f.from != "" && f.to != f.from {
		p, err := d.at(f.from)
		if err != nil {
			return nil, err
		}
		ops = append(ops, rewrite.Op{Op: rewrite.Remove, Path: p})
	}
	if f.to == "" {
		return ops, nil
	}
	p, err := d.at(f.to)
	if err != nil {
		return nil, err
	}
	if _, there := d.space.Graph().Get(p); there && f.from != f.to {
		return nil, &rmg.Error{Op: "patch", Path: p, Code: rmg.Exists, Msg: "the diff makes a file that is there already"}
	}
	b, err := d.space.PutBlob([]byte(out))
	if err != nil {
		return nil, err
	}
	return append(ops, rewrite.Op{Op: rewrite.Write, Path: p, Blob: b}), nil
}

// apply replaces each hunk's lines where they stand: at the line that the hunk
// names, or else at the only place below the hunk before it where they do.
func (f filePatch) apply(text string) (string, error) {
	lines := splitLines(text)
	var out []string
	done := 0 // lines that are in out already
	for i, h := range f.hunks {
		at, err := h.find(lines, done)
		if err != nil {
			return "", fmt.Errorf("hunk %d: %w", i+1, err)
		}
		out = append(append(out, lines[done:at]...), h.new...)
		done = at + len(h.old)
	}
	return strings.Join(append(out, lines[done:]...), ""), nil
}

func (h hunk) find(lines []string, from int) (int, error) {
	fits := func(at int) bool {
		if at < from || at+len(h.old) > len(lines) {
			return false
		}
		for i, l := range h.old {
			if lines[at+i] != l {
				return false
			}
		}
		return true
	}
	at := h.line - 1
	if len(h.old) == 0 {
		at = h.line // what only adds names the line before it
	}
	if at >= 0 && fits(at) {
		return at, nil
	}
	if len(h.old) == 0 {
		return 0, errors.New("it only adds, and names no line of the file to stand at")
	}
	found := -1
	for at := from; at+len(h.old) <= len(lines); at++ {
		if !fits(at) {
			continue
		}
		if found >= 0 {
			return 0, errors.New("its lines stand in the file more than once, and not where it says")
		}
		found = at
	}
	if found < 0 {
		return 0, errors.New("its lines do not stand in the file; read it again")
	}
	return found, nil
}

func splitLines(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		out = append(out, l)
	}
	return out
}

// parsePatch reads a unified diff. What stands between files is passed over.
func parsePatch(diff string) ([]filePatch, error) {
	lines := splitLines(diff)
	var out []filePatch
	for i := 0; i < len(lines); {
		switch {
		case strings.HasPrefix(lines[i], "--- "):
			if i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "+++ ") {
				return nil, fmt.Errorf("line %d: a --- without a +++ below it", i+1)
			}
			f := filePatch{from: patchName(lines[i][4:]), to: patchName(lines[i+1][4:])}
			if f.from == "" && f.to == "" {
				return nil, fmt.Errorf("line %d: it names no file", i+1)
			}
			out = append(out, f)
			i += 2
		case strings.HasPrefix(lines[i], "@@ "):
			if len(out) == 0 {
				return nil, fmt.Errorf("line %d: a hunk before any file", i+1)
			}
			h, n, err := parseHunk(lines[i:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			f := &out[len(out)-1]
			f.hunks = append(f.hunks, h)
			i += n
		default:
			i++
		}
	}
	for _, f := range out {
		if len(f.hunks) == 0 && f.to != "" {
			return nil, fmt.Errorf("%s: no hunk", f.name())
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it names no file: lines that begin with --- and +++ are needed")
	}
	return out, nil
}

// patchName is the name in a --- or +++ line; "" for /dev/null.
func patchName(s string) string {
	s, _, _ = strings.Cut(strings.TrimRight(s, "\r\n"), "\t")
	s = strings.TrimSpace(s)
	if s == "/dev/null" {
		return ""
	}
	for _, side := range []string{"a/", "b/"} {
		if rest, ok := strings.CutPrefix(s, side); ok {
			return rest
		}
	}
	return s
}

// parseHunk reads one hunk, and says how many lines it takes. The counts in its
// head are not believed: models miscount.
func parseHunk(lines []string) (hunk, int, error) {
	var h hunk
	head := strings.Fields(lines[0])
	if len(head) < 3 || !strings.HasPrefix(head[1], "-") {
		return h, 0, fmt.Errorf("%q is no head of a hunk", strings.TrimSpace(lines[0]))
	}
	start, _, _ := strings.Cut(head[1][1:], ",")
	var err error
	if h.line, err = strconv.Atoi(start); err != nil {
		return h, 0, fmt.Errorf("%q is no head of a hunk", strings.TrimSpace(lines[0]))
	}
	last := byte(0)
	n := 1
	for ; n < len(lines); n++ {
		l := lines[n]
		if strings.HasPrefix(l, "@@ ") || strings.HasPrefix(l, "diff ") || strings.HasPrefix(l, "--- ") && n+1 < len(lines) && strings.HasPrefix(lines[n+1], "+++ ") {
			break
		}
		switch body := l[1:]; l[0] {
		case '-':
			h.old = append(h.old, body)
		case '+':
			h.new = append(h.new, body)
		case ' ':
			h.old, h.new = append(h.old, body), append(h.new, body)
		case '\n': // an empty line of context whose blank was lost
			if n+1 == len(lines) {
				break
			}
			h.old, h.new = append(h.old, l), append(h.new, l)
		case '\\':
			h.unend(last)
			continue
		default:
			return h, 0, fmt.Errorf("%q is no line of a hunk", strings.TrimSpace(l))
		}
		last = l[0]
	}
	if len(h.old)+len(h.new) == 0 {
		return h, 0, errors.New("an empty hunk")
	}
	h.endLast(lines, n)
	return h, n, nil
}

// unend takes the line end from the last line of the side that it is said of.
func (h *hunk) unend(last byte) {
	cut := func(list []string) {
		if n := len(list); n > 0 {
			list[n-1] = strings.TrimSuffix(list[n-1], "\n")
		}
	}
	if last != '+' {
		cut(h.old)
	}
	if last != '-' {
		cut(h.new)
	}
}

// endLast gives the last line of a diff the line end that its sender left out.
func (h *hunk) endLast(lines []string, n int) {
	if n != len(lines) || strings.HasSuffix(lines[n-1], "\n") || lines[n-1][0] == '\\' {
		return
	}
	end := func(list []string) {
		if k := len(list); k > 0 && !strings.HasSuffix(list[k-1], "\n") {
			list[k-1] += "\n"
		}
	}
	if l := lines[n-1][0]; l != '+' {
		end(h.old)
	}
	if l := lines[n-1][0]; l != '-' {
		end(h.new)
	}
}
