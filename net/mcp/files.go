package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// The limits of files.
const (
	maxFile      = 8 << 20   // bytes of one that is read or written
	maxText      = 200 << 10 // bytes of one answer of file_read
	defaultLines = 2000      // of one answer of file_read
	maxEntries   = 1000      // of one answer of file_list
)

// The kinds of what a repository holds, and the props that tell of them.
const (
	kindFile   = "File"
	propBlob   = "blob"
	propMode   = "mode"
	propTarget = "target"
)

func (s *Server) fileTools() {
	tool(s, sdk.Tool{
		Name: "file_read", Annotations: reads("Read a file"),
		Description: "Read a file of the workspace, by lines. Long files come in parts: go on with offset=next. Read a file before you edit it.",
	}, readFile)
	tool(s, sdk.Tool{
		Name: "file_write", Annotations: writes("Write a file", true),
		Description: "Write a whole file in the workspace, making it and its folders where they are not there. For a small change of a file that is there use file_edit.",
	}, writeFile)
	tool(s, sdk.Tool{
		Name: "file_edit", Annotations: writes("Change part of a file", true),
		Description: "Replace a text in a file by another. old must stand in the file exactly once, indentation included, unless all is set; give enough lines around it.",
	}, editFile)
	tool(s, sdk.Tool{
		Name: "file_list", Annotations: reads("List files"),
		Description: "List the files and folders of a folder, or with glob all files whose path matches: * is any characters of a name, ** any number of folders (internal/**/*.go).",
	}, listFiles)
	tool(s, sdk.Tool{
		Name: "file_search", Annotations: reads("Search in files"),
		Description: "Search file contents by a regular expression (RE2). Answers file, line and text of each match; narrow it by glob.",
	}, searchFiles)
	tool(s, sdk.Tool{
		Name: "file_delete", Annotations: writes("Delete a file", true),
		Description: "Delete a file of the workspace, or with recursive a folder and all in it.",
	}, deleteFile)
}

// file is a file of a workspace as it was read.
type file struct {
	at     rmg.Path
	blob   rmg.Blob
	mode   string
	data   []byte
	digest rmg.Digest // of the view it was read in
}

// file reads a file. NotFound: there is none, and what is near it is named.
func (x *session) file(ctx context.Context, p *space, name string) (file, error) {
	at, err := p.place(name)
	if err != nil {
		return file{}, err
	}
	g, err := x.c.Graph(ctx, client.GraphQuery{View: p.view(), Path: at})
	if err != nil {
		if problem, _ := wire.ProblemOf(err); problem.Code == rmg.NotFound {
			problem.Hint = "file_list with glob finds files by name: **/" + at.Base().ID
		}
		return file{}, err
	}
	props := g.Element.Props
	switch {
	case g.Element.Kind == "Symlink":
		return file{}, wire.NewProblem(rmg.Invalid, "%s is a link to %s", name, props.String(propTarget)).WithHint("read what it points to")
	case g.Element.Kind != kindFile:
		return file{}, wire.NewProblem(rmg.Invalid, "%s is no file, but a %s", name, g.Element.Kind).WithHint("file_list shows what is in a folder, graph_query any element")
	}
	f := file{at: at, blob: props.Blob(propBlob), mode: props.String(propMode), digest: g.Digest}
	if f.blob.Size > maxFile {
		return file{}, wire.NewProblem(rmg.Limit, "%s has %d bytes; the limit is %d", name, f.blob.Size, maxFile).WithHint("look at it by run_command: head, sed -n, grep")
	}
	if f.blob.Size > 0 {
		f.data, err = x.c.ReadBlob(ctx, fmt.Sprintf("%x", f.blob.Sum))
	}
	return f, err
}

