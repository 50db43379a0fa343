package tasks

import (
	"os"
	"strings"
	"testing"
)

// TestMethodsGuide loads the library of the guide and runs its tests.
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
	if len(blocks) != 2 {
		t.Fatalf("the guide has %d files, not a library and its tests", len(blocks))
	}
	l, err := Load(Source{Name: "library", Data: []byte(blocks[0])})
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.Test(Source{Name: "tests", Data: []byte(blocks[1])})
	if err != nil || len(list) != 3 {
		t.Fatal(err, list)
	}
	for _, x := range list {
		if len(x.Faults) > 0 {
			t.Errorf("%s: %v", x.Name, x.Faults)
		}
	}
}
