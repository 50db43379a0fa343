package tasks

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkShipped reads the methods that JITOS comes with and plans a task by them:
// five milliseconds is what may be taken.
func BenchmarkShipped(b *testing.B) {
	files, err := filepath.Glob("../methods/*.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var list []Source
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, Source{Name: f, Data: data})
	}
	s := SLAPS{Version: "1", Intent: "FixBug", Target: TargetRef{Name: "a"}}
	for b.Loop() {
		l, err := Load(list...)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Plan(s, Facts{"language": "go", "has_tests": true}); err != nil {
			b.Fatal(err)
		}
	}
}
