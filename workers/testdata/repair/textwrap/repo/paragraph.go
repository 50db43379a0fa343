package textwrap

import "strings"

// paragraphs cuts text at empty lines. There is none in a blank text.
func paragraphs(text string) []string {
	var out []string
	var current []string
	flush := func() {
		if len(current) > 0 {
			out = append(out, strings.Join(current, "\n"))
			current = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" {
			flush()
			continue
		}
		current = append(current, line)
	}
	flush()
	return out
}
