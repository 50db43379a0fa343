package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing/synctest"
	"time"

	"jitos.dev/journal"
	"jitos.dev/journal/journaltest"
	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// hand is a clock that moves when it is told to, in either direction.
type hand struct {
	mu  sync.Mutex // guards now
	now time.Time
}

// Now is where it stands.
func (c *hand) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *hand) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// actions are what a storm's clients do; fault names what may go wrong. Each
// seed draws which of them are on.
var (
	actions = []string{"rewrite", "space", "fork", "collapse", "rebase", "settle", "discard", "restore", "undo", "past", "repo", "intent", "commit"}
	faults  = []string{"kill", "power", "room", "eio", "resend", "clock", "landing", "worker", "restart", "recovery", "verify"}
)

// stormLibrary has one task: the scripted worker, then the proof.
const stormLibrary = `
tasks:
  - {name: Do, summary: do it, params: {target: target}}
methods:
  - name: do-it
    task: Do
    summary: by hand
    phrases: ["do {target}"]
    steps: [{do: act}, {do: verify}]
    success_criteria: [{type: command, name: build, value: "go build ./..."}]
primitives:
  - {name: act, summary: act, worker: scripted, action: do, retries: 1}
  - {name: verify, summary: prove it, worker: kernel, action: prove}
`

// storm is one seed: clients on a kernel on a disk, and everything that was ever
// acknowledged or seen of it.
type storm struct {
	rnd   *rand.Rand
	disk  *journaltest.FaultFS
	ahead int64 // of the log's room
	clock *hand
	git   *forge
	lib   *tasks.Library
	on    map[string]bool
	sys   *system
	hand  *client // makes random ops

	step   int
	log    []string              // of each record, all that it says
	at     time.Time             // of the last of them
	world  model                 // after it
	heads  map[string]rmg.Digest // what versions had when they were acknowledged
	said   map[string]int        // records of a request, by its reason
	spaces []string
	text   rmg.Blob
	hits   map[string]int // how often what happened
}

// newStorm makes the machine of a seed. lib is read only.
func newStorm(seed uint64, lib *tasks.Library) *storm {
	s := &storm{
		rnd: rand.New(rand.NewPCG(seed, 1)), disk: journaltest.NewFaultFS(seed), clock: &hand{now: time.Unix(1_700_000_000, 0).UTC()},
		git: newForge(), lib: lib, on: map[string]bool{}, world: model{}, heads: map[string]rmg.Digest{}, said: map[string]int{}, hits: map[string]int{},
	}
	for _, list := range [][]string{actions, faults} {
		for _, name := range list {
			s.on[name] = s.rnd.IntN(3) > 0
		}
	}
	s.ahead = []int64{-1, 1000, 0}[s.rnd.IntN(3)]
	s.on["rewrite"] = true
	s.hand = &client{rnd: s.rnd}
	return s
}

// run lets the storm blow for some steps. The error says what was broken.
func (s *storm) run(steps int) error {
	if err := s.open(); err != nil {
		return err
	}
	if err := s.settleIn(); err != nil {
		return err
	}
	for s.step = 1; s.step <= steps; s.step++ {
		s.clock.pass(time.Duration(s.rnd.IntN(2000)) * time.Millisecond)
		if s.chance("clock", 8) {
			s.clock.pass(time.Duration(s.rnd.IntN(48)-24) * time.Hour)
		}
		if err := s.blow(); err != nil {
			return fmt.Errorf("step %d: %w", s.step, err)
		}
	}
	return s.end()
}

// chance is true one time in n, if what it is about is on.
func (s *storm) chance(name string, n int) bool {
	yes := s.rnd.IntN(n) == 0 && s.on[name]
	if yes {
		s.hits[name]++
	}
	return yes
}

