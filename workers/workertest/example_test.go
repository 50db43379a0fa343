package workertest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/workertest"
)

// docs/workers.md shows what stands between the two lines; TestTheGuideShowsIt
// compares.

// begin

// Header puts a line on top of every file of a kind that does not have it.
type Header struct{}

func (Header) Describe() work.Description {
	return work.Description{Name: "header", Summary: "puts a line on top of files", Actions: []string{"add"}, Deterministic: true}
}

func (Header) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	if a.Action != "add" {
		return work.Result{}, &rmg.Error{Op: "header", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
	}
	line, _ := a.Args["line"].(string)
	suffix, _ := a.Args["suffix"].(string)
	if line == "" || suffix == "" {
		return work.Result{}, &rmg.Error{Op: "header", Code: rmg.Invalid, Msg: "arguments line and suffix are needed"}
	}
	var ops []rewrite.Op
	for p, e := range a.Workspace.Graph().Walk(a.Repo.Root) {
		if e.Kind != rewrite.KindFile || !strings.HasSuffix(e.ID, suffix) {
			continue
		}
		text, err := a.Workspace.ReadBlob(e.Props.Blob(rewrite.PropBlob))
		if err != nil {
			return work.Result{}, err
		}
		if !strings.HasPrefix(string(text), line+"\n") {
			ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: p, Text: line + "\n" + string(text), HasText: true})
			a.Emit(work.Event{Text: "a header for " + string(p)})
		}
	}
	if len(ops) == 0 {
		return work.Result{OK: true, Nothing: true, Summary: "every file has its header"}, nil
	}
	err := a.Workspace.Rewrite(ctx, rewrite.Rewrite{Ops: ops, Reason: "headers"})
	return work.Result{OK: err == nil, Summary: fmt.Sprintf("%d headers", len(ops))}, err
}

func TestHeader(t *testing.T) {
	workertest.Run(t, workertest.Suite{
		Worker: Header{}, Files: map[string]string{"a.go": "package a\n", "b.txt": "b\n"},
		Action: "add", Args: map[string]any{"line": "// Apache-2.0", "suffix": ".go"},
	})
}

// end

func TestTheGuideShowsIt(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/workers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "\n// begin\n")
	code, _, ok := strings.Cut(rest, "\n// end\n")
	if !ok || !strings.Contains(string(guide), "```go\n"+strings.Trim(code, "\n")+"\n```") {
		t.Error("the guide shows another worker than this one")
	}
}
