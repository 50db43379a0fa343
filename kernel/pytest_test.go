package kernel

import "testing"

// TestPytestIsSeen by its configuration and by the shape of tests; tests of unittest
// are none of it.
func TestPytestIsSeen(t *testing.T) {
	const unittest = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test(self):\n        pass\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"unittest":            {map[string]string{"a.py": "", "test_a.py": unittest, "setup.cfg": "[metadata]\n", "pyproject.toml": "[project]\n"}, false},
		"a function":          {map[string]string{"a.py": "", "a_test.py": "def test_a():\n    assert 1\n"}, true},
		"its import":          {map[string]string{"a.py": "", "test_a.py": "import pytest\n" + unittest}, true},
		"conftest":            {map[string]string{"a.py": "", "tests/conftest.py": ""}, true},
		"pytest.ini":          {map[string]string{"a.py": "", "pytest.ini": ""}, true},
		"pyproject.toml":      {map[string]string{"a.py": "", "pyproject.toml": "[tool.pytest.ini_options]\n"}, true},
		"tox.ini":             {map[string]string{"a.py": "", "tox.ini": "[tox]\n"}, false},
		"no test":             {map[string]string{"a.py": "def test_a():\n    pass\n"}, false},
		"another's, in words": {map[string]string{"a.py": "", "test_a.py": unittest + "\n# not for pytest: def test_b():\n"}, false},
	} {
		s := newStage(t)
		root := s.repo(c.files)
		tree, err := treeAt(s.now().world, root)
		if err != nil {
			t.Fatal(err)
		}
		if f := s.facts(tree); (f["pytest"] == true) != c.want || f["language"] != "python" {
			t.Errorf("%s: %v", name, f)
		}
		s.end()
	}
}
