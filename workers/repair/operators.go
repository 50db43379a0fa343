package repair

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// maker makes the candidates of one file.
type maker struct {
	p     *pkg
	f     *file
	score func(line int) float64 // suspicion of a line
	top   float64                // the most there is
	out   []candidate
	stack []ast.Node // from the file to the node that is visited
}

// candidates walks a file and applies every operator where a line is
// suspicious.
func candidates(p *pkg, f *file, top float64, score func(line int) float64) []candidate {
	m := &maker{p: p, f: f, score: score, top: top}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if n == nil {
			m.stack = m.stack[:len(m.stack)-1]
			return true
		}
		if f, ok := n.(*ast.FuncDecl); ok && !m.suspicious(f) {
			return false
		}
		m.stack = append(m.stack, n)
		m.visit(n)
		return true
	})
	return m.out
}

// suspicious reports whether some line of a node is.
func (m *maker) suspicious(n ast.Node) bool {
	for l := m.p.line(n.Pos()); l <= m.p.line(n.End()); l++ {
		if m.score(l) > 0 {
			return true
		}
	}
	return false
}

func (m *maker) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		m.comparison(n)
		m.boolean(n)
		m.arithmetic(n)
		m.swapOperands(n)
	case *ast.UnaryExpr:
		m.unary(n)
	case *ast.IncDecStmt:
		m.incDec(n)
	case *ast.AssignStmt:
		m.assign(n)
	case *ast.IfStmt:
		m.condition(n.Cond, n)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.condition(n.Cond, n)
		}
	case *ast.CallExpr:
		m.arguments(n)
		m.minMax(n)
	case *ast.CompositeLit:
		m.fields(n)
	case *ast.ReturnStmt:
		m.returns(n)
	case *ast.BasicLit:
		m.literal(n)
	case *ast.Ident:
		m.name(n)
	case *ast.SelectorExpr:
		m.selector(n)
	case *ast.BranchStmt:
		m.branch(n)
	case *ast.SliceExpr:
		m.slice(n)
	case *ast.BlockStmt:
		m.statements(n.List)
	case *ast.CaseClause:
		m.statements(n.Body)
		if sw, ok := m.parent(2).(*ast.SwitchStmt); ok && sw.Tag == nil {
			for _, cond := range n.List {
				m.condition(cond, nil)
			}
		}
	}
	if e, ok := n.(ast.Expr); ok {
		m.offByOne(e)
	}
}

// replace proposes text in place of a node.
func (m *maker) replace(n ast.Node, operator, text string, prior likely) {
	m.edit(n.Pos(), n.Pos(), n.End(), operator, text, prior)
}

// edit proposes text in place of the source between two positions, on account
// of the line of a third.
func (m *maker) edit(at, from, to token.Pos, operator, text string, prior likely) {
	line := m.p.line(at)
	s := m.score(line)
	// Of an expression over several lines the most suspicious one counts.
	for l := line + 1; l <= m.p.line(to) && l < line+4; l++ {
		s = max(s, m.score(l)*0.98)
	}
	if s <= 0 {
		return
	}
	a, b := m.p.offset(from), m.p.offset(to)
	if string(m.f.src[a:b]) == text {
		return
	}
	m.out = append(m.out, candidate{pkg: m.p, file: m.f, from: a, to: b, text: text, operator: operator, sort: prior.sort, line: line, score: s * prior.of(operator)})
}

func (m *maker) src(n ast.Node) string { return m.p.text(m.f, n) }

// token replaces an operator alone, so that nothing else of the line changes.
func (m *maker) token(at, pos token.Pos, was, is token.Token, operator string, prior likely) {
	m.edit(at, pos, pos+token.Pos(len(was.String())), operator, is.String(), prior)
}

// typeOf is the type of an expression, nil if it has none.
func (m *maker) typeOf(e ast.Expr) types.Type {
	if t := m.p.info.TypeOf(e); t != types.Typ[types.Invalid] {
		return t
	}
	return nil
}

