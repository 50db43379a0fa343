package tasks

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// go test ./tasks -update writes the goldens anew; read the diff.
var update = flag.Bool("update", false, "write the goldens under testdata anew")

// golden runs the cases of a file. A case is a line "command args", its input,
// a line of dashes, the output and an empty line; what stands before a case and
// begins with "#" says why it exists. An empty line of the output is written "·".
func golden(t *testing.T, file string, run func(t *testing.T, cmd string, args []string, input string) string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rest := string(data); strings.TrimSpace(rest) != ""; {
		head, after, found := strings.Cut(rest, "\n----\n")
		if !found {
			t.Fatalf("%s: no line of dashes after %.60q", file, rest)
		}
		want, next, _ := strings.Cut(after, "\n\n")
		if strings.HasPrefix(after, "\n") { // no output
			want, next = "", after[1:]
		}
		rest = next
		body := strings.TrimLeft(head, "\n")
		for strings.HasPrefix(body, "#") {
			_, body, _ = strings.Cut(body, "\n")
		}
		command, input, _ := strings.Cut(body, "\n")
		words := strings.Fields(command)
		got := strings.TrimRight(run(t, words[0], words[1:], input), "\n")
		got = strings.ReplaceAll(got, "\n\n", "\n·\n")
		if got != strings.TrimRight(want, "\n") && !*update {
			t.Errorf("%s: %s\n%s\n---- got\n%s\n---- want\n%s\n(go test ./tasks -run %s -update writes it anew)", file, command, input, got, want, t.Name())
		}
		out.WriteString(strings.Trim(head, "\n") + "\n----\n" + got)
		out.WriteString(strings.Repeat("\n", min(1, len(got))) + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// goldens runs every file of a folder of testdata.
func goldens(t *testing.T, folder string, run func(t *testing.T, cmd string, args []string, input string) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", folder, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { golden(t, f, run) })
	}
}

// sources splits an input at its lines "-- name --"; without one it is a file.
func sources(input string) []Source {
	a := txtar.Parse([]byte(input))
	if len(a.Files) == 0 {
		return []Source{{Name: "lib.yaml", Data: []byte(input)}}
	}
	var out []Source
	for _, f := range a.Files {
		out = append(out, Source{Name: f.Name, Data: f.Data})
	}
	return out
}

// shipped is the library that JITOS comes with.
func shipped(t testing.TB) *Library {
	t.Helper()
	files, err := filepath.Glob("../methods/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no shipped methods", err)
	}
	var list []Source
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Source{Name: "methods/" + filepath.Base(f), Data: data})
	}
	l, err := Load(list...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
