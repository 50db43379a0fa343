package gocache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "gocacheprog" {
		if err := Serve(os.Stdin, os.Stdout, os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ask sends requests and returns the answers, the greeting left out.
func ask(t *testing.T, lower, upper string, lines ...string) []response {
	t.Helper()
	var out bytes.Buffer
	if err := Serve(strings.NewReader(strings.Join(lines, "\n")), &out, lower, upper); err != nil {
		t.Fatal(err)
	}
	var list []response
	dec := json.NewDecoder(&out)
	for dec.More() {
		var r response
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list[1:]
}

func id(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func putLine(action, body string) string {
	q := fmt.Sprintf(`{"ID":1,"Command":"put","ActionID":"%s","OutputID":"%s","BodySize":%d}`, id(action), id(body), len(body))
	return q + "\n\"" + base64.StdEncoding.EncodeToString([]byte(body)) + "\""
}

func getLine(action string) string {
	return fmt.Sprintf(`{"ID":2,"Command":"get","ActionID":"%s"}`, id(action))
}

func TestUpperOverLower(t *testing.T) {
	lower, upper := t.TempDir(), t.TempDir()
	ask(t, t.TempDir(), lower, putLine("a", "from below"), putLine("b", "below too"))
	before := tree(t, lower)
	got := ask(t, lower, upper, getLine("a"), putLine("a", "from above"), getLine("a"), getLine("b"), getLine("c"), `{"ID":9,"Command":"close"}`)
	for i, want := range []string{"from below", "from above", "from above", "below too", "", ""} {
		data, _ := os.ReadFile(got[i].DiskPath)
		if string(data) != want || (want == "" && i == 4) != got[i].Miss {
			t.Errorf("answer %d: %+v holds %q", i, got[i], data)
		}
	}
	if after := tree(t, lower); after != before {
		t.Errorf("the lower folder was\n%s\nis\n%s", before, after)
	}
}

func TestWhatDoesNotHoldTogetherIsRefused(t *testing.T) {
	dir := t.TempDir()
	wrong := strings.Replace(putLine("a", "abc"), id("abc"), id("xyz"), 1)
	if got := ask(t, dir, dir, wrong); got[0].Err == "" {
		t.Errorf("content under another's id: %+v", got[0])
	}
	ask(t, dir, dir, putLine("b", "whole"))
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*-d"))
	if err := os.WriteFile(files[0], []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, t.TempDir(), dir, getLine("b")); !got[0].Miss {
		t.Errorf("content of another size: %+v", got[0])
	}
	if got := ask(t, dir, dir, `{"ID":3,"Command":"purge"}`); got[0].Err == "" {
		t.Error("an unknown command is no error")
	}
}

// tree lists a folder with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(p string, st os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&out, p, st.Size(), st.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestTheGoCommandUsesIt builds a program that needs fmt: with the person's cache
// below, nothing of the standard library is compiled again.
func TestTheGoCommandUsesIt(t *testing.T) {
	lower, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, upper := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.24\n", "main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	build := func() string {
		cmd := exec.Command("go", "build", "-x", "-o", os.DevNull, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", fmt.Sprintf("GOCACHEPROG=%s gocacheprog %s %s", self, strings.TrimSpace(string(lower)), upper))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	// The standard library may be in no cache yet on a fresh machine.
	if out, err := exec.Command("go", "build", "fmt").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out := build(); strings.Contains(out, "-p fmt ") || !strings.Contains(out, "-p main ") {
		t.Errorf("the first build compiled something else than main alone:\n%s", out)
	}
	if out := build(); strings.Contains(out, "/compile ") {
		t.Errorf("the second build compiled again:\n%s", out)
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(putLine("a", "b") + "\n" + getLine("a")))
	f.Add([]byte(`{"ID":1,"Command":"get","ActionID":""}`))
	f.Add([]byte(`{"ID":1,"Command":"put","BodySize":9}` + "\n\"AA\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		_ = Serve(bytes.NewReader(data), &bytes.Buffer{}, dir, dir) // it may refuse; it must not panic
	})
}
