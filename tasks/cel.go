package tasks

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// The limits of an expression.
const (
	maxExpression      = 2000   // bytes
	maxExpressionNodes = 500    // parts, macros expanded
	maxExpressionDepth = 40     // nesting
	maxExpressionRegex = 500    // instructions of a regular expression
	maxExpressionCost  = 10_000 // of one evaluation, in CEL's units
)

// celCheck is a compiled expression. It sees facts by their names, as they are when it is
// asked, and the method's variables by theirs. Safe for concurrent use.
type celCheck struct {
	program cel.Program
	vars    []string // that it looks at, sorted
	facts   []string // the same
}

// compileCEL compiles an expression over facts and variables.
func compileCEL(text string, vars []string) (*celCheck, error) {
	if n := len(text); n > maxExpression { // before anything walks it
		return nil, fmt.Errorf("%d bytes; the limit is %d", n, maxExpression)
	}
	opts := []cel.EnvOption{
		cel.Variable("facts", cel.MapType(cel.StringType, cel.DynType)),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxExpressionDepth),
		cel.ExpressionNodeLimit(maxExpressionNodes), cel.ExpressionNestingDepthLimit(maxExpressionDepth),
		cel.RegexProgramSizeLimit(maxExpressionRegex), cel.ASTValidators(cel.ValidateRegexLiterals()),
	}
	for _, v := range vars {
		if v != "facts" && !strings.ContainsAny(v, ".-") {
			opts = append(opts, cel.Variable(v, cel.DynType))
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, err
	}
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			return nil, fmt.Errorf("column %d: %s", e.Location.Column()+1, oneLine(e.Message))
		}
		return nil, issues.Err()
	}
	if t := tree.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("it is %s, not bool", t)
	}
	program, err := env.Program(tree, cel.CostLimit(maxExpressionCost))
	if err != nil {
		return nil, err
	}
	c := &celCheck{program: program}
	if err := c.look(tree.NativeRep().Expr(), vars); err != nil {
		return nil, err
	}
	slices.Sort(c.vars)
	slices.Sort(c.facts)
	c.vars, c.facts = slices.Compact(c.vars), slices.Compact(c.facts)
	return c, nil
}

// look finds what an expression looks at: facts by their names only, since the others
// could be any.
func (c *celCheck) look(root ast.Expr, vars []string) error {
	named, whole := 0, 0
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if name := e.AsIdent(); name == "facts" {
				whole++
			} else if slices.Contains(vars, name) {
				c.vars = append(c.vars, name)
			}
		case ast.SelectKind:
			if of := e.AsSelect().Operand(); of.Kind() == ast.IdentKind && of.AsIdent() == "facts" {
				named++
				c.facts = append(c.facts, e.AsSelect().FieldName())
			}
		}
	}))
	if named != whole {
		return fmt.Errorf("facts are looked at by name: facts.language")
	}
	return nil
}

// holds asks it. What cannot be evaluated, as a fact that nobody knows, does not hold.
func (c *celCheck) holds(facts Facts, env map[string]any) bool {
	known := map[string]any{}
	for _, name := range c.facts {
		if v, ok := facts[name]; ok {
			known[name] = v
		}
	}
	in := map[string]any{"facts": known}
	for _, v := range c.vars {
		in[v] = env[v]
	}
	out, _, err := c.program.Eval(in)
	if err != nil {
		return false
	}
	yes, ok := out.Value().(bool)
	return ok && yes
}

// oneLine is an error's text without its breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
