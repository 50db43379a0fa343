package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The kinds of calls of a history.
const (
	readCall   = iota // of a key
	setCall           // of a key
	incCall           // of a key
	casCall           // set of a key if the world is as it was when read
	failedCall        // a rewrite that is refused: it changes nothing
)

// asked is a call of a history, and got its answer. What is checked of digests is
// that equal ones stand for equal worlds.
type asked struct {
	kind, key int
	value     int64
	expect    rmg.Digest
}

type got struct {
	value  int64
	digest rmg.Digest // of the world read, or after the write
	stale  bool
}

const keys = 3

// worlds is a few numbers and the digest of the world they stand in, which is
// not known before it was seen.
type worlds struct {
	values [keys]int64
	digest rmg.Digest
}

// register is what the kernel must behave as: reads and writes one after another.
func register(begin worlds) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, in, out any) (bool, any) {
			s, a, g := state.(worlds), in.(asked), out.(got)
			switch a.kind {
			case readCall:
				return g.value == s.values[a.key] && g.digest == s.digest, s
			case failedCall:
				return true, s
			case casCall:
				if g.stale {
					return a.expect != s.digest, s
				}
				if a.expect != s.digest {
					return false, s
				}
				s.values[a.key] = a.value
			case setCall:
				s.values[a.key] = a.value
			case incCall:
				s.values[a.key]++
			}
			s.digest = g.digest
			return true, s
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
	}
}

func keyPath(key int) rmg.Path { return rmg.Root.Child(fmt.Sprint("k", key)) }

// hitter makes calls of its own and notes when they began and ended.
type hitter struct {
	s     *system
	id    int
	rnd   *rand.Rand
	last  rmg.Digest
	sets  int64
	calls []porcupine.Operation
}

func (h *hitter) call() error {
	// No value is set twice, so that no world comes again: one that was seen before
	// might stand in the middle of a tick, where no receipt tells of it.
	h.sets++
	a := asked{kind: h.rnd.IntN(5), key: h.rnd.IntN(keys), value: int64(h.id+1)<<32 + h.sets<<16}
	a.expect = h.last
	op := rewrite.Op{Op: rewrite.Set, Path: keyPath(a.key), Props: map[string]rmg.Value{"v": rmg.Int(a.value)}}
	rw := rewrite.Rewrite{}
	switch a.kind {
	case incCall:
		op = rewrite.Op{Op: rewrite.Inc, Path: keyPath(a.key), Prop: "v", By: 1}
	case casCall:
		rw.Expect.Digest = h.last
	case failedCall:
		op.Path = "/nowhere"
	}
	rw.Ops = []rewrite.Op{op}
	var g got
	begun := time.Now().UnixNano()
	var err error
	if a.kind == readCall {
		var v kernel.View
		if v, err = h.s.View("system"); err == nil {
			e, _ := v.Get(keyPath(a.key))
			g.value, g.digest = e.Props.Int("v"), v.Digest()
		}
	} else {
		var r kernel.Receipt
		r, err = h.s.Rewrite(context.Background(), kernel.Caller{Name: fmt.Sprint("h", h.id)}, "system", rw)
		g.digest = r.Digest
	}
	ended := time.Now().UnixNano()
	switch {
	case a.kind == casCall && errors.Is(err, &rmg.Error{Code: rmg.Stale}):
		g.stale = true
	case a.kind == failedCall && errors.Is(err, &rmg.Error{Code: rmg.NotFound}):
	case err != nil || a.kind == failedCall:
		return fmt.Errorf("%+v: %w", a, err)
	default:
		h.last = g.digest
	}
	h.calls = append(h.calls, porcupine.Operation{ClientId: h.id, Input: a, Call: begun, Output: g, Return: ended})
	return nil
}

// TestLinearisable lets clients read and write a few keys at once, some under the
// digest they read, and looks for one order of all calls that explains every
// answer: a receipt's digest is that of the tick, so what shares a tick is
// ordered within it by the keys alone.
func TestLinearisable(t *testing.T) {
	n := seed(t)
	for round := range uint64(4) {
		s := must(open(t.TempDir()))(t)
		var ops []rewrite.Op
		for key := range keys {
			ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: keyPath(key), Kind: "K", Props: map[string]rmg.Value{"v": rmg.Int(0)}})
		}
		first := must(s.Rewrite(t.Context(), ada, "system", rewrite.Rewrite{Ops: ops}))(t)
		hitters := make([]*hitter, 6)
		var wg sync.WaitGroup
		for i := range hitters {
			h := &hitter{s: s, id: i, rnd: rand.New(rand.NewPCG(n+round, uint64(i))), last: first.Digest}
			hitters[i] = h
			wg.Go(func() {
				for range 40 {
					if err := h.call(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		var all []porcupine.Operation
		for _, h := range hitters {
			all = append(all, h.calls...)
		}
		if !porcupine.CheckOperations(register(worlds{digest: first.Digest}), all) {
			t.Fatalf("round %d: %d calls in an order that no one after another explains", round, len(all))
		}
		// The check can fail: an answer of long ago is none of now.
		bad := slices.Clone(all)
		for i := range bad {
			if a := bad[i].Input.(asked); a.kind == readCall {
				bad[i].Output = got{value: 99, digest: first.Digest}
				break
			}
		}
		if porcupine.CheckOperations(register(worlds{digest: first.Digest}), bad) {
			t.Fatalf("round %d: a read of what never was is explained", round)
		}
	}
}
