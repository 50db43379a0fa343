package hddl

import (
	"bytes"
	"fmt"
	"strings"
)

// The limits of a file.
const (
	MaxBytes = 16 << 20
	maxDepth = 200       // brackets in brackets
	maxNodes = 2_000_000 // words and brackets
)

// Error is a fault of a file and its place.
type Error struct {
	File         string
	Line, Column int // from 1; the column counts bytes
	Msg          string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// sexp is a word, or a list in brackets. A word is never empty.
type sexp struct {
	word string
	list []sexp
	off  int32
}

func (s *sexp) isList() bool { return s.word == "" }

// head is the word that a list begins with, in lower case, or "".
func (s *sexp) head() string {
	if len(s.list) == 0 {
		return ""
	}
	return strings.ToLower(s.list[0].word)
}

// scanner reads brackets and words. It recurses no deeper than maxDepth.
type scanner struct {
	file  string
	data  []byte
	pos   int
	nodes int
}

func fault(file string, data []byte, off int, format string, args ...any) *Error {
	off = min(off, len(data))
	before := data[:off]
	line := 1 + bytes.Count(before, []byte("\n"))
	return &Error{file, line, off - bytes.LastIndexByte(before, '\n'), fmt.Sprintf(format, args...)}
}

func (s *scanner) fault(off int, format string, args ...any) error {
	return fault(s.file, s.data, off, format, args...)
}

// skip goes to the next sign that is neither space nor in a comment.
func (s *scanner) skip() {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == ';':
			for s.pos < len(s.data) && s.data[s.pos] != '\n' {
				s.pos++
			}
			s.pos-- // the line's end may be that of the file
		case c > ' ':
			return
		}
	}
}

// parse reads a file that is one list. What follows it has to be space.
func parse(file string, data []byte) (sexp, error) {
	s := &scanner{file: file, data: data}
	if len(data) > MaxBytes {
		return sexp{}, s.fault(0, "%d bytes; the limit is %d", len(data), MaxBytes)
	}
	s.data = bytes.TrimPrefix(data, []byte("\ufeff"))
	s.skip()
	if s.pos == len(s.data) {
		return sexp{}, s.fault(s.pos, "there is nothing in it")
	}
	if s.data[s.pos] != '(' {
		return sexp{}, s.fault(s.pos, "a file begins with (define")
	}
	out, err := s.read(0)
	if err != nil {
		return sexp{}, err
	}
	if s.skip(); s.pos < len(s.data) {
		return sexp{}, s.fault(s.pos, "the definition has ended, and more follows: is there a bracket too many before?")
	}
	return out, nil
}

// read reads a list whose opening bracket is next.
func (s *scanner) read(depth int) (sexp, error) {
	out := sexp{off: int32(s.pos)}
	if depth > maxDepth {
		return out, s.fault(s.pos, "nested deeper than %d", maxDepth)
	}
	for s.pos++; ; {
		s.skip()
		if s.pos == len(s.data) {
			return out, s.fault(int(out.off), "this bracket is never closed")
		}
		if s.nodes++; s.nodes > maxNodes {
			return out, s.fault(s.pos, "more than %d words and brackets", maxNodes)
		}
		switch s.data[s.pos] {
		case ')':
			s.pos++
			return out, nil
		case '(':
			in, err := s.read(depth + 1)
			if err != nil {
				return out, err
			}
			out.list = append(out.list, in)
		default:
			from := s.pos
			for s.pos < len(s.data) && !ends(s.data[s.pos]) {
				s.pos++
			}
			out.list = append(out.list, sexp{word: string(s.data[from:s.pos]), off: int32(from)})
		}
	}
}

// ends reports whether a sign is no part of a word.
func ends(c byte) bool { return c <= ' ' || c == '(' || c == ')' || c == ';' }
