package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// On a terminal what is longer than the screen goes through PAGER; what is not, what
// is for programs and what is asked for without does not.
func TestPaging(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	for i := range 8 {
		p.run("app", "jitos", "sws", "new", "--reason", fmt.Sprint("the reason ", i))
	}
	shown := func(pager string, args ...string) string {
		t.Helper()
		far, near := terminal(t, 80, 6)
		cmd := p.command("app", append([]string{"jitos"}, args...)...)
		cmd.Env = append(cmd.Env, "TERM=vt100", "PAGER="+pager)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = near, near, near
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		near.Close()
		text := watch(t, far).rest()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		return text
	}
	const pages = "sed s/^/paged:/"
	if text := shown(pages, "sws", "list"); strings.Count(text, "paged:") < 9 || !strings.Contains(text, "the reason 7") {
		t.Errorf("%q", text)
	}
	for _, args := range [][]string{{"sws", "list", "--no-pager"}, {"log", "-n", "2"}, {"sws", "list", "-o", "json"}, {"status"}} {
		if text := shown(pages, args...); strings.Contains(text, "paged:") || text == "" {
			t.Errorf("%v: %q", args, text)
		}
	}
	for _, pager := range []string{"", "cat", "no-such-pager"} {
		if text := shown(pager, "sws", "list"); !strings.Contains(text, "the reason 0") || !strings.Contains(text, "the reason 7") {
			t.Errorf("%s: %q", pager, text)
		}
	}
	// Who has seen enough is no failure of the verb's.
	if text := shown("head -n 1", "sws", "list"); strings.Contains(text, "reason 7") || strings.Contains(text, "jitos: ") {
		t.Errorf("%q", text)
	}
	ops := []string{`{"op":"add_node","path":"/many","kind":"Group"}`}
	for i := range 900 { // more than stays in a pipe
		ops = append(ops, fmt.Sprintf(`{"op":"add_node","path":"/many/n%d%s","kind":"K"}`, i, strings.Repeat("x", 200)))
	}
	p.write("many.json", "["+strings.Join(ops, ",")+"]")
	p.run("app", "jitos", "rewrite", "-f", "../many.json")
	if text := shown("head -n 1", "graph", "/many"); strings.Count(text, "\n") != 1 {
		t.Errorf("%q", text)
	}
	if out, err := p.command("app", "jitos", "sws", "list").Output(); err != nil || strings.Contains(string(out), "\x1b") {
		t.Errorf("%s %v", out, err)
	}
}
