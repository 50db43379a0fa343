package tasks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// seeds adds every input of the goldens of a folder.
func seeds(f *testing.F, folder string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatal("no goldens", folder, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(data), "\n----\n") {
			for i := range 3 { // an input begins below comments and a command
				parts := strings.SplitN(block, "\n", i+1)
				f.Add([]byte(parts[len(parts)-1]))
			}
		}
	}
}

// FuzzSLAPS: no document makes the reader panic; what it takes in is valid, and
// reads back the same from JSON; what it does not is told with a place.
func FuzzSLAPS(f *testing.F) {
	seeds(f, "slaps")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSLAPS("x", data)
		if err != nil {
			placed(t, data, err)
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("read, and not valid: %v\n%s", err, data)
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseSLAPS("x.json", again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		third, err := json.Marshal(back)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%s\nreads back as\n%s\n%v", again, third, err)
		}
	})
}

// placed wants of every violation a line and column that the document has.
func placed(t *testing.T, data []byte, err error) {
	t.Helper()
	list, ok := err.(Violations)
	if !ok || len(list) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, v := range list {
		if v.Message == "" || v.Line < 1 || v.Column < 1 {
			t.Fatalf("%+v of %q", v, data)
		}
	}
}

// FuzzLoad: no library makes the checker panic or the planner run on; loading
// twice is the same.
func FuzzLoad(f *testing.F) {
	seeds(f, "library")
	seeds(f, "plan")
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Load(Source{Name: "x", Data: data})
		again, err2 := Load(Source{Name: "x", Data: data})
		if !reflect.DeepEqual(err, err2) {
			t.Fatalf("%v\nand then\n%v", err, err2)
		}
		if err != nil {
			placed(t, data, err)
			return
		}
		for m := range l.Methods() {
			if in, ok := l.Show(m.Name); !ok || in.Source == "" {
				t.Fatalf("%s is listed and not shown", m.Name)
			}
			s := SLAPS{Version: "1", Intent: m.Task, Target: TargetRef{Name: "x"}}
			p, err := l.Plan(s, Facts{"language": "go"})
			q, err2 := again.Plan(s, Facts{"language": "go"})
			if (err == nil) != (err2 == nil) || !reflect.DeepEqual(p, q) {
				t.Fatalf("%v, and then %v", err, err2)
			}
			if err == nil {
				sound(t, p)
			}
		}
	})
}

// FuzzUnderstand: whatever is said, the answer is a valid SLAPS or one of the
// two errors, and the same when it is said again.
func FuzzUnderstand(f *testing.F) {
	seeds(f, "understand")
	for _, text := range []string{"fix the auth bug in AuthService", "fix the failing tests in ./...", "write a report about . to 'a b.md'", "fix \"", "fix ' '", "fix in in in in"} {
		f.Add([]byte(text))
	}
	lib := shipped(f)
	targets := []Target{
		{Name: "AuthService", Type: "repository", Ref: "/repo/AuthService/main", File: "."},
		{Name: "internal/token", Type: "folder", Ref: "/repo/AuthService/main/internal/token", File: "internal/token"},
		{Name: "token.go", Type: "file", Ref: "/repo/AuthService/main/token.go", File: "token.go"},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := lib.Understand(string(data), targets)
		again, err2 := lib.Understand(string(data), targets)
		if !reflect.DeepEqual(s, again) || !reflect.DeepEqual(err, err2) {
			t.Fatalf("%v %v\nand then\n%v %v", s, err, again, err2)
		}
		switch err.(type) {
		case nil:
			if err := s.Validate(); err != nil {
				t.Fatalf("%q gives what is not valid: %v", data, err)
			}
		case *NotUnderstood, *NoTarget:
		default:
			t.Fatalf("%T: %v", err, err)
		}
	})
}
