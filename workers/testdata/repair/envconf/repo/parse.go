// Package envconf reads settings from lines of the form KEY=value.
package envconf

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Values are the settings of one file, by key.
type Values map[string]string

// Parse reads settings. Empty lines and lines that begin with # are skipped;
// a value may stand in double quotes. Of two lines with one key the last
// counts.
func Parse(r io.Reader) (Values, error) {
	v := Values{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("envconf: line %d: no = in %q", n, line)
		}
		v[strings.TrimSpace(key)] = unquote(strings.TrimSpace(value))
	}
	return v, lines.Err()
}

// unquote takes off double quotes that stand around all of s.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
