package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"jitos.dev/net/wire"
)

// json prints one value, indented.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// show prints v as JSON if that was asked for, else calls table.
func (a *app) show(v any, table func(w io.Writer)) error { return a.showOr(v, "table or json", table) }

// showOr is show for a command that knows more forms; forms names all of them.
func (a *app) showOr(v any, forms string, table func(w io.Writer)) error {
	switch a.format {
	case "json":
		return a.json(v)
	case "table", "":
		tw := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		table(tw)
		return tw.Flush()
	}
	return &usageError{fmt.Errorf("-o %s is not known; use %s", a.format, forms)}
}

// row writes one line of a table, its cells on one line each.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		s := fmt.Sprint(c)
		if s == "" {
			s = "-"
		}
		fmt.Fprint(w, printable(s))
	}
	fmt.Fprintln(w)
}

// printable keeps a text on its line and out of the terminal's controls.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0):
			return '\ufffd'
		}
		return r
	}, s)
}

// cut shortens a text to n runes.
func cut(s string, n int) string {
	r := []rune(strings.TrimSpace(s))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}

func clock(t wire.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("01-02 15:04:05")
}

func millis(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(10 * time.Millisecond).String()
}

func short(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	return commit
}
