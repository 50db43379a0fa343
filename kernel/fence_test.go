package kernel

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// TestLateResultIsNotTaken hands in results of attempts that are over: one that
// failed while another went on, one that has its result, and one under a token
// that was never given. Stale, and nothing changes.
func TestLateResultIsNotTaken(t *testing.T) {
	b := newStage(t)
	root := b.repo(map[string]string{"a.txt": "1\n"})
	task := tasks.Task{ID: "do", Name: "do", Worker: "told", Action: "do", Retries: 1}
	var tokens []string
	b.run.task = func(_ string, a work.Assignment) (work.Result, error) {
		tokens = append(tokens, a.Token)
		if len(tokens) == 1 {
			return work.Result{}, errors.New("it died")
		}
		// The second attempt goes on, and the first hands in what it has for it.
		at := procPath(a.Process).Child("do").Child("2")
		if _, err := b.endAttempt(Process{ID: a.Process}, task, at, tokens[0], work.Result{OK: true, Summary: "late"}); code(err) != rmg.Stale {
			t.Errorf("the result of the first for the second: %v", err)
		}
		return work.Result{OK: true, Nothing: true, Summary: "fine"}, nil
	}
	p, err := b.start(b.ctx(), Once{}, Process{
		Text: "do it", Owner: ada.Name, Top: "/r/app", Branch: "main", Repo: "app", Land: landCommit,
		SLAPS:  tasks.SLAPS{Version: "1", Intent: "Do"},
		Plan:   &tasks.Plan{Goal: "Do", Tasks: []tasks.Task{task}},
		Rights: work.Rights{Workers: []string{"told"}, Write: []string{"**"}, Network: "none"},
	}, root, ".", target{file: "."}, dirtyState{})
	b.must(err)
	p, err = b.Wait(context.Background(), p.ID)
	b.must(err)
	if len(tokens) != 2 || tokens[0] == tokens[1] {
		t.Fatalf("attempts under %q; %s: %s", tokens, p.Status, p.Reason)
	}
	before := b.now()
	for what, late := range map[string]struct {
		attempt int
		token   string
	}{
		"the first again": {1, tokens[0]}, "the first for the second": {2, tokens[0]}, "the second again": {2, tokens[1]}, "made up": {2, "p1/do/2@1"},
	} {
		at := procPath(p.ID).Child("do").Child(fmt.Sprint(late.attempt))
		_, err := b.endAttempt(p, task, at, late.token, work.Result{OK: true, Summary: "late"})
		if code(err) != rmg.Stale {
			t.Errorf("%s: %v", what, err)
		}
	}
	if now := b.now(); now.seq != before.seq || now.ledger.Digest() != before.ledger.Digest() {
		t.Error("a late result changed something")
	}
}