// open starts a kernel on what is on the disk.
func (s *storm) open() error {
	store, err := journal.Open("/data", journal.Options{FS: s.disk, SegmentSize: 32 << 10, RoomAhead: s.ahead})
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	k, err := kernel.Open(context.Background(), kernel.Options{Journal: store, Clock: s.clock, Worktree: s.git, Runner: s.git, Library: s.lib})
	if err != nil {
		return errors.Join(fmt.Errorf("open the kernel: %w", err), store.Close())
	}
	s.sys = &system{k, store}
	synctest.Wait()
	return nil
}

// settleIn makes the content that the storm writes, and the first commit.
func (s *storm) settleIn() error {
	var err error
	if s.git.red, err = s.sys.PutBlob(strings.NewReader("red\n")); err != nil {
		return err
	}
	if s.git.file, err = s.sys.PutBlob(strings.NewReader("by the worker\n")); err != nil {
		return err
	}
	if s.text, err = s.sys.PutBlob(strings.NewReader("module app\n")); err != nil {
		return err
	}
	if err := s.git.commit("go.mod", s.text); err != nil {
		return err
	}
	// Content is durable with the record that names it.
	var ops []rewrite.Op
	for i, b := range []rmg.Blob{s.git.red, s.git.file, s.text} {
		ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: rmg.Root.Child(fmt.Sprint("blob", i)), Kind: "Content", Props: map[string]rmg.Value{"is": rmg.BlobOf(b)}})
	}
	if _, err := s.sys.Rewrite(context.Background(), kernel.Caller{Name: "sim"}, "system", rewrite.Rewrite{Ops: ops, Reason: "begin"}); err != nil {
		return err
	}
	return s.observe()
}

// request is something that a client asks for. Sent again it says the same.
type request struct {
	what  string
	keyed bool // it makes one record, under a key
	do    func(c kernel.Caller) (string, error)
}

// blow does one request under what goes wrong with it, and looks at what came of
// it.
func (s *storm) blow() error {
	r := s.draw()
	s.hits[r.what]++
	who := kernel.Caller{Name: fmt.Sprint("c", s.rnd.IntN(3))}
	if r.keyed {
		who.Key = fmt.Sprint("key-", s.step)
	}
	trouble := s.trouble()
	got, err := s.call(r, who)
	s.git.onLand = nil
	if s.stopped() {
		if err := s.crash(r, trouble == "power"); err != nil {
			return fmt.Errorf("%s, then %s: %w", r.what, trouble, err)
		}
		return s.again(r, who, got, err == nil, trouble)
	}
	s.disk.StopAfter(-1)
	s.disk.Inject(nil)
	s.disk.SetRoom(-1)
	if why := s.sys.Status().ReadOnly; why != "" {
		if e := s.mustStayOut(); e != nil {
			return e
		}
		if err := s.crash(r, s.rnd.IntN(2) == 0); err != nil {
			return fmt.Errorf("%s, then %s: %w", r.what, trouble, err)
		}
		return s.again(r, who, got, err == nil, trouble)
	}
	if err := defect(err); err != nil {
		return fmt.Errorf("%s under %q: %w", r.what, trouble, err)
	}
	if trouble == "room" && err != nil {
		return s.again(r, who, got, false, trouble)
	}
	if err := s.observe(); err != nil {
		return fmt.Errorf("after %s: %w", r.what, err)
	}
	if r.keyed && err == nil && s.chance("resend", 3) {
		return s.again(r, who, got, true, "resend")
	}
	return s.quiet()
}

// quiet is what may happen between requests.
func (s *storm) quiet() error {
	if s.chance("verify", 12) {
		return s.verify()
	}
	if s.chance("restart", 12) {
		if err := s.sys.close(); err != nil {
			return err
		}
		return s.reopen()
	}
	return nil
}

