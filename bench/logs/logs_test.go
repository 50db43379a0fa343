package logs_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"jitos.dev/bench/logs"
)

// Every log takes batches, and what many submit arrives once, none of it lost.
func TestLogs(t *testing.T) {
	for _, name := range logs.Names() {
		t.Run(name, func(t *testing.T) {
			l, err := logs.Open(name, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			q := logs.NewQueue(counted{l, got})
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for j := range 4 {
						if err := q.Submit(fmt.Appendf(nil, "%d.%d", i, j)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			q.Close()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			for i := range 8 {
				for j := range 4 {
					if n := got[fmt.Sprintf("%d.%d", i, j)]; n != 1 {
						t.Errorf("record %d.%d was committed %d times", i, j, n)
					}
				}
			}
		})
	}
	if _, err := logs.Open("other", t.TempDir()); err == nil {
		t.Error("a log of another name was opened")
	}
}

type counted struct {
	logs.Log
	got map[string]int
}

func (c counted) Commit(batch [][]byte) error {
	for _, r := range batch {
		c.got[string(r)]++
	}
	return c.Log.Commit(batch)
}

// An error of a commit is told to all that were in it.
func TestQueueTellsErrors(t *testing.T) {
	broken := errors.New("broken")
	q := logs.NewQueue(failing{broken})
	defer q.Close()
	for range 3 {
		if err := q.Submit([]byte("x")); !errors.Is(err, broken) {
			t.Errorf("submit: %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Commit([][]byte) error { return f.err }
func (f failing) Close() error          { return nil }
