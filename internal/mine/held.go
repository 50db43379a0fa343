package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"jitos.dev/workers/repair"
)

// The packages of the standard library whose bugs are seeded: those that what is
// counted and tried was looked at with, and those that nobody looks at before the
// number is taken. They have tests, and need nothing that is internal.
var (
	development = []string{"container/ring", "container/list", "container/heap", "encoding/csv", "encoding/hex", "encoding/ascii85", "text/tabwriter", "html"}
	heldOut     = []string{
		"encoding/base32", "encoding/pem", "mime/quotedprintable", "text/scanner", "index/suffixarray", "net/mail", "math/cmplx", "image/color", "net/textproto",
		"regexp/syntax", "go/constant", "text/template/parse",
	}
)

// The limits of one bug.
const (
	maxTries   = 60 // until one builds and some test sees it
	candidates = 40 // of the repair
	testLimit  = 60 * time.Second
)

// held seeds a bug in each package, has `jitos intent` repair it, and says how it
// ended: correct if the file does what it did, plausible if it landed, which it does
// only with every test green, or neither.
func held(jitos, dir string, list []string, rounds int, out io.Writer) error {
	counts := map[string]int{}
	for round := range rounds {
		for _, pkg := range list {
			began := time.Now()
			class, end, err := one(jitos, dir, pkg, round)
			if err != nil {
				return fmt.Errorf("%s: %w", pkg, err)
			}
			counts[end]++
			fmt.Fprintf(out, "%-22s %-20s %-10s %4.0f s\n", pkg, class, end, time.Since(began).Seconds())
		}
	}
	n := rounds * len(list)
	fmt.Fprintf(out, "%d bugs: %d correct, %d plausible and something else, %d not repaired, %d not seeded\n", n, counts["correct"], counts["plausible"], counts["none"], counts["no bug"])
	return nil
}

// one makes a module of a package, seeds it and has it repaired.
func one(jitos, dir, pkg string, round int) (class, end string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", "", err
	}
	repo := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+fmt.Sprint(round))
	from := filepath.Join(strings.TrimSpace(string(root)), "src", pkg)
	if err := copyPackage(repo, from, pkg); err != nil {
		return "", "", err
	}
	bugs, sources := map[string][]bug{}, map[string][]byte{}
	list, err := filepath.Glob(filepath.Join(repo, "*.go"))
	if err != nil {
		return "", "", err
	}
	for _, name := range list {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return "", "", err
		}
		base := filepath.Base(name)
		if bugs[base], err = bugsOf(src); err != nil {
			return "", "", err
		}
		sources[base] = src
	}
	for try := range maxTries {
		file, b := pick(bugs, pkg, round, try)
		src, err := b.apply(sources[file])
		if err != nil {
			continue // what it makes does not parse
		}
		if err := os.WriteFile(filepath.Join(repo, file), src, 0o644); err != nil {
			return "", "", err
		}
		if seen(repo) {
			end, err := repaired(jitos, dir, repo, file, sources[file])
			return b.class, end, err
		}
		if err := os.WriteFile(filepath.Join(repo, file), sources[file], 0o644); err != nil {
			return "", "", err
		}
	}
	return "", "no bug", nil
}

// copyPackage makes a module of one folder.
func copyPackage(repo, from, pkg string) error {
	if err := os.MkdirAll(repo, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.IsDir() && e.Name() == "testdata":
			if err := os.CopyFS(filepath.Join(repo, "testdata"), os.DirFS(filepath.Join(from, "testdata"))); err != nil {
				return err
			}
		case !e.IsDir() && strings.HasSuffix(e.Name(), ".go"):
			data, err := os.ReadFile(filepath.Join(from, e.Name()))
			if err != nil {
				return err
			}
			// Tests from outside import the package by the module's name.
			data = []byte(strings.ReplaceAll(string(data), `"`+pkg+`"`, `"example.com/`+filepath.Base(pkg)+`"`))
			if err := os.WriteFile(filepath.Join(repo, e.Name()), data, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(repo, "go.mod"), []byte("module example.com/"+filepath.Base(pkg)+"\n\ngo 1.24\n"), 0o644)
}

var failing = regexp.MustCompile(`(?m)^\s*--- FAIL: Test`)

// seen reports whether a test of the module sees the bug, and it builds.
func seen(repo string) bool {
	ctx, stop := context.WithTimeout(context.Background(), testLimit)
	defer stop()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-timeout=10s", "./...")
	cmd.Dir = repo
	out, err := cmd.CombinedOutput()
	return err != nil && failing.Match(out)
}

// repaired has the repository's owner ask for a repair, and looks at what landed.
func repaired(jitos, dir, repo, file string, was []byte) (string, error) {
	env := append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_DATA_HOME="+filepath.Join(dir, "data"),
		"JITOS_DATA="+filepath.Join(dir, "data"), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		return "", err
	}
	run := func(argv ...string) ([]byte, error) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = repo, env
		return cmd.CombinedOutput()
	}
	for _, argv := range [][]string{{"git", "init", "-q"}, {"git", "add", "-A"}, {"git", "commit", "-qm", "first"}} {
		if out, err := run(argv...); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
	}
	slaps := repo + ".json"
	if err := os.WriteFile(slaps, fmt.Appendf(nil, `{"slaps_version":"1","intent":"FixBug","target":{"name":"."},"budget":{"candidates":%d}}`, candidates), 0o644); err != nil {
		return "", err
	}
	out, err := run(jitos, "intent", "-f", slaps)
	if werr := os.WriteFile(repo+".log", out, 0o644); werr != nil {
		return "", werr
	}
	if err != nil {
		return "none", nil
	}
	now, err := os.ReadFile(filepath.Join(repo, file))
	if err != nil {
		return "", err
	}
	if repair.Same(file, now, was) {
		return "correct", nil
	}
	return "plausible", nil
}