func (m *maker) isInt(e ast.Expr) bool {
	t := m.typeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

// parent is the n-th node above the visited one.
func (m *maker) parent(n int) ast.Node {
	if i := len(m.stack) - 1 - n; i >= 0 {
		return m.stack[i]
	}
	return nil
}

// function is the function that the visited node stands in: its type and body.
func (m *maker) function() (*ast.FuncType, *ast.BlockStmt) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		switch f := m.stack[i].(type) {
		case *ast.FuncDecl:
			return f.Type, f.Body
		case *ast.FuncLit:
			return f.Type, f.Body
		}
	}
	return nil, nil
}

// swap is an exchange of operators with its prior.
type swap struct {
	to    token.Token
	prior likely
}

var comparisons = map[token.Token][]swap{
	token.LSS: {{token.LEQ, asExact}, {token.GTR, asOther}, {token.GEQ, asNear}, {token.EQL, asUnalike}, {token.NEQ, asUnalike}},
	token.LEQ: {{token.LSS, asExact}, {token.GEQ, asOther}, {token.GTR, asNear}, {token.EQL, asUnalike}},
	token.GTR: {{token.GEQ, asExact}, {token.LSS, asOther}, {token.LEQ, asNear}, {token.EQL, asUnalike}, {token.NEQ, asUnalike}},
	token.GEQ: {{token.GTR, asExact}, {token.LEQ, asOther}, {token.LSS, asNear}, {token.EQL, asUnalike}},
	token.EQL: {{token.NEQ, asExact}, {token.LEQ, asRemove}, {token.GEQ, asRemove}, {token.LSS, asUnalike}, {token.GTR, asUnalike}},
	token.NEQ: {{token.EQL, asExact}, {token.LSS, asRemove}, {token.GTR, asRemove}},
}

func (m *maker) comparison(n *ast.BinaryExpr) {
	for _, s := range comparisons[n.Op] {
		m.token(n.OpPos, n.OpPos, n.Op, s.to, "comparison", s.prior)
	}
}

// boolean exchanges && and ||, negates a side, drops a side.
func (m *maker) boolean(n *ast.BinaryExpr) {
	other := token.LOR
	switch n.Op {
	case token.LAND:
	case token.LOR:
		other = token.LAND
	default:
		return
	}
	m.token(n.OpPos, n.OpPos, n.Op, other, "boolean operator", asExact)
	m.replace(n, "dropped condition", m.src(n.X), asRemove)
	m.replace(n, "dropped condition", m.src(n.Y), asRemove)
	for _, side := range []ast.Expr{n.X, n.Y} {
		if _, ok := side.(*ast.BinaryExpr); !ok {
			m.negate(side, asOther)
		}
	}
}

// negate puts a ! before a condition, or takes it away.
func (m *maker) negate(e ast.Expr, prior likely) {
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.NOT {
		return // unary does it
	}
	text := m.src(e)
	if _, ok := e.(*ast.BinaryExpr); ok {
		text = "(" + text + ")"
	}
	m.replace(e, "negated condition", "!"+text, prior)
}

var arithmetics = map[token.Token][]swap{
	token.ADD: {{token.SUB, asExact}, {token.MUL, asRemove}},
	token.SUB: {{token.ADD, asExact}, {token.QUO, asUnalike}},
	token.MUL: {{token.QUO, asNear}, {token.ADD, asOther}, {token.REM, asUnalike}},
	token.QUO: {{token.MUL, asNear}, {token.REM, asOther}, {token.SUB, asUnalike}},
	token.REM: {{token.QUO, asNear}, {token.MUL, asRemote}},
	token.AND: {{token.OR, asNear}, {token.AND_NOT, asOther}, {token.XOR, asRemote}},
	token.OR:  {{token.AND, asNear}, {token.XOR, asOther}, {token.AND_NOT, asRemote}},
	token.XOR: {{token.OR, asOther}, {token.AND, asOther}}, token.AND_NOT: {{token.AND, asNear}, {token.OR, asRemote}},
	token.SHL: {{token.SHR, asNear}}, token.SHR: {{token.SHL, asNear}},
}

