package repair

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// errorType is the predeclared error.
var errorType = types.Universe.Lookup("error").Type()

// returns puts err for nil, nil for err, and swaps results of one type.
func (m *maker) returns(n *ast.ReturnStmt) {
	m.swapPairs(n.Results, "swapped results", never)
	ft, _ := m.function()
	if ft == nil || ft.Results == nil || len(n.Results) == 0 {
		return
	}
	last := n.Results[len(n.Results)-1]
	if !types.Identical(m.typeOf(ft.Results.List[len(ft.Results.List)-1].Type), errorType) {
		return
	}
	if id, ok := last.(*ast.Ident); ok && id.Name == "nil" {
		for i, text := range m.inScope(n.Pos(), errorType, "nil") {
			if i < maxNames {
				m.replace(last, "returned error", text, asName.by(-0.01*float64(i)))
			}
		}
		return
	}
	m.replace(last, "returned error", "nil", asRemove)
}

// conditions lists conditions that can be written at a place, nearest first:
// those that the function has elsewhere, its boolean variables, and the usual
// questions about its variables: nil, zero, empty.
func (m *maker) conditions(pos token.Pos) []string {
	var out []string
	add := func(s string) {
		if len(out) < maxConditions && !slices.Contains(out, s) && !strings.Contains(s, "\n") {
			out = append(out, s)
		}
	}
	_, body := m.function()
	if body == nil {
		return nil
	}
	for _, s := range m.inScope(pos, types.Typ[types.Bool], "") {
		add(s)
		add("!" + s)
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if i, ok := n.(*ast.IfStmt); ok && i.Init == nil && i.Cond.Pos() != pos {
			add(m.src(i.Cond))
		}
		return true
	})
	for _, q := range m.questions(pos) {
		add(q)
	}
	return out
}

// bodyConditions are the usual conditions on what a body uses: what it is about
// to do is what it may have had to ask about.
func (m *maker) bodyConditions(stmt ast.Stmt) []string {
	var body *ast.BlockStmt
	switch s := stmt.(type) {
	case *ast.IfStmt:
		body = s.Body
	case *ast.ForStmt:
		body = s.Body
	}
	if body == nil {
		return nil
	}
	var out []string
	for _, s := range body.List[:min(len(body.List), 3)] {
		ast.Inspect(s, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				_, block := n.(*ast.BlockStmt)
				return !block
			}
			var v *types.Var
			switch e := e.(type) {
			case *ast.Ident:
				v, _ = m.p.info.Uses[e].(*types.Var)
			case *ast.SelectorExpr:
				v, _ = m.p.info.Uses[e.Sel].(*types.Var)
			}
			if v == nil || v.Pos() >= body.Pos() && v.Pos() < body.End() {
				return true
			}
			for _, q := range questionsOf(m.src(e), v.Type()) {
				if !slices.Contains(out, q) {
					out = append(out, q)
				}
			}
			_, whole := e.(*ast.SelectorExpr)
			return !whole
		})
	}
	return out[:min(len(out), maxConditions)]
}

// questions are the usual conditions on what is in scope.
func (m *maker) questions(pos token.Pos) []string {
	var out []string
	for s := m.p.types.Scope().Innermost(pos); s != nil && s != m.p.types.Scope() && s != types.Universe; s = s.Parent() {
		for _, name := range s.Names() {
			v, ok := s.Lookup(name).(*types.Var)
			if !ok || name == "_" || v.Pos() >= pos {
				continue
			}
			out = append(out, questionsOf(name, v.Type())...)
		}
	}
	return out
}

func questionsOf(name string, t types.Type) []string {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsInteger != 0 && u.Info()&types.IsUnsigned == 0:
			return []string{name + " <= 0", name + " > 0", name + " < 0", name + " == 0", name + " != 0"}
		case u.Info()&types.IsNumeric != 0:
			return []string{name + " == 0", name + " > 0", name + " != 0"}
		case u.Info()&types.IsString != 0:
			return []string{name + ` == ""`, name + ` != ""`}
		}
	case *types.Slice:
		return []string{"len(" + name + ") == 0", "len(" + name + ") > 0"}
	case *types.Map:
		return []string{name + " == nil", "len(" + name + ") == 0"}
	case *types.Pointer, *types.Interface, *types.Signature, *types.Chan:
		return []string{name + " == nil", name + " != nil"}
	}
	return nil
}

