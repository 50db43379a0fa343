package kernel

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// TestWhatWasSpentIsToldByDay: what workers spend is counted by the day of its record
// and by process, also where the attempt failed, over a restart, and without a clock
// when it is read.
func TestWhatWasSpentIsToldByDay(t *testing.T) {
	onBench(t, func(b *bench) {
		b.wind()
		spend := func(ok bool, tokens, money int64) string {
			b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
				var err error
				if ok {
					err = writes(ctx, a, a.Process+".go", "def "+a.Process+"\n")
				}
				return work.Result{OK: ok && err == nil, Summary: "done", Spent: work.Spent{Tokens: tokens, MoneyMicros: money}}, err
			}
			id := b.intent(IntentRequest{SLAPS: document(tasks.Budget{})})
			b.end(id)
			return id
		}
		first := spend(true, 50, 9)
		time.Sleep(24 * time.Hour)
		second := spend(false, 7, 0)
		spend(true, 0, 0) // nothing to tell of
		at := b.k.now().at
		today, before := at.UTC().Format(time.DateOnly), at.Add(-24*time.Hour).UTC().Format(time.DateOnly)
		want := []Cost{
			{Day: before, Worker: "scripted", For: first, Calls: 1, Tokens: 50, MoneyMicros: 9},
			{Day: today, Worker: "scripted", For: second, Calls: 3, Tokens: 21}, // it was tried again,
		}
		check := func(since string, want []Cost) {
			t.Helper()
			if got, err := b.k.Costs(since); err != nil || !slices.Equal(got, want) {
				t.Errorf("since %q: %+v, %v, not %+v", since, got, err, want)
			}
		}
		check("", want)
		check(today, want[1:])
		if _, err := b.k.Costs("yesterday"); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
			t.Errorf("%v", err)
		}
		time.Sleep(72 * time.Hour)
		b.close()
		b.open(2)
		check("", want)
		if v, err := b.k.Verify(context.Background()); err != nil || len(v.Problems) > 0 {
			t.Errorf("%v %v", v.Problems, err)
		}
	})
}