type readInput struct {
	Path      string `json:"path" jsonschema:"relative to the repository"`
	Offset    int    `json:"offset,omitempty" jsonschema:"first line, from 1"`
	Limit     int    `json:"limit,omitempty" jsonschema:"how many lines; 2000 if absent"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type readOutput struct {
	Path   string `json:"path"`
	Text   string `json:"text"`
	First  int    `json:"first" jsonschema:"number of the first line shown, from 1"`
	Lines  int    `json:"lines" jsonschema:"lines of the whole file"`
	Next   int    `json:"next,omitempty" jsonschema:"offset at which the rest begins; absent at the end"`
	Size   int64  `json:"size" jsonschema:"bytes of the whole file"`
	SHA256 string `json:"sha256" jsonschema:"of the whole file"`
	Mode   string `json:"mode"`
}

func readFile(ctx context.Context, x *exchange, in readInput) (readOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return readOutput{}, err
	}
	f, err := x.file(ctx, p, in.Path)
	if err != nil {
		return readOutput{}, err
	}
	if !utf8.Valid(f.data) || bytes.IndexByte(f.data, 0) >= 0 {
		return readOutput{}, wire.NewProblem(rmg.Invalid, "%s is no text: %d bytes", in.Path, len(f.data)).WithHint("run_command can look at it: file, xxd")
	}
	first, most := max(in.Offset, 1), in.Limit
	if most <= 0 {
		most = defaultLines
	}
	out := readOutput{Path: p.shown(f.at), First: first, Size: f.blob.Size, SHA256: fmt.Sprintf("%x", f.blob.Sum), Mode: f.mode}
	var text strings.Builder
	for line := range strings.Lines(string(f.data)) {
		out.Lines++
		switch {
		case out.Lines < first || out.Next > 0:
		case out.Lines >= first+most, text.Len() > 0 && text.Len()+len(line) > maxText:
			out.Next = out.Lines
		default:
			text.WriteString(line)
		}
	}
	if first > 1 && first > out.Lines {
		return readOutput{}, wire.NewProblem(rmg.Invalid, "%s has %d lines, none at %d", in.Path, out.Lines, first)
	}
	out.Text = text.String()
	return out, nil
}

type writeInput struct {
	Path      string `json:"path" jsonschema:"relative to the repository"`
	Text      string `json:"text" jsonschema:"the whole content"`
	Mode      string `json:"mode,omitempty" jsonschema:"0644 or 0755; a file that is there keeps its own"`
	Reason    string `json:"reason,omitempty" jsonschema:"why; it is what jitos why tells later"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

// changed is what a tool that changes a file answers.
type changed struct {
	Path     string `json:"path"`
	Seq      uint64 `json:"seq" jsonschema:"of the record that holds the change"`
	Size     int    `json:"size,omitempty" jsonschema:"bytes of the file now"`
	Replaced int    `json:"replaced,omitempty" jsonschema:"how often old stood in it"`
}

// op is one primitive change, as the wire has it.
type op struct {
	Op      string         `json:"op" jsonschema:"add_node, add_edge, set, retype, inc, set_add, set_remove, move, remove or write"`
	Path    string         `json:"path" jsonschema:"relative to the repository, or from / in the graph; an edge's last segment begins with ~"`
	Kind    string         `json:"kind,omitempty" jsonschema:"add_node, add_edge, retype"`
	From    string         `json:"from,omitempty" jsonschema:"add_edge: id of a node beside it"`
	To      string         `json:"to,omitempty" jsonschema:"add_edge: id of a node beside it; move: the new path"`
	Props   map[string]any `json:"props,omitempty" jsonschema:"add_node, add_edge, set; null in set removes"`
	Prop    string         `json:"prop,omitempty" jsonschema:"inc, set_add, set_remove"`
	By      int64          `json:"by,omitempty" jsonschema:"inc"`
	Value   any            `json:"value,omitempty" jsonschema:"set_add, set_remove"`
	Cascade bool           `json:"cascade,omitempty" jsonschema:"remove: edges that hang on it too"`
	Text    *string        `json:"text,omitempty" jsonschema:"write: the content"`
	Base64  string         `json:"base64,omitempty" jsonschema:"write: the content, if it is no text"`
	Mode    string         `json:"mode,omitempty" jsonschema:"write: 0644 or 0755"`
}

// apply applies ops in a workspace. expect, if not empty, is the digest that the
// workspace must still have.
func (x *session) apply(ctx context.Context, p *space, ops []op, reason, expect string) (wire.Receipt, error) {
	list := make([]op, len(ops))
	for i, o := range ops {
		at, err := p.place(o.Path)
		if err != nil {
			return wire.Receipt{}, err
		}
		if o.Path = string(at); o.Op == "move" {
			to, err := p.place(o.To)
			if err != nil {
				return wire.Receipt{}, err
			}
			o.To = string(to)
		}
		list[i] = o
	}
	body := map[string]any{"ops": list, "reason": reason}
	if expect != "" {
		body["expect"] = map[string]string{"digest": expect}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return wire.Receipt{}, err
	}
	var req wire.SpaceRewriteRequest
	if err := json.Unmarshal(data, &req); err != nil {
		return wire.Receipt{}, wire.NewProblem(rmg.Invalid, "the ops cannot be read: %s", err)
	}
	return x.c.RewriteIn(ctx, p.id, req)
}

func writeFile(ctx context.Context, x *exchange, in writeInput) (changed, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return changed{}, err
	}
	if len(in.Text) > maxFile {
		return changed{}, wire.NewProblem(rmg.Limit, "the content has %d bytes; the limit is %d", len(in.Text), maxFile)
	}
	rec, err := x.apply(ctx, p, []op{{Op: "write", Path: in.Path, Text: &in.Text, Mode: in.Mode}}, orText(in.Reason, "write "+in.Path), "")
	if err != nil {
		return changed{}, err
	}
	return changed{Path: in.Path, Seq: rec.Seq, Size: len(in.Text)}, nil
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

type editInput struct {
	Path      string `json:"path" jsonschema:"relative to the repository"`
	Old       string `json:"old" jsonschema:"the text that is there"`
	New       string `json:"new" jsonschema:"what takes its place"`
	All       bool   `json:"all,omitempty" jsonschema:"replace every occurrence"`
	Reason    string `json:"reason,omitempty" jsonschema:"why; it is what jitos why tells later"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

// editFile writes only if the workspace is still the one in which it read the
// file; else somebody's change would be lost.
func editFile(ctx context.Context, x *exchange, in editInput) (changed, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return changed{}, err
	}
	f, err := x.file(ctx, p, in.Path)
	if err != nil {
		return changed{}, err
	}
	text := string(f.data)
	n := 0
	if in.Old != "" {
		n = strings.Count(text, in.Old)
	}
	switch {
	case in.Old == in.New:
		return changed{}, wire.NewProblem(rmg.Invalid, "old and new are the same")
	case n == 0:
		return changed{}, wire.NewProblem(rmg.NotFound, "the text does not stand in %s", in.Path).WithHint("file_read shows it as it is now; indentation and line ends count")
	case n > 1 && !in.All:
		return changed{}, wire.NewProblem(rmg.Invalid, "the text stands in %s %d times", in.Path, n).WithHint("give more of the lines around it, or set all")
	}
	text = strings.ReplaceAll(text, in.Old, in.New)
	one := op{Op: "write", Path: string(f.at), Text: &text, Mode: f.mode}
	rec, err := x.apply(ctx, p, []op{one}, orText(in.Reason, "edit "+in.Path), f.digest.String())
	if err != nil {
		return changed{}, err
	}
	return changed{Path: p.shown(f.at), Seq: rec.Seq, Size: len(text), Replaced: n}, nil
}

type deleteInput struct {
	Path      string `json:"path" jsonschema:"relative to the repository"`
	Recursive bool   `json:"recursive,omitempty" jsonschema:"a folder, with all in it"`
	Reason    string `json:"reason,omitempty" jsonschema:"why"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

func deleteFile(ctx context.Context, x *exchange, in deleteInput) (changed, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return changed{}, err
	}
	at, err := p.place(in.Path)
	if err != nil {
		return changed{}, err
	}
	if at == p.root {
		return changed{}, wire.NewProblem(rmg.Invalid, "that is the whole repository").WithHint("workspace_discard drops the workspace")
	}
	g, err := x.c.Graph(ctx, client.GraphQuery{View: p.view(), Path: at, Depth: 1, Limit: 1})
	if err != nil {
		return changed{}, err
	}
	if g.Graph != nil && len(g.Graph.Nodes) > 0 && !in.Recursive {
		return changed{}, wire.NewProblem(rmg.Invalid, "%s is a folder that is not empty", in.Path).WithHint("set recursive to delete all in it")
	}
	rec, err := x.apply(ctx, p, []op{{Op: "remove", Path: string(at), Cascade: true}}, orText(in.Reason, "delete "+in.Path), "")
	if err != nil {
		return changed{}, err
	}
	return changed{Path: p.shown(at), Seq: rec.Seq}, nil
}
