package main

import (
	"os"
	"strings"
	"unicode/utf8"
)

// paint colours text, or leaves it as it is.
type paint bool

// painter is the paint for what a.out is: colours are for terminals alone, and not
// where NO_COLOR is set.
func (a *app) painter() paint {
	_, _, terminal := screenOf(a.out)
	return paint(terminal && os.Getenv("NO_COLOR") == "")
}

// The colours that are used, as SGR parameters.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
	amber = "33"
	cyan  = "36"
)

// as gives text a colour.
func (p paint) as(colour, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// diff colours a unified diff. What stands in files cannot move the cursor.
func (p paint) diff(text string) string {
	if !p {
		return text
	}
	var b strings.Builder
	inside := false // past the names of a file
	for line := range strings.Lines(text) {
		line = harmless(strings.TrimSuffix(line, "\n"))
		colour := ""
		switch {
		case strings.HasPrefix(line, "@@"):
			inside, colour = true, cyan
		case strings.HasPrefix(line, "--- ") && !inside, strings.HasPrefix(line, "+++ ") && !inside:
			colour = bold
		case strings.HasPrefix(line, "+"):
			colour = green
		case strings.HasPrefix(line, "-"):
			colour = red
		case !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, `\`):
			inside, colour = false, bold
		}
		if colour != "" {
			line = p.as(colour, line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// harmless keeps a line's tabs and takes a terminal's controls out of it.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0) {
			return utf8.RuneError
		}
		return r
	}, s)
}
