// Package textwrap lays out plain text in lines of bounded width.
package textwrap

import (
	"strings"
	"unicode/utf8"
)

// Wrap puts the words of text into lines of at most width characters. A word
// that is longer gets a line of its own. Empty lines, which part paragraphs,
// are kept; other line ends are not.
func Wrap(text string, width int) string {
	var out []string
	for _, p := range paragraphs(text) {
		out = append(out, strings.Join(fill(strings.Fields(p), width), "\n"))
	}
	return strings.Join(out, "\n\n")
}

// fill packs words into as few lines as possible, from the front.
func fill(words []string, width int) []string {
	var lines []string
	var line strings.Builder
	used := 0 // characters in line
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if used > 0 && used+n > width {
			lines = append(lines, line.String())
			line.Reset()
			used = 0
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(w)
		used += n
	}
	if used > 0 {
		lines = append(lines, line.String())
	}
	return lines
}
