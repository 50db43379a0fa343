package tasks

import (
	"encoding/json"
	"testing"
)

// TestReadGates reads gate files: "gates NAME" gives what was read, as JSON, or
// every violation with its place.
func TestReadGates(t *testing.T) {
	goldenFiles(t, "gates", ParseGates)
}

// goldenFiles holds a reader of files to what stands under testdata: the command is
// the sort's name, its argument the file's.
func goldenFiles[F any](t *testing.T, sort string, parse func(name string, data []byte) (F, error)) {
	t.Helper()
	goldens(t, sort, func(t *testing.T, cmd string, args []string, input string) string {
		if cmd != sort {
			t.Fatal("no such command:", cmd)
		}
		f, err := parse(args[0], []byte(input))
		if err != nil {
			return err.Error()
		}
		out, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	})
}

func TestGateDefaults(t *testing.T) {
	if g := (GateSpec{}); g.TimeoutMillis() != 600_000 || g.Reruns() != 0 {
		t.Errorf("by default %d ms and %d reruns", g.TimeoutMillis(), g.Reruns())
	}
	if g := (GateSpec{Timeout: "90s", Flaky: &Flaky{Reruns: 2}}); g.TimeoutMillis() != 90_000 || g.Reruns() != 2 {
		t.Errorf("%d ms and %d reruns", g.TimeoutMillis(), g.Reruns())
	}
}

// FuzzGates: no document makes the reader panic; what it takes in reads back the
// same from JSON; what it does not is told with a place.
func FuzzGates(f *testing.F) { readsBack(f, "gates", ParseGates, func(*testing.T, GateFile) {}) }

// readsBack fuzzes a reader of documents, and has what it takes in judged.
func readsBack[D any](f *testing.F, dir string, parse func(name string, data []byte) (D, error), judge func(*testing.T, D)) {
	seeds(f, dir)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse("x", data)
		if err != nil {
			placed(t, data, err)
			return
		}
		judge(t, d)
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parse("x.json", again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		third, err := json.Marshal(back)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%s\nreads back as\n%s\n%v", again, third, err)
		}
	})
}