// defect is an error that no client should see.
func defect(err error) error {
	var e *rmg.Error
	if err == nil || errors.As(err, &e) && e.Code != rmg.Internal || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// call does a request, and waits until nothing moves any more.
func (s *storm) call(r request, who kernel.Caller) (got string, err error) {
	if failed := rmg.Protect(func() { got, err = r.do(who) }); failed != nil {
		err = failed
	}
	synctest.Wait()
	return got, err
}

// trouble draws what goes wrong with the next request, and sets it up.
func (s *storm) trouble() string {
	switch {
	case s.chance("kill", 8):
		s.disk.StopAfter(1 + s.rnd.IntN(8))
		return "kill"
	case s.chance("power", 8):
		s.disk.StopAfter(1 + s.rnd.IntN(8))
		return "power"
	case s.chance("room", 8):
		s.disk.SetRoom(int64(s.rnd.IntN(1500)))
		return "room"
	case s.chance("eio", 8):
		op := []journaltest.Op{journaltest.OpSync, journaltest.OpWrite}[s.rnd.IntN(2)]
		s.disk.Inject(journaltest.Once(op, "/log/", syscall.EIO))
		return "eio"
	case s.chance("landing", 4):
		after := s.rnd.IntN(2) == 0
		s.git.onLand = func(now bool) {
			if now == after {
				s.disk.StopAfter(1)
			}
		}
		return []string{"kill", "power"}[s.rnd.IntN(2)]
	}
	return ""
}

// stopped says whether the machine is down.
func (s *storm) stopped() bool {
	_, err := s.disk.Stat("/data")
	return errors.Is(err, journaltest.ErrDown)
}

// mustStayOut checks that a kernel whose log failed takes nothing, and still can
// be read.
func (s *storm) mustStayOut() error {
	before := s.sys.Status()
	_, err := s.sys.Rewrite(context.Background(), kernel.Caller{Name: "sim"}, "system", rewrite.Rewrite{
		Ops: []rewrite.Op{{Op: rewrite.AddNode, Path: rmg.Root.Child(fmt.Sprint("never", s.step)), Kind: "K"}},
	})
	if !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) {
		return fmt.Errorf("a log that failed was written to: %w", err)
	}
	if now := s.sys.Status(); now.Seq != before.Seq || now.World != before.World {
		return fmt.Errorf("a log that failed went on from seq %d to %d", before.Seq, now.Seq)
	}
	return s.observe()
}

// crash ends the machine and starts it again, with what the disk kept.
func (s *storm) crash(r request, power bool) error {
	// What was visible was durable. Reading it may fail by now.
	_ = s.sys.close()
	if power {
		s.disk.Crash()
	} else {
		s.disk.Kill()
	}
	if s.chance("recovery", 2) {
		s.disk.StopAfter(1 + s.rnd.IntN(10))
		if err := s.open(); err == nil {
			_ = s.sys.close()
		}
		if s.rnd.IntN(2) == 0 {
			s.disk.Crash()
		} else {
			s.disk.Kill()
		}
	}
	return s.reopen()
}

// reopen starts a kernel and holds it against everything that was seen.
func (s *storm) reopen() error {
	if err := s.open(); err != nil {
		return err
	}
	n := 0
	for r, err := range s.sys.Records(1, 0) {
		if err != nil {
			return err
		}
		if n < len(s.log) && told(r) != s.log[n] {
			return fmt.Errorf("record %d was\n%s\nand is\n%s", n+1, s.log[n], told(r))
		}
		n++
	}
	if n < len(s.log) {
		return fmt.Errorf("%d records were acknowledged, and %d are left", len(s.log), n)
	}
	if err := s.observe(); err != nil {
		return err
	}
	if err := s.remember(6); err != nil {
		return err
	}
	return s.verify()
}

// remember reads versions of the past again, the given number of them.
func (s *storm) remember(most int) error {
	for _, name := range sortedKeys(s.heads) {
		if most > 0 && s.rnd.IntN(1+len(s.heads)/most) > 0 {
			continue
		}
		v, err := s.sys.View(name)
		if err != nil {
			return fmt.Errorf("%s was acknowledged: %w", name, err)
		}
		if v.Digest() != s.heads[name] {
			return fmt.Errorf("%s was %s, and is %s", name, s.heads[name], v.Digest())
		}
	}
	return nil
}

