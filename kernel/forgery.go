package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// policyName is the gate that the kernel judges from the change itself.
const policyName = "protected paths"

// policyEvidence judges a change by what it touches, under the policy of the
// head it merges with. Nothing is run: the change decides. What a person may
// let pass is green here, and asked before the commit.
func (k *Kernel) policyEvidence(p proof) work.Evidence {
	base, next := p.base.Digest(), p.next.Digest()
	sum := sha256.Sum256([]byte("jitos policy 2\x00" + base.String() + next.String() + policyDigest(p.head)))
	e := work.Evidence{
		Gate: policyName, Kind: work.GatePolicy, Input: next, Key: hex.EncodeToString(sum[:]),
		Sandbox: work.Sandbox{Tier: "none", Network: "none"}, Tools: "kernel",
	}
	files := changedFiles(p.base, p.next)
	faults, asked := k.judgeBranch(p)
	e.Green = len(faults) == 0
	e.Reason = strings.TrimSuffix(plural(len(files), "file")+" changed: "+some(files), ": ")
	if p.byHand {
		e.Reason += " (by hand)"
	}
	if len(asked) > 0 {
		e.Reason += "; for a person to approve: " + some(places(asked))
	}
	if !e.Green {
		e.Reason = some(faults)
	}
	return e
}

// places lists what is asked about, by path and verb.
func places(asked []Asked) []string {
	out := make([]string, len(asked))
	for i, q := range asked {
		out[i] = fmt.Sprintf("%s (%s)", q.Path, q.Verb)
	}
	return out
}

// policyDigest is that of a world's /policy; empty if there is none.
func policyDigest(world rmg.Graph) string {
	e, ok := world.Get(policyRoot)
	if !ok {
		return ""
	}
	o := rmg.NewOverlay(rmg.Graph{}).Unchecked()
	if err := o.Graft(policyRoot, e); err != nil {
		return ""
	}
	return o.Graph().Digest().String()
}

func split(rel string) []string { return strings.Split(rel, "/") }

// forgeries names what a Go file gained that can forge a test run: the code
// under test runs in the same process as the test, so what it adds of these
// needs a person's approval. A test file that the intent asks for imports testing, and
// may do nothing when its package begins: that is before every other test.
func (k *Kernel) forgeries(base, next rmg.Graph, file string, added bool) []string {
	switch path.Ext(file) {
	case ".go":
	case ".s", ".S", ".c", ".cc", ".cpp", ".m", ".h", ".syso", ".swig":
		return []string{file + " is compiled beside Go, and can forge a test run"}
	default:
		return nil
	}
	before := k.powers(base, file)
	test := added && strings.HasSuffix(file, "_test.go")
	if test {
		before = map[string]int{"import testing": 1}
	}
	var out []string
	for name, n := range k.powers(next, file) {
		if n > before[name] && (test || name != earlyCall) {
			out = append(out, fmt.Sprintf("%s gains %s, which can forge a test run", file, name))
		}
	}
	slices.Sort(out)
	return out
}

// powers counts, by name, what in a Go file can forge a test run.
func (k *Kernel) powers(tree rmg.Graph, file string) map[string]int {
	p := rmg.Root.Join(strings.Split(file, "/")...)
	e, ok := tree.Get(p)
	if !ok || e.Kind != rewrite.KindFile {
		return nil
	}
	src, err := readBlob(k.store, e.Props.Blob(rewrite.PropBlob))
	if err != nil {
		return map[string]int{"unreadable content": 1}
	}
	found := map[string]int{}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		found["code that does not parse"]++
	}
	if f == nil {
		return found
	}
	local := map[string]string{} // names that imports go by here -> their own
	for _, imp := range f.Imports {
		whole, _ := strconv.Unquote(imp.Path.Value)
		local[path.Base(whole)] = path.Base(whole)
		if imp.Name != nil {
			local[imp.Name.Name] = path.Base(whole)
			if imp.Name.Name == "." {
				found["a dot import"]++
			}
		}
		switch name, _ := strconv.Unquote(imp.Path.Value); name {
		case "unsafe", "syscall", "C", "plugin", "testing", "os/signal", "golang.org/x/sys/unix":
			found["import "+name]++
		}
	}
	for _, g := range f.Comments {
		for _, c := range g.List {
			switch {
			case constraint.IsGoBuild(c.Text) || constraint.IsPlusBuild(c.Text):
				found["build tag "+c.Text]++
			case strings.HasPrefix(c.Text, "//go:linkname"), strings.HasPrefix(c.Text, "//go:embed"), strings.HasPrefix(c.Text, "//go:generate"):
				found[strings.Fields(c.Text)[0]]++
			}
		}
	}
	if n := earlyCalls(f, local); n > 0 {
		found[earlyCall] = n
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && (n.Name.Name == "init" || n.Name.Name == "TestMain") {
				found["func "+n.Name.Name]++
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				switch name := local[x.Name] + "." + n.Sel.Name; name {
				case "os.Exit", "runtime.Goexit", "os.Args", "os.Getenv", "os.LookupEnv", "os.Environ", "log.Fatal", "log.Fatalf", "log.Fatalln", "flag.Lookup", "os.Stdout", "debug.ReadBuildInfo", "runtime.Caller", "runtime.Callers", "debug.Stack":
					found[name]++
				}
			}
		}
		return true
	})
	if bytes.HasPrefix(bytes.TrimSpace(src), []byte("//line ")) {
		found["//line"]++
	}
	return found
}

// earlyCall is what runs when a package begins, like init, without being called so.
const earlyCall = "a call of the package's own when it begins"

// earlyCalls counts the calls in values of a package's variables, but for those of
// imported packages and of what is predeclared.
func earlyCalls(f *ast.File, imported map[string]string) (n int) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		ast.Inspect(g, func(x ast.Node) bool {
			c, ok := x.(*ast.CallExpr)
			if !ok {
				_, body := x.(*ast.FuncLit)
				return !body // which runs when it is called
			}
			switch fun := c.Fun.(type) {
			case *ast.Ident:
				if types.Universe.Lookup(fun.Name) != nil {
					return true
				}
			case *ast.SelectorExpr:
				if on, ok := fun.X.(*ast.Ident); ok && imported[on.Name] != "" {
					return true
				}
			case *ast.ArrayType, *ast.MapType:
				return true // a conversion
			}
			n++
			return true
		})
	}
	return n
}
