package repair

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"runtime"
	"slices"
	"strings"
)

// Explained is what the operators have to say of a change that somebody made.
type Explained struct {
	Class   string         // of the change that comes to the same; empty if none does
	Rank    int            // its place among those offered, by prior alone, from 1
	Offered map[string]int // how many changes of each class are offered in the functions that differ
}

// Explain holds a package, as the texts of its files, against what one of them
// became. It is how priors are counted: no test runs, and imports that imp cannot
// give are left out. A change that does nothing, or that is of more than one
// declaration, is an error.
func Explain(files map[string][]byte, name string, after []byte, imp types.Importer) (Explained, error) {
	p, changed, err := loose(files, name, imp)
	if err != nil {
		return Explained{}, err
	}
	from, to := differs(changed.src, after)
	d := declaration(p, changed, from, to)
	if d == nil {
		return Explained{}, fmt.Errorf("%s changes in more than one declaration", name)
	}
	start, end := p.offset(d.Pos()), p.offset(d.End())
	part := func(decl []byte) [32]byte {
		return meaning([]text{{changed, append([]byte("package p\n\n"), decl...)}})
	}
	truth := part(after[start : len(after)-(len(changed.src)-end)])
	if truth == part(changed.src[start:end]) {
		return Explained{}, fmt.Errorf("%s does what it did", name)
	}
	first, last := p.line(d.Pos()), p.line(d.End())
	list := candidates(p, changed, 1, func(line int) float64 {
		if first <= line && line <= last {
			return 1
		}
		return 0
	})
	order(list)
	longer := inked(after) - inked(changed.src)
	out := Explained{Offered: map[string]int{}}
	for i, c := range list {
		out.Offered[c.class()]++
		if grows := inked([]byte(c.text)) - inked(changed.src[c.from:c.to]); max(grows-longer, longer-grows) > nearlyAsLong {
			continue
		}
		if out.Class == "" && start <= c.from && c.to <= end && c.from <= to && from <= c.to {
			if part(slices.Concat(changed.src[start:c.from], []byte(c.text), changed.src[c.to:end])) == truth {
				out.Class, out.Rank = c.class(), i+1
			}
		}
	}
	return out, nil
}

// nearlyAsLong is how much longer or shorter, in characters that are no space, a text
// may be than another one that means the same: for parentheses, and words for signs.
const nearlyAsLong = 12

func inked(b []byte) int {
	n := 0
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\n' {
			n++
		}
	}
	return n
}

// declaration is the top-level one that holds a place; nil if none holds all of it.
func declaration(p *pkg, f *file, from, to int) ast.Decl {
	for _, d := range f.ast.Decls {
		if p.offset(d.Pos()) <= from && to <= p.offset(d.End()) {
			return d
		}
	}
	return nil
}

// class is what the prior of a candidate is counted by.
func (c candidate) class() string { return c.operator + "/" + string(c.sort) }

// differs is the place of a text that another one has otherwise, in bytes, with
// the lines around it.
func differs(a, b []byte) (from, to int) {
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	end := 0
	for end < len(a)-from && end < len(b)-from && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	to = len(a) - end
	from = bytes.LastIndexByte(a[:from], '\n') + 1
	if i := bytes.IndexByte(a[to:], '\n'); i >= 0 {
		to += i
	}
	return from, to
}

// loose parses and checks a package as far as it can be.
func loose(files map[string][]byte, name string, imp types.Importer) (*pkg, *file, error) {
	ex := &exports{fset: token.NewFileSet(), imp: imp}
	if imp == nil {
		ex.imp = importer.Default()
	}
	p := &pkg{fset: ex.fset, deps: ex}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	var changed *file
	var trees []*ast.File
	for _, n := range names {
		tree, err := parser.ParseFile(p.fset, n, files[n], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		if len(trees) > 0 && tree.Name.Name != trees[0].Name.Name && n != name {
			continue
		}
		f := &file{name: n, src: files[n], ast: tree, editable: true}
		p.files, trees = append(p.files, f), append(trees, tree)
		if n == name {
			changed = f
		}
	}
	if changed == nil || strings.HasSuffix(name, "_test.go") {
		return nil, nil, fmt.Errorf("%s is no file of the package", name)
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Scopes: map[ast.Node]*types.Scope{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	conf := types.Config{Importer: ex.imp, Sizes: types.SizesFor("gc", runtime.GOARCH), Error: func(error) {}}
	p.types, _ = conf.Check("p", p.fset, trees, p.info)
	return p, changed, nil
}

// Same reports whether two texts of a file do the same for reasons that can be seen
// without running them.
func Same(name string, a, b []byte) bool {
	f := &file{name: name}
	return meaning([]text{{f, a}}) == meaning([]text{{f, b}})
}