func (m *maker) arithmetic(n *ast.BinaryExpr) {
	for _, s := range arithmetics[n.Op] {
		m.token(n.OpPos, n.OpPos, n.Op, s.to, "arithmetic operator", s.prior)
	}
	if arithmetics[n.Op] != nil {
		m.replace(n, "dropped operand", m.src(n.X), asRemove)
		m.replace(n, "dropped operand", m.src(n.Y), asUnalike)
	}
}

// swapOperands exchanges the sides of what does not commute.
func (m *maker) swapOperands(n *ast.BinaryExpr) {
	switch n.Op {
	case token.SUB, token.QUO, token.REM, token.SHL, token.SHR, token.AND_NOT:
		m.replace(n, "swapped operands", m.src(n.Y)+" "+n.Op.String()+" "+m.src(n.X), asName)
	}
}

func (m *maker) unary(n *ast.UnaryExpr) {
	switch n.Op {
	case token.NOT:
		m.replace(n, "negated condition", m.src(n.X), asNear)
	case token.SUB, token.ADD:
		if lit, ok := n.X.(*ast.BasicLit); !ok || lit.Value != "1" {
			m.replace(n, "arithmetic operator", m.src(n.X), asName)
		}
	}
}

func (m *maker) incDec(n *ast.IncDecStmt) {
	other := token.DEC
	if n.Tok == token.DEC {
		other = token.INC
	}
	m.token(n.Pos(), n.TokPos, n.Tok, other, "arithmetic operator", asExact)
}

var assignments = map[token.Token][]swap{
	token.ADD_ASSIGN: {{token.SUB_ASSIGN, asExact}, {token.ASSIGN, asOther}, {token.MUL_ASSIGN, asRemote}},
	token.SUB_ASSIGN: {{token.ADD_ASSIGN, asExact}, {token.ASSIGN, asOther}},
	token.MUL_ASSIGN: {{token.QUO_ASSIGN, asNear}, {token.ADD_ASSIGN, asOther}, {token.ASSIGN, asOther}},
	token.QUO_ASSIGN: {{token.MUL_ASSIGN, asNear}, {token.ASSIGN, asOther}, {token.REM_ASSIGN, asOther}, {token.SUB_ASSIGN, asRemote}},
	token.REM_ASSIGN: {{token.QUO_ASSIGN, asNear}, {token.ASSIGN, asRemote}},
	token.OR_ASSIGN:  {{token.AND_ASSIGN, asNear}, {token.ASSIGN, asOther}, {token.AND_NOT_ASSIGN, asOther}},
	token.AND_ASSIGN: {{token.OR_ASSIGN, asNear}, {token.ASSIGN, asOther}, {token.AND_NOT_ASSIGN, asOther}},
	token.XOR_ASSIGN: {{token.OR_ASSIGN, asOther}, {token.AND_ASSIGN, asOther}},
	token.SHL_ASSIGN: {{token.SHR_ASSIGN, asNear}}, token.SHR_ASSIGN: {{token.SHL_ASSIGN, asNear}},
	token.ASSIGN: {{token.ADD_ASSIGN, asOther}, {token.SUB_ASSIGN, asRemove}, {token.OR_ASSIGN, asUnalike}},
}

func (m *maker) assign(n *ast.AssignStmt) {
	for _, s := range assignments[n.Tok] {
		if n.Tok == token.ASSIGN && (len(n.Lhs) != 1 || !m.isInt(n.Lhs[0]) && s.to != token.ADD_ASSIGN) {
			continue
		}
		m.token(n.Pos(), n.TokPos, n.Tok, s.to, "assignment operator", s.prior)
	}
	if n.Tok == token.DEFINE {
		// An inner variable that hides an outer one of its name.
		m.edit(n.Pos(), n.TokPos, n.TokPos+2, "shadowed variable", "=", asName)
	}
	if len(n.Lhs) == 2 && len(n.Rhs) == 2 {
		m.edit(n.Pos(), n.Rhs[0].Pos(), n.Rhs[1].End(), "swapped values", m.src(n.Rhs[1])+", "+m.src(n.Rhs[0]), asNear)
	}
}

