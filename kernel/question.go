package kernel

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of a question.
const (
	maxQuestion      = 4000      // bytes of an expression
	maxQuestionDepth = 40        // nesting of it
	maxQuestionNodes = 1000      // parts of it, macros expanded
	maxQuestionRegex = 500       // instructions of a regular expression
	maxQuestionCost  = 1_000_000 // of one evaluation, in CEL's units
	maxQuestionText  = 1 << 20   // bytes of a file that are looked at
)

// question is a condition on a version of the world: an expression in CEL, which
// has no clock, no chance and no loop without an end. It sees
//
//	element   the element at the path asked about: exists, kind, id, path,
//	          props, nodes and edges (how many it holds), from and to of an
//	          edge, text of a file
//	at(PATH)  the same of another element; a path without "/" in front is below
//	          the one asked about
//
// Maps are gone through in the order of their keys, so that the same version
// always gives the same answer. Not safe for concurrent use.
type question struct {
	program cel.Program
	store   BlobStore
	world   rmg.Graph // of the version being asked
	path    rmg.Path
	reads   bool  // looks at the text of files
	err     error // of reading it
}

// ask compiles an expression about what stands at a path. The error is Invalid,
// and says where in the expression.
func ask(store BlobStore, p rmg.Path, text string) (*question, error) {
	q := &question{store: store, path: p, reads: strings.Contains(text, "text")}
	bad := func(format string, args ...any) error {
		return &rmg.Error{
			Op: "expression", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...),
			Hint: `for example: element.exists && element.props.v < 3, or !element.text.contains("debug")`,
		}
	}
	if len(text) > maxQuestion {
		return nil, &rmg.Error{Op: "expression", Code: rmg.Limit, Msg: fmt.Sprintf("%d bytes; the limit is %d", len(text), maxQuestion)}
	}
	thing := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(
		cel.Variable("element", thing),
		cel.Function("at", cel.Overload("at_string", []*cel.Type{cel.StringType}, thing, cel.UnaryBinding(func(v ref.Val) ref.Val {
			return q.elsewhere(string(v.(types.String)))
		}))),
		cel.ParserExpressionSizeLimit(maxQuestion), cel.ParserRecursionLimit(maxQuestionDepth),
		cel.ExpressionNodeLimit(maxQuestionNodes), cel.ExpressionNestingDepthLimit(maxQuestionDepth), cel.RegexProgramSizeLimit(maxQuestionRegex),
	)
	if err != nil {
		return nil, err
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			return nil, bad("column %d: %s", e.Location.Column()+1, firstLine(e.Message))
		}
		return nil, bad("%s", firstLine(issues.Err().Error()))
	}
	if t := tree.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, bad("it is of type %s, not a condition", t)
	}
	q.program, err = env.Program(tree, cel.CostLimit(maxQuestionCost))
	return q, err
}

// holds asks the question of one version. What fails because something is not
// there (no such key) does not hold, and note says so. The error is for what is
// no answer: a cost beyond the limit, content that cannot be read.
func (q *question) holds(world rmg.Graph) (yes bool, note string, err error) {
	q.world, q.err = world, nil
	out, _, err := q.program.Eval(map[string]any{"element": q.element(q.path)})
	switch {
	case q.err != nil:
		return false, "", q.err
	case err != nil && strings.Contains(err.Error(), "cost limit"):
		return false, "", &rmg.Error{Op: "expression", Path: q.path, Code: rmg.Limit, Msg: fmt.Sprintf("it costs more than %d units", maxQuestionCost), Hint: "ask something simpler"}
	case err != nil:
		return false, firstLine(err.Error()), nil
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, "", &rmg.Error{Op: "expression", Code: rmg.Invalid, Msg: fmt.Sprintf("it gives %s, not true or false", out.Type().TypeName())}
	}
	return yes, "", nil
}

func (q *question) elsewhere(text string) ref.Val {
	if !strings.HasPrefix(text, "/") {
		text = strings.TrimSuffix(string(q.path), "/") + "/" + text
	}
	p, err := rmg.ParsePath(text)
	if err != nil {
		return types.NewErr("%v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(q.element(p))
}

// element describes what stands at a path.
func (q *question) element(p rmg.Path) ref.Val {
	e, ok := q.world.Get(p)
	if p == rmg.Root {
		e, ok = rmg.Element{Graph: q.world}, true
	}
	nodes, edges := e.Graph.Len()
	props := map[string]any{}
	for name, v := range e.Props.All() {
		props[name] = plainValue(v)
	}
	m := map[string]any{
		"exists": ok, "kind": e.Kind, "id": e.ID, "path": string(p), "props": sorted(props), "nodes": int64(nodes), "edges": int64(edges),
	}
	if e.Edge {
		m["from"], m["to"] = e.From, e.To
	}
	if e.Kind == rewrite.KindFile && q.reads {
		m["text"] = q.content(e.Props.Blob(rewrite.PropBlob))
	}
	return sorted(m)
}

// content is a file's text.
func (q *question) content(b rmg.Blob) string {
	if b.Size == 0 {
		return ""
	}
	f, err := q.store.Open(b)
	if err != nil {
		q.err = err
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxQuestionText))
	if err != nil {
		q.err = err
	}
	return strings.ToValidUTF8(string(data), "\uFFFD")
}

// plainValue is a prop's value in CEL's words: a ref is its path, content its
// name and size.
func plainValue(v rmg.Value) any {
	if list, ok := v.AsList(); ok {
		out := make([]any, len(list))
		for i, x := range list {
			out[i] = plainValue(x)
		}
		return out
	}
	if m, ok := v.AsMap(); ok {
		out := make(map[string]any, m.Len())
		for k, x := range m.All() {
			out[k] = plainValue(x)
		}
		return sorted(out)
	}
	if p, ok := v.AsRef(); ok {
		return string(p)
	}
	if b, ok := v.AsBlob(); ok {
		return sorted(map[string]any{"sha256": sumText(b), "size": b.Size})
	}
	if b, ok := v.AsBool(); ok {
		return b
	}
	if n, ok := v.AsInt(); ok {
		return n
	}
	if f, ok := v.AsFloat(); ok {
		return f
	}
	if s, ok := v.AsString(); ok {
		return s
	}
	b, _ := v.AsBytes()
	return b
}

// orderedMap is a map that is gone through in the order of its keys: CEL's own
// is gone through as Go has it, which differs from one time to the next.
type orderedMap struct {
	traits.Mapper
	keys []string
}

func sorted(m map[string]any) ref.Val {
	o := orderedMap{Mapper: types.NewStringInterfaceMap(types.DefaultTypeAdapter, m)}
	for k := range m {
		o.keys = append(o.keys, k)
	}
	slices.Sort(o.keys)
	return o
}

// Iterator goes through the keys in order.
func (m orderedMap) Iterator() traits.Iterator {
	return types.DefaultTypeAdapter.NativeToValue(m.keys).(traits.Lister).Iterator()
}
