package rmg

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Path is the place of an element, from the root: "/" or "/svc/auth" or
// "/svc/~auth-db". It is kept in canonical escaped form, so two paths are the
// same place exactly when they are equal as strings.
//
// Example: /repo/auth/main/internal/token.go
type Path string

// Root is the path of the whole graph.
const Root Path = "/"

// MaxDepth is the greatest number of segments a path may have.
const MaxDepth = 64

// MaxSegment is the greatest length of an unescaped segment, in bytes.
const MaxSegment = 4096

// Segment is one step of a path: the id of a node or, with Edge, of an edge.
// The ID is raw: any bytes but the empty string.
type Segment struct {
	ID   string
	Edge bool
}

// ParsePath reads a path in escaped form and returns its canonical form.
// Escapes are %XX; they are needed for "%", "/", control bytes, bytes that are
// not UTF-8, a leading "~", and a ":" that digits alone follow. Errors have
// code Invalid.
func ParsePath(s string) (Path, error) {
	bad := func(why string) (Path, error) {
		return "", &Error{Op: "path", Code: Invalid, Msg: fmt.Sprintf("%q is not a path: %s", s, why), Hint: "a path is / or /a/b, with %XX for odd bytes"}
	}
	if s == "/" {
		return Root, nil
	}
	if !strings.HasPrefix(s, "/") {
		return bad("it does not begin with /")
	}
	if asItStands(s) {
		return Path(s), nil
	}
	parts := strings.Split(s[1:], "/")
	if len(parts) > MaxDepth {
		return "", &Error{Op: "path", Code: Limit, Msg: fmt.Sprintf("the path has %d segments; the limit is %d", len(parts), MaxDepth)}
	}
	var b strings.Builder
	for _, part := range parts {
		edge := strings.HasPrefix(part, "~")
		raw, ok := unescape(strings.TrimPrefix(part, "~"))
		if !ok {
			return bad("a %XX escape is wrong")
		}
		if raw == "" {
			return bad("a segment is empty")
		}
		if len(raw) > MaxSegment {
			return "", &Error{Op: "path", Code: Limit, Msg: fmt.Sprintf("a segment has %d bytes; the limit is %d", len(raw), MaxSegment)}
		}
		b.WriteByte('/')
		b.WriteString(escape(Segment{raw, edge}))
	}
	return Path(b.String()), nil
}

const hexDigits = "0123456789ABCDEF"

// escape writes a segment in canonical form.
func escape(s Segment) string {
	var b strings.Builder
	if s.Edge {
		b.WriteByte('~')
	}
	colon := trailingColon(s.ID)
	for i := 0; i < len(s.ID); {
		c := s.ID[i]
		r, size := utf8.DecodeRuneInString(s.ID[i:])
		switch {
		case r == utf8.RuneError && size == 1, c < 0x20, c == 0x7f, c == '%', c == '/', c == '~' && i == 0, i == colon:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
			i++
		default:
			b.WriteString(s.ID[i : i+size])
			i += size
		}
	}
	return b.String()
}

// appendEscaped appends a segment with its slash.
func appendEscaped(b []byte, s Segment) []byte {
	b = append(b, '/')
	switch {
	case !plain(s.ID):
		return append(b, escape(s)...)
	case s.Edge:
		b = append(b, '~')
	}
	return append(b, s.ID...)
}

// pathOf is the path of segments as appendEscaped wrote them.
func pathOf(b []byte) Path {
	if len(b) == 0 {
		return Root
	}
	return Path(b)
}

// plain reports whether an id is of bytes that no path escapes anywhere.
func plain(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case c < 0x20, c >= 0x7f, c == '%', c == '/', c == '~', c == ':':
			return false
		}
	}
	return true
}

// asItStands reports whether a text that begins with a slash is a path in canonical
// form already, as most are. Those of which it would have to think are not.
func asItStands(s string) bool {
	depth, long := 1, 0
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '/':
			if depth++; long == 0 || depth > MaxDepth {
				return false
			}
			long = 0
			continue
		case c < 0x20, c >= 0x7f, c == '%', c == '~', c == ':':
			return false
		}
		if long++; long > MaxSegment {
			return false
		}
	}
	return long > 0
}

