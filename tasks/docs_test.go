package tasks

import (
	"os"
	"strings"
	"testing"
)

// TestMethodsGuide loads the libraries of the guide, runs its tests, and plans with its
// several files.
func TestMethodsGuide(t *testing.T) {
	text, err := os.ReadFile("../docs/methods.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(text), "```") {
		if yaml, ok := strings.CutPrefix(part, "yaml\n"); ok && i%2 == 1 {
			blocks = append(blocks, yaml)
		}
	}
	if len(blocks) != 4 {
		t.Fatalf("the guide has %d files, not a library, two of which one includes the other, and tests", len(blocks))
	}
	l, err := Load(Source{Name: "library", Data: []byte(blocks[0])})
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.Test(Source{Name: "tests", Data: []byte(blocks[3])})
	if err != nil || len(list) != 3 {
		t.Fatal(err, list)
	}
	for _, x := range list {
		if len(x.Faults) > 0 {
			t.Errorf("%s: %v", x.Name, x.Faults)
		}
	}
	if l, err = Load(Source{Name: "lib/ci.yaml", Data: []byte(blocks[1])}, Source{Name: "lib/all.yaml", Data: []byte(blocks[2])}); err != nil {
		t.Fatal(err)
	}
	s, err := l.Understand("deliver it", []Target{{Name: "it", Type: "folder", Ref: "/repo/a/main/it", File: "it"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Plan(s, nil)
	if err != nil || len(p.Tasks) != 3 || p.Tasks[0].ID != "compile" || p.Tasks[0].Name != "ci.compile" {
		t.Error(err, p)
	}
}
