package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"slices"
)

// bug is one change of a file that a person might have got wrong. The seeder knows
// nothing of the operators: some of its bugs none of them undoes.
type bug struct {
	class    string
	from, to int
	text     string
}

// seeder collects the bugs that a file could have, in the order of the source.
type seeder struct {
	src  []byte
	fset *token.FileSet
	out  []bug
	vars []string // of the function that is walked
}

func bugsOf(src []byte) ([]bug, error) {
	s := &seeder{src: src, fset: token.NewFileSet()}
	f, err := parser.ParseFile(s.fset, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			s.vars = namesIn(fn)
			ast.Inspect(fn.Body, func(n ast.Node) bool { s.visit(n); return true })
		}
	}
	return s.out, nil
}

func (s *seeder) at(p token.Pos) int     { return s.fset.Position(p).Offset }
func (s *seeder) text(n ast.Node) string { return string(s.src[s.at(n.Pos()):s.at(n.End())]) }
func (s *seeder) add(c string, n ast.Node, text string) {
	s.out = append(s.out, bug{c, s.at(n.Pos()), s.at(n.End()), text})
}

// turned are operators that are easily taken for one another.
var turned = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GTR}, token.LEQ: {token.LSS, token.GEQ}, token.GTR: {token.GEQ, token.LSS}, token.GEQ: {token.GTR, token.LEQ},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
}

func (s *seeder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, op := range turned[n.Op] {
			s.out = append(s.out, bug{"operator", s.at(n.OpPos), s.at(n.OpPos) + len(n.Op.String()), op.String()})
		}
		switch n.Op {
		case token.LSS, token.LEQ, token.GTR, token.GEQ, token.SUB, token.QUO:
			s.add("swapped sides", n, s.text(n.Y)+" "+n.Op.String()+" "+s.text(n.X))
		case token.LAND, token.LOR:
			s.add("half a condition", n, s.text(n.X))
			s.add("half a condition", n, s.text(n.Y))
		}
	case *ast.IfStmt:
		s.add("negated condition", n.Cond, "!("+s.text(n.Cond)+")")
		if n.Else == nil && leaves(n.Body) {
			s.add("guard left out", n, "")
		}
	case *ast.BasicLit:
		if n.Kind == token.INT && len(n.Value) < 4 {
			s.add("constant", n, n.Value+"+1")
		}
	case *ast.CallExpr:
		if len(n.Args) >= 2 {
			s.out = append(s.out, bug{"swapped arguments", s.at(n.Args[0].Pos()), s.at(n.Args[1].End()), s.text(n.Args[1]) + ", " + s.text(n.Args[0])})
		}
	case *ast.ExprStmt:
		s.add("statement left out", n, "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			s.add("statement left out", n, "")
		}
	case *ast.Ident:
		if slices.Contains(s.vars, n.Name) {
			for _, v := range s.vars {
				if v != n.Name {
					s.add("another variable", n, v)
				}
			}
		}
	}
}

func leaves(b *ast.BlockStmt) bool {
	if len(b.List) != 1 {
		return false
	}
	switch b.List[0].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	}
	return false
}

func namesIn(fn *ast.FuncDecl) []string {
	var out []string
	add := func(id *ast.Ident) {
		if id.Name != "_" && !slices.Contains(out, id.Name) {
			out = append(out, id.Name)
		}
	}
	for _, f := range fn.Type.Params.List {
		for _, id := range f.Names {
			add(id)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, l := range a.Lhs {
				if id, ok := l.(*ast.Ident); ok {
					add(id)
				}
			}
		}
		return true
	})
	return out
}

// apply is the file with the bug; formatted, as a person's would be.
func (b bug) apply(src []byte) ([]byte, error) {
	return format.Source(slices.Concat(src[:b.from], []byte(b.text), src[b.to:]))
}

// draw picks one of n by what it is for, and never by chance.
func draw(n int, what ...any) int {
	h := sha256.Sum256(fmt.Append(nil, what...))
	return int(binary.BigEndian.Uint64(h[:8]) % uint64(n))
}

// pick chooses the next bug to try: a class first, so that those with many places do
// not crowd the others out.
func pick(files map[string][]bug, pkg string, round, try int) (string, bug) {
	var classes []string
	for _, list := range files {
		for _, b := range list {
			if !slices.Contains(classes, b.class) {
				classes = append(classes, b.class)
			}
		}
	}
	slices.Sort(classes)
	class := classes[draw(len(classes), pkg, round, try, "class")]
	type place struct {
		file string
		bug
	}
	var all []place
	for file, list := range files {
		for _, b := range list {
			if b.class == class {
				all = append(all, place{file, b})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		return bytes.Compare(fmt.Appendf(nil, "%s %08d %s", a.file, a.from, a.text), fmt.Appendf(nil, "%s %08d %s", b.file, b.from, b.text))
	})
	p := all[draw(len(all), pkg, round, try, class)]
	return p.file, p.bug
}