// trailingColon finds a ":" that digits alone follow, to the end; -1 if there
// is none.
func trailingColon(id string) int {
	i := len(id)
	for i > 0 && id[i-1] >= '0' && id[i-1] <= '9' {
		i--
	}
	if i > 0 && i < len(id) && id[i-1] == ':' {
		return i - 1
	}
	return -1
}

func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// steps is what is left of a path: segments that each begin with a slash.
type steps string

func (p Path) steps() steps {
	if p == Root {
		return ""
	}
	return steps(p)
}

// next takes off the first segment. It allocates for an escaped one only.
func (s steps) next() (Segment, steps) {
	s = s[1:]
	rest := steps("")
	if i := strings.IndexByte(string(s), '/'); i >= 0 {
		s, rest = s[:i], s[i:]
	}
	return segmentOf(string(s)), rest
}

func segmentOf(part string) Segment {
	if part == "" || part[0] != '~' && strings.IndexByte(part, '%') < 0 {
		return Segment{ID: part}
	}
	raw, _ := unescape(strings.TrimPrefix(part, "~"))
	return Segment{raw, part[0] == '~'}
}

// Segments returns the unescaped steps of p; none for Root.
func (p Path) Segments() []Segment {
	rest := p.steps()
	if rest == "" {
		return nil
	}
	out := make([]Segment, 0, strings.Count(string(rest), "/"))
	for rest != "" {
		var s Segment
		s, rest = rest.next()
		out = append(out, s)
	}
	return out
}

// depth is how many segments p has.
func (p Path) depth() int { return strings.Count(string(p.steps()), "/") }

func (p Path) add(s Segment) Path {
	if p == Root {
		p = ""
	}
	switch {
	case !plain(s.ID):
		return p + Path("/"+escape(s))
	case s.Edge:
		return p + "/~" + Path(s.ID)
	}
	return p + "/" + Path(s.ID)
}

// Child returns the path of the node with the given raw id below p.
func (p Path) Child(id string) Path { return p.add(Segment{ID: id}) }

// EdgeChild returns the path of the edge with the given raw id below p.
func (p Path) EdgeChild(id string) Path { return p.add(Segment{ID: id, Edge: true}) }

// Paths makes paths as [Path.Child] and [Path.EdgeChild] do, many of them in one
// allocation: they share blocks of memory, each of which stays as long as one of its
// paths does. The zero value is ready.
type Paths struct{ block strings.Builder }

// pathBlock is the size of a block in bytes.
const pathBlock = 4096

// Below returns the path of a segment below p.
func (m *Paths) Below(p Path, s Segment) Path {
	need := len(p) + len("/~") + len(s.ID)
	if need > pathBlock/8 || !plain(s.ID) {
		return p.add(s)
	}
	if m.block.Cap()-m.block.Len() < need {
		m.block.Reset()
		m.block.Grow(pathBlock)
	}
	from := m.block.Len()
	if p != Root {
		m.block.WriteString(string(p))
	}
	m.block.WriteByte('/')
	if s.Edge {
		m.block.WriteByte('~')
	}
	m.block.WriteString(s.ID)
	return Path(m.block.String()[from:])
}

// Join returns p followed by the given raw node ids.
func (p Path) Join(ids ...string) Path {
	for _, id := range ids {
		p = p.Child(id)
	}
	return p
}

// Parent returns the path without its last segment; Root for Root.
func (p Path) Parent() Path {
	i := strings.LastIndexByte(string(p), '/')
	if i <= 0 {
		return Root
	}
	return p[:i]
}

// Base returns the last segment; the zero Segment for Root.
func (p Path) Base() Segment {
	if p == Root || p == "" {
		return Segment{}
	}
	return segmentOf(string(p[strings.LastIndexByte(string(p), '/')+1:]))
}

// Has reports whether q is p or stands below p.
func (p Path) Has(q Path) bool {
	return p == Root || p == q || strings.HasPrefix(string(q), string(p)+"/")
}

// Rel returns the raw ids from p down to q, and whether q is p or stands below
// it with nodes only.
func (p Path) Rel(q Path) ([]string, bool) {
	if !p.Has(q) {
		return nil, false
	}
	segs := q.Segments()[len(p.Segments()):]
	ids := make([]string, len(segs))
	for i, s := range segs {
		if s.Edge {
			return nil, false
		}
		ids[i] = s.ID
	}
	return ids, true
}
