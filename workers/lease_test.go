package workers

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/workertest"
)

func TestScriptConforms(t *testing.T) {
	workertest.Run(t, workertest.Suite{
		Worker: NewScript(nil), Files: map[string]string{"a.txt": "A"}, Action: "run",
		Args: map[string]any{"argv": []any{"sh", "-c", "echo begun; echo B > b.txt; rm a.txt"}},
	})
}

// told is a worker that does what a test tells it to.
type told struct {
	d  work.Description
	do func(ctx context.Context, a work.Assignment) (work.Result, error)
}

func (w told) Describe() work.Description { return w.d }
func (w told) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	return w.do(ctx, a)
}

func runnerOf(t *testing.T, w told, secrets ...string) *Runner {
	t.Helper()
	if w.d.Name == "" {
		w.d = work.Description{Name: "told", Summary: "told", Actions: []string{"do"}, HeartbeatMillis: w.d.HeartbeatMillis}
	}
	r, err := New(Options{Workers: []work.Worker{w}, Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writing(text string) rewrite.Rewrite {
	return rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: workertest.At("a.txt"), Text: text, HasText: true}}}
}

// TestTheSilentLoseTheirLease lets a worker be silent for longer than it said,
// and go on as if nothing were: what it does then is refused, and its result.
func TestTheSilentLoseTheirLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := workertest.NewSpace(t, map[string]string{"a.txt": "A"})
		var late error
		r := runnerOf(t, told{work.Description{HeartbeatMillis: 1000}, func(_ context.Context, a work.Assignment) (work.Result, error) {
			for range 5 { // words and beats are signs of life
				time.Sleep(600 * time.Millisecond)
				a.Beat()
				time.Sleep(600 * time.Millisecond)
				a.Emit(work.Event{Text: "alive"})
			}
			if err := a.Workspace.Rewrite(context.Background(), writing("B")); err != nil {
				t.Errorf("in time: %v", err)
			}
			child, err := a.Workspace.Fork(context.Background(), "a child", nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(1001 * time.Millisecond)
			a.Beat() // too late
			late = a.Workspace.Rewrite(context.Background(), writing("C"))
			for what, err := range map[string]error{
				"a child's write": child.Rewrite(context.Background(), writing("D")),
				"a fork":          second(a.Workspace.Fork(context.Background(), "", nil)),
				"a folder":        second(a.Workspace.Materialise(context.Background(), 0)),
				"content":         second(a.Workspace.PutBlob([]byte("x"))),
			} {
				if code(err) != rmg.Stale {
					t.Errorf("%s after the lease: %v", what, err)
				}
			}
			return work.Result{OK: true, Summary: "done"}, nil
		}})
		res, err := r.Run(t.Context(), "told", workertest.Assignment(s, "do", nil))
		if code(err) != rmg.Stale || !strings.Contains(err.Error(), "no sign of life for 1s") || res.OK {
			t.Errorf("%+v %v", res, err)
		}
		if code(late) != rmg.Stale || s.Read("a.txt") != "B" {
			t.Errorf("a write after the lease: %v; the file holds %q", late, s.Read("a.txt"))
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestWhoDoesNotComeBackIsGivenUp cancels a worker that takes no notice. Its call
// is given up in the end, and what it does afterwards is in vain.
func TestWhoDoesNotComeBackIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := workertest.NewSpace(t, map[string]string{"a.txt": "A"})
		late := make(chan error, 1)
		r := runnerOf(t, told{do: func(_ context.Context, a work.Assignment) (work.Result, error) {
			time.Sleep(time.Hour)
			late <- a.Workspace.Rewrite(context.Background(), writing("B"))
			return work.Result{OK: true}, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if res, err := r.Run(ctx, "told", workertest.Assignment(s, "do", nil)); code(err) != rmg.Internal || res.OK {
			t.Errorf("%+v %v", res, err)
		}
		if took := time.Since(began); took != time.Second+returnTime {
			t.Errorf("given up after %v", took)
		}
		if err := <-late; code(err) != rmg.Stale || s.Read("a.txt") != "A" {
			t.Errorf("afterwards: %v, %q", err, s.Read("a.txt"))
		}
	})
}

// TestWhatIsSaidHoldsNoSecret looks at everything that leaves a worker in words.
func TestWhatIsSaidHoldsNoSecret(t *testing.T) {
	const given, formed = "correct horse battery", "sk-" + "0123456789abcdefghij"
	leak := "key " + given + " and " + formed
	var heard []work.Event
	r := runnerOf(t, told{do: func(_ context.Context, a work.Assignment) (work.Result, error) {
		a.Emit(work.Event{Text: leak, Data: map[string]any{"line": leak, "list": []any{leak}, "n": 3}})
		if a.Args["fail"] == true {
			return work.Result{}, &rmg.Error{Op: "do", Code: rmg.Denied, Msg: leak, Hint: leak}
		}
		return work.Result{Summary: leak, Reasons: []string{leak}, Output: rmg.PropsOf(map[string]rmg.Value{"said": rmg.List(rmg.String(leak))})}, nil
	}}, given, "short")
	for _, fail := range []bool{false, true} {
		a := workertest.Assignment(workertest.NewSpace(t, nil), "do", map[string]any{"fail": fail})
		a.Emit = func(e work.Event) { heard = append(heard, e) }
		res, err := r.Run(t.Context(), "told", a)
		said, _ := json.Marshal(res.Output)
		all := strings.Join(append(res.Reasons, res.Summary, string(said), errorText(err), heard[0].Text, heard[0].Data["line"].(string), heard[0].Data["list"].([]any)[0].(string)), "\n")
		if strings.Contains(all, given) || strings.Contains(all, formed) || strings.Count(all, redacted) < 8 {
			t.Errorf("fail %v: %s", fail, all)
		}
		if fail && code(err) != rmg.Denied {
			t.Errorf("the code is lost: %v", err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWhatIsSaidIsCapped(t *testing.T) {
	var heard []string
	r := runnerOf(t, told{do: func(_ context.Context, a work.Assignment) (work.Result, error) {
		for range 1000 {
			a.Emit(work.Event{Text: strings.Repeat("x", 100)})
		}
		return work.Result{OK: true}, nil
	}})
	a := workertest.Assignment(workertest.NewSpace(t, nil), "do", nil)
	a.Budget.OutputMax = 1000
	a.Emit = func(e work.Event) { heard = append(heard, e.Text) }
	if _, err := r.Run(t.Context(), "told", a); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 11 || !strings.Contains(heard[10], "left out") {
		t.Errorf("%d lines, the last %q", len(heard), heard[len(heard)-1])
	}
}

func TestWorkersThatNobodyCouldAskAreRefused(t *testing.T) {
	for what, d := range map[string]work.Description{
		"no name":         {Actions: []string{"do"}},
		"a path":          {Name: "a/b", Actions: []string{"do"}},
		"no action":       {Name: "w"},
		"unsorted":        {Name: "w", Actions: []string{"b", "a"}},
		"twice":           {Name: "w", Actions: []string{"a", "a"}},
		"an unknown need": {Name: "w", Actions: []string{"a"}, Needs: []string{"the moon"}},
	} {
		if _, err := New(Options{Workers: []work.Worker{told{d: d}}}); code(err) != rmg.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}
