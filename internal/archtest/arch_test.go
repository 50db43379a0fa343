package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "jitos.dev"

// anything is a package that may import all of ours: where things are wired.
var anything = []string{"*"}

// imports is the import table of docs/architecture.md: which of our packages a
// package may import. A package that is not in it is refused.
var imports = map[string][]string{
	"rmg": {}, "viewer": {}, "methods": {}, "tasks": {}, "journal": {},
	"journal/journaltest": {"journal"},
	"rewrite":             {"rmg"},
	"sched":               {"rmg", "rewrite"},
	"work":                {"rmg", "rewrite", "tasks"},
	"kernel":              {"rmg", "rewrite", "sched", "tasks", "work", "journal"},
	"worktree":            {"rmg", "rewrite"},
	"workers":             {"work", "tasks", "rmg", "rewrite", "workers/*"},
	"workers/sandbox":     {"work", "rmg"},
	"workers/gocache":     {},
	"workers/gotool":      {"work", "rmg", "workers/sandbox", "workers/gocache"},
	"workers/repair":      {"work", "tasks", "rmg", "rewrite", "workers/sandbox", "workers/gotool"},
	"net/wire":            {"rmg", "rewrite", "tasks", "work"},
	"net/client":          {"net/wire", "rmg", "rewrite", "tasks", "work"},
	"net/server":          {"net/wire", "kernel", "rmg", "rewrite", "tasks", "work", "viewer"},
	"cmd/jitos":           anything,
	"cmd/jitosd":          anything,
	"internal/archtest":   {},
	"internal/sim":        anything,
}

// pure packages see no clock, file, network or chance, and start nothing.
var pure = []string{"rmg", "rewrite", "tasks", "sched", "work"}

// impure are the standard packages that pure ones stay away from.
var impure = []string{"time", "os", "net", "math/rand", "math/rand/v2", "log", "log/slog", "crypto/rand", "syscall"}

// maxLines is how long a file may get before it holds more than one idea.
const maxLines = 600

// goFile is a parsed file of the module.
type goFile struct {
	name string // relative, with slashes
	dir  string
	tree *ast.File
	fset *token.FileSet
	src  string
}

func (f goFile) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// files parses every Go file of a module's folder, its nested modules and test
// data left out.
func files(t *testing.T, root string) []goFile {
	t.Helper()
	var out []goFile
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == root {
				return nil
			}
			if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f := goFile{name: filepath.ToSlash(rel), fset: token.NewFileSet(), src: string(src)}
		f.dir = path.Dir(f.name)
		f.tree, err = parser.ParseFile(f.fset, p, src, parser.ParseComments)
		out = append(out, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// broken lists everything in which a tree departs from the table.
func broken(list []goFile) []string {
	var out []string
	documented := map[string]bool{}
	for _, f := range list {
		allowed, known := imports[f.dir]
		if !known {
			out = append(out, f.name+": package "+f.dir+" is not in the import table")
			continue
		}
		documented[f.dir] = documented[f.dir] || f.tree.Doc != nil && !f.isTest()
		for _, i := range f.tree.Imports {
			p := strings.Trim(i.Path.Value, `"`)
			ours, isOurs := strings.CutPrefix(p, module+"/")
			switch {
			case isOurs && !f.isTest() && !allows(allowed, ours):
				out = append(out, f.name+": may not import "+ours)
			case slices.Contains(pure, f.dir) && !f.isTest() && slices.Contains(impure, p):
				out = append(out, f.name+": is pure and imports "+p)
			}
		}
		if f.isTest() {
			continue
		}
		if slices.Contains(pure, f.dir) {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				if g, ok := n.(*ast.GoStmt); ok {
					out = append(out, f.fset.Position(g.Pos()).String()+": is pure and starts a goroutine")
				}
				return true
			})
		}
		if n := strings.Count(f.src, "\n"); n > maxLines {
			out = append(out, f.name+": is too long for one idea")
		}
		for _, word := range []string{"TO" + "DO", "FIX" + "ME", `panic("st` + `ub")`} {
			if strings.Contains(f.src, word) {
				out = append(out, f.name+": holds "+word)
			}
		}
	}
	for dir := range imports {
		if slices.ContainsFunc(list, func(f goFile) bool { return f.dir == dir && !f.isTest() }) && !documented[dir] {
			out = append(out, dir+": has no package comment")
		}
	}
	slices.Sort(out)
	return out
}

func allows(allowed []string, p string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		prefix, all := strings.CutSuffix(a, "*")
		return a == p || all && strings.HasPrefix(p, prefix)
	})
}

func TestTheHouseIsInOrder(t *testing.T) {
	for _, b := range broken(files(t, "../..")) {
		t.Error(b)
	}
}

// TestDisorderIsSeen makes sure that the test above can fail.
func TestDisorderIsSeen(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{
		"rmg/a.go":      "package rmg\n\nimport (\n\t\"time\"\n\n\t\"jitos.dev/kernel\"\n)\n\nfunc f() { go g(); _ = time.Now }\n",
		"rmg/a_test.go": "package rmg\n\nimport \"time\"\n",
		"stray/a.go":    "package stray\n",
		"rewrite/a.go":  "// Package rewrite is long.\npackage rewrite\n" + strings.Repeat("\n", maxLines),
	} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(broken(files(t, dir)), "\n")
	for _, want := range []string{
		"rmg/a.go: may not import kernel", "rmg/a.go: is pure and imports time", "is pure and starts a goroutine", "rmg: has no package comment",
		"stray is not in the import table", "rewrite/a.go: is too long",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not seen in\n%s", want, got)
		}
	}
	if strings.Contains(got, "a_test.go") {
		t.Errorf("a test's import is held against it:\n%s", got)
	}
}
