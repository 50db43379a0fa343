package kernel

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// keyed is ada with a key for one request.
func keyed(key string) Caller { return Caller{Name: ada.Name, Key: key} }

// TestResendIsAnsweredNotApplied sends each request that takes a key twice, also
// when what it was allowed or expected does not hold any more, and after a start
// from a checkpoint and from the log: one record, and the first receipt.
func TestResendIsAnsweredNotApplied(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	before := b.Status().Seq
	first := b.write("system", node("/n", 1))
	w := b.new(ForkRequest{Reason: "by hand"})
	type receipts struct {
		rewrite, inSpace, discard Receipt
		fork, restore             string
	}
	send := func() (r receipts) {
		var err error
		must := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		inc := rewrite.Rewrite{
			Ops:    []rewrite.Op{{Op: rewrite.Inc, Path: "/n", Prop: "hits", By: 1}},
			Expect: rewrite.Expect{Digest: first.Digest}, Reason: "once",
		}
		r.rewrite, err = b.Rewrite(ctx, keyed("k1"), "system", inc)
		must("rewrite", err)
		inc.Expect = rewrite.Expect{}
		r.inSpace, err = b.Rewrite(ctx, keyed("k2"), "sws:"+w, inc)
		must("rewrite of a workspace", err)
		f, err := b.Fork(ctx, keyed("k3"), ForkRequest{Reason: "once"})
		must("fork", err)
		r.fork = f.ID
		r.discard, err = b.Discard(ctx, keyed("k4"), w, "once")
		must("discard", err)
		x, err := b.Restore(ctx, keyed("k5"), w)
		must("restore", err)
		r.restore = x.ID
		return r
	}
	one := send()
	end := b.Status().Seq
	if end != before+7 {
		t.Fatalf("five requests made %d records", end-before-2)
	}
	check := func(when string) {
		t.Helper()
		seq := b.Status().Seq
		if two := send(); two != one {
			t.Fatalf("%s: the resends are answered\n%+v, the first were\n%+v", when, two, one)
		}
		if now := b.Status().Seq; now != seq {
			t.Fatalf("%s: the resends made %d records", when, now-seq)
		}
		b.want("system", "/n", "hits", "1")
		b.want("sws:"+w, "/n", "hits", "1")
	}
	check("at once")
	b.restart()
	check("after a restart")
	b.write("system", set("/n", 2))
	if err := b.markNow(true); err != nil {
		t.Fatal(err)
	}
	b.write("system", set("/n", 3))
	b.restart()
	check("after a start from a checkpoint")
}

// TestKeyIsForOneRequest refuses a key for another request, and keeps apart the
// keys of different callers.
func TestKeyIsForOneRequest(t *testing.T) {
	b := kernelFor(t)
	rw := func(c Caller, p rmg.Path) (Receipt, error) {
		return b.Rewrite(context.Background(), c, "system", rewrite.Rewrite{Ops: []rewrite.Op{node(p, 1)}})
	}
	if _, err := rw(keyed("k"), "/a"); err != nil {
		t.Fatal(err)
	}
	_, err := rw(keyed("k"), "/b")
	b.refused(err, rmg.Conflict)
	if _, err := b.Discard(context.Background(), keyed("k"), "w1", ""); code(err) != rmg.Conflict {
		t.Errorf("a discard under the key of a rewrite: %v", err)
	}
	b.want("system", "/b", "x", "gone")
	if _, err := rw(Caller{Name: "bob@host", Key: "k"}, "/b"); err != nil {
		t.Errorf("the same key of another caller: %v", err)
	}
	for _, bad := range []string{strings.Repeat("k", maxKey+1), "a b", "ä", "\n"} {
		_, err := rw(keyed(bad), "/c")
		b.refused(err, rmg.Invalid)
	}
	// What was refused was not applied: its key is free.
	_, err = rw(keyed("again"), "/a")
	if code(err) != rmg.Exists {
		t.Fatalf("%v", err)
	}
	b.write("system", gone("/a"))
	if _, err := rw(keyed("again"), "/a"); err != nil {
		t.Errorf("a key whose request was refused: %v", err)
	}
}

