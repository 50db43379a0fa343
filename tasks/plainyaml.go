package tasks

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The bounds of what plainYAML reads; beyond them the whole parser is asked.
const (
	maxPlainBytes = maxNodes // so that there are fewer parts than maxNodes
	maxPlainDepth = maxDepth / 2
)

// plainYAML reads the YAML that people write most: block mappings and sequences
// by indentation, flow ones on a line, names as keys, values on one line whose
// type is beyond doubt, comments. It has no errors: ok is false for all else, right
// or wrong, and then the whole parser decides. What it reads, it reads as that one
// does, about twenty times as fast.
func plainYAML(data []byte) (value any, ok bool) {
	if len(data) > maxPlainBytes || !utf8.Valid(data) {
		return nil, false
	}
	p := plainReader{ok: true}
	for text := range bytes.Lines(data) {
		p.add(string(bytes.TrimSuffix(text, []byte("\n"))))
	}
	if !p.ok || len(p.lines) == 0 || p.lines[0].indent != 0 || strings.HasPrefix(p.lines[0].text, "- ") {
		return nil, false
	}
	value = p.mapping(0, 0)
	return value, p.ok && p.next == len(p.lines)
}

// plainLine is a line with something on it.
type plainLine struct {
	indent int
	text   string // what stands after the indentation
}

type plainReader struct {
	lines []plainLine
	next  int
	ok    bool
}

// refuse leaves the document to the whole parser.
func (p *plainReader) refuse() any {
	p.ok = false
	return nil
}

// add takes a line in, if there is something on it.
func (p *plainReader) add(line string) {
	for _, r := range line {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			p.refuse()
		}
	}
	text := strings.TrimLeft(line, " ")
	if text == "" || text[0] == '#' {
		return
	}
	p.lines = append(p.lines, plainLine{len(line) - len(text), text})
}

// more reports whether the next line has the indentation of a block.
func (p *plainReader) more(indent int) bool {
	if !p.ok || p.next == len(p.lines) || p.lines[p.next].indent < indent {
		return false
	}
	if p.lines[p.next].indent > indent {
		p.refuse() // a text over several lines, or a slip
	}
	return p.ok
}

// block reads what is indented more than a line above it.
func (p *plainReader) block(above, depth int) any {
	if p.next == len(p.lines) || p.lines[p.next].indent <= above {
		return p.refuse()
	}
	indent := p.lines[p.next].indent
	if strings.HasPrefix(p.lines[p.next].text, "- ") {
		return p.sequence(indent, depth)
	}
	return p.mapping(indent, depth)
}

func (p *plainReader) mapping(indent, depth int) any {
	out := map[string]any{}
	if depth > maxPlainDepth {
		return p.refuse()
	}
	for p.more(indent) {
		key, rest, found := strings.Cut(p.lines[p.next].text, ":")
		if !found || !isPlainKey(key) || rest != "" && rest[0] != ' ' {
			return p.refuse()
		}
		if _, twice := out[key]; twice {
			return p.refuse()
		}
		p.next++
		out[key] = p.value(rest, indent, depth)
	}
	return out
}

func (p *plainReader) sequence(indent, depth int) any {
	out := []any{}
	if depth > maxPlainDepth {
		return p.refuse()
	}
	for p.more(indent) {
		text := p.lines[p.next].text
		rest := strings.TrimLeft(strings.TrimPrefix(text, "- "), " ")
		if !strings.HasPrefix(text, "- ") || rest == "" {
			return p.refuse()
		}
		if key, after, found := strings.Cut(rest, ":"); found && isPlainKey(key) && (after == "" || after[0] == ' ') {
			inner := indent + len(text) - len(rest)
			p.lines[p.next] = plainLine{inner, rest} // its first key stands behind the sign
			out = append(out, p.mapping(inner, depth+1))
			continue
		}
		p.next++
		out = append(out, p.value(" "+rest, indent, depth))
	}
	return out
}

// value reads what stands behind a key or a sign, on its line or below.
func (p *plainReader) value(rest string, indent, depth int) any {
	text := strings.TrimLeft(rest, " ")
	if text == "" || text[0] == '#' && len(text) < len(rest) {
		return p.block(indent, depth+1)
	}
	s := plainScanner{text: text}
	v := s.value(false, depth)
	if tail := s.text[s.at:]; s.bad || strings.TrimLeft(tail, " ") != "" && !strings.HasPrefix(strings.TrimLeft(tail, " "), "#") || strings.HasPrefix(tail, "#") {
		return p.refuse()
	}
	return v
}

