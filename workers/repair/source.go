package repair

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"jitos.dev/workers/gotool"
)

// pkg is a package of the module, parsed and type-checked.
type pkg struct {
	dir   string // relative to the repository
	path  string
	fset  *token.FileSet
	files []*file
	info  *types.Info
	types *types.Package
	deps  *exports
}

// file is one source file of a package; what may not be changed is not editable.
type file struct {
	name     string // relative to the repository
	src      []byte
	ast      *ast.File
	editable bool

	formatted bool // as gofmt would have it
}

// exports gives the types of imported packages from their export data. The
// importer caches, so one is shared by every check in order.
type exports struct {
	files map[string]string // import path -> export data
	imp   types.Importer
	fset  *token.FileSet
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, CgoFiles       []string
	ImportMap               map[string]string
	Module                  *struct{ Path, Dir, GoVersion string }
	Standard                bool
	Error                   *struct{ Err string }
}

// list asks go list about the packages of the module and all they import.
func list(ctx context.Context, tool *gotool.Toolchain, p gotool.Place) ([]listed, error) {
	out, err := tool.Run(ctx, p, 5*time.Minute, "go", "list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,CgoFiles,Module,Standard", "./...")
	if err != nil {
		return nil, err
	}
	var all []listed
	i := bytes.IndexByte(out.Output, '{')
	if i < 0 {
		return nil, fmt.Errorf("go list: %s", gotool.FirstLine(out.Output))
	}
	dec := json.NewDecoder(bytes.NewReader(out.Output[i:]))
	for {
		var l listed
		if err := dec.Decode(&l); err != nil {
			if !errors.Is(err, io.EOF) && len(all) == 0 {
				return nil, fmt.Errorf("go list: %w", err)
			}
			return all, nil
		}
		l.Dir = p.Outside(l.Dir)
		all = append(all, l)
	}
}

// load parses and checks the packages of the module that hold the files named.
func load(all []listed, folder string, names map[string]bool) ([]*pkg, error) {
	ex := &exports{files: map[string]string{}, fset: token.NewFileSet()}
	for _, l := range all {
		if l.Export != "" {
			ex.files[l.ImportPath] = l.Export
		}
	}
	ex.imp = importer.ForCompiler(ex.fset, "gc", func(path string) (io.ReadCloser, error) {
		f, ok := ex.files[path]
		if !ok {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(f)
	})
	var out []*pkg
	for _, l := range all {
		rel, err := filepath.Rel(folder, l.Dir)
		if l.Standard || err != nil || strings.HasPrefix(rel, "..") || len(l.CgoFiles) > 0 {
			continue
		}
		wanted := false
		for _, f := range l.GoFiles {
			wanted = wanted || names[path.Join(filepath.ToSlash(rel), f)]
		}
		if !wanted {
			continue
		}
		p, err := parse(l, folder, filepath.ToSlash(rel), ex)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func parse(l listed, folder, rel string, ex *exports) (*pkg, error) {
	p := &pkg{dir: rel, path: l.ImportPath, fset: ex.fset, deps: ex}
	slices.Sort(l.GoFiles)
	for _, name := range l.GoFiles {
		full := filepath.Join(folder, rel, name)
		src, err := os.ReadFile(full)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(p.fset, full, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		nice, err := format.Source(src)
		p.files = append(p.files, &file{
			name: path.Join(rel, name), src: src, ast: tree, editable: !generated.Match(src), formatted: err == nil && bytes.Equal(nice, src),
		})
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Scopes: map[ast.Node]*types.Scope{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	trees := make([]*ast.File, len(p.files))
	for i, f := range p.files {
		trees[i] = f.ast
	}
	conf := p.config()
	var err error
	p.types, err = conf.Check(p.path, p.fset, trees, p.info)
	return p, err
}

func (p *pkg) config() types.Config {
	return types.Config{Importer: p.deps.imp, Sizes: types.SizesFor("gc", runtime.GOARCH)}
}

// compiles says whether the package type-checks with the texts of some of its
// files replaced. Nothing is built for it. Of another language than Go, which has
// no package here, it is known already.
func (p *pkg) compiles(list ...text) bool {
	if p == nil {
		return true
	}
	fset := token.NewFileSet()
	trees := make([]*ast.File, 0, len(p.files))
	for _, g := range p.files {
		src := g.src
		for _, t := range list {
			if t.file == g {
				src = t.src
			}
		}
		t, err := parser.ParseFile(fset, g.name, src, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		trees = append(trees, t)
	}
	conf := p.config()
	_, err := conf.Check(p.path, fset, trees, nil)
	return err == nil
}

// text is the source of a node.
func (p *pkg) text(f *file, n ast.Node) string {
	return string(f.src[p.offset(n.Pos()):p.offset(n.End())])
}

func (p *pkg) offset(pos token.Pos) int { return p.fset.Position(pos).Offset }
func (p *pkg) line(pos token.Pos) int   { return p.fset.Position(pos).Line }
