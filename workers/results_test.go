package workers

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"jitos.dev/work"
)

// go test ./workers -update writes the goldens anew; read the diff.
var update = flag.Bool("update", false, "write the goldens under testdata anew")

// reports lists the reports under testdata, by name; the parser is what a name
// begins with.
func reports(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/reports/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no reports", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".txt")] = data
	}
	return out
}

// TestReports reads reports as runners wrote them, and such as nobody should take
// for one.
func TestReports(t *testing.T) {
	for name, data := range reports(t) {
		t.Run(name, func(t *testing.T) {
			parser, _, _ := strings.Cut(name, "-")
			list, err := readReport(parser, data)
			var b strings.Builder
			for _, x := range list {
				fmt.Fprintf(&b, "%s\t%s\t%s\n", x.Status, x.Package, x.Name)
			}
			if err != nil {
				fmt.Fprintf(&b, "error: %v\n", err)
			}
			file := filepath.Join("testdata/reports", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// TestReportLimits: what is too much is said, not cut off.
func TestReportLimits(t *testing.T) {
	for name, c := range map[string]struct{ parser, text, want string }{
		"a long report":  {"tap", strings.Repeat(" ", maxReport+1), "the limit is"},
		"a long name":    {"tap", "1..1\nok 1 - " + strings.Repeat("x", maxTestName+1), "the limit is"},
		"a deep subtest": {"tap", "1..1\nok 1 - a\n" + strings.Repeat(" ", 4*(maxTAPDepth+1)) + "ok 1\n", ""},
		"many tests":     {"tap", strings.Repeat("ok 1\n", maxTests+1), "more tests than"},
		"many events":    {"go", manyEvents(100_001), "more than 100000 tests"},
		"deep elements":  {"junit", "<testsuite>" + strings.Repeat("<a>", maxXMLDepth), "nest deeper"},
		"no such parser": {"xunit", "", "no parser"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readReport(c.parser, []byte(c.text))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func manyEvents(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T%d\"}\n", i)
	}
	return b.String()
}

// FuzzReports: no report makes a parser panic or take more memory than so many
// times its size; every test of it has a name of its own and one end, in order;
// the same report reads the same again.
func FuzzReports(f *testing.F) {
	for name, data := range reports(f) {
		for i, parser := range work.Parsers() {
			if strings.HasPrefix(name, parser) {
				f.Add(byte(i), data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		parser := work.Parsers()[int(which)%len(work.Parsers())]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		list, err := readReport(parser, data)
		runtime.ReadMemStats(&after)
		// The fuzzing engine allocates beside it, so the bound is wide.
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+2000*len(data)); took > most {
			t.Errorf("%s: %d bytes of report took %d of memory", parser, len(data), took)
		}
		again, err2 := readReport(parser, data)
		if fmt.Sprint(list, err) != fmt.Sprint(again, err2) {
			t.Fatalf("%v %v\nand then\n%v %v", list, err, again, err2)
		}
		for i, x := range list {
			if x.Status != work.TestPass && x.Status != work.TestFail && x.Status != work.TestSkip {
				t.Errorf("%+v", x)
			}
			if i > 0 && (list[i-1].Package > x.Package || list[i-1].Package == x.Package && list[i-1].Name > x.Name) {
				t.Errorf("%+v stands before %+v", list[i-1], x)
			}
		}
	})
}
