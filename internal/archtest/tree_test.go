package archtest

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// file is one text file of the module's folder.
type file struct {
	name string // from the root, with slashes
	dir  string
	text string
	tree *ast.File // nil unless it is Go of this module
	fset *token.FileSet
}

func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// isTestdata reports whether the file is what a test reads.
func (f file) isTestdata() bool {
	return strings.HasPrefix(f.name, "testdata/") || strings.Contains(f.name, "/testdata/")
}

// at is the place of a node, from the root: "rmg/a.go:3".
func (f file) at(n ast.Node) place { return place{f.name, f.fset.Position(n.Pos()).Line} }

// root finds the folder of the module that this test stands in.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+module+"\n")) {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no go.mod of %s here or above", module)
		}
		dir = up
	}
}

// ignored are the folders, from the root, that are never committed (.gitignore)
// or are not ours.
var ignored = []string{".git", "bin", "dist", "node_modules"}

// read takes in every text file below a folder, and parses the Go of its
// module: nested modules and test data are read as text. It asks no go command:
// the test's cache knows the files that it opened, and no others.
func read(root string) ([]file, error) {
	var out []file
	nested := map[string]bool{} // folders outside the module
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone since its folder was listed
			}
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if d.IsDir() {
			if under(ignored, name) || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			_, err := os.Stat(filepath.Join(p, "go.mod"))
			nested[name] = name != "." && (err == nil || d.Name() == "testdata" || nested[path.Dir(name)])
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil || bytes.IndexByte(data, 0) >= 0 {
			return err // with a zero byte it is no text
		}
		f := file{name: name, dir: path.Dir(name), text: string(data)}
		if strings.HasSuffix(name, ".go") && !nested[f.dir] {
			f.fset = token.NewFileSet()
			if f.tree, err = parser.ParseFile(f.fset, name, data, parser.ParseComments|parser.SkipObjectResolution); err != nil {
				return err
			}
		}
		out = append(out, f)
		return nil
	})
	return out, err
}
