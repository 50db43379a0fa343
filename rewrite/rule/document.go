package rule

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"jitos.dev/rmg"
)

// The limits of a document.
const (
	MaxDocument = 1 << 20 // bytes
	maxDepth    = 40      // nesting
	maxParts    = 100_000 // keys, items and values
	maxSigns    = 100     // opening signs that the YAML parser would recurse into
)

// Fault is one thing that is wrong in a document, and where. Line and Column
// count from 1.
type Fault struct {
	File         string
	Line, Column int
	Msg          string
}

func (f Fault) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Msg)
}

// Faults is all that is wrong in a document, in order of place.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// refused is how a caller sees faults.
func (f Faults) refused() error {
	return &rmg.Error{Op: "rules", Code: rmg.Invalid, Msg: "the rules are refused", Err: f}
}

// part is a value of a document with its place. Of text it is the place of its
// first character, quotes apart.
type part struct {
	place
	value any // bool, int64, float64, string, []part, []entry; nil is null
}

type entry struct {
	place
	key string
	part
}

// what names the sort of a part for messages.
func (p part) what() string {
	switch p.value.(type) {
	case nil:
		return "null"
	case bool:
		return "a bool"
	case int64, float64:
		return "a number"
	case string:
		return "text"
	case []part:
		return "a list"
	}
	return "a map"
}

// reader reads one document, and gathers what is wrong.
type reader struct {
	file    string
	src     string
	faults  Faults
	parts   int
	scalars map[place]scalar // by where they begin
}

func (r *reader) fault(p place, format string, args ...any) {
	p = r.resolved(p)
	r.faults = append(r.faults, Fault{r.file, max(1, p.line), max(1, p.col), fmt.Sprintf(format, args...)})
}

// sorted lists the faults in order of place.
func (r *reader) sorted() Faults {
	slices.SortStableFunc(r.faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(r.faults)
}

// read parses a document. JSON is YAML. Aliases are refused: they make a small
// file large.
func (r *reader) read(data []byte) (part, bool) {
	if len(data) > MaxDocument {
		r.fault(place{}, "%d bytes; the limit is %d", len(data), MaxDocument)
		return part{}, false
	}
	if at := tooDeep(data); at >= 0 {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		r.fault(place{line: line, col: at - bytes.LastIndexByte(data[:at], '\n')}, "nested deeper than %d", maxDepth)
		return part{}, false
	}
	r.src, r.scalars = string(data), map[place]scalar{}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syn *yaml.SyntaxError
		if errors.As(err, &syn) && syn.GetToken() != nil {
			p := syn.GetToken().Position
			r.fault(place{line: p.Line, col: p.Column}, "%s", syn.GetMessage())
		} else {
			line, _, _ := strings.Cut(err.Error(), "\n")
			r.fault(place{}, "%s", line)
		}
		return part{}, false
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil || f.Docs[0].Body.Type() == ast.CommentType {
		r.fault(place{}, "there is nothing in it")
		return part{}, false
	}
	if len(f.Docs) > 1 {
		p := place{}
		if start := f.Docs[1].Start; start != nil {
			p = place{line: start.Position.Line, col: start.Position.Column}
		}
		r.fault(p, "a file holds one document; a second begins here")
		return part{}, false
	}
	before := len(r.faults)
	out := r.part(f.Docs[0].Body, 0)
	return out, len(r.faults) == before
}

// tooDeep returns where so many opening signs stand that the parser, which
// recurses, is not let into it; or -1.
func tooDeep(data []byte) int {
	depth, run := 0, 0
	for i, c := range data {
		switch {
		case c == '[', c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		case c == '-', c == '?':
			run++
		case c != ' ':
			run = 0
		}
		if depth > maxSigns || run > maxSigns {
			return i
		}
	}
	return -1
}

func (r *reader) part(n ast.Node, depth int) part {
	p := part{place: placeOf(n)}
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		r.fault(p.place, "too many or too deeply nested parts")
		return p
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.BoolNode:
		p.value = n.Value
	case *ast.IntegerNode:
		switch x := n.Value.(type) {
		case int64:
			p.value = x
		case uint64:
			p.value = int64(x)
			if int64(x) < 0 {
				r.fault(p.place, "%d is out of range", x)
			}
		default:
			r.fault(p.place, "%v is out of range", x)
		}
	case *ast.FloatNode:
		p.value = n.Value
	case *ast.StringNode:
		p.value = n.Value
		s := scalar{plain, n.Value}
		switch n.Token.Type {
		case token.SingleQuoteType:
			s.style = singleQuoted
		case token.DoubleQuoteType:
			s.style = doubleQuoted
		}
		if s.style != plain {
			p.col++ // the quote
		}
		r.scalars[p.place] = s
	case *ast.LiteralNode:
		p.value = n.Value.Value
		r.scalars[p.place] = scalar{block, n.Value.Value}
	case *ast.SequenceNode:
		list := []part{}
		for _, x := range n.Values {
			list = append(list, r.part(x, depth+1))
		}
		p.value = list
	case *ast.MappingNode:
		p.value = r.entries(&p.place, n.Values, depth)
	case *ast.MappingValueNode:
		p.value = r.entries(&p.place, []*ast.MappingValueNode{n}, depth)
	default:
		r.fault(p.place, "%s is not allowed here", strings.ToLower(n.Type().String()))
	}
	return p
}

// entries reads a map, which stands where its first key does: a block map's own
// token is its first colon.
func (r *reader) entries(at *place, values []*ast.MappingValueNode, depth int) []entry {
	out := []entry{}
	seen := map[string]bool{}
	for i, kv := range values {
		e := entry{place: placeOf(kv.Key), key: kv.Key.String()}
		if s, ok := kv.Key.(*ast.StringNode); ok {
			e.key = s.Value
		}
		if i == 0 {
			*at = e.place
		}
		if seen[e.key] {
			r.fault(e.place, "key %q stands twice", e.key)
		}
		seen[e.key] = true
		e.part = r.part(kv.Value, depth+1)
		out = append(out, e)
	}
	return out
}

func placeOf(n ast.Node) place {
	if n == nil || n.GetToken() == nil {
		return place{}
	}
	p := n.GetToken().Position
	return place{line: p.Line, col: p.Column}
}

// The functions below take a part as what it has to be, or tell a fault.

func (r *reader) text(p part, of string) string {
	s, ok := p.value.(string)
	if !ok {
		r.fault(p.place, "%s is %s, not text", of, p.what())
	}
	return s
}

func (r *reader) flag(p part, of string) bool {
	b, ok := p.value.(bool)
	if !ok {
		r.fault(p.place, "%s is %s, not true or false", of, p.what())
	}
	return b
}

func (r *reader) list(p part, of string) []part {
	l, ok := p.value.([]part)
	if !ok {
		r.fault(p.place, "%s is %s, not a list", of, p.what())
	}
	return l
}

// fields are a map's entries; a key that is not among those known is a fault.
// No keys known are all.
func (r *reader) fields(p part, of string, known ...string) []entry {
	l, ok := p.value.([]entry)
	if !ok {
		r.fault(p.place, "%s is %s, not a map", of, p.what())
	}
	if len(known) == 0 {
		return l
	}
	return slices.DeleteFunc(slices.Clone(l), func(e entry) bool {
		unknown := !slices.Contains(known, e.key)
		if unknown {
			r.fault(e.place, "%s has no field %q; there is one of %s", of, e.key, strings.Join(known, ", "))
		}
		return unknown
	})
}
