// Package pool lends tasks to machines that come for them. What a machine brings
// back goes through the workspace that the kernel gave for the task, and is judged
// there as what any worker does.
package pool

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// Term is how long a lease lasts from each sign of life.
const Term = 30 * time.Second

// The limits of machines.
const (
	maxMachines = 1000 // that are remembered
	maxLabels   = 50   // of one, and kinds of worker
	maxName     = 60   // bytes, of a machine and of a label
	forgetAfter = 10   // terms of silence, but never
	forgetLeast = 2 * time.Minute
)

// Pool is a work.Leases. The zero value is none; see New.
type Pool struct {
	term time.Duration
	may  May // set before the first assignment; nil: any machine may do anything

	mu       sync.Mutex // guards the fields below
	waiting  []*loan    // in the order in which they came
	lent     map[string]*loan
	machines map[string]*machine // by caller and name
	news     chan struct{}       // closed when there is one more to take
}

var _ work.Leases = (*Pool)(nil)

// May judges whether a machine may be given a task. It is asked under a lock, and
// waits for nothing.
type May func(process, worker string, m work.Machine) error

// Judge has every lease be judged first. It is called before the first one.
func (p *Pool) Judge(may May) { p.may = may }

// loan is an assignment that asks for a machine.
type loan struct {
	ctx    context.Context
	worker string
	a      work.Assignment
	done   chan ending // holds one

	kept map[string]bool // machines that may not do it, which was said

	id    string // once it is lent
	to    *machine
	until time.Time
	timer *time.Timer
}

type ending struct {
	res work.Result
	err error
}

type machine struct {
	work.Machine
	heard time.Time
}

// New makes a pool whose leases last for a term.
func New(term time.Duration) *Pool {
	return &Pool{term: term, lent: map[string]*loan{}, machines: map[string]*machine{}, news: make(chan struct{})}
}

// Worker is what does a kind of worker's tasks on machines.
func (p *Pool) Worker(kind string) work.Worker { return lender{p, kind} }

type lender struct {
	pool *Pool
	kind string
}

// Describe names the worker; what it can do its machine knows.
func (l lender) Describe() work.Description {
	return work.Description{Name: l.kind, Summary: "on another machine"}
}

// Run waits for a machine, and for what it brings back. Stale: the machine fell
// silent.
func (l lender) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	x := &loan{ctx: ctx, worker: l.kind, a: a, done: make(chan ending, 1)}
	a.Emit(work.Event{Text: "waits for a machine that runs " + l.kind + " and has " + strings.Join(a.Labels, ", ")})
	l.pool.offer(x)
	select {
	case e := <-x.done:
		return e.res, e.err
	case <-ctx.Done():
		l.pool.withdraw(x)
		return work.Result{}, context.Cause(ctx)
	}
}

func (p *Pool) offer(x *loan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, x)
	close(p.news)
	p.news = make(chan struct{})
}

// withdraw takes an assignment back, lent or not.
func (p *Pool) withdraw(x *loan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(y *loan) bool { return x == y })
	p.over(x)
}

// over ends a lease, if there is one. The caller holds mu.
func (p *Pool) over(x *loan) {
	if p.lent[x.id] != x || x.id == "" {
		return
	}
	delete(p.lent, x.id)
	x.timer.Stop()
	x.to.Task = ""
}

// Take waits for an assignment that the machine can do.
func (p *Pool) Take(ctx context.Context, m work.Machine) (work.Lease, bool, error) {
	if err := check(m); err != nil {
		return work.Lease{}, false, err
	}
	for ctx.Err() == nil { // who has gone away is given nothing
		l, news, err := p.take(m)
		if news == nil || err != nil {
			return l, err == nil, err
		}
		select {
		case <-news:
		case <-ctx.Done():
		}
	}
	return work.Lease{}, false, nil
}

// take gives the first assignment that fits; without one what to wait for.
func (p *Pool) take(m work.Machine) (work.Lease, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	here, err := p.hear(m)
	if err != nil {
		return work.Lease{}, nil, err
	}
	i := slices.IndexFunc(p.waiting, func(x *loan) bool {
		return x.ctx.Err() == nil && slices.Contains(m.Workers, x.worker) &&
			!slices.ContainsFunc(x.a.Labels, func(l string) bool { return !slices.Contains(m.Labels, l) }) && p.allowed(x, m)
	})
	if i < 0 {
		return work.Lease{}, p.news, nil
	}
	x := p.waiting[i]
	p.waiting = slices.Delete(p.waiting, i, i+1)
	x.id, x.to, x.until = rand.Text(), here, time.Now().Add(p.term)
	x.timer = time.AfterFunc(p.term, func() { p.expire(x) })
	p.lent[x.id], here.Task = x, x.a.Process+"/"+x.a.Task
	return p.lease(x), nil, nil
}

// allowed asks whether a machine may do an assignment, and says once why it may not.
func (p *Pool) allowed(x *loan, m work.Machine) bool {
	if p.may == nil {
		return true
	}
	err := p.may(x.a.Process, x.worker, m)
	if k := m.Caller + " " + m.Name; err != nil && !x.kept[k] {
		if x.kept == nil {
			x.kept = map[string]bool{}
		}
		x.kept[k] = true
		go x.a.Emit(work.Event{Text: m.Name + " may not do it: " + err.Error()}) // under the lock nothing waits
	}
	return err == nil
}

