package tasks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"jitos.dev/tasks/schema"
)

// The limits of a document.
const (
	maxDocument = 1 << 20 // bytes
	maxDepth    = 40      // nesting
	maxNodes    = 100_000
	maxSigns    = 100 // opening signs that the YAML parser would recurse into
)

// document is a YAML or JSON file (JSON is YAML) with the places of its parts.
type document struct {
	file  string
	nodes func() ast.Node // the parsed text; nil for what was never text
	value any             // maps, slices, strings, float64, bool, nil: as JSON has them
}

// parseDocument reads one document. Aliases are refused: they make a small file
// large. What is plain is parsed whole only when a place in it is asked for.
func parseDocument(file string, data []byte) (*document, error) {
	v, ok := plainYAML(data)
	if !ok {
		return parseWhole(file, data)
	}
	return &document{file: file, value: v, nodes: sync.OnceValue(func() ast.Node {
		d, err := parseWhole(file, data)
		if err != nil {
			return nil
		}
		return d.nodes()
	})}, nil
}

// parseWhole reads one document of any sort.
func parseWhole(file string, data []byte) (*document, error) {
	fail := func(line, col int, msg string) error {
		return Violations{{File: file, Line: line, Column: col, Message: msg}}
	}
	if len(data) > maxDocument {
		return nil, fail(0, 0, fmt.Sprintf("%d bytes; the limit is %d", len(data), maxDocument))
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := tooDeep(data); at >= 0 {
		before := data[:at]
		line := 1 + bytes.Count(before, []byte("\n"))
		return nil, fail(line, 1+utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]), fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syn *yaml.SyntaxError
		if errors.As(err, &syn) && syn.GetToken() != nil {
			p := syn.GetToken().Position
			return nil, fail(p.Line, p.Column, syn.GetMessage())
		}
		return nil, fail(1, 1, firstLine(err.Error()))
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil || f.Docs[0].Body.Type() == ast.CommentType {
		return nil, fail(1, 1, "there is nothing in it")
	}
	if len(f.Docs) > 1 {
		line, col := 1, 1
		if start := f.Docs[1].Start; start != nil {
			line, col = start.Position.Line, start.Position.Column
		}
		return nil, fail(line, col, "a file holds one document; a second begins here")
	}
	root := f.Docs[0].Body
	d := &document{file: file, nodes: func() ast.Node { return root }}
	r := reader{document: d}
	d.value = r.read(root, nil)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return d, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// tooDeep returns where a document nests deeper than the parser may be let
// into, or -1: it recurses, and is slow at it. In JSON the depth is exact. In
// YAML it is not known before parsing what is text, so that the bound is on
// signs and wide; read has the exact one.
func tooDeep(data []byte) int {
	most, isJSON := maxSigns, json.Valid(data)
	if isJSON {
		most = maxDepth
	}
	depth, run := 0, 0 // of brackets; of "- - -" and "? ? ?", which nest too
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case isJSON && c == '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case c == '[', c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		case c == '-', c == '?':
			run++
		case c != ' ':
			run = 0
		}
		if depth > most || run > most && !isJSON {
			return i
		}
	}
	return -1
}

// at makes a violation at a node.
func (d *document) at(n ast.Node, pointer, format string, args ...any) Violation {
	v := Violation{File: d.file, Pointer: pointer, Message: fmt.Sprintf(format, args...)}
	if n != nil && n.GetToken() != nil {
		v.Line, v.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
	}
	return v
}

// reader turns nodes into plain data, and notes what data cannot have.
type reader struct {
	*document
	count  int
	faults Violations
}

// fault notes one at a node. What is beyond the limits says so once.
func (r *reader) fault(n ast.Node, path []string, format string, args ...any) any {
	r.faults = append(r.faults, r.at(n, pointer(path), format, args...))
	return nil
}

// read is the data of the node at a path.
func (r *reader) read(n ast.Node, path []string) any {
	if r.count++; r.count > maxNodes || len(path) > maxDepth {
		if r.count <= maxNodes+1 {
			r.count = maxNodes + 1
			r.fault(n, nil, "too many or too deeply nested parts")
		}
		return nil
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		return r.number(n, path, fmt.Sprint(n.Value))
	case *ast.FloatNode:
		return n.Value
	case *ast.StringNode:
		if n.Token.Type == token.StringType && exponent.MatchString(n.Value) {
			return r.number(n, path, n.Value)
		}
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.SequenceNode:
		out := []any{}
		for i, x := range n.Values {
			out = append(out, r.read(x, append(slices.Clip(path), strconv.Itoa(i))))
		}
		return out
	case *ast.MappingNode:
		return r.readMap(n.Values, path)
	case *ast.MappingValueNode:
		return r.readMap([]*ast.MappingValueNode{n}, path)
	}
	return r.fault(n, path, "%s is not allowed here", strings.ToLower(n.Type().String()))
}

// exponent is a number of JSON, and of YAML 1.2, that the YAML parser takes for
// text: 1e3.
var exponent = regexp.MustCompile(`^[-+]?[0-9]+[eE][-+]?[0-9]+$`)

func (r *reader) number(n ast.Node, path []string, text string) any {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return r.fault(n, path, "%s is out of range", text)
	}
	return f
}