func (m *maker) minMax(n *ast.CallExpr) {
	id, ok := n.Fun.(*ast.Ident)
	if !ok {
		return
	}
	if _, builtin := m.p.info.Uses[id].(*types.Builtin); !builtin {
		return
	}
	switch id.Name {
	case "min":
		m.replace(id, "min for max", "max", asExact)
	case "max":
		m.replace(id, "max for min", "min", asExact)
	case "len", "cap":
		m.replace(id, "len for cap", map[string]string{"len": "cap", "cap": "len"}[id.Name], asRemote)
	}
	if id.Name == "min" || id.Name == "max" {
		for _, a := range n.Args {
			m.replace(n, "dropped bound", m.src(a), asRemove)
		}
	}
}

// arguments swaps two arguments of one type, neighbours first.
func (m *maker) arguments(n *ast.CallExpr) {
	m.swapPairs(n.Args, "swapped arguments", m.takesEither(n))
	// x.F(y) for y.F(x)
	if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 1 && m.sameButForPointer(s.X, n.Args[0]) {
		m.replace(n, "swapped arguments", m.src(n.Args[0])+"."+s.Sel.Name+"("+m.src(s.X)+")", asNear)
	}
}

// takesEither says of a call whether two of its parameters have one type: what is
// given for them may change places, whatever types of its own it has.
func (m *maker) takesEither(n *ast.CallExpr) func(i, j int) bool {
	t := m.typeOf(n.Fun)
	if t == nil {
		return never
	}
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return never
	}
	return func(i, j int) bool {
		last := sig.Params().Len()
		if sig.Variadic() {
			last--
		}
		return i < last && j < last && types.Identical(sig.Params().At(i).Type(), sig.Params().At(j).Type())
	}
}

func never(int, int) bool { return false }

// sameButForPointer says whether two expressions have one type, or one has a pointer
// to the other's: a method takes both.
func (m *maker) sameButForPointer(a, b ast.Expr) bool {
	x, y := m.typeOf(a), m.typeOf(b)
	return x != nil && y != nil && types.Identical(pointed(types.Default(x)), pointed(types.Default(y)))
}

func pointed(t types.Type) types.Type {
	if p, ok := t.(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

func (m *maker) swapPairs(list []ast.Expr, operator string, also func(i, j int) bool) {
	for i := range list {
		for j := i + 1; j < len(list) && j < i+4; j++ {
			a, b := list[i], list[j]
			if !m.sameType(a, b) && !also(i, j) {
				continue
			}
			between := string(m.f.src[m.p.offset(a.End()):m.p.offset(b.Pos())])
			prior := asNear
			if isConstant(m, a) && isConstant(m, b) {
				prior = asRemove
			}
			m.edit(a.Pos(), a.Pos(), b.End(), operator, m.src(b)+between+m.src(a), prior.by(-0.01*float64(j-i-1)))
		}
	}
}

func isConstant(m *maker, e ast.Expr) bool { return m.p.info.Types[e].Value != nil }

// sameType says whether two expressions have the same type, constants counting
// by their default.
func (m *maker) sameType(a, b ast.Expr) bool {
	x, y := m.typeOf(a), m.typeOf(b)
	return x != nil && y != nil && types.Identical(types.Default(x), types.Default(y))
}

// fields swaps the values of two fields of one type.
func (m *maker) fields(n *ast.CompositeLit) {
	var values []ast.Expr
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			values = append(values, kv.Value)
		} else {
			values = append(values, e)
		}
	}
	if t := m.typeOf(n); t != nil {
		if _, ok := t.Underlying().(*types.Struct); ok {
			m.swapPairs(values, "swapped fields", never)
		}
	}
}

