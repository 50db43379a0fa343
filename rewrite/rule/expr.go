package rule

import (
	"encoding/hex"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"jitos.dev/rmg"
)

// The limits of an expression.
const (
	maxExpr      = 2000    // bytes
	maxExprNodes = 500     // parts of it, macros expanded
	maxExprDepth = 40      // nesting of it
	maxRegexSize = 500     // instructions of a regular expression
	maxExprCost  = 100_000 // of one evaluation that calls something, in CEL's units
)

// What an expression may ask of a variable beside its props.
const (
	askID   = "_id"
	askKind = "_kind"
)

// expr is a compiled CEL expression over the props of variables. A prop that is
// declared for the variable's kind has its type; any other is looked at when the
// expression is evaluated. An expression that cannot be evaluated, because a prop
// is missing or of another type, has no value: a guard then does not hold.
type expr struct {
	text    string
	uses    []int // the variables that it asks
	asks    map[string]ask
	program cel.Program
	lit     rmg.Value // in place of a program
	place
}

// ask is what a name in an expression stands for.
type ask struct {
	v    int
	prop string // "" is all of them
}

// compiler compiles the expressions of a document.
type compiler struct{ base *cel.Env }

func newCompiler() (*compiler, error) {
	env, err := cel.NewEnv(
		cel.ParserExpressionSizeLimit(maxExpr),
		cel.ParserRecursionLimit(maxExprDepth),
		cel.ExpressionNodeLimit(maxExprNodes),
		cel.ExpressionNestingDepthLimit(maxExprDepth),
		cel.RegexProgramSizeLimit(maxRegexSize),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals()),
	)
	return &compiler{env}, err
}

// celTypes are the types of declared props. A ref is its path, a blob its hash.
var celTypes = map[rmg.Type]*cel.Type{
	rmg.TypeBool: cel.BoolType, rmg.TypeInt: cel.IntType, rmg.TypeFloat: cel.DoubleType, rmg.TypeString: cel.StringType, rmg.TypeBytes: cel.BytesType,
	rmg.TypeList: cel.ListType(cel.DynType), rmg.TypeMap: cel.MapType(cel.StringType, cel.DynType), rmg.TypeRef: cel.StringType, rmg.TypeBlob: cel.StringType,
}

// scope is the variables that an expression may name.
type scope struct {
	env  *cel.Env
	asks map[string]ask
}

// scope declares variables: each as a map of its props, and those of its props
// whose type is known by their full name.
func (c *compiler) scope(s *Set, vars []variable, visible []int) (*scope, error) {
	out := &scope{asks: map[string]ask{}}
	var opts []cel.EnvOption
	declare := func(name string, t *cel.Type, a ask) {
		if _, twice := out.asks[name]; !twice {
			out.asks[name] = a
			opts = append(opts, cel.Variable(name, t))
		}
	}
	for _, v := range visible {
		name := vars[v].name
		if name == "" || strings.Trim(name, identifier) != "" {
			continue // no expression can name it
		}
		declare(name, cel.MapType(cel.StringType, cel.DynType), ask{v, ""})
		declare(name+"."+askID, cel.StringType, ask{v, askID})
		declare(name+"."+askKind, cel.StringType, ask{v, askKind})
		for _, kind := range s.above(vars[v].kind) {
			for prop, t := range s.kinds[kind].props {
				if strings.Trim(prop, identifier) == "" && celTypes[t.Type] != nil {
					declare(name+"."+prop, celTypes[t.Type], ask{v, prop})
				}
			}
		}
	}
	env, err := c.base.Extend(opts...)
	out.env = env
	return out, err
}

const identifier = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// expr compiles a part: text is CEL, any other scalar stands for itself.
func (r *reader) expr(sc *scope, p part, of string) *expr {
	e := &expr{place: p.place}
	switch x := p.value.(type) {
	case nil: // removes
	case bool:
		e.lit = rmg.Bool(x)
	case int64:
		e.lit = rmg.Int(x)
	case float64:
		e.lit = rmg.Float(x)
	case string:
		return r.compile(sc, e, x, false)
	default:
		r.fault(p.place, "%s is %s, not an expression", of, p.what())
	}
	return e
}

// guard compiles a condition.
func (r *reader) guard(sc *scope, p part) *expr {
	return r.compile(sc, &expr{place: p.place}, r.text(p, "where"), true)
}

