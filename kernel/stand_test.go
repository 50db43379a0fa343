package kernel

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// stand is a kernel on a disk in memory, without worktree and workers.
type stand struct {
	*Kernel
	disk  *journaltest.FaultFS
	store *journal.Store
	said  *notices
}

// few makes small histories meet everything: four versions in memory, a mark
// every three records, a checkpoint every seven.
var few = tuning{recent: 4, mark: 3, checkpoints: 7}

type ticking struct{ n int64 }

func (c *ticking) Now() time.Time { c.n++; return time.UnixMilli(1_700_000_000_000 + c.n) }

type noWorktree struct{ Worktree }

type noRunner struct{ Runner }

func (noRunner) Describe() []work.Description { return nil }

// notices are the lines that a kernel logs.
type notices struct {
	slog.Handler
	lines chan string
}

func (n *notices) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	select {
	case n.lines <- line:
	default:
	}
	return nil
}
func (n *notices) Enabled(context.Context, slog.Level) bool { return true }

func (n *notices) all() []string {
	var out []string
	for {
		select {
		case l := <-n.lines:
			out = append(out, l)
		default:
			return out
		}
	}
}

func openOn(disk *journaltest.FaultFS, tune tuning) (*stand, error) {
	store, err := journal.Open("/data", journal.Options{FS: disk, SegmentSize: 4096})
	if err != nil {
		return nil, err
	}
	said := &notices{lines: make(chan string, 100)}
	k, err := Open(context.Background(), Options{
		Journal: store, Clock: &ticking{}, Worktree: noWorktree{}, Runner: noRunner{}, Library: &tasks.Library{},
		Logger: slog.New(said), tuning: tune,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &stand{k, disk, store, said}, nil
}

func mustOpen(t *testing.T, disk *journaltest.FaultFS, tune tuning) *stand {
	t.Helper()
	s, err := openOn(disk, tune)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stand) close() error { return errors.Join(s.Kernel.Close(), s.store.Close()) }

// four are the digests of a version's graphs.
type four [4]rmg.Digest

func digests(v version) four {
	wrote, err := v.wrote.read()
	if err != nil {
		panic(err) // it cannot fail
	}
	return four{v.world.Digest(), v.ledger.Digest(), v.spaces.Digest(), wrote.Digest()}
}

// past4 is what versions were when they were current.
type chronicle struct {
	versions map[uint64]four
	heads    map[Version]rmg.Digest
	spaces   []string
}

func newChronicle() *chronicle {
	return &chronicle{versions: map[uint64]four{}, heads: map[Version]rmg.Digest{}}
}

// see notes what is current.
func (c *chronicle) see(k *Kernel) {
	v := k.now()
	if _, ok := c.versions[v.seq]; ok {
		return
	}
	c.versions[v.seq] = digests(v)
	for _, id := range c.spaces {
		s, _ := spaceIn(v.spaces, id)
		c.heads[Version{Space: id, At: v.seq}] = s.last().world.Digest()
	}
}

// step does something at random; what is refused changes nothing.
func (c *chronicle) step(k *Kernel, src opSource) error {
	return guarded(func() error { return c.stepped(k, src) })
}

func (c *chronicle) stepped(k *Kernel, src opSource) error {
	ctx, who := context.Background(), Caller{Name: "t"}
	view := "system"
	if len(c.spaces) > 0 && src.IntN(2) == 0 {
		view = "sws:" + c.spaces[src.IntN(len(c.spaces))]
	}
	var err error
	switch n := src.IntN(10); {
	case n < 7:
		_, err = k.Rewrite(ctx, who, view, rewrite.Rewrite{Ops: src.ops()})
	default:
		v, _ := ParseVersion(view)
		at := 1 + src.Uint64N(k.now().seq)
		switch {
		case n == 8 && v.Space == "":
			v.Seq = at
		case n == 8:
			v.At = at
		}
		var w Workspace
		if w, err = k.Fork(ctx, who, ForkRequest{From: v.String()}); err == nil {
			c.spaces = append(c.spaces, w.ID)
		}
	}
	c.see(k)
	var e *rmg.Error
	if errors.As(err, &e) && e.Code != rmg.Internal && e.Code != rmg.Unavailable {
		return nil
	}
	return err
}

func sourceOf(seed uint64) opSource { return opSource{rand.New(rand.NewPCG(seed, 2))} }

// deepen makes a node at p, one record for each step down to it.
func (s *stand) deepen(t *testing.T, p rmg.Path) error {
	at := rmg.Root
	for _, seg := range p.Segments() {
		at = at.Child(seg.ID)
		if _, err := s.Rewrite(t.Context(), Caller{Name: "t"}, "system", rewrite.Rewrite{Ops: []rewrite.Op{addOp(at, "K", nil)}}); err != nil {
			return err
		}
	}
	return nil
}
