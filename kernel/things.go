package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"jitos.dev/tasks"
	"jitos.dev/work"
)

// things are what tasks of all processes share (resources) or have for themselves
// (exclusive). A task gets all of its own at once, before it begins, and has them until it
// has ended with all its tries, so that nobody waits for a thing while having another. Who
// asked first goes first: a task waits for those before it that it could not run beside.
//
// What a task has is kept, for its process, where it was cut off and where it failed and has a
// way back: until the process has ended, and over a restart, since the thing may be left half
// done.
type things struct {
	sync.Mutex // guards the fields below
	held       []*claim
	waiting    []*claim // in the order of asking
}

// claim is what one task uses and has for itself.
type claim struct {
	process, task string
	lane          int
	uses, alone   []string
	kept          bool          // its task is over: kept for its process
	granted       chan struct{} // closed when it has them
	withdrawn     chan struct{} // closed when it is not to have them
}

// errNotBegun is that a task waited for a thing when another of its attempt failed.
var errNotBegun = errors.New("it had not begun when another task failed")

// conflict is a thing that two claims cannot have at once, or "".
func (c *claim) conflict(o *claim) string {
	for _, x := range c.alone {
		if slices.Contains(o.alone, x) || slices.Contains(o.uses, x) {
			return x
		}
	}
	for _, x := range c.uses {
		if slices.Contains(o.alone, x) {
			return x
		}
	}
	return ""
}

// own reports whether a claim is kept for the process of another, and so not in its way.
func (c *claim) own(o *claim) bool { return o.kept && o.process == c.process }

// ask puts a task's claim into the line; nil for one that needs nothing.
func (s *things) ask(process string, t tasks.Task) *claim {
	if len(t.Resources)+len(t.Exclusive) == 0 {
		return nil
	}
	c := &claim{
		process: process, task: t.ID, lane: t.Lane, uses: t.Resources, alone: t.Exclusive,
		granted: make(chan struct{}), withdrawn: make(chan struct{}),
	}
	s.Lock()
	defer s.Unlock()
	// Others of the line wait for what is kept for the process anyway.
	first := len(s.waiting)
	if slices.ContainsFunc(s.held, c.own) {
		first = 0
	}
	s.waiting = slices.Insert(s.waiting, first, c)
	s.settle()
	return c
}

// keep holds what a task of a process that nothing drives has.
func (s *things) keep(process string, t tasks.Task) {
	if len(t.Resources)+len(t.Exclusive) == 0 {
		return
	}
	s.Lock()
	defer s.Unlock()
	s.held = append(s.held, &claim{process: process, task: t.ID, uses: t.Resources, alone: t.Exclusive, kept: true})
}

// settle gives those their things who wait for nobody. It is called with the lock held.
func (s *things) settle() {
	var still []*claim
	for _, c := range s.waiting {
		if by, _ := c.behind(s.held, still); by != nil {
			still = append(still, c)
			continue
		}
		s.held = slices.DeleteFunc(s.held, func(o *claim) bool { return c.own(o) && o.task == c.task })
		s.held = append(s.held, c)
		close(c.granted)
	}
	s.waiting = still
}

// behind is a claim that one has to wait for, and the thing.
func (c *claim) behind(lists ...[]*claim) (*claim, string) {
	for _, o := range slices.Concat(lists...) {
		if x := c.conflict(o); x != "" && !c.own(o) {
			return o, x
		}
	}
	return nil, ""
}

// wait returns when a claim has its things; with the cause if the context ends before.
func (s *things) wait(ctx context.Context, c *claim, say func(string)) error {
	if c == nil {
		return nil
	}
	s.Lock()
	at := slices.Index(s.waiting, c)
	if at >= 0 {
		if by, x := c.behind(s.held, s.waiting[:at]); by != nil {
			hint := ""
			if by.kept {
				hint = fmt.Sprintf(", kept until that process has ended: jitos retry %s, or jitos cancel %s", by.process, by.process)
			}
			say(fmt.Sprintf("waits for %s, which is with %s/%s%s", x, by.process, by.task, hint))
		}
	}
	s.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-c.withdrawn:
		return errNotBegun
	case <-ctx.Done():
		s.leave(c, false)
		return context.Cause(ctx)
	}
}

// leave gives back what a task has or waits for; with keep it stays with the process.
func (s *things) leave(c *claim, keep bool) {
	if c == nil {
		return
	}
	s.Lock()
	defer s.Unlock()
	if keep && slices.Contains(s.held, c) {
		c.kept = true
	} else {
		is := func(o *claim) bool { return o == c }
		s.held, s.waiting = slices.DeleteFunc(s.held, is), slices.DeleteFunc(s.waiting, is)
	}
	s.settle()
}

// withdraw takes those of an attempt out of the line that still wait.
func (s *things) withdraw(process string, lane int) {
	s.Lock()
	defer s.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(c *claim) bool {
		if c.process != process || c.lane != lane {
			return false
		}
		close(c.withdrawn)
		return true
	})
	s.settle()
}

// end gives back all that is kept for a process.
func (s *things) end(process string) {
	s.Lock()
	defer s.Unlock()
	s.held = slices.DeleteFunc(s.held, func(o *claim) bool { return o.process == process && o.kept })
	s.settle()
}

// recallThings finds what tasks had that the last epoch did not see the end of.
func (k *Kernel) recallThings() {
	for _, p := range k.Processes() {
		if p.Status != "interrupted" && p.Status != "waiting" {
			continue
		}
		owed := p.owed()
		if p.back != nil {
			owed = append(owed, p.back.From...)
		}
		for _, t := range p.Tasks {
			if t.State == "interrupted" || slices.Contains(owed, t.ID) {
				k.things.keep(p.ID, t.Task)
			}
		}
	}
}

// withThings does a task once it has what it shares with others. Its claim is for the caller
// to give back.
func (k *Kernel) withThings(ctx context.Context, r *run, t tasks.Task, c *claim, do func() error) error {
	if err := k.things.wait(ctx, c, func(text string) { k.say(r, work.Event{Task: t.ID, Text: text}) }); err != nil {
		return err
	}
	return do()
}
