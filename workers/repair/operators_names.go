package repair

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// What is proposed for one place, at most.
const (
	maxNames      = 12
	maxLiterals   = 8
	maxConditions = 14
	maxGuards     = 10
	maxExits      = 4
)

// name puts another variable or constant of the same type in place of one.
func (m *maker) name(id *ast.Ident) {
	obj := m.p.info.Uses[id]
	if obj == nil || id.Name == "_" {
		return
	}
	if p, ok := m.parent(1).(*ast.SelectorExpr); ok && p.Sel == id {
		return // selector does it
	}
	if p, ok := m.parent(1).(*ast.KeyValueExpr); ok && p.Key == id {
		if _, field := obj.(*types.Var); field {
			return
		}
	}
	switch o := obj.(type) {
	case *types.Const:
		m.constantName(id, o)
	case *types.Var:
		if !o.IsField() {
			m.variable(id, o)
		}
	case *types.Func:
		m.functionName(id, o)
	}
	if obj == types.Universe.Lookup("true") {
		m.replace(id, "constant", "false", asExact)
	}
	if obj == types.Universe.Lookup("false") {
		m.replace(id, "constant", "true", asExact)
	}
}

// constantName proposes the package's other constants of the same type.
func (m *maker) constantName(id *ast.Ident, was *types.Const) {
	if was.Parent() == types.Universe {
		return
	}
	n := 0
	for _, name := range m.p.types.Scope().Names() {
		c, ok := m.p.types.Scope().Lookup(name).(*types.Const)
		if !ok || c == was || !types.Identical(c.Type(), was.Type()) || n == maxNames {
			continue
		}
		n++
		m.replace(id, "wrong constant", name, asName.by(alike(name, id.Name)))
	}
}

// alike is a small bonus for names that share a beginning or an end.
func alike(a, b string) float64 {
	a, b = strings.ToLower(a), strings.ToLower(b)
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	k := 0
	for k < len(a)-n && k < len(b)-n && a[len(a)-1-k] == b[len(b)-1-k] {
		k++
	}
	return 0.05 * float64(n+k) / float64(max(len(a), len(b), 1))
}

// variable proposes what else of its type is in scope: variables, and fields of
// the structs among them.
func (m *maker) variable(id *ast.Ident, was *types.Var) {
	if m.isTarget(id) {
		m.targets(id, was)
		return
	}
	if was.Type() == nil || types.Identical(was.Type(), types.Universe.Lookup("error").Type()) && was.Name() == "err" {
		return
	}
	for i, text := range m.inScope(id.Pos(), was.Type(), id.Name) {
		if i == maxNames {
			break
		}
		m.replace(id, "wrong variable", text, asName.by(alike(text, id.Name)-0.004*float64(i)))
	}
}

// targets proposes other variables to assign to.
func (m *maker) targets(id *ast.Ident, was *types.Var) {
	n := 0
	for _, text := range m.inScope(id.Pos(), was.Type(), id.Name) {
		if n == maxNames/2 {
			break
		}
		n++
		m.replace(id, "wrong variable", text, asOther.by(-0.004*float64(n)))
	}
}

// isTarget says whether an expression is what an assignment writes to.
func (m *maker) isTarget(e ast.Expr) bool {
	switch p := m.parent(1).(type) {
	case *ast.AssignStmt:
		for _, l := range p.Lhs {
			if l == e {
				return true
			}
		}
	case *ast.IncDecStmt:
		return p.X == e
	case *ast.RangeStmt:
		return p.Key == e || p.Value == e
	}
	return false
}

// inScope lists expressions of a type that can be written at a place: local
// variables and parameters, nearest first, then fields of those, then the
// package's variables. Sorted within each group: map order never shows.
func (m *maker) inScope(pos token.Pos, t types.Type, not string) []string {
	if t == types.Typ[types.Invalid] {
		return nil
	}
	var near, fields, far []string
	seen := map[string]bool{not: true}
	scope := m.p.types.Scope().Innermost(pos)
	for s := scope; s != nil && s != types.Universe; s = s.Parent() {
		var names []string
		for _, name := range s.Names() {
			v, ok := s.Lookup(name).(*types.Var)
			if !ok || name == "_" || seen[name] {
				continue
			}
			local := s != m.p.types.Scope()
			if local && v.Pos() >= pos {
				continue
			}
			seen[name] = true
			if types.Identical(v.Type(), t) {
				if local {
					names = append(names, name)
				} else {
					far = append(far, name)
				}
			}
			if local {
				fields = append(fields, m.fieldsOf(name, v.Type(), t)...)
			}
		}
		near = append(near, names...)
	}
	slices.Sort(fields)
	fields = slices.DeleteFunc(fields, func(f string) bool { return f == not })
	return append(append(near, fields...), far...)
}

// fieldsOf lists x.F of a type.
func (m *maker) fieldsOf(name string, of, t types.Type) []string {
	if p, ok := of.Underlying().(*types.Pointer); ok {
		of = p.Elem()
	}
	s, ok := of.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	var out []string
	for f := range s.Fields() {
		if types.Identical(f.Type(), t) && (f.Exported() || f.Pkg() == m.p.types) {
			out = append(out, name+"."+f.Name())
		}
	}
	return out
}

// functionName proposes the package's other functions of the same signature.
func (m *maker) functionName(id *ast.Ident, was *types.Func) {
	if was.Pkg() != m.p.types || was.Signature().Recv() != nil {
		return
	}
	n := 0
	for _, name := range m.p.types.Scope().Names() {
		f, ok := m.p.types.Scope().Lookup(name).(*types.Func)
		if !ok || f == was || n == maxNames/2 || !types.Identical(f.Type(), was.Type()) {
			continue
		}
		n++
		m.replace(id, "wrong function", name, asOther.by(alike(name, id.Name)))
	}
}

