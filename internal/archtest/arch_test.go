package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule names what a finding is about.
type rule string

const (
	imports     rule = "imports"      // the contract's table
	testImports rule = "test imports" // the same table for _test.go files, which may import their own package besides
	purity      rule = "purity"
	comment     rule = "package comment"
	length      rule = "length"
	finished    rule = "finished"
	alone       rule = "alone" // knows nothing of the place where it is made
	stale       rule = "stale" // a row or an exemption that nothing needs
)

type place struct {
	name string
	line int
}

// finding is one departure from a rule.
type finding struct {
	rule     rule
	place    place
	from, to string // what an exemption would have to name
	says     string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.place.name, f.place.line, f.rule, f.says)
}

func TestTheHouseIsInOrder(t *testing.T) {
	files, err := read(root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("only %d files are seen", len(files))
	}
	for _, f := range judge(files, contract, exemptions) {
		t.Error(f)
	}
}

// judge finds everything in which files depart from the rules, the exemptions
// taken off, in order of place.
func judge(files []file, table map[string][]string, exempt []exemption) []finding {
	all := slices.Concat(checkImports(files, table, exempt), checkPackages(files))
	for _, f := range files {
		if f.tree != nil && !f.isTest() {
			all = append(all, checkPurity(f)...)
			all = append(all, checkCode(f)...)
		}
		all = append(all, checkText(f)...)
	}
	used := make([]bool, len(exempt))
	all = slices.DeleteFunc(all, func(f finding) bool {
		i := slices.IndexFunc(exempt, func(e exemption) bool {
			return e.rule == f.rule && (e.from == f.from || e.from == f.place.name) && e.to == f.to
		})
		if i >= 0 {
			used[i] = true
		}
		return i >= 0
	})
	for i, e := range exempt {
		if !used[i] {
			all = append(all, finding{stale, place{"internal/archtest/table_test.go", 0}, "", "", fmt.Sprintf("no file needs the exemption of %s from %s for %s", e.from, e.rule, e.to)})
		}
		if e.why == "" {
			all = append(all, finding{stale, place{"internal/archtest/table_test.go", 0}, "", "", fmt.Sprintf("the exemption of %s from %s for %s has no reason", e.from, e.rule, e.to)})
		}
	}
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.place.name, b.place.name), cmp.Compare(a.place.line, b.place.line))
	})
	return all
}

// checkImports holds every file to its package's row. A package below one with
// a row has to be named by an exemption, or else it is refused as unknown;
// internal/archtest itself imports nothing of ours and has an empty row.
func checkImports(files []file, table map[string][]string, exempt []exemption) []finding {
	var out []finding
	for _, f := range files {
		if f.tree == nil {
			continue
		}
		row, known := rowOf(f.dir, table, exempt)
		if !known {
			out = append(out, finding{imports, f.at(f.tree.Name), f.dir, "", "package " + f.dir + " is not in the import table"})
			continue
		}
		r := imports
		if f.isTest() {
			r = testImports
		}
		for _, i := range f.tree.Imports {
			pkg, ours := strings.CutPrefix(importPath(i), module+"/")
			if !ours || allows(row, pkg) || f.isTest() && (pkg == f.dir || exempted(exempt, imports, f.dir, pkg)) {
				continue
			}
			out = append(out, finding{r, f.at(i), f.dir, pkg, f.dir + " may not import " + pkg})
		}
	}
	return out
}

// rowOf is a package's row; one without is known if it may import nothing.
func rowOf(dir string, table map[string][]string, exempt []exemption) ([]string, bool) {
	if row, ok := table[dir]; ok {
		return row, true
	}
	known := slices.Contains(leaves, dir) || slices.ContainsFunc(exempt, func(e exemption) bool { return e.rule == imports && e.from == dir })
	return nil, known
}

func exempted(list []exemption, r rule, from, to string) bool {
	return slices.ContainsFunc(list, func(e exemption) bool { return e.rule == r && e.from == from && e.to == to })
}

func importPath(i *ast.ImportSpec) string {
	p, err := strconv.Unquote(i.Path.Value)
	if err != nil {
		return i.Path.Value
	}
	return p
}

// checkPackages wants a comment of every package that says what it is.
func checkPackages(files []file) []finding {
	first, says := map[string]file{}, map[string]bool{}
	var dirs []string
	for _, f := range files {
		if f.tree == nil || f.isTest() {
			continue
		}
		if _, seen := first[f.dir]; !seen {
			first[f.dir], dirs = f, append(dirs, f.dir)
		}
		pkg := f.tree.Name.Name // a command's begins with its own name, not with main
		says[f.dir] = says[f.dir] || f.tree.Doc != nil && (pkg == "main" || strings.HasPrefix(f.tree.Doc.Text(), "Package "+pkg+" "))
	}
	var out []finding
	for _, dir := range dirs {
		if !says[dir] {
			f := first[dir]
			out = append(out, finding{comment, f.at(f.tree.Name), dir, "", "package " + dir + " does not say what it is: // Package " + f.tree.Name.Name + " ..."})
		}
	}
	return out
}

// checkPurity holds the pure packages to law 12: nothing comes in but what they
// are given, and nothing of theirs runs on.
func checkPurity(f file) []finding {
	if !slices.Contains(pure, f.dir) {
		return nil
	}
	var out []finding
	for _, i := range f.tree.Imports {
		if p := importPath(i); under(impure, p) {
			out = append(out, finding{purity, f.at(i), f.dir, p, f.dir + " is pure and imports " + p})
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			out = append(out, finding{purity, f.at(g), f.dir, "go", f.dir + " is pure and starts a goroutine"})
		}
		return true
	})
	return out
}

// checkCode wants files of one idea, with every function written.
func checkCode(f file) []finding {
	var out []finding
	if n := strings.Count(f.text, "\n"); n > maxLines && !ast.IsGenerated(f.tree) {
		out = append(out, finding{length, place{f.name, n}, f.dir, "", fmt.Sprintf("%d lines; a file has up to %d", n, maxLines)})
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		fun, ok := call.Fun.(*ast.Ident)
		if !ok || fun.Name != "panic" {
			return true
		}
		lit, ok := call.Args[0].(*ast.BasicLit)
		if ok && slices.ContainsFunc(stubs, func(s string) bool { return strings.Contains(strings.ToLower(lit.Value), s) }) {
			out = append(out, finding{finished, f.at(call), f.dir, "panic", "a function is left out: panic(" + lit.Value + ")"})
		}
		return true
	})
	return out
}

var unfinishedWord = regexp.MustCompile(`\b(` + strings.Join(unfinished, "|") + `)\b`)

// checkText looks at every line of a text file. What tests are made of may hold
// the words of unfinished code (a repair's input does); nothing may hold the
// places where the project is made. go.sum is hashes.
func checkText(f file) []finding {
	var out []finding
	words := !f.isTest() && !f.isTestdata() && !strings.HasSuffix(f.name, "go.sum")
	for i, line := range strings.Split(f.text, "\n") {
		if words {
			if w := unfinishedWord.FindString(line); w != "" {
				out = append(out, finding{finished, place{f.name, i + 1}, f.dir, w, "holds " + w})
			}
		}
		for _, o := range own {
			line = strings.ReplaceAll(line, o, "")
		}
		for _, w := range foreign {
			if strings.Contains(line, w) {
				out = append(out, finding{alone, place{f.name, i + 1}, f.dir, w, "names " + w})
			}
		}
	}
	return out
}