func (s *storm) verify() error {
	v, err := s.sys.Verify(context.Background())
	if err == nil && len(v.Problems) > 0 {
		err = fmt.Errorf("verify: %q", v.Problems)
	}
	return err
}

// again sends a request again whose answer was lost, or is doubted: it has made
// one record in the end, and what was answered before is answered still.
func (s *storm) again(r request, who kernel.Caller, got string, was bool, trouble string) error {
	if !r.keyed {
		return s.observe()
	}
	before := len(s.log)
	now, err := s.call(r, who)
	if err := defect(err); err != nil {
		return fmt.Errorf("%s again after %s: %w", r.what, trouble, err)
	}
	if err := s.observe(); err != nil {
		return err
	}
	switch {
	case was && err != nil:
		return fmt.Errorf("%s after %s was acknowledged as %s, and is refused: %w", r.what, trouble, got, err)
	case was && now != got:
		return fmt.Errorf("%s after %s was acknowledged as %s, and again as %s", r.what, trouble, got, now)
	case was && len(s.log) != before:
		return fmt.Errorf("%s after %s was acknowledged, and made %d records when it was sent again", r.what, trouble, len(s.log)-before)
	case err == nil && s.said[s.reason()] != 1:
		return fmt.Errorf("%s sent twice after %s made %d records", r.what, trouble, s.said[s.reason()])
	}
	s.hits["again"]++
	return nil
}

// reason names the request of a step.
func (s *storm) reason() string { return fmt.Sprint("step ", s.step) }

// told is all that a record says.
func told(r kernel.Record) string {
	ops, err := json.Marshal(r.Ops)
	return fmt.Sprint(r.Seq, r.Tick, r.At.UnixMilli(), r.View, r.Author, r.Cause, r.Reason, string(ops), err, r.Once)
}

// observe takes in the records since it last looked, holds the world against the
// model, and notes the heads.
func (s *storm) observe() error {
	for r, err := range s.sys.Records(uint64(len(s.log))+1, 0) {
		if err != nil {
			return err
		}
		if r.Seq != uint64(len(s.log))+1 {
			return fmt.Errorf("record %d follows record %d", r.Seq, len(s.log))
		}
		if r.At.Before(s.at) {
			return fmt.Errorf("record %d is of %s, and the one before of %s", r.Seq, r.At, s.at)
		}
		s.at = r.At
		s.log = append(s.log, told(r))
		s.said[r.Reason]++
		if strings.HasPrefix(r.Reason, "step ") && s.said[r.Reason] > 1 {
			return fmt.Errorf("%s is there twice", r.Reason)
		}
		if r.View != "system" {
			continue
		}
		var ops []rewrite.Op
		for _, op := range r.Ops {
			if !ledger(op.Path) {
				ops = append(ops, op)
			}
		}
		if err := s.world.apply(ops); err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
	}
	v, err := s.sys.View("system")
	if err != nil {
		return err
	}
	want, err := s.world.digest()
	if err != nil {
		return err
	}
	if v.Seq != uint64(len(s.log)) || v.Digest() != want {
		return fmt.Errorf("seq %d has world %s; the model, of seq %d, has %s", v.Seq, v.Digest(), len(s.log), want)
	}
	s.heads[fmt.Sprint("seq:", v.Seq)] = want
	for _, id := range s.spaces {
		h, err := s.sys.View("sws:" + id)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("sws:%s@%d", id, h.Seq)
		if was, ok := s.heads[name]; ok && was != h.Digest() {
			return fmt.Errorf("%s was %s, and is %s", name, was, h.Digest())
		}
		s.heads[name] = h.Digest()
	}
	return nil
}

// ledger reports whether a path stands in the half that the kernel writes.
func ledger(p rmg.Path) bool {
	segs := p.Segments()
	if len(segs) == 0 {
		return false
	}
	switch segs[0].ID {
	case "proc", "sws", "worker", "purge", "once":
		return true
	}
	return false
}
