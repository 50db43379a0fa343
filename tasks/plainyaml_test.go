package tasks

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// same wants of the plain reader what the whole parser says, or nothing.
func same(t *testing.T, data []byte) bool {
	t.Helper()
	v, ok := plainYAML(data)
	if !ok {
		return false
	}
	d, err := parseWhole("x.yaml", data)
	if err != nil {
		t.Fatalf("%q is read as %v, and is refused: %v", data, v, err)
	}
	if !reflect.DeepEqual(v, d.value) {
		t.Fatalf("%q is read as\n%#v, and is\n%#v", data, v, d.value)
	}
	return true
}

// TestPlainYAML: the shipped files are plain, but for none of their values; cut off
// and changed in each place they are read as the whole parser does, if at all.
func TestPlainYAML(t *testing.T) {
	files, err := filepath.Glob("../methods/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	read := 0
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !same(t, data) {
			t.Errorf("%s is not plain", f)
		}
		data = data[:min(len(data), 900)]
		for at := i; at < len(data); at += 7 {
			for _, put := range []string{"", " ", "\n", "#", ": ", "-", "  - ", "'", "\"", ",", "}", "[", "1", "&a ", "~", "\t"} {
				if same(t, bytes.Join([][]byte{data[:at], data[at+1:]}, []byte(put))) {
					read++
				}
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d of the changed files were plain", read)
	}
}

// TestPlainYAMLRefuses what it could read otherwise than it is meant.
func TestPlainYAMLRefuses(t *testing.T) {
	for _, text := range []string{
		"", "a", "- a", "a: &x b", "a: *x", "a: !t b", "a: |\n  b", "a: >\n  b", "a: b\n  c", "a:\n", "a:\nb: c", "a: {b: c", "a: [b\n  ]", "a: 'b''c'",
		"a: \"b\\n\"", "a: yes", "a: ~", "a: 0x10", "a: 1_000", "a: 1e3", "a: 2001-01-01", "a: 1.5", "a: b: c", "a: b#c: d", "a: b\na: c", "true: a", "1: a",
		"? a", "---\na: b", "a: b\n---\nc: d", "%YAML 1.2\n", "a:\n- b", "a: b\r\n", "\ta: b", "a: [b,]", "a: {b: c, b: d}", "a: \"b\" c", "a: [b] c", "a: 'b'#c", "<<: {a: b}",
		"a:\n  - - b", "a:\n  -\n    b: c", "a:b", "a: \u2028", "a: 00", "a: NULL", "\ufeffa: b", "a: {b: c}: d", "a: \"b\": c",
	} {
		if v, ok := plainYAML([]byte(text)); ok {
			t.Errorf("%q is read as %#v", text, v)
		}
	}
}

func FuzzPlainYAML(f *testing.F) {
	for _, glob := range []string{"../methods/*.yaml", "../methods/tests/*.yaml"} {
		files, _ := filepath.Glob(glob)
		for _, name := range files {
			if data, err := os.ReadFile(name); err == nil {
				f.Add(data[:min(len(data), 600)])
			}
		}
	}
	for _, text := range []string{"a: b # c\n", "a: [b, {c: d}]\n", "a:\n  - b: c\n    d: 'e'\n  - 10m\n", "a: {b: \"c, d\", e: 5} # f\n", "a:\n  # c\n  b: true\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { same(t, data) })
}
