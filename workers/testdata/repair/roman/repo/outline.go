package roman

import (
	"fmt"
	"strings"
)

// Outline numbers lines with Roman numerals, flush right: "  I. first".
func Outline(lines []string) (string, error) {
	labels := make([]string, len(lines))
	width := 0
	for i := range lines {
		label, err := Format(i + 1)
		if err != nil {
			return "", err
		}
		labels[i] = label
		width = max(width, len(label))
	}
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%*s. %s\n", width, labels[i], line)
	}
	return b.String(), nil
}
