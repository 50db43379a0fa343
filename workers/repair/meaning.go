package repair

import (
	"bytes"
	"crypto/sha256"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
)

// meaning is the same for texts of files that do the same for reasons that can be
// seen without running them, so that only one of them is tested: they are hashed
// in a normal form. Texts that do not parse stand for themselves.
func meaning(list []text) [32]byte {
	var b bytes.Buffer
	for _, t := range list {
		b.WriteString(t.file.name + "\x00")
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, "", t.src, parser.SkipObjectResolution)
		if err != nil {
			b.Write(t.src)
			continue
		}
		ast.Inspect(tree, normal)
		if printer.Fprint(&b, token.NewFileSet(), tree) != nil {
			b.Write(t.src)
		}
	}
	return sha256.Sum256(b.Bytes())
}

// unchanged are the meanings of the files that candidates change, as they are.
func unchanged(list []candidate) map[[32]byte]bool {
	files := map[*file]bool{}
	out := map[[32]byte]bool{}
	for _, c := range list {
		if !files[c.file] {
			files[c.file] = true
			out[meaning([]text{{c.file, c.file.src}})] = true
		}
	}
	return out
}

// normal puts what a node holds into its normal form, before what is below that:
// no parentheses; < and <= alone; operands of ==, != and * in the order of their
// texts; no negation of == and !=; x = x + y for x += y. Only what has no effect
// changes places.
func normal(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		simple(&n.X, &n.Y)
		if !pure(n.X) || !pure(n.Y) {
			break
		}
		switch n.Op {
		case token.GTR:
			n.X, n.Y, n.Op = n.Y, n.X, token.LSS
		case token.GEQ:
			n.X, n.Y, n.Op = n.Y, n.X, token.LEQ
		case token.EQL, token.NEQ, token.MUL:
			if textOf(n.Y) < textOf(n.X) {
				n.X, n.Y = n.Y, n.X
			}
		}
	case *ast.UnaryExpr:
		simple(&n.X)
	case *ast.CallExpr:
		simple(places(n.Args)...)
	case *ast.ReturnStmt:
		simple(places(n.Results)...)
	case *ast.IfStmt:
		simple(&n.Cond)
	case *ast.ForStmt:
		simple(&n.Cond)
	case *ast.CaseClause:
		simple(places(n.List)...)
	case *ast.IndexExpr:
		simple(&n.Index)
	case *ast.SliceExpr:
		simple(&n.Low, &n.High, &n.Max)
	case *ast.KeyValueExpr:
		simple(&n.Value)
	case *ast.ValueSpec:
		simple(places(n.Values)...)
	case *ast.AssignStmt:
		simple(places(n.Rhs)...)
		if op, ok := assigning[n.Tok]; ok && pure(n.Lhs[0]) {
			n.Tok, n.Rhs[0] = token.ASSIGN, &ast.BinaryExpr{X: n.Lhs[0], Op: op, Y: n.Rhs[0]}
		}
	}
	return true
}

var assigning = map[token.Token]token.Token{
	token.ADD_ASSIGN: token.ADD, token.SUB_ASSIGN: token.SUB, token.MUL_ASSIGN: token.MUL, token.QUO_ASSIGN: token.QUO, token.REM_ASSIGN: token.REM,
}

func places(list []ast.Expr) []*ast.Expr {
	out := make([]*ast.Expr, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// simple takes parentheses and negations off expressions.
func simple(list ...*ast.Expr) {
	for _, e := range list {
		for {
			switch x := (*e).(type) {
			case *ast.ParenExpr:
				*e = x.X
				continue
			case *ast.UnaryExpr:
				if y := negated(x); y != nil {
					*e = y
					continue
				}
			}
			break
		}
	}
}

// negated is what is said without the negation that an expression begins with; nil
// if it begins with none, or there is no such thing: !(a < b) is not a >= b of
// floats.
func negated(e *ast.UnaryExpr) ast.Expr {
	if e.Op != token.NOT {
		return nil
	}
	simple(&e.X)
	switch x := e.X.(type) {
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			return x.X
		}
	case *ast.BinaryExpr:
		switch x.Op {
		case token.EQL:
			return &ast.BinaryExpr{X: x.X, Op: token.NEQ, Y: x.Y}
		case token.NEQ:
			return &ast.BinaryExpr{X: x.X, Op: token.EQL, Y: x.Y}
		}
	}
	return nil
}

// pure reports whether an expression has no effect, and may be evaluated before or
// after another such one. It may panic: of two that do, either may be the one.
func pure(e ast.Expr) bool {
	ok := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr, *ast.FuncLit:
			ok = false
		case *ast.UnaryExpr:
			ok = ok && !slices.Contains([]token.Token{token.ARROW, token.AND}, n.Op)
		}
		return ok
	})
	return ok
}

func textOf(e ast.Expr) string {
	var b bytes.Buffer
	if printer.Fprint(&b, token.NewFileSet(), e) != nil {
		return ""
	}
	return b.String()
}