// statements works on a list: a missing check before a statement, one that is
// too many, two in the wrong order.
func (m *maker) statements(list []ast.Stmt) {
	for i, s := range list {
		m.missingErrorCheck(list, i)
		m.missingGuard(s)
		switch s := s.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt:
			m.replace(s, "dropped statement", "", asRemove)
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				m.replace(s, "dropped statement", "", asRemove)
			}
		case *ast.BranchStmt, *ast.ReturnStmt:
			if i == len(list)-1 {
				m.replace(s, "dropped statement", "", asUnalike)
			}
		case *ast.IfStmt:
			m.replace(s, "dropped statement", "", asUnalike)
		}
		if i+1 < len(list) && movable(s) && movable(list[i+1]) {
			next := list[i+1]
			between := string(m.f.src[m.p.offset(s.End()):m.p.offset(next.Pos())])
			if !strings.Contains(between, "//") {
				m.edit(s.Pos(), s.Pos(), next.End(), "swapped statements", m.src(next)+between+m.src(s), asRemove)
			}
		}
	}
}

// movable are the statements that may have stood the other way round.
func movable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.IfStmt:
		return true
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE
	}
	return false
}

// missingErrorCheck puts `if err != nil { return ..., err }` after a statement
// that sets err, when what follows does not look at it.
func (m *maker) missingErrorCheck(list []ast.Stmt, i int) {
	a, ok := list[i].(*ast.AssignStmt)
	if !ok {
		return
	}
	var name string
	for _, l := range a.Lhs {
		if id, ok := l.(*ast.Ident); ok && id.Name != "_" {
			if t := m.typeOf(id); t != nil && types.Identical(t, errorType) {
				name = id.Name
			}
		}
	}
	if name == "" {
		return
	}
	if i+1 < len(list) {
		if next, ok := list[i+1].(*ast.IfStmt); ok && strings.Contains(m.src(next.Cond), name) {
			return
		}
		if _, ok := list[i+1].(*ast.ReturnStmt); ok {
			return
		}
	}
	zero, ok := m.zeros(name)
	if !ok {
		return
	}
	m.edit(a.Pos(), a.End(), a.End(), "missing error check", "\nif "+name+" != nil {\nreturn "+zero+"\n}", asNear)
}

// zeros is what the function returns with an error: zero values, and the error.
func (m *maker) zeros(err string) (string, bool) {
	ft, _ := m.function()
	if ft == nil || ft.Results == nil {
		return "", false
	}
	var parts []string
	for _, f := range ft.Results.List {
		t := m.typeOf(f.Type)
		for range max(1, len(f.Names)) {
			parts = append(parts, m.zero(t, err))
		}
	}
	return strings.Join(parts, ", "), slices.Contains(parts, err)
}

func (m *maker) zero(t types.Type, err string) string {
	if t == nil {
		return "nil"
	}
	if types.Identical(t, errorType) {
		return err
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Info()&types.IsString != 0:
			return `""`
		}
		return "0"
	case *types.Struct, *types.Array:
		return types.TypeString(t, types.RelativeTo(m.p.types)) + "{}"
	}
	return "nil"
}

// missingGuard puts `if cond { return ... }`, or continue and break in a loop,
// before a statement. What is returned is what the function returns elsewhere.
func (m *maker) missingGuard(s ast.Stmt) {
	switch s.(type) {
	case *ast.DeclStmt, *ast.LabeledStmt, *ast.EmptyStmt, *ast.BlockStmt, *ast.BranchStmt:
		return
	}
	if m.score(m.p.line(s.Pos())) < m.top/2 {
		return
	}
	exits := m.exits(s)
	conds := m.guardConditions(s)
	if ft, body := m.function(); body != nil && len(body.List) > 0 && body.List[0] == s {
		conds = m.parameterConditions(ft)
	}
	n := 0
	for _, cond := range conds {
		for _, exit := range exits {
			if n == maxGuards*3 {
				return
			}
			n++
			m.edit(s.Pos(), s.Pos(), s.Pos(), "missing check", "if "+cond+" {\n"+exit+"\n}\n", asGuard.by(-0.006*float64(n)))
		}
	}
}

