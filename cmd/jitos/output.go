package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"

	"jitos.dev/net/wire"
)

// machine reports whether the output is for programs.
func (a *app) machine() bool { return a.format == "json" || a.format == "jsonl" || a.format == "yaml" }

// json prints one value for programs: as indented JSON, on one line with jsonl,
// as a document of YAML with yaml.
func (a *app) json(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if a.format != "jsonl" {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	out := b.Bytes()
	if a.format == "yaml" {
		text, err := yaml.JSONToYAML(out)
		if err != nil {
			return err
		}
		// JSON is YAML as well, and escapes what is better not printed as it is.
		if !bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			out = text
		}
		out = append([]byte("---\n"), out...)
	}
	_, err := a.out.Write(out)
	return err
}

// show prints v as JSON or the like if that was asked for, else calls table. Of
// a list each item is a line of jsonl.
func (a *app) show(v any, table func(w io.Writer)) error {
	return a.showOr(v, tableForms, table)
}

// tableForms are those that every verb knows.
const tableForms = "table, json, jsonl or yaml"

func unknownForm(form, known string) error {
	return &usageError{fmt.Errorf("-o %s is not known; use %s", form, known)}
}

// showOr is show for a command that knows more forms; forms names all of them.
func (a *app) showOr(v any, forms string, table func(w io.Writer)) error {
	switch {
	case a.format == "jsonl" && reflect.ValueOf(v).Kind() == reflect.Slice:
		list := reflect.ValueOf(v)
		for i := range list.Len() {
			if err := a.json(list.Index(i).Interface()); err != nil {
				return err
			}
		}
		return nil
	case a.machine():
		return a.json(v)
	case a.format == "table", a.format == "":
		tw := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		table(tw)
		return tw.Flush()
	}
	return unknownForm(a.format, forms)
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
