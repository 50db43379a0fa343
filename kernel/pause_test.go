package kernel

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/tasks"
	"jitos.dev/work"
)

func TestPausesGrowAndSpread(t *testing.T) {
	for _, c := range []struct {
		backoff int64
		try     int
		draw    uint64
		want    time.Duration
	}{
		{1000, 2, 0, time.Second},
		{1000, 3, 0, 2 * time.Second},
		{1000, 5, 0, 8 * time.Second},
		{1000, 40, 0, maxPause},
		{int64(2 * maxPause / time.Millisecond), 2, 0, maxPause},
		{1000, 2, 1 << 19, 750 * time.Millisecond},
		{1000, 2, 1<<40 + 1<<19, 750 * time.Millisecond},
	} {
		if got := pauseOf(c.backoff, c.try, c.draw); got != c.want {
			t.Errorf("backoff %d ms, try %d, draw %d: %v, not %v", c.backoff, c.try, c.draw, got, c.want)
		}
	}
	for draw := range uint64(1 << 12) {
		if got := pauseOf(1000, 2, draw<<8); got <= 500*time.Millisecond || got > time.Second {
			t.Fatalf("draw %d: %v", draw<<8, got)
		}
	}
}

// TestTriesWaitAndSayWhatTheyDrew fails a task twice, and looks at what its third
// attempt recorded of the wait before it.
func TestTriesWaitAndSayWhatTheyDrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newStage(t)
		root := b.repo(map[string]string{"a.txt": "1\n"})
		draws := []uint64{1 << 19, 0}
		b.opt.Draw = func() uint64 {
			d := draws[0]
			draws = draws[1:]
			return d
		}
		var at []time.Time
		b.run.task = func(_ string, a work.Assignment) (work.Result, error) {
			at = append(at, time.Now())
			return work.Result{OK: a.Attempt == 3, Nothing: true, Summary: fmt.Sprint("try ", a.Attempt)}, nil
		}
		task := tasks.Task{ID: "do", Name: "do", Worker: "told", Action: "do", Retries: 2, BackoffMillis: 1000}
		p, err := b.start(b.ctx(), Once{}, Process{
			Text: "do it", Owner: ada.Name, Top: "/r/app", Branch: "main", Repo: "app", Land: landCommit,
			SLAPS:  tasks.SLAPS{Version: "1", Intent: "Do"},
			Plan:   &tasks.Plan{Goal: "Do", Tasks: []tasks.Task{task}},
			Rights: work.Rights{Workers: []string{"told"}, Write: []string{"**"}, Network: "none"},
		}, root, ".", target{file: "."}, dirtyState{})
		b.must(err)
		_, err = b.Wait(t.Context(), p.ID)
		b.must(err)
		if len(at) != 3 || at[1].Sub(at[0]) != 750*time.Millisecond || at[2].Sub(at[1]) != 2*time.Second {
			t.Fatalf("tries at %v", at)
		}
		for n, want := range map[int][2]int64{1: {0, 0}, 2: {750, 1 << 19}, 3: {2000, 0}} {
			e, _ := b.now().ledger.Get(procPath(p.ID).Child("do").Child(fmt.Sprint(n)))
			if got := [2]int64{e.Props.Int("wait_ms"), e.Props.Int("draw")}; got != want {
				t.Errorf("attempt %d recorded %v, not %v", n, got, want)
			}
		}
	})
}