// TestResendsAtOnce sends one request from many sides at once, so that resends
// meet the first one in the writer, in one frame.
func TestResendsAtOnce(t *testing.T) {
	b := kernelFor(t)
	b.write("system", node("/n", 1))
	for round := range 20 {
		var wg sync.WaitGroup
		got := make([]Receipt, 8)
		for i := range got {
			wg.Go(func() {
				var err error
				got[i], err = b.Rewrite(context.Background(), keyed(fmt.Sprint("r", round)), "system", rewrite.Rewrite{
					Ops: []rewrite.Op{{Op: rewrite.Inc, Path: "/n", Prop: "hits", By: 1}},
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, r := range got {
			if r != got[0] {
				t.Fatalf("one request has two receipts: %+v and %+v", r, got[0])
			}
		}
		b.want("system", "/n", "hits", fmt.Sprint(round+1))
	}
}

// TestKeysAreForgotten keeps a key for onceWindow records, and not for ever.
func TestKeysAreForgotten(t *testing.T) {
	key := func(n uint64) Once { return Once{Key: [32]byte{byte(n >> 8), byte(n)}, Body: [32]byte{1}} }
	var l rmg.Graph
	for n := uint64(1); n < 200; n++ {
		seq := n * onceWindow / 4
		var err error
		if l, err = key(n).noted(l, seq); err != nil {
			t.Fatal(err)
		}
		kept := uint64(0)
		for m := uint64(1); m <= n; m++ {
			was, err := key(m).seen(l)
			if err != nil {
				t.Fatal(err)
			}
			age := seq - m*onceWindow/4
			if known := was == m*onceWindow/4; !known && age < onceWindow || known && age >= 2*onceWindow {
				t.Fatalf("at seq %d the key of seq %d: known is %v", seq, m*onceWindow/4, known)
			}
			if was != 0 {
				kept++
			}
		}
		if kept > 8 {
			t.Fatalf("%d keys are kept", kept)
		}
	}
	// After a long time without keys, all that are left are too old.
	l, err := key(999).noted(l, 10_000*onceWindow)
	if err != nil {
		t.Fatal(err)
	}
	if was, _ := key(199).seen(l); was != 0 {
		t.Error("a key of long ago is known")
	}
}

// TestResendsOfWhatPeopleDo sends freezing, thawing, a policy and the end of a
// token twice, each under its key: one record each, though the second would be
// refused without the key, and the same after a restart.
func TestResendsOfWhatPeopleDo(t *testing.T) {
	b := kernelFor(t)
	ctx := context.Background()
	b.write("system", node("/n", 1))
	w := b.new(ForkRequest{Reason: "by hand"})
	tok, err := b.NewToken(ctx, ada, TokenRequest{Name: "ci", Caps: CapExec, TTL: time.Hour, Sum: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	var policy Receipt
	acts := []struct {
		name string
		do   func(c Caller) error
	}{
		{"freeze", func(c Caller) error { _, err := b.Freeze(ctx, c, w, "a look"); return err }},
		{"thaw", func(c Caller) error { _, err := b.Thaw(ctx, c, w); return err }},
		{"policy", func(c Caller) error {
			r, err := b.SetPolicy(ctx, c, []byte("rules:\n  - {name: eyes, effect: ask, verbs: [collapse], paths: ['/svc/**'], reason: two pairs}\n"), "why")
			if policy == (Receipt{}) {
				policy = r
			}
			if err == nil && r != policy {
				err = fmt.Errorf("the receipts are %+v and %+v", policy, r)
			}
			return err
		}},
		{"revoke", func(c Caller) error { _, err := b.RevokeToken(ctx, c, tok.ID); return err }},
	}
	end := func() uint64 { return b.Status().Seq }
	for i, a := range acts {
		before := end()
		for range 3 {
			if err := a.do(keyed(a.name)); err != nil {
				t.Fatalf("%s: %v", a.name, err)
			}
		}
		if got := end() - before; got != 1 {
			t.Errorf("%s made %d records", a.name, got)
		}
		if err := a.do(keyed(acts[(i+len(acts)-1)%len(acts)].name)); i > 0 && code(err) != rmg.Conflict {
			t.Errorf("%s under the key of another request: %v", a.name, err)
		}
		if err := a.do(keyed("a b")); code(err) != rmg.Invalid {
			t.Errorf("%s under a key that is none: %v", a.name, err)
		}
	}
	b.refused(acts[1].do(ada), rmg.Conflict) // without a key it is another request
	b.restart()
	before := end()
	for _, a := range acts {
		if err := a.do(keyed(a.name)); err != nil {
			t.Errorf("%s after a restart: %v", a.name, err)
		}
	}
	if got := end() - before; got != 0 {
		t.Errorf("after a restart the resends made %d records", got)
	}
}
