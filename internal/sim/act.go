package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// draw chooses what a client asks for. All chances are taken here, so that the
// request says the same when it is sent again.
func (s *storm) draw() request {
	what := actions[s.rnd.IntN(len(actions))]
	for !s.on[what] {
		what = actions[s.rnd.IntN(len(actions))]
	}
	ctx := context.Background()
	why := s.reason()
	space := ""
	if len(s.spaces) > 0 {
		space = s.spaces[s.rnd.IntN(len(s.spaces))]
	}
	if space == "" && what != "past" && what != "undo" && what != "repo" && what != "intent" && what != "commit" && what != "rewrite" {
		what = "fork"
	}
	switch what {
	case "space":
		return s.rewriteOf("sws:" + space)
	case "fork":
		return s.fork(space)
	case "collapse":
		return request{what, false, func(c kernel.Caller) (string, error) {
			out, err := s.sys.Collapse(ctx, c, space, kernel.CollapseRequest{})
			return fmt.Sprint(out.Seq), err
		}}
	case "rebase":
		return request{what, false, func(c kernel.Caller) (string, error) {
			_, err := s.sys.Rebase(ctx, c, space, "")
			return "", err
		}}
	case "settle":
		side := []string{"system", "workspace", "base"}[s.rnd.IntN(3)]
		return request{what, false, func(c kernel.Caller) (string, error) {
			_, err := s.sys.Settle(ctx, c, space, kernel.Resolution{Take: side})
			return "", err
		}}
	case "discard":
		return request{what, true, func(c kernel.Caller) (string, error) {
			out, err := s.sys.Discard(ctx, c, space, why)
			return fmt.Sprint(out), s.named(why, "discard "+space+": "+why, err)
		}}
	case "restore":
		return request{what, false, func(c kernel.Caller) (string, error) {
			_, err := s.sys.Restore(ctx, c, space)
			return "", err
		}}
	case "undo":
		seq := 1 + s.rnd.Uint64N(uint64(len(s.log)))
		return request{what, false, func(c kernel.Caller) (string, error) {
			_, err := s.sys.Undo(ctx, c, kernel.UndoRequest{Seq: seq})
			return "", err
		}}
	case "past":
		return request{what, false, func(kernel.Caller) (string, error) { return "", s.lookBack() }}
	case "repo":
		return s.repo()
	case "intent":
		return s.intent()
	case "commit":
		name := fmt.Sprintf("f%d.txt", s.rnd.IntN(3))
		return request{what, false, func(kernel.Caller) (string, error) { return "", s.git.commit(name, s.text) }}
	}
	return s.rewriteOf("system")
}

// named lets a record with a reason of its own count for its step.
func (s *storm) named(step, reason string, err error) error {
	if err == nil {
		s.alias(step, reason)
	}
	return err
}

// alias makes the records of a reason count for a step, once they are seen.
func (s *storm) alias(step, reason string) {
	synced := 0
	for r, err := range s.sys.Records(1, 0) {
		if err == nil && r.Reason == reason {
			synced++
		}
	}
	s.said[step] = synced
}

// errLooked is a version that is not as it was.
var errLooked = errors.New("looked back")

// lookBack reads some of what was acknowledged.
func (s *storm) lookBack() error {
	if err := s.remember(4); err != nil && !s.stopped() {
		return fmt.Errorf("%w: %w", errLooked, err)
	}
	return nil
}

// rewriteOf makes a rewrite of a view.
func (s *storm) rewriteOf(view string) request {
	rw := rewrite.Rewrite{Ops: s.hand.ops(), Reason: s.reason()}
	switch s.rnd.IntN(6) {
	case 0:
		if v, err := s.sys.View(view); err == nil {
			rw.Expect.Digest = v.Digest()
		}
	case 1:
		rw.Expect.Seq = uint64(max(1, len(s.log)-s.rnd.IntN(2)))
	}
	return request{"rewrite", true, func(c kernel.Caller) (string, error) {
		r, err := s.sys.Rewrite(context.Background(), c, view, rw)
		return fmt.Sprint(r), err
	}}
}

// fork makes a workspace of the system, of another one, or of the past.
func (s *storm) fork(space string) request {
	r := kernel.ForkRequest{Reason: s.reason()}
	switch s.rnd.IntN(4) {
	case 0:
		if space != "" {
			r.From = "sws:" + space
		}
	case 1:
		r.From = fmt.Sprint("seq:", 1+s.rnd.IntN(len(s.log)))
	case 2:
		r.Dir = "/app"
	}
	return request{"fork", true, func(c kernel.Caller) (string, error) {
		w, err := s.sys.Fork(context.Background(), c, r)
		if err == nil {
			s.keep(w.ID)
		}
		return w.ID, err
	}}
}

// keep remembers a workspace.
func (s *storm) keep(id string) {
	if !slices.Contains(s.spaces, id) {
		s.spaces = append(s.spaces, id)
	}
}