func (p *Pool) lease(x *loan) work.Lease {
	return work.Lease{ID: x.id, Worker: x.worker, Assignment: x.a, TermMillis: p.term.Milliseconds()}
}

func check(m work.Machine) error {
	bad := func(format string, args ...any) error {
		return &rmg.Error{Op: "lease", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...), Hint: "a to z, 0 to 9, -, _ and .; at most 60"}
	}
	if len(m.Labels) > maxLabels || len(m.Workers) > maxLabels || len(m.Workers) == 0 {
		return &rmg.Error{Op: "lease", Code: rmg.Limit, Msg: fmt.Sprintf("a machine has up to %d labels and 1 to %d workers", maxLabels, maxLabels)}
	}
	for _, s := range slices.Concat([]string{m.Name}, m.Labels, m.Workers) {
		if s == "" || len(s) > maxName || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			return bad("%q is no name of a machine, label or worker", s)
		}
	}
	return nil
}

// hear notes that a machine is there. The caller holds mu.
func (p *Pool) hear(m work.Machine) (*machine, error) {
	now := time.Now()
	for k, old := range p.machines {
		if old.Task == "" && now.Sub(old.heard) > p.forget() {
			delete(p.machines, k)
		}
	}
	k := m.Caller + " " + m.Name
	here, ok := p.machines[k]
	if !ok && len(p.machines) >= maxMachines {
		return nil, &rmg.Error{Op: "lease", Code: rmg.Limit, Msg: fmt.Sprintf("%d machines are here, which is the limit", len(p.machines))}
	}
	if !ok {
		here = &machine{}
		p.machines[k] = here
	}
	m.Task = here.Task
	here.Machine, here.heard = m, now
	return here, nil
}

// expire ends a lease whose machine fell silent.
func (p *Pool) expire(x *loan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent[x.id] != x {
		return
	}
	if left := time.Until(x.until); left > 0 {
		x.timer.Reset(left)
		return
	}
	p.over(x)
	x.done <- ending{err: &rmg.Error{
		Op: "lease", Code: rmg.Stale, Msg: fmt.Sprintf("%s was silent for %v: its lease is over", x.to.Name, p.term), Hint: "jitos worker list shows who is there",
	}}
}

// forget is how long a machine may be silent before nobody knows it any more: longer
// than it may wait for a task.
func (p *Pool) forget() time.Duration { return max(forgetAfter*p.term, forgetLeast) }

// find is a lease that goes on. The caller holds mu.
func (p *Pool) find(id, caller string) (*loan, error) {
	x, ok := p.lent[id]
	if !ok || x.to.Caller != caller || !time.Now().Before(x.until) || x.ctx.Err() != nil {
		return nil, &rmg.Error{
			Op: "lease", Code: rmg.Stale, Msg: "the lease is over, or another's", Hint: "what was done on it is not taken; POST /lease takes the next",
		}
	}
	return x, nil
}

// Held is a lease that goes on.
func (p *Pool) Held(id, caller string) (work.Lease, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x, err := p.find(id, caller)
	if err != nil {
		return work.Lease{}, err
	}
	return p.lease(x), nil
}

// Beat makes a lease last for another term, and says what the worker says.
func (p *Pool) Beat(id, caller string, said []work.Event) error {
	p.mu.Lock()
	x, err := p.find(id, caller)
	if err == nil {
		now := time.Now()
		x.until, x.to.heard = now.Add(p.term), now
		x.timer.Reset(p.term)
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	for _, e := range said {
		x.a.Emit(work.Event{Text: e.Text, Data: e.Data})
	}
	return nil
}

// Return ends a lease. What was changed goes into the task's workspace first, and
// if it may not, the attempt has failed for that reason, which is told here too.
func (p *Pool) Return(id, caller string, r work.Returned) error {
	p.mu.Lock()
	x, err := p.find(id, caller)
	if err == nil {
		p.over(x)
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	res := r.Result
	res.Adopt = "" // children are the machine's own affair
	if len(r.Ops) > 0 && r.Failure == "" {
		err = x.a.Workspace.Rewrite(x.ctx, rewrite.Rewrite{Ops: r.Ops, Reason: r.Reason})
	}
	if err == nil && r.Failure != "" {
		x.done <- ending{res, &rmg.Error{Op: x.worker, Code: rmg.Internal, Msg: x.to.Name + ": " + r.Failure}}
		return nil
	}
	res.Output = res.Output.With("machine", rmg.String(x.to.Name))
	x.done <- ending{res, err}
	return err
}

// Machines lists those that were heard of lately.
func (p *Pool) Machines() []work.Machine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []work.Machine
	for _, m := range p.machines {
		if silent := time.Since(m.heard); m.Task != "" || silent <= p.forget() {
			c := m.Machine
			c.SilentMillis = silent.Milliseconds()
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b work.Machine) int { return strings.Compare(a.Name+" "+a.Caller, b.Name+" "+b.Caller) })
	return out
}
