package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// everyDay are the modules repaired in every test run. JITOS_REPAIR=all takes all of
// them, JITOS_REPAIR=most leaves out those that take as long as all others together,
// JITOS_REPAIR=half takes every second of these.
var (
	everyDay = []string{"bankers", "ratelimit"}
	slow     = []string{"cron", "inventory", "ledger", "tokens"}
)

// TestRepairs lets `jitos intent` fix the modules under workers/testdata/repair,
// each with one bug that nothing here knows of, and then runs tests that it
// never saw: a patch that only satisfies the visible ones is an overfit.
func TestRepairs(t *testing.T) {
	t.Parallel()
	from, err := filepath.Abs("../../workers/testdata/repair")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	which := os.Getenv("JITOS_REPAIR")
	quick := 0
	wanted := func(name string) bool {
		switch which {
		case "all":
			return true
		case "most":
			return !slices.Contains(slow, name)
		case "half":
			if slices.Contains(slow, name) {
				return false
			}
			quick++
			return quick%2 == 0 || slices.Contains(everyDay, name)
		}
		return slices.Contains(everyDay, name)
	}
	p := newPerson(t)
	p.daemon()
	var hits, misses, overfits []string
	for _, d := range list {
		name := d.Name()
		if !d.IsDir() || !wanted(name) {
			continue
		}
		began := time.Now()
		end, tried := p.repair(from, name)
		class, _ := os.ReadFile(filepath.Join(from, name, "fix.txt"))
		first, _, _ := strings.Cut(strings.TrimPrefix(string(class), "class: "), "\n")
		t.Logf("%-10s %-8s %3d tried %5.1fs  %s", name, end, tried, time.Since(began).Seconds(), first)
		switch end {
		case "hit":
			hits = append(hits, name)
		case "overfit":
			overfits = append(overfits, name)
		default:
			misses = append(misses, name)
		}
	}
	t.Logf("%d hits, %d misses %v, %d overfits %v", len(hits), len(misses), misses, len(overfits), overfits)
	for _, name := range everyDay {
		if !slices.Contains(hits, name) {
			t.Errorf("%s is not repaired", name)
		}
	}
	if which != "" && len(hits) < (len(hits)+len(misses)+len(overfits))*3/4 {
		t.Errorf("only %d of %d are repaired", len(hits), len(hits)+len(misses)+len(overfits))
	}
}

// repair runs one, and says how it ended and how many candidates were tried.
func (p *person) repair(from, name string) (end string, tried int) {
	p.Helper()
	if err := os.CopyFS(filepath.Join(p.dir, name), os.DirFS(filepath.Join(from, name, "repo"))); err != nil {
		p.Fatal(err)
	}
	p.repo(name)
	head := p.run(name, "git", "rev-parse", "HEAD")
	out, err := p.command(name, "jitos", "intent", "Fix the failing test in .").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if i := strings.Index(line, " tried "); i >= 0 {
			var n, of int
			if _, err := fmt.Sscanf(line[i:], " tried %d of %d", &n, &of); err == nil {
				tried = max(tried, n)
			}
		}
	}
	if s := p.run(name, "git", "status", "--porcelain"); s != "" {
		p.Errorf("%s: git status:\n%s", name, s)
	}
	if err != nil {
		if now := p.run(name, "git", "rev-parse", "HEAD"); now != head {
			p.Errorf("%s: not repaired, and the branch moved", name)
		}
		p.Logf("%s:\n%s", name, tail(string(out), 12))
		return "miss", tried
	}
	hidden := filepath.Join(from, name, "hidden")
	err = filepath.WalkDir(hidden, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(hidden, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			p.write(filepath.Join(name, strings.TrimSuffix(rel, ".txt")), string(data))
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	if out, err := p.command(name, "go", "test", "-timeout=60s", "./...").CombinedOutput(); err != nil {
		p.Logf("%s: overfit:\n%s\n%s", name, p.run(name, "git", "show", "--format=", "HEAD"), tail(string(out), 12))
		return "overfit", tried
	}
	return "hit", tried
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
