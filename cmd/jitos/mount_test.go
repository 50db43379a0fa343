package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMount shows a workspace as it is and a version of the past as it was, file
// by file what git has, and lets nothing be written.
func TestMount(t *testing.T) {
	p := newPerson(t)
	p.write("app/a.txt", "first\n")
	p.write("app/dir/run.sh", "#!/bin/sh\n")
	p.write("app/odd/x %41 ü", strings.Repeat("long\n", 100_000))
	p.run("app", "chmod", "+x", "dir/run.sh")
	p.run("app", "ln", "-s", "../a.txt", "dir/link")
	p.repo("app")
	p.run("app", "git", "branch", "-m", "topic/one")
	out := strings.Fields(p.run("app", "jitos", "sws", "new"))
	w := out[len(out)-1]
	live, done := p.mounted("app", w, "sws:"+w)
	if live == "" {
		return
	}
	defer done()
	top := filepath.Join(live, "repo", "app", "topic%2Fone")
	if diff, err := p.command("app", "diff", "-r", "--no-dereference", "--exclude=.git", ".", top).CombinedOutput(); err != nil {
		t.Errorf("the mount is not the repository: %v\n%s", err, diff)
	}
	if st, err := os.Stat(filepath.Join(top, "dir/run.sh")); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", st, err)
	}
	if err := os.WriteFile(filepath.Join(top, "a.txt"), nil, 0o644); err == nil {
		t.Error("it can be written to")
	}
	then := w[1:] // a workspace is named by the record that made it
	p.write("app/b.txt", "second\n")
	p.run("app", "git", "add", "-A")
	p.run("app", "git", "commit", "-qm", "second")
	p.run("app", "jitos", "sws", "new")
	past, undo := p.mounted("app", "past", "seq:"+then, "--path", "/repo/app/topic%2Fone")
	defer undo()
	if _, err := os.Stat(filepath.Join(past, "b.txt")); !os.IsNotExist(err) {
		t.Errorf("the past has what came later: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(past, "a.txt")); err != nil || string(data) != "first\n" {
		t.Errorf("%q %v", data, err)
	}
	now, stop := p.mounted("app", "now", "system", "--path", "/repo/app/topic%2Fone")
	defer stop()
	if data, err := os.ReadFile(filepath.Join(now, "b.txt")); err != nil || string(data) != "second\n" {
		t.Errorf("%q %v", data, err)
	}
}

// mounted runs jitos mount until done is called, which wants it to end well. dir
// is empty on a machine that lets nobody mount.
func (p *person) mounted(in, name, version string, more ...string) (dir string, done func()) {
	p.Helper()
	dir = filepath.Join(p.dir, "mnt", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.Fatal(err)
	}
	cmd := p.command(in, append([]string{"jitos", "mount", version, dir}, more...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if !strings.Contains(line, "is shown at") {
		if err := cmd.Wait(); err == nil || !strings.Contains(errs.String(), "cannot be mounted") {
			p.Fatalf("%v: %s", err, errs.String())
		}
		p.Logf("nothing can be mounted here: %s", errs.String())
		return "", nil
	}
	return dir, func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			p.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			p.Errorf("jitos mount ended with %v: %s", err, errs.String())
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
			p.Errorf("it is mounted still: %v %v", list, err)
		}
	}
}