// plainScanner reads one line's value.
type plainScanner struct {
	text string
	at   int
	bad  bool
}

func (s *plainScanner) refuse() any {
	s.bad = true
	return nil
}

func (s *plainScanner) spaces() {
	for s.at < len(s.text) && s.text[s.at] == ' ' {
		s.at++
	}
}

func (s *plainScanner) peek() byte {
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

func (s *plainScanner) value(flow bool, depth int) any {
	switch c := s.peek(); {
	case s.bad || depth > maxPlainDepth:
		return s.refuse()
	case c == '[':
		return s.list(depth + 1)
	case c == '{':
		return s.flowMap(depth + 1)
	case c == '"' || c == '\'':
		return s.quoted(c)
	}
	return s.plain(flow)
}

// quoted reads a text in quotes; one with escapes is refused.
func (s *plainScanner) quoted(q byte) any {
	end := strings.IndexByte(s.text[s.at+1:], q)
	if end < 0 {
		return s.refuse()
	}
	out := s.text[s.at+1 : s.at+1+end]
	s.at += end + 2
	if strings.Contains(out, `\`) || s.peek() == q || s.peek() == ':' {
		return s.refuse()
	}
	return out
}

func (s *plainScanner) list(depth int) any {
	out := []any{}
	s.parts(']', func() { out = append(out, s.value(true, depth)) })
	return out
}

func (s *plainScanner) flowMap(depth int) any {
	out := map[string]any{}
	s.parts('}', func() {
		key, _, found := strings.Cut(s.text[s.at:], ": ")
		_, twice := out[key]
		if !found || twice || !isPlainKey(key) {
			s.refuse()
			return
		}
		s.at += len(key) + 2
		s.spaces()
		out[key] = s.value(true, depth)
	})
	return out
}

// parts reads a flow collection up to its end, each of its parts by part.
func (s *plainScanner) parts(end byte, part func()) {
	s.at++
	s.spaces()
	if s.peek() == end {
		s.at++
		return
	}
	for !s.bad {
		part()
		s.spaces()
		switch c := s.peek(); {
		case c == ',':
			s.at++
			s.spaces()
		case c == end:
			s.at++
			return
		default:
			s.refuse()
		}
	}
}

// plain reads a value without quotes, up to a comment, or in a flow collection up
// to what ends it.
func (s *plainScanner) plain(flow bool) any {
	from := s.at
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		if flow && (c == ',' || c == ']' || c == '}') || c == '#' && s.at > from && s.text[s.at-1] == ' ' {
			break
		}
		if !isPlainByte(c) && (flow || c != ',') {
			return s.refuse()
		}
	}
	text := strings.TrimRight(s.text[from:s.at], " ")
	s.at = from + len(text)
	return s.typed(text)
}

var (
	plainNumber   = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,8})$`)
	plainDuration = regexp.MustCompile(`^[1-9][0-9]{0,8}(ms|s|m)$`)
	plainStart    = regexp.MustCompile(`^(-{0,2}[A-Za-z]|[/$]|\./)`)
)

// plainWords could be more than text, to some reader of YAML.
var plainWords = []string{"null", "yes", "no", "on", "off", "y", "n", "inf", "infinity", "nan"}

// typed gives a value its type, if there is no doubt about it.
func (s *plainScanner) typed(text string) any {
	switch {
	case text == "true" || text == "false":
		return text == "true"
	case plainNumber.MatchString(text):
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return s.refuse()
		}
		return n
	case plainDuration.MatchString(text):
		return text
	case !plainStart.MatchString(text) || isPlainWord(strings.TrimLeft(text, "-")):
		return s.refuse()
	}
	return text
}

func isPlainWord(text string) bool {
	lower := strings.ToLower(text)
	return lower == "true" || lower == "false" || slices.Contains(plainWords, lower)
}

// isPlainByte reports whether a byte means nothing in YAML within a value.
func isPlainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf || strings.IndexByte(" _-./$();=+'", c) >= 0
}

func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.')) {
			return false
		}
	}
	return key != "" && !isPlainWord(key)
}
