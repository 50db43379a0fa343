package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// held is a request that stands in the writer, submitted by somebody who is alone,
// until it is let go. Its answer comes afterwards.
func (b *stage) held() (letGo func(), done chan answer) {
	b.t.Helper()
	b.write("system", addOp("/n", "K", nil))
	b.write("system", setProp("/n", "a", rmg.Int(1)))
	if !b.alone.Load() {
		b.t.Fatal("after one request that nobody waited beside, the next is not alone")
	}
	hold, begun := make(chan struct{}), make(chan struct{})
	letGo, done = sync.OnceFunc(func() { close(hold) }), make(chan answer, 1)
	b.t.Cleanup(letGo)
	go func() {
		r, err := b.systemWith(b.ctx(), "x", "", "holds", func(*fold, uint64) ([]rewrite.Op, error) {
			close(begun)
			<-hold
			return []rewrite.Op{setProp("/n", "held", rmg.Int(1))}, nil
		})
		done <- answer{r, err}
	}()
	<-begun
	return letGo, done
}

// Who submits alone writes, and what comes meanwhile follows.
func TestAlone(t *testing.T) {
	b := newStage(t)
	letGo, done := b.held()
	if b.writing.TryLock() {
		t.Fatal("nobody holds the lock of who writes")
	}
	others := make(chan answer, 2)
	for i := range cap(others) {
		go func() {
			r, err := b.rewrite(b.ctx(), "y", "", Version{}, rewrite.Rewrite{Ops: []rewrite.Op{setProp("/n", fmt.Sprint("p", i), rmg.Int(1))}})
			others <- answer{r, err}
		}()
	}
	for b.arrivals.len() < cap(others) {
		runtime.Gosched()
	}
	letGo()
	first := <-done
	b.must(first.err)
	for range cap(others) {
		if o := <-others; o.err != nil || o.receipt.Seq <= first.receipt.Seq {
			t.Errorf("%+v after seq %d", o, first.receipt.Seq)
		}
	}
}

// A kernel that closes waits for who is writing.
func TestAloneAtTheEnd(t *testing.T) {
	b := newStage(t)
	letGo, done := b.held()
	closed := make(chan error, 1)
	go func() { closed <- b.Kernel.Close() }()
	<-b.Kernel.ctx.Done()
	for range 10_000 {
		runtime.Gosched() // long enough, as a rule, for a writer that does not wait
	}
	select {
	case <-b.Kernel.ended:
		t.Fatal("the writer ended while somebody was writing")
	default:
	}
	letGo()
	first := <-done
	b.must(first.err)
	b.must(<-closed)
	if got := b.now().seq; got != first.receipt.Seq {
		t.Errorf("it closed at seq %d, and said %d", got, first.receipt.Seq)
	}
}

// A change that panics where the caller survives it stops the writing: what is
// in memory may not be what is in the log.
func TestAlonePanics(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/n", "K", nil))
	b.alone.Store(true)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = b.systemWith(b.ctx(), "x", "", "breaks", func(*fold, uint64) ([]rewrite.Op, error) { panic("broken") })
	}()
	_, err := b.rewrite(b.ctx(), "y", "", Version{}, rewrite.Rewrite{Ops: []rewrite.Op{setProp("/n", "p", rmg.Int(1))}})
	if code(err) != rmg.Unavailable {
		t.Errorf("after it: %v", err)
	}
}
