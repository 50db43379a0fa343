package rule

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// place is where a part of a document stands: of something within a text, where the
// text begins and how many bytes of its value lie before. What that is in the document
// is looked up when a fault is told, since a text may be quoted, escaped or folded.
type place struct {
	line, col int // from 1; columns are characters
	off       int
}

// at is the place so many bytes on in the same text.
func (p place) at(bytes int) place { return place{p.line, p.col, p.off + bytes} }

// atRune is the place in a text by line, from 1, and by characters before it in that.
func (p place) atRune(text string, line, before int) place {
	off := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(text[off:], '\n')
		if n < 0 {
			break
		}
		off += n + 1
	}
	for ; before > 0 && off < len(text); before-- {
		_, n := utf8.DecodeRuneInString(text[off:])
		off += n
	}
	return p.at(off)
}

// scalar is a text of the document: how it is written, and what that stands for.
type scalar struct {
	style scalarStyle
	value string
}

type scalarStyle uint8

const (
	plain scalarStyle = iota
	singleQuoted
	doubleQuoted
	block // behind | or >, from the next line on
)

// resolved is a place without an offset.
func (r *reader) resolved(p place) place {
	s, ok := r.scalars[place{p.line, p.col, 0}]
	if !ok || p.off == 0 && s.style != block {
		return place{p.line, p.col, 0}
	}
	w := walker{src: r.src, line: 1, col: 1}
	for w.line < p.line || w.col < p.col {
		if !w.next() {
			return place{p.line, p.col, 0}
		}
	}
	if s.style == block {
		for w.line == p.line && w.next() {
		}
	}
	for i, c := range s.value {
		w.seek(c, s.style)
		if i >= p.off {
			break
		}
		w.pass(c, s.style)
	}
	return place{w.line, w.col, 0}
}

// walker goes through the text of a document.
type walker struct {
	src       string // what is left
	line, col int
}

func (w *walker) peek() rune {
	c, _ := utf8.DecodeRuneInString(w.src)
	return c
}

// next passes one character, and reports whether there was one.
func (w *walker) next() bool {
	c, n := utf8.DecodeRuneInString(w.src)
	if n == 0 {
		return false
	}
	w.src = w.src[n:]
	w.col++
	if c == '\n' {
		w.line, w.col = w.line+1, 1
	}
	return true
}

// seek passes what stands for nothing before a character of the value: what a line is
// indented by, and the line breaks that were folded.
func (w *walker) seek(c rune, style scalarStyle) {
	for {
		at := w.peek()
		switch {
		case style == doubleQuoted && strings.HasPrefix(w.src, "\\\n"): // the line goes on
			w.next()
		case c == '\n' && (at == ' ' || at == '\t'):
		case !unicode.IsSpace(c) && unicode.IsSpace(at):
		default:
			return
		}
		if !w.next() {
			return
		}
	}
}

// pass passes what stands for a character of the value.
func (w *walker) pass(c rune, style scalarStyle) {
	n := 1
	switch at := w.peek(); {
	case style == singleQuoted && c == '\'':
		n = 2
	case style == doubleQuoted && at == '\\':
		n = 2
		if len(w.src) > 1 {
			n += map[byte]int{'x': 2, 'u': 4, 'U': 8}[w.src[1]]
		}
		// A character beyond the first plane is two escapes in JSON.
		if high, err := strconv.ParseUint(w.src[2:min(n, len(w.src))], 16, 32); n == 6 && err == nil && high >= 0xd800 && high < 0xdc00 {
			n = 12
		}
	}
	for range n {
		w.next()
	}
}