func (r *reader) readMap(values []*ast.MappingValueNode, path []string) any {
	out := map[string]any{}
	for _, kv := range values {
		key := keyOf(kv)
		at := append(slices.Clip(path), key)
		if _, twice := out[key]; twice {
			r.fault(kv.Key, at, "key %q stands twice", key)
		}
		out[key] = r.read(kv.Value, at)
	}
	return out
}

func keyOf(kv *ast.MappingValueNode) string {
	if s, ok := kv.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return kv.Key.String()
}

// find returns the node at a path of keys and indices; the nearest one above if
// there is none. With key it is the key's node where the last step is one.
func (d *document) find(path []string, key bool) ast.Node {
	if d.nodes == nil {
		return nil
	}
	n := d.nodes()
	for i, step := range path {
		var next ast.Node
		switch x := n.(type) {
		case *ast.MappingNode:
			next = child(x.Values, step, key && i == len(path)-1)
		case *ast.MappingValueNode:
			next = child([]*ast.MappingValueNode{x}, step, key && i == len(path)-1)
		case *ast.SequenceNode:
			if k, err := strconv.Atoi(step); err == nil && k < len(x.Values) {
				next = x.Values[k]
			}
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(values []*ast.MappingValueNode, name string, key bool) ast.Node {
	for _, kv := range values {
		if keyOf(kv) == name {
			if key {
				return kv.Key
			}
			return kv.Value
		}
	}
	return nil
}

// violation places a fault at a path.
func (d *document) violation(path []string, key bool, format string, args ...any) Violation {
	n := d.find(path, key)
	v := d.at(n, pointer(path), format, args...)
	// A block mapping's own token is its first colon; its first key is where
	// a person looks.
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		p := m.Values[0].Key.GetToken().Position
		v.Line, v.Column = p.Line, p.Column
	}
	return v
}

// pointer writes a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// compiled reads one of the embedded schemas, which are known to be sound.
func compiled(data []byte) *schema.Schema {
	s, err := schema.Compile(data)
	if err != nil {
		panic(err)
	}
	return s
}

// validate reports every fault of the document by a schema, in order of place.
func (d *document) validate(s *schema.Schema) Violations {
	var out Violations
	for _, f := range s.Faults(d.value) {
		text := f.Text
		if f.Unknown {
			text += nearestName(f.Path[len(f.Path)-1], f.Known)
		}
		out = append(out, d.violation(f.Path, f.Unknown, "%s", text))
	}
	out.sort()
	return slices.Compact(out)
}

// sort puts violations in order of place.
func (v Violations) sort() {
	slices.SortFunc(v, func(a, b Violation) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message),
		)
	})
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			prev, row[j] = row[j], min(row[j]+1, row[j-1]+1, prev+cost)
		}
	}
	return row[len(b)]
}
