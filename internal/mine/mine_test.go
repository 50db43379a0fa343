package main

import (
	"strings"
	"testing"
)

// What a commit says, and what it changed, decide whether it is counted.
func TestWhatIsAFix(t *testing.T) {
	for subject, want := range map[string]bool{
		"Fix off-by-one in Seek": true, "net: fix panic on empty input": true, "fix typo in comment": false, "fix failing test": false, "Add Seek": false,
	} {
		if got := fixWords.MatchString(subject) && !notFix.MatchString(subject); got != want {
			t.Errorf("%q: %v", subject, got)
		}
	}
	for stat, want := range map[string]string{
		"1\t1\ta.go\n3\t0\ta_test.go\n2\t0\tREADME.md\n": "a.go",
		"1\t1\ta.go\n1\t1\tb.go\n":                       "",
		"9\t1\ta.go\n":                                   "",
		"1\t1\tvendor/x/a.go\n":                          "",
		"1\t0\ta_test.go\n":                              "",
	} {
		if got, ok := oneFile(stat); got != want || ok != (want != "") {
			t.Errorf("%q: %q", stat, got)
		}
	}
}

// The same bugs come of the same file, each parses, and a round picks the same one.
func TestBugsAreTheSame(t *testing.T) {
	src := []byte("package p\n\nfunc f(a, b int) int {\n\tif a < b {\n\t\treturn 1\n\t}\n\tg(a, b)\n\treturn a - b\n}\n\nfunc g(a, b int) {}\n")
	list, err := bugsOf(src)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]bool{}
	for _, b := range list {
		classes[b.class] = true
		if out, err := b.apply(src); err != nil || string(out) == string(src) {
			t.Errorf("%+v: %v", b, err)
		}
	}
	for _, want := range []string{"operator", "swapped sides", "negated condition", "guard left out", "constant", "swapped arguments", "statement left out", "another variable"} {
		if !classes[want] {
			t.Errorf("no %s", want)
		}
	}
	files := map[string][]bug{"p.go": list}
	name, first := pick(files, "p", 0, 3)
	for range 20 {
		if n, again := pick(files, "p", 0, 3); n != name || again != first {
			t.Fatal("another bug")
		}
	}
	if _, other := pick(files, "p", 1, 3); other == first && strings.Contains(first.class, "operator") {
		t.Error("each round has the same")
	}
}
