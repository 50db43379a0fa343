package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOtherSystems checks the types of every package as other systems and processors
// compile it, which takes a tenth of compiling it: what is called there must be there.
// `make cross` compiles.
func TestOtherSystems(t *testing.T) {
	for _, target := range []string{"linux/arm64", "darwin/arm64", "darwin/amd64"} {
		system, processor, _ := strings.Cut(target, "/")
		cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module", "./...")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c := checkedTypes{"unsafe": types.Unsafe}
		ours := 0
		for dec := json.NewDecoder(out); ; {
			var p listedPackage
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for _, fault := range c.check(p, types.SizesFor("gc", processor)) {
				t.Errorf("%s: %v", target, fault)
			}
			if p.ours() {
				ours++
			}
		}
		if err := cmd.Wait(); err != nil || ours < 30 {
			t.Errorf("%s: %d packages of our own: %v", target, ours, err)
		}
	}
}

// listedPackage is what go list says of a package, after those that it imports.
type listedPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
	Module          *struct{ Main bool }
}

func (p *listedPackage) ours() bool { return p.Module != nil && p.Module.Main }

// checkedTypes are the packages checked so far, by import path.
type checkedTypes map[string]*types.Package

// check finds what does not compile in one of our own packages; of others it only
// takes in what they declare.
func (c checkedTypes) check(p listedPackage, sizes types.Sizes) (faults []error) {
	if p.ImportPath == "unsafe" {
		return nil
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			faults = append(faults, err)
		}
		files = append(files, f)
	}
	conf := types.Config{
		Sizes: sizes, IgnoreFuncBodies: !p.ours(),
		Importer: importerFunc(func(path string) (*types.Package, error) {
			if to, ok := p.ImportMap[path]; ok {
				path = to
			}
			if got, ok := c[path]; ok {
				return got, nil
			}
			return nil, errors.New("it is not listed before " + p.ImportPath + ": " + path)
		}),
		Error: func(err error) {
			if p.ours() {
				faults = append(faults, err)
			}
		},
	}
	c[p.ImportPath], _ = conf.Check(p.ImportPath, set, files, nil) // its faults were told
	return faults
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
