package main

import (
	"bytes"
	"io"
	"os"
	"unicode/utf8"
)

// ahead is what was typed beyond the line that a prompt took: while a command ran,
// or in one go with the line. The next prompts begin with it.
type ahead struct {
	typed   []byte
	pasting bool // what was read last is within a paste
}

// take takes the next line, or what there is of one; whole says which. io.EOF: what
// was typed ends the conversation.
func (a *ahead) take() (text string, whole bool, err error) {
	end := bytes.IndexAny(a.typed, "\r\n")
	line, rest := a.typed, []byte(nil)
	if whole = end >= 0; whole {
		line, rest = a.typed[:end], a.typed[end+1:]
	}
	a.typed = rest
	if text = asTyped(line); text == "" && bytes.IndexByte(line, ctrlD) >= 0 {
		return "", true, io.EOF
	}
	return text, whole, nil
}

// Keys that were typed ahead and have no character, but a meaning.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	ctrlH     = 0x08
	ctrlU     = 0x15
	escape    = 0x1b // begins what other keys send
	backspace = 0x7f
)

// asTyped is the line that keys make. Those that move, complete or recall do nothing:
// nobody saw what they would have worked on.
func asTyped(keys []byte) string {
	var line []rune
	for text := string(keys); text != ""; {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == escape:
			n = sequence(text)
		case r == backspace || r == ctrlH:
			line = line[:max(len(line)-1, 0)]
		case r == ctrlC || r == ctrlU:
			line = line[:0]
		case r >= ' ' && (r != utf8.RuneError || n > 1):
			line = append(line, r)
		}
		text = text[n:]
	}
	return string(line[:min(len(line), maxLine)])
}

// sequence is how long what a key sent is, which an escape begins.
func sequence(text string) int {
	if len(text) < 2 || text[1] != '[' && text[1] != 'O' {
		return min(len(text), 2)
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= 0x40 && text[i] <= 0x7e {
			return i + 1
		}
	}
	return len(text)
}

var pasteBegins, pasteEnds = []byte("\x1b[200~"), []byte("\x1b[201~")

// reader is what a prompt reads from instead of in: it ends after the end of a line,
// and leaves what comes after it to the next. What was typed ahead has been taken.
func (a *ahead) reader(in io.Reader) io.Reader {
	f, ok := in.(*os.File)
	if !ok {
		return in
	}
	return &lineFile{File: f, ahead: a}
}

// lineFile is a terminal of which one line is read. The prompt takes it for a file,
// so that it can be waited for.
type lineFile struct {
	*os.File
	ahead *ahead
	ended bool
}

// Read reads the terminal. io.EOF: the line is there.
func (l *lineFile) Read(b []byte) (n int, err error) {
	if l.ended {
		return 0, io.EOF
	}
	if n, err = l.File.Read(b); err != nil {
		return n, err
	}
	if i := l.ahead.end(b[:n]); i >= 0 {
		l.ended, l.ahead.typed = true, bytes.Clone(b[i:n])
		n = i
	}
	return n, nil
}

// end is where the line ends, behind its end; -1 if it goes on. The ends of lines in
// a paste are text.
func (a *ahead) end(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch {
		case bytes.HasPrefix(b[i:], pasteBegins):
			a.pasting = true
		case bytes.HasPrefix(b[i:], pasteEnds):
			a.pasting = false
		case !a.pasting && (b[i] == '\r' || b[i] == '\n'):
			return i + 1
		}
	}
	return -1
}
