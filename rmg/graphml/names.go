package graphml

import (
	"strings"
	"unicode/utf8"

	"jitos.dev/rmg"
)

// What begins a segment in an id. The first node of a path needs nothing.
const (
	nodeMark = "::"
	edgeMark = ":_"
)

const hexDigits = "0123456789ABCDEF"

// ID returns the id under which Write names the element at p of the graph that is
// written.
func ID(p rmg.Path) string {
	id := ""
	for _, s := range p.Segments() {
		if s.Edge {
			id = edgePrefix(id) + escape(s.ID)
		} else {
			id = nodePrefix(id) + escape(s.ID)
		}
	}
	return id
}

// nodePrefix is what the ids of the nodes inside an element begin with.
func nodePrefix(id string) string {
	if id == "" {
		return ""
	}
	return id + nodeMark
}

// edgePrefix is what the ids of the edges inside an element begin with.
func edgePrefix(id string) string { return id + edgeMark }

// escape writes a raw id with the characters of an NMTOKEN, less the colon.
func escape(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRuneInString(raw[i:])
		if r == utf8.RuneError && size == 1 || !nameChar(r) {
			for _, c := range []byte(raw[i : i+size]) {
				b.WriteByte(':')
				b.WriteByte(hexDigits[c>>4])
				b.WriteByte(hexDigits[c&15])
			}
		} else {
			b.WriteString(raw[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unescape reads one segment.
func unescape(s string) (raw string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != ':' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), b.Len() > 0
}

// letters are those beyond ASCII that stay as they are: the alphabets of every
// edition of XML. The editions do not agree on what else a name may have.
var letters = [...][2]rune{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0xFF}, {0x100, 0x131}, {0x134, 0x13E}, {0x141, 0x148}, {0x14A, 0x17E}, // Latin
	{0x38E, 0x3A1}, {0x3A3, 0x3CE}, {0x401, 0x40C}, {0x40E, 0x44F}, {0x451, 0x45C}, // Greek, Cyrillic
	{0x5D0, 0x5EA}, {0x621, 0x63A}, {0x641, 0x64A}, // Hebrew, Arabic
	{0x3041, 0x3094}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}, // Japanese, Chinese, Korean
}

// nameChar reports whether r may stand in a name of any edition, colons apart.
func nameChar(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '.', r == '_':
		return true
	}
	for _, in := range letters {
		if r < in[0] {
			return false
		}
		if r <= in[1] {
			return true
		}
	}
	return false
}

// nmtoken reports whether a text may stand where the format wants an NMTOKEN.
func nmtoken(s string) bool {
	for _, r := range s {
		if r != ':' && !nameChar(r) {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// sayable reports whether XML has a form for every character of a text.
func sayable(s string) bool {
	for _, r := range s {
		switch {
		case r == '\t', r == '\n', r == '\r':
		case r < 0x20, r == 0xFFFE, r == 0xFFFF:
			return false
		}
	}
	return utf8.ValidString(s)
}
