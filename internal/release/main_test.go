package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// small is a module with the programs of a release, each of a few lines.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"go.mod": "module jitos.dev\n\ngo 1.24\n"}
	for _, p := range programs {
		files["cmd/"+p+"/main.go"] = "package main\n\nvar version = \"none\"\n\nfunc main() { println(version) }\n"
	}
	for _, name := range beside {
		files[name] = "this is " + name + "\n"
	}
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The same sources make the same bytes, wherever and whenever they were written,
// and other sources make others.
func TestArchivesAreReproducible(t *testing.T) {
	t.Setenv("GOFLAGS", "-buildvcs=false")
	dir := small(t)
	r := release{src: dir, version: "1.2.3", goos: runtime.GOOS, arch: runtime.GOARCH}
	first, err := r.archive()
	if err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(filepath.Join(dir, "LICENSE"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := r.again(first); err != nil {
		t.Error(err)
	}
	var names []string
	z, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %v", h.Name, err)
		}
		if bytes.Contains(data, []byte(dir)) {
			t.Errorf("%s names the folder it was built in", h.Name)
		}
		names = append(names, fmt.Sprintf("%s %o", h.Name, h.Mode))
	}
	top := r.name() + "/"
	want := []string{
		top + "jitos 755", top + "jitosd 755", top + "LICENSE 644", top + "README.md 644",
		top + "packaging/systemd/jitosd.service 644", top + "packaging/systemd/jitosd.socket 644",
	}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("in it are %q", names)
	}
	if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte("another\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r.again(first) == nil {
		t.Error("other sources are the same bytes")
	}
}

// What is no release is refused before anything is built.
func TestReleasesHaveAVersion(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, v := range []string{"", "v1.2.3", "1.2", "1.2.3 -X main.x=y"} {
		if run(v, []string{"linux/amd64"}, "dist", false) == nil {
			t.Errorf("%q is a version", v)
		}
	}
	if run("1.2.3", []string{"linux"}, "dist", false) == nil {
		t.Error("a target without an architecture")
	}
}

// What a release ships stands in this repository.
func TestWhatIsShippedIsThere(t *testing.T) {
	for _, name := range beside {
		if _, err := os.Stat(filepath.Join("..", "..", name)); err != nil {
			t.Error(err)
		}
	}
	for _, p := range programs {
		if _, err := os.Stat(filepath.Join("..", "..", "cmd", p, "main.go")); err != nil {
			t.Error(err)
		}
	}
}
