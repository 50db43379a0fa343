package kernel

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of a look at what runs a package's tests.
const (
	maxPythonLooks = 500     // test files and configurations that are read
	maxPythonFile  = 1 << 20 // bytes of one
)

// pytestConfigs are the files in which pytest may be configured, and what says so.
var pytestConfigs = map[string]string{"pytest.ini": "", "pyproject.toml": "[tool.pytest", "setup.cfg": "[tool:pytest]", "tox.ini": "[pytest]"}

// pytestShape is what unittest does not run: a test function outside of a class; and
// what it cannot have, pytest's own.
var pytestShape = regexp.MustCompile(`(?m)^(async )?def test\w*\(|^(import|from) pytest\b`)

// usesPytest reports whether a tree of Python has tests that pytest runs: it is
// configured, or the tests are of that shape.
func (k *Kernel) usesPytest(tree rmg.Graph) bool {
	looks := 0
	for _, e := range tree.Walk(rmg.Root) {
		if e.Kind != rewrite.KindFile || looks >= maxPythonLooks {
			continue
		}
		mark, config := pytestConfigs[e.ID]
		test := path.Ext(e.ID) == ".py" && (strings.HasPrefix(e.ID, "test_") || strings.HasSuffix(e.ID, "_test.py"))
		switch {
		case config && mark == "" || e.ID == "conftest.py":
			return true
		case !config && !test:
			continue
		}
		looks++
		b := e.Props.Blob(rewrite.PropBlob)
		if b.Size == 0 || b.Size > maxPythonFile {
			continue
		}
		text, err := readBlob(k.store, b)
		if err == nil && (config && bytes.Contains(text, []byte(mark)) || test && pytestShape.Match(text)) {
			return true
		}
	}
	return false
}
