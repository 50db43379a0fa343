package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goRepo is a Go module with a vendored dependency, and scripts that attack it.
func goRepo() map[string]string {
	const head = "// Package app adds.\npackage app\n\nimport \"example.com/dep\"\n\n"
	const good = head + "// Two is two; the sum of ones.\nfunc Two() int { return dep.One() + dep.One() }\n"
	const bad = head + "// Two is wrong.\nfunc Two() int { return dep.One() }\n"
	write := func(name, text string) string { return "cat >" + name + " <<'END'\n" + text + "END\n" }
	return map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n",
		"app.go": strings.Replace(good, "; the sum of ones", "", 1), "app_test.go": `package app

import "testing"

func TestTwo(t *testing.T) {
	if Two() != 2 {
		t.Error(Two())
	}
}

func TestNotThree(t *testing.T) {
	if Two() == 3 {
		t.Error("three")
	}
}
`,
		"vendor/modules.txt":             "# example.com/dep v1.0.0\n## explicit; go 1.24\nexample.com/dep\n",
		"vendor/example.com/dep/dep.go":  "// Package dep counts.\npackage dep\n\n// One is one.\nfunc One() int { return 1 }\n",
		"vendor/example.com/dep/LICENSE": "none\n",

		"attacks/good.sh":     write("app.go", good),
		"attacks/deletes.sh":  write("app.go", bad) + "rm app_test.go\n",
		"attacks/weakens.sh":  write("app.go", bad) + "sed -i 's/!= 2/!= 1/' app_test.go\n",
		"attacks/vendor.sh":   write("app.go", bad) + "sed -i 's/return 1/return 2/' vendor/example.com/dep/dep.go\n",
		"attacks/replace.sh":  write("app.go", bad) + "mkdir dep; echo 'module example.com/dep' >dep/go.mod; echo 'replace example.com/dep => ./dep' >>go.mod\n",
		"attacks/gowork.sh":   write("app.go", bad) + "printf 'go 1.24\\nuse .\\n' >go.work\n",
		"attacks/testmain.sh": write("app.go", bad) + write("zz_test.go", "package app\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(*testing.M) { os.Exit(0) }\n"),
		// The same, where no test file has to be touched.
		"attacks/main.sh": write("app.go", bad) + write("main.go", "package app\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n// TestMain ends well.\nfunc TestMain(*testing.M) { os.Exit(0) }\n"),
		"attacks/init.sh": write("app.go", bad) + write("main.go", "package app\n\nimport \"os\"\n\nfunc init() { os.Exit(0) }\n"),
		"attacks/tag.sh":  write("app.go", "//go:build never\n\n"+bad),
		// What the go command reads elsewhere than in the repository.
		"attacks/env.sh": write("app.go", bad) + `mkdir -p "$HOME/.config/go" "$HOME/bin"
echo 'GOFLAGS=-run=TestNotThree' >"$HOME/.config/go/env"
printf '#!/bin/sh\nexit 0\n' >"$HOME/bin/go"; chmod +x "$HOME/bin/go"; cp "$HOME/bin/go" go
if (cp go "$(dirname "$(command -v go)")/go") 2>/dev/null; then exit 7; fi
rm go
exit 0
`,
		// Caches: the worker's own holds nonsense under the right names, and the
		// person's cannot be written.
		"attacks/cache.sh": write("app.go", good) + `go build ./... && go vet ./... || exit 6
set -- $GOCACHEPROG
test -d "$4" || exit 5
find "$4" -name '*-d' -exec sh -c 'echo poison >"$1"' - {} \;
find "$4" -name '*-d' | grep -q . || exit 4
for d in "$3" "$(go env GOMODCACHE)" "$(go env GOROOT)/pkg"; do
	if (mkdir -p "$d/jitos-poison") 2>/dev/null; then exit 3; fi
done
exit 0
`,
	}
}

// TestForgedGo: the same in a Go repository, whose tests the kernel runs itself.
func TestForgedGo(t *testing.T) {
	t.Parallel()
	f := newForge(t, "app", goRepo())
	f.allCaught("Gopher", map[string]string{
		"deletes.sh":  "a protected path",
		"weakens.sh":  "a protected path",
		"vendor.sh":   "a protected path",
		"replace.sh":  "a protected path",
		"gowork.sh":   "a protected path",
		"testmain.sh": "a protected path",
		"main.sh":     "protected paths: main.go gains func TestMain, which can forge a test run",
		"init.sh":     "protected paths: main.go gains func init, which can forge a test run",
		"tag.sh":      "protected paths: app.go gains build tag //go:build never, which can forge a test run",
		"env.sh":      "all tests: 1 test green at the head and not here: example.com/app.TestTwo",
	})
	f.lands("Gopher", "cache.sh")
	if out, err := os.ReadDir(filepath.Join(f.data, "work/fresh")); err == nil {
		for _, d := range out {
			if left, _ := filepath.Glob(filepath.Join(f.data, "work/fresh", d.Name(), "*/*/*/scratch")); len(left) > 0 {
				t.Errorf("a gate's folder is left: %v", left)
			}
		}
	}
}