// selector proposes x.G for x.F: a field or method of the same type, or another
// constant or function of the same imported package.
func (m *maker) selector(n *ast.SelectorExpr) {
	if sel, ok := m.p.info.Selections[n]; ok {
		m.member(n, sel)
		return
	}
	obj := m.p.info.Uses[n.Sel]
	if obj == nil || obj.Pkg() == nil {
		return
	}
	count := 0
	scope := obj.Pkg().Scope()
	for _, name := range scope.Names() {
		o := scope.Lookup(name)
		if o == obj || !o.Exported() || count == maxNames || !types.Identical(o.Type(), obj.Type()) || !sameSort(o, obj) {
			continue
		}
		close := alike(name, n.Sel.Name)
		if _, isFunc := o.(*types.Func); isFunc && close < 0.012 {
			continue
		}
		count++
		m.replace(n.Sel, "wrong name", name, asOther.by(close))
	}
}

func sameSort(a, b types.Object) bool {
	switch a.(type) {
	case *types.Const:
		_, ok := b.(*types.Const)
		return ok
	case *types.Func:
		_, ok := b.(*types.Func)
		return ok
	case *types.Var:
		_, ok := b.(*types.Var)
		return ok
	}
	return false
}

// member proposes another field or method of the same value, or a plain
// variable of the same type.
func (m *maker) member(n *ast.SelectorExpr, sel *types.Selection) {
	var names []string
	switch sel.Kind() {
	case types.FieldVal:
		names = m.fieldsOf("", sel.Recv(), sel.Type())
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], ".")
		}
		for i, text := range m.inScope(n.Pos(), sel.Type(), m.src(n)) {
			if i == maxNames/2 {
				break
			}
			prior := asGuard
			if m.isTarget(n) {
				prior = asRemove
			}
			m.replace(n, "wrong variable", text, prior.by(alike(text, n.Sel.Name)-0.004*float64(i)))
		}
	case types.MethodVal:
		set := types.NewMethodSet(sel.Recv())
		if p, ok := sel.Recv().Underlying().(*types.Pointer); !ok || p == nil {
			set = types.NewMethodSet(types.NewPointer(sel.Recv()))
		}
		for i := range set.Len() {
			f := set.At(i).Obj()
			if (f.Exported() || f.Pkg() == m.p.types) && types.Identical(set.At(i).Type(), sel.Type()) {
				names = append(names, f.Name())
			}
		}
	}
	count := 0
	for _, name := range names {
		if name == n.Sel.Name || count == maxNames {
			continue
		}
		count++
		m.replace(n.Sel, "wrong name", name, asName.by(alike(name, n.Sel.Name)))
	}
}

// literal proposes other values for a constant: its neighbours, zero and one,
// and the literals of the same kind in the file.
func (m *maker) literal(n *ast.BasicLit) {
	if _, ok := m.parent(1).(*ast.ImportSpec); ok {
		return
	}
	if f, ok := m.parent(1).(*ast.Field); ok && f.Tag == n {
		return
	}
	switch n.Kind {
	case token.INT:
		m.intLiteral(n)
	case token.FLOAT:
		if v, err := strconv.ParseFloat(n.Value, 64); err == nil {
			for _, x := range []float64{v * 10, v / 10, v * 100, v / 100, v + 1, v - 1, v * 2, v / 2} {
				m.replace(n, "constant", floatText(x), asRemove)
			}
		}
	case token.STRING:
		m.replace(n, "constant", `""`, asUnalike)
	}
	for i, lit := range m.literals(n) {
		if i == maxLiterals {
			break
		}
		m.replace(n, "constant", lit, asRemote.by(-0.01*float64(i)))
	}
}

func floatText(x float64) string {
	s := strconv.FormatFloat(x, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

func (m *maker) intLiteral(n *ast.BasicLit) {
	v, ok := constant.Int64Val(constant.MakeFromLiteral(n.Value, token.INT, 0))
	if !ok {
		return
	}
	for _, d := range []int64{1, -1} {
		m.replace(n, "constant", fmt.Sprint(v+d), asNear)
	}
	for _, x := range []int64{0, 1, -1, 2} {
		if x != v+1 && x != v-1 {
			m.replace(n, "constant", fmt.Sprint(x), asName)
		}
	}
	for _, x := range []int64{v * 10, v / 10, v * 2, v / 2, v * 100, v / 100, 1024, 1000, 100, 60, 24, 12, 10, 7} {
		if x > 1 {
			m.replace(n, "constant", fmt.Sprint(x), asRemove)
		}
	}
}

// literals lists the other literals of a kind, those nearest in the file first.
func (m *maker) literals(n *ast.BasicLit) []string {
	type at struct {
		value string
		far   int
	}
	var all []at
	ast.Inspect(m.f.ast, func(x ast.Node) bool {
		if _, ok := x.(*ast.ImportSpec); ok {
			return false
		}
		if lit, ok := x.(*ast.BasicLit); ok && lit.Kind == n.Kind && lit.Value != n.Value {
			d := m.p.line(lit.Pos()) - m.p.line(n.Pos())
			all = append(all, at{lit.Value, max(d, -d)})
		}
		return true
	})
	slices.SortStableFunc(all, func(a, b at) int { return a.far - b.far })
	var out []string
	for _, a := range all {
		if !slices.Contains(out, a.value) {
			out = append(out, a.value)
		}
	}
	return out
}