// repo changes a file of the repository in a new workspace and collapses it.
func (s *storm) repo() request {
	b := s.git.file
	if s.rnd.IntN(4) == 0 {
		b = s.git.red
	}
	at := rmg.Root.Join("repo", "app", "main", fmt.Sprintf("f%d.txt", s.rnd.IntN(3)))
	return request{"repo", false, func(c kernel.Caller) (string, error) {
		ctx := context.Background()
		w, err := s.sys.Fork(ctx, c, kernel.ForkRequest{Dir: "/app"})
		if err != nil {
			return "", err
		}
		s.keep(w.ID)
		if _, err := s.sys.Rewrite(ctx, c, "sws:"+w.ID, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: at, Blob: b}}}); err != nil {
			return "", err
		}
		_, err = s.sys.Collapse(ctx, c, w.ID, kernel.CollapseRequest{})
		return "", err
	}}
}

// intent submits one, whose worker may fail, die, hang, or be late.
func (s *storm) intent() request {
	script := "ok"
	if s.chance("worker", 2) {
		script = []string{"fail", "die", "hang", "late"}[s.rnd.IntN(4)]
	}
	return request{"intent", false, func(c kernel.Caller) (string, error) {
		s.git.mu.Lock()
		s.git.script = script
		s.git.mu.Unlock()
		ctx := context.Background()
		p, err := s.sys.Intent(ctx, c, kernel.IntentRequest{Text: "do app", Dir: "/app"})
		if err != nil {
			return "", err
		}
		if script != "hang" && script != "late" {
			_, err = s.sys.Wait(ctx, p.ID)
			return "", err
		}
		return "", s.cutOff(ctx, c, p.ID)
	}}
}

// cutOff cancels a process whose worker does not end: whatever the worker hands in
// after that, nothing collapses.
func (s *storm) cutOff(ctx context.Context, c kernel.Caller, id string) error {
	synctest.Wait()
	if _, err := s.sys.Cancel(ctx, c, id); err != nil {
		return err
	}
	p, err := s.sys.Process(id)
	if err != nil {
		return err
	}
	if p.Status != "cancelled" || p.Collapse != 0 {
		return fmt.Errorf("process %s is %s, collapsed by %d, after it was cancelled", id, p.Status, p.Collapse)
	}
	return nil
}

// end looks at everything once more: each version of the past, each landing, the
// repository, and what a flipped bit does.
func (s *storm) end() error {
	if err := s.remember(0); err != nil {
		return err
	}
	if _, err := s.sys.Fork(context.Background(), kernel.Caller{Name: "sim"}, kernel.ForkRequest{Dir: "/app"}); err != nil {
		return fmt.Errorf("sync at the end: %w", err)
	}
	if err := s.observe(); err != nil {
		return err
	}
	if err := s.landings(); err != nil {
		return err
	}
	if err := s.sys.close(); err != nil {
		return err
	}
	return s.flip()
}

// landings holds the repository against the processes: each landed once, and the
// world has what the head has.
func (s *storm) landings() error {
	v, err := s.sys.View("system")
	if err != nil {
		return err
	}
	e, _ := v.Get(rmg.Root.Join("repo", "app", "main"))
	if tree := s.git.tree(); e.Graph.Digest() != tree.Digest() {
		return errors.New("the branch in the world is not what the repository's head has")
	}
	count := map[string]int{}
	for _, c := range s.git.log {
		if count[c]++; count[c] > 1 {
			return fmt.Errorf("%s landed twice", c)
		}
	}
	for _, p := range s.sys.Processes() {
		switch p.Status {
		case "landed":
			if p.Commit != "" && count[p.Commit] != 1 {
				return fmt.Errorf("process %s landed as %s, which the branch has %d times", p.ID, p.Commit, count[p.Commit])
			}
		case "running", "proving", "planned":
			return fmt.Errorf("process %s is %s, and nothing moves", p.ID, p.Status)
		}
	}
	return nil
}

// flip turns one bit of the log round, in a folder that was closed: it is noticed.
func (s *storm) flip() error {
	names, err := s.disk.ReadDir("/data/log")
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return len(n) < 4 || n[len(n)-4:] != ".seg" })
	name := "/data/log/" + names[s.rnd.IntN(len(names))]
	size, err := s.disk.Stat(name)
	if err != nil || size == 0 {
		return err
	}
	at, bit := s.rnd.Int64N(size), uint(s.rnd.IntN(8))
	s.disk.Flip(name, at, bit)
	if err := s.open(); err != nil {
		s.hits["flip refused"]++
		return nil
	}
	v, err := s.sys.Verify(context.Background())
	if err == nil && len(v.Problems) == 0 {
		return fmt.Errorf("bit %d of byte %d of %s is flipped, and nobody notices", bit, at, name)
	}
	s.hits["flip found"]++
	_ = s.sys.close() // its log is damaged
	return nil
}
