package repair

import (
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// TestWhatCoverageDoesNotCount: conditions of bodies, cases of a switch, and the
// constants that suspicious lines use are suspicious too.
func TestWhatCoverageDoesNotCount(t *testing.T) {
	src := `package p

const limit = 3

func f(n int) int {
	switch {
	case n > 1:
		return limit
	case n < 0:
		return 0
	}
	if n == 1 {
		n++
	}
	return n
}
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := parse(listed{ImportPath: "p", Dir: dir, GoFiles: []string{"p.go"}}, dir, ".", &exports{fset: token.NewFileSet()})
	if err != nil {
		t.Fatal(err)
	}
	scores := map[string]map[int]float64{"p.go": {8: 1, 13: 0.5}}
	spread(p, scores)
	for line, want := range map[int]float64{3: 0.9, 7: 0.97, 9: 0.97, 12: 0.485, 15: 0} {
		if got := scores["p.go"][line]; got != want {
			t.Errorf("line %d: %v, not %v", line, got, want)
		}
	}
}
