package repair

import (
	"go/ast"
	"go/types"
	"strings"
)

// hintBonus prefers, among equals, files that the intent's words name.
func hintBonus(name, hint string) float64 {
	for _, word := range strings.Fields(strings.ToLower(hint)) {
		if len(word) > 2 && strings.Contains(strings.ToLower(name), word) {
			return 1.001
		}
	}
	return 1
}

// spread carries suspicion to where coverage points past the cause: from a body
// to the condition that let it run, and from lines to the package-level
// constants and variables that they use, which no coverage counts.
func spread(p *pkg, scores map[string]map[int]float64) {
	for _, f := range p.files {
		spreadToConditions(p, f, scores[f.name])
	}
	worst := map[types.Object]float64{}
	for _, f := range p.files {
		lines := scores[f.name]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			obj := p.info.Uses[id]
			if obj != nil && obj.Parent() == p.types.Scope() {
				worst[obj] = max(worst[obj], lines[p.line(id.Pos())])
			}
			return true
		})
	}
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				if spec, ok := s.(*ast.ValueSpec); ok {
					spreadTo(p, f, spec, worst, scores)
				}
			}
		}
	}
}

// spreadInLoops makes every line of a loop nearly as suspicious as its worst: the
// stack trace of a hang shows one moment of it.
func spreadInLoops(p *pkg, scores map[string]map[int]float64) {
	for _, f := range p.files {
		lines := scores[f.name]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if _, ok := n.(*ast.ForStmt); !ok || lines == nil {
				return true
			}
			worst := 0.0
			for line := p.line(n.Pos()); line <= p.line(n.End()); line++ {
				worst = max(worst, lines[line])
			}
			for line := p.line(n.Pos()); line <= p.line(n.End()); line++ {
				lines[line] = max(lines[line], worst*0.9)
			}
			return true
		})
	}
}

// spreadToConditions makes a condition nearly as suspicious as the worst line of
// its body.
func spreadToConditions(p *pkg, f *file, lines map[int]float64) {
	if lines == nil {
		return
	}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		if s, ok := n.(*ast.SwitchStmt); ok {
			ast.Inspect(s.Body, visit) // inner conditions first
			spreadToCases(p, s, lines)
			return false
		}
		var body *ast.BlockStmt
		var cond ast.Expr
		switch n := n.(type) {
		case *ast.IfStmt:
			body, cond = n.Body, n.Cond
		case *ast.ForStmt:
			body, cond = n.Body, n.Cond
		}
		if body == nil || cond == nil {
			return true
		}
		ast.Inspect(body, visit) // inner conditions first
		worst := 0.0
		for _, s := range body.List {
			worst = max(worst, lines[p.line(s.Pos())])
		}
		line := p.line(cond.Pos())
		lines[line] = max(lines[line], worst*0.97)
		return true
	}
	ast.Inspect(f.ast, visit)
}

// spreadToCases makes the cases of a switch nearly as suspicious as the worst line
// that one of them let run: coverage counts bodies, and no case's own line.
func spreadToCases(p *pkg, s *ast.SwitchStmt, lines map[int]float64) {
	worst := lines[p.line(s.Pos())]
	for _, c := range s.Body.List {
		for _, stmt := range c.(*ast.CaseClause).Body {
			worst = max(worst, lines[p.line(stmt.Pos())])
		}
	}
	for _, c := range s.Body.List {
		clause := c.(*ast.CaseClause)
		for line := p.line(clause.Pos()); line <= p.line(clause.Colon); line++ {
			lines[line] = max(lines[line], worst*0.97)
		}
	}
}

func spreadTo(p *pkg, f *file, spec *ast.ValueSpec, worst map[types.Object]float64, scores map[string]map[int]float64) {
	x := 0.0
	for _, name := range spec.Names {
		x = max(x, worst[p.info.Defs[name]]*0.9)
	}
	if x == 0 {
		return
	}
	if scores[f.name] == nil {
		scores[f.name] = map[int]float64{}
	}
	for line := p.line(spec.Pos()); line <= p.line(spec.End()); line++ {
		scores[f.name][line] = max(scores[f.name][line], x)
	}
}