func (r *reader) compile(sc *scope, e *expr, text string, isGuard bool) *expr {
	e.text = text
	if len(text) > maxExpr {
		r.fault(e.place, "%d bytes; the limit is %d", len(text), maxExpr)
		return e
	}
	tree, issues := sc.env.Compile(text)
	if issues.Err() != nil {
		for _, x := range issues.Errors() {
			r.fault(e.atRune(text, x.Location.Line(), x.Location.Column()), "%s", strings.Join(strings.Fields(x.Message), " "))
		}
		return e
	}
	if t := tree.OutputType(); isGuard && !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		r.fault(e.place, "it is %s, not bool", t)
		return e
	}
	var opts []cel.ProgramOption
	if strings.Contains(text, "(") {
		opts = append(opts, cel.CostLimit(maxExprCost)) // only a call costs more than what is written
	}
	program, err := sc.env.Program(tree, opts...)
	if err != nil {
		r.fault(e.place, "%s", strings.Join(strings.Fields(err.Error()), " "))
		return e
	}
	e.program, e.asks = program, map[string]ask{}
	seen := map[int]bool{}
	for _, x := range tree.NativeRep().ReferenceMap() {
		if a, ok := sc.asks[x.Name]; ok {
			e.asks[x.Name] = a
			seen[a.v] = true
		}
	}
	for v := range MaxVars + 1 { // in order
		if seen[v] {
			e.uses = append(e.uses, v)
		}
	}
	return e
}

// answers is an activation: it answers what an expression asks of a match.
type answers struct {
	asks map[string]ask
	of   func(v int, prop string) (any, bool)
}

func (a *answers) ResolveName(name string) (any, bool) {
	x, ok := a.asks[name]
	if !ok {
		return nil, false
	}
	return a.of(x.v, x.prop)
}

func (a *answers) Parent() cel.Activation { return nil }

// holds evaluates a guard.
func (e *expr) holds(of func(v int, prop string) (any, bool)) bool {
	out, _, err := e.program.Eval(&answers{e.asks, of})
	if err != nil {
		return false
	}
	ok, isBool := out.Value().(bool)
	return ok && isBool
}

// value evaluates an expression; null is the zero Value.
func (e *expr) value(of func(v int, prop string) (any, bool)) (rmg.Value, error) {
	if e.program == nil {
		return e.lit, nil
	}
	out, _, err := e.program.Eval(&answers{e.asks, of})
	if err != nil {
		return rmg.Value{}, fmt.Errorf("%q: %s", e.text, strings.Join(strings.Fields(err.Error()), " "))
	}
	v, ok := valueOf(out)
	if !ok {
		return rmg.Value{}, fmt.Errorf("%q gives %s, which no prop holds", e.text, out.Type().TypeName())
	}
	return v, nil
}

// known is a value as CEL has it.
func known(v rmg.Value) any {
	switch v.Type() {
	case rmg.TypeBool:
		x, _ := v.AsBool()
		return x
	case rmg.TypeInt:
		x, _ := v.AsInt()
		return x
	case rmg.TypeFloat:
		x, _ := v.AsFloat()
		return x
	case rmg.TypeString:
		x, _ := v.AsString()
		return x
	case rmg.TypeBytes:
		x, _ := v.AsBytes()
		return x
	case rmg.TypeRef:
		x, _ := v.AsRef()
		return string(x)
	case rmg.TypeBlob:
		x, _ := v.AsBlob()
		return hex.EncodeToString(x.Sum[:])
	case rmg.TypeList:
		list, _ := v.AsList()
		out := make([]any, len(list))
		for i, x := range list {
			out[i] = known(x)
		}
		return out
	case rmg.TypeMap:
		m, _ := v.AsMap()
		return knownProps(m)
	}
	return nil
}

func knownProps(p rmg.Props) map[string]any {
	out := make(map[string]any, p.Len())
	for name, v := range p.All() {
		out[name] = known(v)
	}
	return out
}

// valueOf is what CEL gave as a value.
func valueOf(v ref.Val) (rmg.Value, bool) {
	switch x := v.(type) {
	case types.Null:
		return rmg.Value{}, true
	case types.Bool:
		return rmg.Bool(bool(x)), true
	case types.Int:
		return rmg.Int(int64(x)), true
	case types.Double:
		return rmg.Float(float64(x)), true
	case types.String:
		return rmg.String(string(x)), true
	case types.Bytes:
		return rmg.Bytes(x), true
	case traits.Mapper:
		m := map[string]rmg.Value{}
		for it := x.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			key, isText := k.(types.String)
			value, ok := valueOf(x.Get(k))
			if !isText || !ok || value.IsZero() {
				return rmg.Value{}, false
			}
			m[string(key)] = value
		}
		return rmg.Map(m), true
	case traits.Lister:
		var list []rmg.Value
		for it := x.Iterator(); it.HasNext() == types.True; {
			value, ok := valueOf(it.Next())
			if !ok || value.IsZero() {
				return rmg.Value{}, false
			}
			list = append(list, value)
		}
		return rmg.List(list...), true
	}
	return rmg.Value{}, false
}
