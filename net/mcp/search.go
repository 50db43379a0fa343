package mcp

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"unicode/utf8"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// The limits of a search.
const (
	maxMatches    = 500     // lines in an answer
	maxSearched   = 20_000  // files looked into
	maxSearchFile = 1 << 20 // bytes of a file that is looked into
	maxLine       = 300     // runes shown of a line
)

type listFilesInput struct {
	Path      string `json:"path,omitempty" jsonschema:"a folder, relative to the repository; its root if absent"`
	Glob      string `json:"glob,omitempty" jsonschema:"all files below the folder whose path matches: **/*_test.go"`
	Workspace string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type listFilesOutput struct {
	Entries   []entry `json:"entries" jsonschema:"in order of path"`
	Truncated bool    `json:"truncated,omitempty" jsonschema:"there are more; narrow it"`
}

type entry struct {
	Path string `json:"path"`
	Kind string `json:"kind" jsonschema:"File, Dir, Symlink or Submodule"`
	Size int64  `json:"size,omitempty" jsonschema:"bytes of a file"`
}

func listFiles(ctx context.Context, x *exchange, in listFilesInput) (listFilesOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return listFilesOutput{}, err
	}
	at, err := p.place(in.Path)
	if err != nil {
		return listFilesOutput{}, err
	}
	glob := in.Glob
	if glob == "" {
		// A folder that is not there is no empty folder.
		if _, err := x.c.Graph(ctx, client.GraphQuery{View: p.view(), Path: at}); err != nil {
			return listFilesOutput{}, err
		}
		glob = "*"
	}
	out := listFilesOutput{Entries: []entry{}}
	for m, err := range x.below(ctx, p, at, glob, "") {
		if err != nil {
			return listFilesOutput{}, err
		}
		if in.Glob != "" && m.Kind == "Dir" {
			continue
		}
		if len(out.Entries) == maxEntries {
			out.Truncated = true
			break
		}
		out.Entries = append(out.Entries, entry{Path: p.shown(m.Path), Kind: m.Kind, Size: m.Props.Blob(propBlob).Size})
	}
	return out, nil
}

// below ranges over what a glob matches below a folder, in order of path; filter
// is a condition of a selector's last step.
func (x *session) below(ctx context.Context, p *space, at rmg.Path, glob, filter string) iter.Seq2[wire.Match, error] {
	return func(yield func(wire.Match, error) bool) {
		sel, err := rmg.ParseSelector(selectorOf(at, glob) + filter)
		if err != nil {
			yield(wire.Match{}, wire.NewProblem(rmg.Invalid, "the glob %q cannot be read: %s", glob, err).WithHint("* is any characters of a name, ? one, ** any number of folders"))
			return
		}
		for next := ""; ; {
			a, err := x.c.Select(ctx, client.SelectQuery{View: p.view(), Select: sel, Limit: maxEntries, Cursor: next})
			if err != nil {
				yield(wire.Match{}, err)
				return
			}
			for _, m := range a.Matches {
				if !yield(m, nil) {
					return
				}
			}
			if next = a.Next; next == "" {
				return
			}
		}
	}
}

// selectorOf is the selector of what a glob matches below a folder.
func selectorOf(at rmg.Path, glob string) string {
	// Of a selector's signs a glob has the stars and the question mark.
	signs := strings.NewReplacer("[", "%5B", "]", "%5D", "<", "%3C", ">", "%3E", "~", "%7E")
	return strings.TrimSuffix(rmg.SelectorOf(at).String(), "/") + "/" + signs.Replace(strings.Trim(glob, "/"))
}

type searchInput struct {
	Pattern    string `json:"pattern" jsonschema:"a regular expression (RE2), matched line by line"`
	Path       string `json:"path,omitempty" jsonschema:"a folder, relative to the repository; its root if absent"`
	Glob       string `json:"glob,omitempty" jsonschema:"only files whose path below it matches; **/* if absent"`
	IgnoreCase bool   `json:"ignore_case,omitempty"`
	Limit      int    `json:"limit,omitempty" jsonschema:"matches, 1 to 500; 100 if absent"`
	Workspace  string `json:"workspace,omitempty" jsonschema:"the current one, if absent"`
}

type searchOutput struct {
	Matches   []match `json:"matches" jsonschema:"in order of path and line"`
	Files     int     `json:"files" jsonschema:"looked into"`
	Truncated bool    `json:"truncated,omitempty" jsonschema:"there may be more; narrow it"`
}

type match struct {
	Path string `json:"path"`
	Line int    `json:"line" jsonschema:"from 1"`
	Text string `json:"text"`
}

func searchFiles(ctx context.Context, x *exchange, in searchInput) (searchOutput, error) {
	p, err := x.space(in.Workspace)
	if err != nil {
		return searchOutput{}, err
	}
	at, err := p.place(in.Path)
	if err != nil {
		return searchOutput{}, err
	}
	pattern := in.Pattern
	if in.IgnoreCase {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return searchOutput{}, wire.NewProblem(rmg.Invalid, "the pattern is no regular expression: %s", err).WithHint("the syntax is RE2: no look-around, no back references")
	}
	most := in.Limit
	if most <= 0 {
		most = 100
	}
	most = min(most, maxMatches)
	out := searchOutput{Matches: []match{}}
	for m, err := range x.below(ctx, p, at, orText(in.Glob, "**/*"), "[kind=File]") {
		if err != nil {
			return searchOutput{}, err
		}
		if out.Truncated = out.Files == maxSearched || len(out.Matches) >= most; out.Truncated {
			break
		}
		blob := m.Props.Blob(propBlob)
		if blob.Size == 0 || blob.Size > maxSearchFile {
			continue
		}
		out.Files++
		data, err := x.c.ReadBlob(ctx, fmt.Sprintf("%x", blob.Sum))
		if err != nil {
			return searchOutput{}, err
		}
		if bytes.IndexByte(data, 0) < 0 && utf8.Valid(data) {
			out.Matches = appendMatches(out.Matches, re, p.shown(m.Path), string(data), most+1)
		}
	}
	if len(out.Matches) > most {
		out.Matches, out.Truncated = out.Matches[:most], true
	}
	return out, nil
}

// appendMatches appends the lines of a text that match, until there are most.
func appendMatches(list []match, re *regexp.Regexp, name, text string, most int) []match {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if len(list) >= most {
			break
		}
		if line = strings.TrimRight(line, "\r\n"); re.MatchString(line) {
			list = append(list, match{Path: name, Line: n, Text: cut(line, maxLine)})
		}
	}
	return list
}

// cut shortens a text to n runes.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}
