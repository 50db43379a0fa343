package tasks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMethodTests runs golden tests of methods by the library of the file.
// Commands: library (its YAML, until the next), test (a file of tests).
func TestMethodTests(t *testing.T) {
	var lib *Library
	goldens(t, "methodtests", func(t *testing.T, cmd string, _ []string, input string) string {
		switch cmd {
		case "library":
			var err error
			if lib, err = Load(sources(input)...); err != nil {
				t.Fatal(err)
			}
			return ""
		case "test":
			list, err := lib.Test(Source{Name: "t.yaml", Data: []byte(input)})
			if err != nil {
				return "not a file of tests:\n" + err.Error()
			}
			var out strings.Builder
			for _, x := range list {
				fmt.Fprintf(&out, "%s:%d: %s: %d faults, by %v\n%s", x.File, x.Line, x.Name, len(x.Faults), x.Methods, x.Got)
				if len(x.Faults) > 0 {
					out.WriteString(x.Faults.Error() + "\n")
				}
			}
			return out.String()
		}
		t.Fatal("no such command:", cmd)
		return ""
	})
}

// shippedTests runs the golden tests of the shipped methods.
func shippedTests(t *testing.T, l *Library) []MethodTest {
	t.Helper()
	files, err := filepath.Glob("../methods/tests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests of the shipped methods", err)
	}
	var out []MethodTest
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		list, err := l.Test(Source{Name: "methods/tests/" + filepath.Base(f), Data: data})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

// TestShippedMethodsHold runs the golden tests of the shipped methods, and wants
// each method to be chosen by one of them.
func TestShippedMethodsHold(t *testing.T) {
	l := shipped(t)
	chosen := map[string]bool{}
	for _, x := range shippedTests(t, l) {
		if len(x.Faults) > 0 {
			t.Errorf("%s:%d: %s\n%s\n%s", x.File, x.Line, x.Name, x.Faults, x.Got)
		}
		for _, m := range x.Methods {
			chosen[m] = true
		}
	}
	for m := range l.Methods() {
		if !chosen[m.Name] {
			t.Errorf("no golden test has a plan by %s", m.Name)
		}
	}
}

// TestGotIsATest: what a test that fails is told would make it pass.
func TestGotIsATest(t *testing.T) {
	l := shipped(t)
	files, _ := filepath.Glob("../methods/tests/*.yaml")
	n := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests, err := l.readTests(Source{Name: f, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range tests {
			want := l.run(&tests[i])
			question := map[string]any{"name": x.Name, "target": x.Target, "facts": x.Facts}
			if x.Text != "" {
				question["text"] = x.Text
			} else {
				question["task"] = x.Task
				if x.Parameters != nil {
					question["parameters"] = x.Parameters
				}
			}
			if x.Facts == nil {
				delete(question, "facts")
			}
			if x.Race > 0 {
				question["race"] = x.Race
			}
			var b strings.Builder
			b.WriteString("tests:\n")
			mark := "  - "
			for _, name := range keys(question) {
				fmt.Fprintf(&b, "%s%s: %s\n", mark, name, jsonText(question[name]))
				mark = "    "
			}
			b.WriteString("    " + strings.ReplaceAll(strings.TrimRight(want.Got, "\n"), "\n", "\n    ") + "\n")
			again, err := l.Test(Source{Name: "got.yaml", Data: []byte(b.String())})
			if err != nil || len(again) != 1 || len(again[0].Faults) > 0 || again[0].Got != want.Got {
				t.Errorf("%s: %s: %v %+v\n%s", f, x.Name, err, again, b.String())
			}
			n++
		}
	}
	if n == 0 {
		t.Fatal("no tests")
	}
}
