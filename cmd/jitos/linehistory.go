package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// maxHistory is how many lines of conversations are kept.
const maxHistory = 1000

// historyFile is where lines of conversations are kept.
func historyFile() string { return filepath.Join(xdg.StateHome, "jitos", "history") }

// lineHistory is what was said before, oldest first. It is its owner's to read.
type lineHistory struct {
	name  string
	lines []string
}

// openHistory reads what is kept; what cannot be read is as if there were none.
func openHistory(name string) *lineHistory {
	h := &lineHistory{name: name}
	data, err := os.ReadFile(name)
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			h.lines = append(h.lines, line)
		}
	}
	return h
}

// add keeps a line. Not kept are empty ones, one that is said twice, and one that
// begins with a blank: who does not want a line to be kept begins it so.
func (h *lineHistory) add(line string) error {
	if strings.TrimSpace(line) == "" || line[0] == ' ' || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return nil
	}
	h.lines = append(h.lines, line)
	if n := len(h.lines) - maxHistory; n > 0 {
		h.lines = h.lines[n:]
	}
	if err := os.MkdirAll(filepath.Dir(h.name), 0o700); err != nil {
		return err
	}
	err := replace(h.name, []byte(strings.Join(h.lines, "\n")+"\n"))
	if errors.Is(err, fs.ErrPermission) {
		return nil // a folder that is not ours to write keeps nothing
	}
	return err
}
