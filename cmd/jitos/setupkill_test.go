package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKillInASetUpStep kills the daemon in the middle of a step, which has half of
// what it makes by then: nothing of it is kept, and the step is run again from the
// beginning before anybody sees a file of it.
func TestKillInASetUpStep(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	// Commands may read the module cache, and no key covers what is in it: so the
	// step ends when this test says so.
	cache := filepath.Join(p.dir, "mod")
	p.env = append(p.env, "GOMODCACHE="+cache, "JITOS_SOCKET="+filepath.Join(p.dir, ".run/jitos/jitos.sock"))
	if err := os.Mkdir(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	p.write("app/.gitignore", "deps/\n")
	p.write("app/.jitos/setup.yaml", `setup_version: "1"
steps:
  - name: deps
    command: [sh, deps.sh]
    inputs: [lock]
    keeps: ["deps/**"]
`)
	p.write("app/lock", "1\n")
	p.write("app/deps.sh", `mkdir deps || exit 3 # somebody was here
echo half >deps/a.txt
until test -e "$GOMODCACHE/go-on"; do sleep 0.05; done
echo whole >deps/a.txt
echo rest >deps/b.txt
`)
	p.repo("app")
	d := p.daemon()
	p.run("app", "jitos", "gates", "approve", "deps")
	id := strings.TrimSpace(p.run("app", "jitos", "sws", "new"))
	kept := func(pattern string) []string {
		list, err := filepath.Glob(filepath.Join(p.dir, ".data/jitos/work", pattern))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	// What a step left lies there until its place is taken again: begun has one whose
	// file is another than the last one's.
	var last os.FileInfo
	begun := func() bool {
		for _, name := range kept("fresh/setup/*/deps/a.txt") {
			st, err := os.Stat(name)
			if err == nil && (last == nil || !os.SameFile(st, last) || st.ModTime() != last.ModTime()) {
				last = st
				return true
			}
		}
		return false
	}
	for round := range 2 {
		cmd := p.command("app", "jitos", "sws", "exec", id, "--", "cat", "deps/a.txt")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p.await(begun)
		if err := d.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = d.Wait() // it was killed
		if err := cmd.Wait(); err == nil {
			t.Error("the command ends well although the daemon is gone")
		}
		d = p.daemon()
		if got := kept("setup/*"); len(got) != 0 {
			t.Errorf("round %d: of half a step there is %v", round, got)
		}
	}
	if err := os.WriteFile(filepath.Join(cache, "go-on"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := p.run("app", "jitos", "sws", "exec", id, "--", "cat", "deps/a.txt", "deps/b.txt"); !strings.Contains(got, "whole\nrest") || strings.Contains(got, "half") {
		t.Errorf("a workspace has\n%s", got)
	}
	if got := kept("setup/*/meta"); len(got) != 1 {
		t.Errorf("kept are %v", got)
	}
}
