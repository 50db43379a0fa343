// Command mine counts what fixed bugs: how often the change that a commit made to
// one file is one that an operator of the repair worker offers, and how many it
// offered there. Its output is the table of workers/repair/priors.go.
//
//	go run ./internal/mine REPOSITORY.git ...
//
// Nothing of what it reads is run or kept.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"jitos.dev/workers/repair"
)

// What is looked at.
const (
	maxLines = 8   // added and taken away, of a fix
	maxFiles = 120 // of a package
	maxFixes = 60  // of a repository, the newest, so that none of them outweighs the others
)

func main() {
	if err := do(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mine:", err)
		os.Exit(1)
	}
}

// do counts, or with "held" or "development" and the jitos program has bugs repaired.
func do(args []string, out io.Writer) error {
	if len(args) != 2 || args[0] != "held" && args[0] != "development" {
		return run(args, out)
	}
	dir := os.Getenv("MINE_DIR") // of an earlier run: what was built is there
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "mine"); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "in", dir)
	if args[0] == "held" {
		return held(args[1], dir, heldOut, 1, out)
	}
	return held(args[1], dir, development, 1, out)
}

// tally is what was counted so far.
type tally struct {
	looked, explained int
	fixes, offered    map[string]int
	ranks             []int
}

func run(args []string, out io.Writer) error {
	imp, err := standard()
	if err != nil {
		return err
	}
	all := tally{fixes: map[string]int{}, offered: map[string]int{}}
	for _, dir := range args {
		before := all
		if err := all.repository(dir, imp); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		fmt.Fprintf(out, "// %s: %d fixes of one small place, %d explained\n", dir, all.looked-before.looked, all.explained-before.explained)
		if os.Getenv("MINE_SHOW") != "" {
			all.table(out)
		}
	}
	all.table(out)
	return nil
}

// table writes what was counted.
func (all tally) table(out io.Writer) {
	slices.Sort(all.ranks)
	if n := len(all.ranks); n > 0 {
		fmt.Fprintf(out, "// %d looked at, %d explained, ranks in their functions: median %d, nine in ten %d\n", all.looked, all.explained, all.ranks[n/2], all.ranks[n*9/10])
	}
	for _, class := range slices.Sorted(maps.Keys(all.offered)) {
		fmt.Fprintf(out, "\t%q: {%d, %d},\n", class, all.fixes[class], all.offered[class])
	}
}

// standard gives the types of the standard library.
func standard() (types.Importer, error) {
	list, err := exec.Command("go", "list", "-export", "-f", "{{.ImportPath}} {{.Export}}", "std").Output()
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(list)) {
		if p, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			exports[p] = file
		}
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(p string) (io.ReadCloser, error) {
		if exports[p] == "" {
			return nil, fmt.Errorf("no export data for %s", p)
		}
		return os.Open(exports[p])
	}), nil
}

func git(dir string, args ...string) ([]byte, error) {
	return exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
}

// fixWords is what the first line of a fix says; notFix what one says that is about
// something else than what the program does.
var (
	fixWords = regexp.MustCompile(`(?i)\b(fix(e[sd])?|bug|panic|wrong|incorrect(ly)?|off.by.one|regression|crash|hang|leak|race)\b`)
	notFix   = regexp.MustCompile(`(?i)\b(typo|lint|doc(s|umentation)?|comment|spelling|vet|test|build|ci|import|format(ting)?|readme|deprecat\w*|golint|staticcheck|rename)\b`)
)

// fix is a commit that may be counted: one file of the program, few lines of it.
type fix struct{ commit, file string }

// fixesOf lists them, newest first.
func fixesOf(dir string) ([]fix, error) {
	log, err := git(dir, "log", "--no-merges", "--numstat", "--format=%x00%H %s", "HEAD", "--", "*.go")
	if err != nil {
		return nil, err
	}
	var out []fix
	for _, entry := range strings.Split(string(log), "\x00")[1:] {
		head, stat, _ := strings.Cut(entry, "\n")
		commit, subject, _ := strings.Cut(head, " ")
		if !fixWords.MatchString(subject) || notFix.MatchString(subject) {
			continue
		}
		if file, ok := oneFile(stat); ok {
			out = append(out, fix{commit, file})
		}
	}
	return out, nil
}

// oneFile is the one Go file of a commit that is no test, if it changed few lines.
func oneFile(stat string) (string, bool) {
	file := ""
	for line := range strings.Lines(stat) {
		parts := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if len(parts) != 3 || !strings.HasSuffix(parts[2], ".go") || strings.HasSuffix(parts[2], "_test.go") || strings.Contains(parts[2], "testdata/") {
			continue
		}
		added, err := strconv.Atoi(parts[0])
		gone, err2 := strconv.Atoi(parts[1])
		if file != "" || err != nil || err2 != nil || added+gone > maxLines || strings.Contains(parts[2], "=>") || strings.Contains(parts[2], "vendor/") {
			return "", false
		}
		file = parts[2]
	}
	return file, file != ""
}

func (t *tally) repository(dir string, imp types.Importer) error {
	list, err := fixesOf(dir)
	if err != nil {
		return err
	}
	looked := t.looked
	for _, f := range list {
		if t.looked-looked == maxFixes {
			break
		}
		files, after, err := pair(dir, f)
		if err != nil {
			continue // the first commit, a file that is new, or too many of them
		}
		got, err := repair.Explain(files, path.Base(f.file), after, imp)
		if err != nil {
			continue // it does not parse, or comments alone changed
		}
		t.looked++
		for class, n := range got.Offered {
			t.offered[class] += n
		}
		if got.Class != "" {
			t.explained++
			t.fixes[got.Class]++
			t.ranks = append(t.ranks, got.Rank)
			if os.Getenv("MINE_SHOW") != "" {
				fmt.Printf("// %s %s %s rank %d\n", f.commit[:10], f.file, got.Class, got.Rank)
			}
		}
	}
	return nil
}

// pair is the package before a fix, and the file after it.
func pair(dir string, f fix) (files map[string][]byte, after []byte, err error) {
	if after, err = git(dir, "show", f.commit+":"+f.file); err != nil {
		return nil, nil, err
	}
	folder := path.Dir(f.file)
	tree := f.commit + "^:"
	if folder != "." {
		tree += folder
	}
	list, err := git(dir, "ls-tree", "--name-only", tree)
	if err != nil {
		return nil, nil, err
	}
	names := strings.Fields(string(list))
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".go") || strings.HasSuffix(n, "_test.go") })
	if len(names) > maxFiles {
		return nil, nil, fmt.Errorf("%d files", len(names))
	}
	files = map[string][]byte{}
	for _, n := range names {
		if files[n], err = git(dir, "show", f.commit+"^:"+path.Join(folder, n)); err != nil {
			return nil, nil, err
		}
	}
	ctx := build.Default
	ctx.OpenFile = func(n string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files[path.Base(n)])), nil }
	for _, n := range names {
		if ok, err := ctx.MatchFile(".", n); (err != nil || !ok) && n != path.Base(f.file) {
			delete(files, n)
		}
	}
	return files, after, cmp.Or(err, nil)
}
