package kernel

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of a condition.
const (
	maxCondition      = 2000      // characters of an expression
	maxConditionNodes = 500       // parts of it, macros expanded
	maxConditionDepth = 40        // nesting of it
	maxRegexSize      = 500       // instructions of a regular expression
	maxConditionCost  = 100_000   // of one evaluation, in CEL's units: some 50 ms
	maxJudgementCost  = 2_000_000 // of all evaluations for one decision of the kernel: about 1 s
	maxSeenPaths      = 10_000    // of a candidate that a condition is shown
)

// What a condition sees. The tags are the names it goes by there.
type (
	callerFacts struct {
		Name         string   `cel:"name"`
		Kind         string   `cel:"kind"`
		Capabilities []string `cel:"capabilities"`
	}
	processFacts struct {
		ID           string   `cel:"id"`
		Owner        string   `cel:"owner"`
		Worker       string   `cel:"worker"`
		Workers      []string `cel:"workers"`
		Intent       string   `cel:"intent"`
		Capabilities []string `cel:"capabilities"`
	}
	machineFacts struct {
		Name   string   `cel:"name"`
		Token  string   `cel:"token"`
		Labels []string `cel:"labels"`
	}
	gateFacts struct {
		Gate   string `cel:"gate"`
		Kind   string `cel:"kind"`
		Green  bool   `cel:"green"`
		Reused bool   `cel:"reused"`
		Tests  int    `cel:"tests"`
	}
)

// condition is a compiled expression. Safe for concurrent use.
type condition struct {
	program cel.Program
	local   bool // looks at path or kind, so that it has to be asked for each
}

// conditions compiles what policies write: CEL, typed, without a clock or any
// other look outside.
type conditions struct{ env *cel.Env }

func newConditions() (*conditions, error) {
	tags := types.ParseStructTags(true)
	env, err := cel.NewEnv(
		cel.Types(
			cel.NativeTypeFor[callerFacts](tags, cel.NativeTypeAlias("jitos.Caller")),
			cel.NativeTypeFor[processFacts](tags, cel.NativeTypeAlias("jitos.Process")),
			cel.NativeTypeFor[machineFacts](tags, cel.NativeTypeAlias("jitos.Machine")),
			cel.NativeTypeFor[gateFacts](tags, cel.NativeTypeAlias("jitos.Gate")),
		),
		cel.Variable("caller", cel.ObjectType("jitos.Caller")),
		cel.Variable("process", cel.ObjectType("jitos.Process")),
		cel.Variable("machine", cel.ObjectType("jitos.Machine")),
		cel.Variable("verb", cel.StringType),
		cel.Variable("path", cel.StringType),
		cel.Variable("kind", cel.StringType),
		cel.Variable("paths", cel.ListType(cel.StringType)),
		cel.Variable("evidence", cel.ListType(cel.ObjectType("jitos.Gate"))),
		cel.ParserExpressionSizeLimit(maxCondition),
		cel.ParserRecursionLimit(maxConditionDepth),
		cel.ExpressionNodeLimit(maxConditionNodes),
		cel.ExpressionNestingDepthLimit(maxConditionDepth),
		cel.RegexProgramSizeLimit(maxRegexSize),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals()),
	)
	return &conditions{env}, err
}

// compile turns an expression into a condition. The faults say where in it.
func (c *conditions) compile(text string) (cond *condition, faults []string) {
	if n := len(text); n > maxCondition { // before anything walks it
		return nil, []string{fmt.Sprintf("%d bytes; the limit is %d", n, maxCondition)}
	}
	tree, issues := c.env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			faults = append(faults, fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, oneLine(e.Message)))
		}
		if len(faults) == 0 {
			faults = []string{oneLine(issues.Err().Error())}
		}
		return nil, faults
	}
	if t := tree.OutputType(); !t.IsExactType(cel.BoolType) {
		return nil, []string{fmt.Sprintf("line 1, column 1: it is %s, not bool", t)}
	}
	program, err := c.env.Program(tree, cel.CostLimit(maxConditionCost))
	if err != nil {
		return nil, []string{oneLine(err.Error())}
	}
	cond = &condition{program: program}
	for _, ref := range tree.NativeRep().ReferenceMap() {
		cond.local = cond.local || isLocal(ref)
	}
	return cond, nil
}

// isLocal reports whether a reference is to what differs from one element of a
// candidate to the next.
func isLocal(ref *ast.ReferenceInfo) bool {
	return ref.Name == "path" || ref.Name == "kind" || ref.Name == "verb"
}

// eval asks the condition. It ends in an error, rather than run on, when it
// costs more than is left.
func (c *condition) eval(vars map[string]any) (holds bool, cost uint64, err error) {
	out, details, err := c.program.Eval(vars)
	if details != nil && details.ActualCost() != nil {
		cost = *details.ActualCost()
	}
	if err != nil {
		return false, cost, errors.New(oneLine(err.Error()))
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, cost, fmt.Errorf("it gave %s, not bool", out.Type().TypeName())
	}
	return holds, cost, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// subject is who asks and about what whole, for as long as one decision of the
// kernel takes. It is not safe for concurrent use.
type subject struct {
	caller   Caller
	process  processFacts
	machine  machineFacts // that a task would be done on; empty: the daemon's own
	paths    []string
	evidence []*gateFacts

	vars  map[string]any
	known map[*condition]verdict // of conditions that look at neither path, kind nor verb
	spent uint64
}

type verdict struct {
	holds bool
	err   error
}

// newSubject makes the subject of a decision.
func newSubject(c Caller, p processFacts) *subject {
	return &subject{caller: c, process: p, known: map[*condition]verdict{}}
}

// seeing adds a candidate's paths and evidence to what conditions are shown.
func (s *subject) seeing(paths []rmg.Path, list []work.Evidence) *subject {
	for i, p := range paths {
		if i == maxSeenPaths {
			break
		}
		s.paths = append(s.paths, string(p))
	}
	for _, e := range list {
		s.evidence = append(s.evidence, &gateFacts{Gate: e.Gate, Kind: string(e.Kind), Green: e.Green, Reused: e.Reused, Tests: len(e.Tests)})
	}
	return s
}

// holds asks a condition about one place.
func (s *subject) holds(c *condition, verb Verb, p rmg.Path, kind string) (bool, error) {
	if v, ok := s.known[c]; ok {
		return v.holds, v.err
	}
	if s.spent > maxJudgementCost {
		return false, fmt.Errorf("all conditions together cost more than %d", maxJudgementCost)
	}
	if s.vars == nil {
		s.vars = map[string]any{
			"caller":  &callerFacts{Name: s.caller.Name, Kind: string(s.caller.kind()), Capabilities: s.caller.caps().Names()},
			"process": &s.process, "machine": &s.machine, "paths": s.paths, "evidence": s.evidence,
		}
	}
	s.vars["verb"], s.vars["path"], s.vars["kind"] = string(verb), string(p), kind
	holds, cost, err := c.eval(s.vars)
	s.spent += cost
	if !c.local {
		s.known[c] = verdict{holds, err}
	}
	return holds, err
}
