package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

const selectExamples = `  jitos graph '/svc/*[kind=Service][lang="go"]'
  jitos graph '/repo/**/*.go' -o jsonl
  jitos graph '/proc/**[kind=Task]' --limit 20
  jitos graph '/svc/auth->depends_on'`

const selectLong = `A PATH that begins with / is one of the graph, any other a file in a repository.

A SELECTOR names elements by what they are like. It is a path of the graph whose
segments are patterns; quote it, the shell knows most of its signs:

  /svc/*              * is any bytes, ? one character
  /svc/~*             ~ begins an edge
  /repo/**/*.go       ** is any number of levels
  /svc/**             all that is below /svc

  [name] [!name]      the element has the prop; has it not
  [name=value]        also != < <= > >=
  [name~glob]         a string or ref that matches
  [name:value]        a list that holds it, or a map with that key

  /svc/auth->         the nodes that edges lead to; ->> as far as they go
  /svc/db<-kind       back along edges of a kind; <<- as far as they go

kind, from and to are the element's own; in quotes they are props. A value is
JSON; what is of letters, digits and _./- needs no quotes. All conditions have
to hold. A name that has one of * ? [ ] or an arrow in it is written with %XX:
/repo/app/main/%5Bslug%5D.ts.`

// isSelector reports whether an argument is one, and no path. What a path may
// have as well has to be escaped there.
func isSelector(arg string) bool {
	return strings.HasPrefix(arg, "/") && (strings.ContainsAny(arg, "*?[]") || strings.Contains(arg, "->") || strings.Contains(arg, "<-"))
}

// selected prints what a selector selects, page by page where the format lets
// it.
func (a *app) selected(ctx context.Context, text, view string, limit int) error {
	s, err := rmg.ParseSelector(text)
	if err != nil {
		return pointed(text, err)
	}
	if limit < 0 {
		return &usageError{fmt.Errorf("--limit is %d; it is 0 for all, or more", limit)}
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	q := client.SelectQuery{View: view, Select: s}
	all := wire.SelectAnswer{Matches: []wire.Match{}}
	count := 0
	for {
		if limit > 0 {
			q.Limit = min(limit-count, 1000)
		}
		page, err := c.Select(ctx, q)
		if err != nil {
			return err
		}
		count += len(page.Matches)
		done := page.Next == "" || limit > 0 && count >= limit
		if a.format == "json" || a.format == "yaml" {
			all.View, all.Seq, all.Digest, all.Select, all.Next = page.View, page.Seq, page.Digest, page.Select, page.Next
			all.Matches = append(all.Matches, page.Matches...)
			if done {
				return a.json(all)
			}
		} else if err := a.printMatches(page, q.Cursor == ""); err != nil {
			return err
		}
		if done {
			if !a.machine() {
				a.printSelected(text, page, count)
			}
			return nil
		}
		q.Cursor = page.Next
	}
}

// printMatches prints a page in a format that does not have to have them all.
func (a *app) printMatches(page wire.SelectAnswer, first bool) error {
	if a.format == "jsonl" {
		for _, m := range page.Matches {
			if err := a.json(m); err != nil {
				return err
			}
		}
		return nil
	}
	return a.show(page, func(w io.Writer) {
		if first && len(page.Matches) > 0 {
			row(w, "PATH", "KIND", "PROPS")
		}
		for _, m := range page.Matches {
			about := props(m.Props)
			if m.From != "" {
				about = strings.TrimSpace(string(m.From) + " -> " + string(m.To) + " " + about)
			}
			row(w, m.Path, m.Kind, about)
		}
	})
}

// printSelected ends a table.
func (a *app) printSelected(text string, last wire.SelectAnswer, count int) {
	more := ""
	if last.Next != "" {
		more = "; there are more, --limit 0 shows all"
	}
	elements := "elements"
	if count == 1 {
		elements = "element"
	}
	fmt.Fprintf(a.out, "%d %s, %s at seq %d%s\n", count, elements, last.View, last.Seq, more)
	if p, err := rmg.ParsePath(text); err == nil && count == 0 {
		fmt.Fprintf(a.err, "hint: if it is the path itself that is meant: jitos graph '%s'\n", rmg.SelectorOf(p))
	}
}

// pointed shows what is wrong with a selector below the selector itself.
func pointed(text string, err error) error {
	var at *rmg.SelectorError
	var e *rmg.Error
	if !errors.As(err, &e) || !errors.As(err, &at) {
		return err
	}
	column := utf8.RuneCountInString(at.Text[:at.At])
	p := wire.NewProblem(e.Code, "this is no selector, from column %d on: %s\n  %s\n  %s^", column+1, at.Msg, printable(at.Text), strings.Repeat(" ", column)).WithHint("%s", e.Hint)
	if path, err := rmg.ParsePath(text); err == nil && !strings.Contains(text, "*") {
		p.WithHint("%s; the path itself is written '%s'", e.Hint, rmg.SelectorOf(path))
	}
	return p
}