// slice exchanges x[a:] and x[:a].
func (m *maker) slice(n *ast.SliceExpr) {
	switch {
	case n.Slice3:
	case n.Low != nil && n.High == nil:
		m.edit(n.Pos(), n.Lbrack+1, n.Rbrack, "slice bounds", ":"+m.src(n.Low), asName)
	case n.Low == nil && n.High != nil:
		m.edit(n.Pos(), n.Lbrack+1, n.Rbrack, "slice bounds", m.src(n.High)+":", asName)
	}
}

func (m *maker) branch(n *ast.BranchStmt) {
	if n.Label != nil {
		return
	}
	switch n.Tok {
	case token.BREAK:
		m.replace(n, "branch", "continue", asName)
	case token.CONTINUE:
		m.replace(n, "branch", "break", asName)
	}
}

// offByOne adds or takes one where an integer is an index, a bound, an operand,
// an argument or a result.
func (m *maker) offByOne(e ast.Expr) {
	if !m.isInt(e) || isConstant(m, e) && !isLen(e) {
		return
	}
	if b, ok := e.(*ast.BinaryExpr); ok {
		if lit, ok := b.Y.(*ast.BasicLit); ok && lit.Value == "1" && (b.Op == token.ADD || b.Op == token.SUB) {
			m.replace(e, "off by one", m.src(b.X), asNear)
			return
		}
	}
	if _, ok := e.(*ast.ParenExpr); ok {
		return
	}
	prior := asUnalike
	switch p := m.parent(1).(type) {
	case *ast.IndexExpr:
		if p.Index == e {
			prior = asNear
		}
	case *ast.SliceExpr:
		if p.X != e {
			prior = asNear
		}
	case *ast.BinaryExpr:
		if comparisons[p.Op] == nil {
			return
		}
		prior = asOther
	case *ast.CallExpr:
		if p.Fun == e {
			return
		}
		prior = asOther
	case *ast.ReturnStmt:
		prior = asName
	case *ast.AssignStmt:
		for _, l := range p.Lhs {
			if l == e {
				return
			}
		}
		prior = asName
	case *ast.RangeStmt:
		if p.X != e {
			return
		}
		prior = asOther
	case *ast.KeyValueExpr:
		if p.Key == e {
			return
		}
	default:
		return
	}
	text := m.src(e)
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op.Precedence() < token.ADD.Precedence() {
		text = "(" + text + ")"
	}
	m.replace(e, "off by one", text+"+1", prior)
	m.replace(e, "off by one", text+"-1", prior)
}

func isLen(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	id, ok := c.Fun.(*ast.Ident)
	return ok && id.Name == "len"
}

// condition negates a whole condition, or strengthens and weakens it by another
// that the function or file knows.
func (m *maker) condition(cond ast.Expr, stmt ast.Stmt) {
	switch c := cond.(type) {
	case *ast.BinaryExpr:
		if c.Op == token.LAND || c.Op == token.LOR {
			m.negate(cond, asRemove)
		}
	default:
		m.negate(cond, asNear)
	}
	if _, ok := stmt.(*ast.IfStmt); ok {
		m.replace(cond, "dropped condition", "true", asUnalike)
		m.replace(cond, "dropped condition", "false", asUnalike)
	}
	text := m.src(cond)
	if b, ok := cond.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		text = "(" + text + ")"
	}
	add := func(other string, prior likely) {
		if !strings.Contains(m.src(cond), other) {
			m.replace(cond, "missing condition", text+" && "+other, prior)
			m.replace(cond, "missing condition", m.src(cond)+" || "+other, prior.by(-0.01))
		}
	}
	for i, other := range m.bodyConditions(stmt) {
		add(other, asGuard.by(-0.005*float64(i)))
	}
	for _, other := range m.conditions(cond.Pos()) {
		add(other, asRemove)
	}
}
