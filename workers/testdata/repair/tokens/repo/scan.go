package tokens

import (
	"fmt"
	"strings"
)

// scanner walks over src; pos is the next byte to look at.
type scanner struct {
	src string
	pos int
}

// Scan cuts src into tokens. White space between them and comments, from # to
// the end of the line, are left out.
func Scan(src string) ([]Token, error) {
	s := &scanner{src: src}
	var out []Token
	for {
		s.skip()
		if s.pos == len(s.src) {
			return out, nil
		}
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
}

// skip moves over white space and comments.
func (s *scanner) skip() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n':
			s.pos++
		case '#':
			s.skipComment()
		default:
			return
		}
	}
}

// skipComment moves behind the end of the line, or to the end of the source.
func (s *scanner) skipComment() {
	end := strings.IndexByte(s.src[s.pos:], '#')
	if end < 0 {
		s.pos = len(s.src)
		return
	}
	s.pos += end
}

// next reads the token at pos, where there is one.
func (s *scanner) next() (Token, error) {
	c := s.src[s.pos]
	switch {
	case isDigit(c):
		return s.take(Number, isDigit), nil
	case isLetter(c):
		return s.take(Name, func(c byte) bool { return isLetter(c) || isDigit(c) }), nil
	case strings.IndexByte("+-*/()", c) >= 0:
		t := Token{Operator, string(c), s.pos}
		s.pos++
		return t, nil
	}
	return Token{}, fmt.Errorf("tokens: unexpected %q at offset %d", c, s.pos)
}

// take reads as far as part says that a byte belongs to the token.
func (s *scanner) take(k Kind, part func(byte) bool) Token {
	start := s.pos
	for s.pos < len(s.src) && part(s.src[s.pos]) {
		s.pos++
	}
	return Token{k, s.src[start:s.pos], start}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