// parameterConditions are conditions about what the function was given: where it
// begins is where it refuses.
func (m *maker) parameterConditions(ft *ast.FuncType) []string {
	var out []string
	for _, f := range ft.Params.List {
		for _, name := range f.Names {
			if t := m.typeOf(f.Type); t != nil && name.Name != "_" {
				out = append(out, questionsOf(name.Name, t)...)
			}
		}
	}
	return out[:min(len(out), maxGuards)]
}

// guardConditions are conditions about what the statement uses.
func (m *maker) guardConditions(s ast.Stmt) []string {
	var out []string
	seen := map[types.Object]bool{}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.BlockStmt, *ast.FuncLit:
			return false
		}
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := m.p.info.Uses[id].(*types.Var)
		if !ok || seen[v] || v.IsField() {
			return true
		}
		seen[v] = true
		for _, q := range questionsOf(id.Name, v.Type()) {
			if !slices.Contains(out, q) {
				out = append(out, q)
			}
		}
		return true
	})
	return out[:min(len(out), maxGuards)]
}

// exits are the ways out that the function has.
func (m *maker) exits(s ast.Stmt) []string {
	ft, body := m.function()
	if body == nil {
		return nil
	}
	var out []string
	add := func(t string) {
		if !slices.Contains(out, t) && len(out) < maxExits && !strings.Contains(t, "\n") {
			out = append(out, t)
		}
	}
	loop := false
	for i := len(m.stack) - 1; i >= 0; i-- {
		switch m.stack[i].(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			loop = true
		case *ast.FuncDecl, *ast.FuncLit:
			i = 0
		}
	}
	if ft.Results == nil || len(ft.Results.List) == 0 {
		add("return")
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			// Of variables that are set later nothing is known here.
			if len(n.Results) > 0 && m.knownAt(n, s.Pos()) {
				add(m.src(n))
			}
		}
		return true
	})
	for _, e := range m.sentinels(ft) {
		if zero, ok := m.zeros(e); ok && len(out) < maxExits+2 {
			out = append(out, "return "+zero)
		}
	}
	if zero, ok := m.plainZeros(ft); ok {
		add("return " + zero)
	}
	if loop {
		add("continue")
		add("break")
	}
	return out
}

// sentinels are the package's error variables, for a function that ends with an
// error.
func (m *maker) sentinels(ft *ast.FuncType) []string {
	if ft.Results == nil || len(ft.Results.List) == 0 {
		return nil
	}
	if t := m.typeOf(ft.Results.List[len(ft.Results.List)-1].Type); t == nil || !types.Identical(t, errorType) {
		return nil
	}
	var out []string
	for _, name := range m.p.types.Scope().Names() {
		if v, ok := m.p.types.Scope().Lookup(name).(*types.Var); ok && types.Identical(v.Type(), errorType) && len(out) < maxExits {
			out = append(out, name)
		}
	}
	return out
}

func (m *maker) plainZeros(ft *ast.FuncType) (string, bool) {
	if ft.Results == nil || len(ft.Results.List) == 0 {
		return "", false
	}
	z, _ := m.zeros("nil")
	return z, z != ""
}

// knownAt says whether everything a return statement names is declared before a
// place.
func (m *maker) knownAt(n *ast.ReturnStmt, pos token.Pos) bool {
	known := true
	ast.Inspect(n, func(x ast.Node) bool {
		if id, ok := x.(*ast.Ident); ok {
			if v, ok := m.p.info.Uses[id].(*types.Var); ok && !v.IsField() && v.Parent() != m.p.types.Scope() && v.Pos() >= pos {
				known = false
			}
		}
		return known
	})
	return known
}
