package main

import (
	"errors"
	"strings"
)

// words splits a line as a shell would: at blanks, but for what stands in quotes
// or behind a backslash. Nothing is expanded. The error is a quote without its end.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	begun, escaped := false, false
	quote := rune(0)
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' && r != '$' && r != '`' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			begun, quote = true, r
		case quote == 0 && (r == ' ' || r == '\t'):
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote has no end")
	}
	if begun {
		out = append(out, word.String())
	}
	return out, nil
}

// plain are the characters that a shell takes as they are.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%"

// shell writes words so that a shell, and words, read them back.
func shell(list []string) string {
	out := make([]string, len(list))
	for i, w := range list {
		if out[i] = w; w == "" || strings.Trim(w, plain) != "" {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
