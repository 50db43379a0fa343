// Package csvq reads comma-separated tables and asks small questions of them.
package csvq

import (
	"errors"
	"fmt"
	"strings"
)

// ErrQuote reports a quoted field that never ends.
var ErrQuote = errors.New("csvq: a quote is not closed")

// Table is a header and its rows, each as long as the header.
type Table struct {
	Header []string
	Rows   [][]string
}

// Read parses text; its first line is the header. Empty lines are skipped.
func Read(text string) (*Table, error) {
	t := &Table{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		fields, err := split(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if t.Header == nil {
			t.Header = fields
			continue
		}
		if len(fields) != len(t.Header) {
			return nil, fmt.Errorf("csvq: line %d has %d fields, the header has %d", n+1, len(fields), len(t.Header))
		}
		t.Rows = append(t.Rows, fields)
	}
	return t, nil
}

// split cuts a line into its fields. A field in double quotes may hold commas,
// and double quotes written twice.
func split(line string) ([]string, error) {
	var fields []string
	var field strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"':
			if i < len(line) && line[i+1] == '"' {
				field.WriteByte('"')
				i++
			} else {
				quoted = false
			}
		case quoted:
			field.WriteByte(c)
		case c == '"':
			quoted = true
		case c == ',':
			fields = append(fields, field.String())
			field.Reset()
		default:
			field.WriteByte(c)
		}
	}
	if quoted {
		return nil, ErrQuote
	}
	return append(fields, field.String()), nil
}
