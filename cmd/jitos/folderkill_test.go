package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestKillInAFolder kills the daemon in the middle of landings in a plain folder:
// after each restart nothing of a landing lies there, every file is whole, what the
// person wrote is there, and a workspace has what the folder holds.
func TestKillInAFolder(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.env = append(p.env, "JITOS_SOCKET="+filepath.Join(p.dir, ".run/jitos/jitos.sock"))
	for _, name := range []string{"a.txt", "b.txt", "mine.txt"} {
		p.write("app/"+name, "0\n")
	}
	left := func() []string {
		list, err := filepath.Glob(filepath.Join(p.dir, "app/.jitos-landing-*"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(p.dir, "app", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	whole := regexp.MustCompile(`^(0|\d+ \d+)\n$`)
	d := p.daemon()
	p.run("app", "jitos", "folder", "add")
	cut := 0
	// Whether a landing is cut off is chance: rounds go on until one was.
	for round := 0; round < 4 || cut == 0 && round < 40; round++ {
		var wg sync.WaitGroup
		wg.Go(func() { p.landUntilKilled(round) })
		p.await(func() bool { return len(left()) > 0 })
		if err := d.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = d.Wait() // it was killed
		wg.Wait()
		cut += len(left())
		mine := strings.Repeat("typed while nobody runs\n", round+1)
		p.write("app/mine.txt", mine)
		d = p.daemon()
		if list := left(); len(list) > 0 {
			t.Errorf("round %d: a landing left %v", round, list)
		}
		if a, b := read("a.txt"), read("b.txt"); !whole.MatchString(a) || !whole.MatchString(b) || read("mine.txt") != mine {
			t.Errorf("round %d: %q, %q, %q", round, a, b, read("mine.txt"))
		}
		id := strings.TrimSpace(p.run("app", "jitos", "sws", "new"))
		if got, want := p.run("app", "jitos", "sws", "exec", id, "--", "cat", "a.txt", "b.txt", "mine.txt"), read("a.txt")+read("b.txt")+mine; got != strings.TrimRight(want, "\n") {
			t.Errorf("round %d: a workspace has\n%s\nand the folder\n%s", round, got, want)
		}
		p.run("app", "jitos", "sws", "discard", id)
	}
	p.run(".", "jitos", "verify")
	if cut == 0 {
		t.Error("no landing was cut off, so that this says nothing")
	}
	t.Logf("%d landings cut off", cut)
}
