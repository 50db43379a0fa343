package rmg

import (
	"strings"
	"unicode/utf8"
)

// glob is a pattern of a whole string: literal text, "*" for any bytes, and "?"
// for one character, or one byte that is no part of any.
type glob []globPart

// globPart is some literal text, which is never empty, or a wild card.
type globPart struct {
	wild byte // '*', '?', or 0
	text string
}

// readGlob reads a glob, in which %XX stands for a byte that means itself.
func readGlob(s string) (g glob, ok bool) {
	for s != "" {
		if s[0] == '*' || s[0] == '?' {
			if s[0] == '?' || len(g) == 0 || g[len(g)-1].wild != '*' {
				g = append(g, globPart{wild: s[0]})
			}
			s = s[1:]
			continue
		}
		end := strings.IndexAny(s, "*?")
		if end < 0 {
			end = len(s)
		}
		text, ok := unescape(s[:end])
		if !ok {
			return nil, false
		}
		g = append(g, globPart{text: text})
		s = s[end:]
	}
	return g, true
}

// prefix is what every string that matches begins with; whole says that it is
// the only one.
func (g glob) prefix() (text string, whole bool) {
	switch {
	case len(g) == 0:
		return "", true
	case g[0].wild != 0:
		return "", false
	}
	return g[0].text, len(g) == 1
}

// any reports whether every string matches.
func (g glob) any() bool { return len(g) == 1 && g[0].wild == '*' }

// match costs O(len(s) * len(g)) at worst. What stands between two stars is
// taken where it first fits: the second star can have the more.
func (g glob) match(s string) bool {
	i := 0
	star, again := -1, "" // the last star, and what it has left
	for {
		switch {
		case i == len(g) && s == "":
			return true
		case i < len(g) && g[i].wild == '*':
			star, again = i, s
			i++
			continue
		case i < len(g):
			if n := g[i].fits(s); n > 0 {
				s = s[n:]
				i++
				continue
			}
		}
		if star < 0 || again == "" {
			return false
		}
		again = again[1:]
		i, s = star+1, again
	}
}

// fits is how many bytes of s a part takes that is no star; 0 if it does not fit.
func (p globPart) fits(s string) int {
	if p.wild == '?' {
		_, n := utf8.DecodeRuneInString(s)
		return n
	}
	if strings.HasPrefix(s, p.text) {
		return len(p.text)
	}
	return 0
}

// write writes g so that readGlob reads it, as a segment of a path is written.
func (g glob) write(b *strings.Builder) {
	for _, p := range g {
		if p.wild != 0 {
			b.WriteByte(p.wild)
			continue
		}
		b.WriteString(escapeSpecial.Replace(escape(Segment{ID: p.text})))
	}
}

// escapeSpecial hides what means something in a selector but nothing in a path.
var escapeSpecial = strings.NewReplacer("*", "%2A", "?", "%3F", "[", "%5B", "]", "%5D", "<", "%3C", ">", "%3E")
