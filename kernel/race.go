package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// The limits of a race.
const (
	maxRace     = 8  // attempts of one
	slotsOfLane = 16 // places to materialise workspaces in that each has to itself
)

// errLost ends an attempt of a race that another one has won.
var errLost = &rmg.Error{Op: "race", Code: rmg.Conflict, Msg: "another attempt of the race was proven first"}

// raced makes a plan of n attempts at the same tasks, side by side: those of the
// first lane keep their ids, those of lane 2 are called "implement.2".
func raced(plan *tasks.Plan, n int) (*tasks.Plan, error) {
	if n <= 1 {
		return plan, nil
	}
	if len(plan.Back) > 0 {
		return nil, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("%s has a way back (on_fail), so that what it does cannot be done side by side", plan.Goal), Hint: "without --race"}
	}
	out := *plan
	out.Tasks = nil
	seen := map[string]bool{}
	for lane := 1; lane <= n; lane++ {
		for _, t := range plan.Tasks {
			t.Lane, t.ID, t.Needs = lane, laneTask(t.ID, lane), slices.Clone(t.Needs)
			for i, id := range t.Needs {
				t.Needs[i] = laneTask(id, lane)
			}
			if seen[t.ID] {
				return nil, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("the plan cannot be raced: two tasks would be %q", t.ID)}
			}
			seen[t.ID] = true
			out.Tasks = append(out.Tasks, t)
		}
	}
	return &out, nil
}

func laneTask(id string, lane int) string {
	if lane <= 1 {
		return id
	}
	return fmt.Sprintf("%s.%d", id, lane)
}

// plainID is a task's id without its lane.
func plainID(t tasks.Task) string {
	if t.Lane <= 1 {
		return t.ID
	}
	return strings.TrimSuffix(t.ID, fmt.Sprintf(".%d", t.Lane))
}

// lanesOf is how many attempts a plan has; 0 if there is no race.
func lanesOf(plan *tasks.Plan) int {
	n := 0
	for _, t := range plan.Tasks {
		n = max(n, t.Lane)
	}
	return n
}

// laneID is the workspace of a lane: w4, w4-2.
func laneID(process string, lane int) string {
	id := "w" + strings.TrimPrefix(process, "p")
	if lane > 1 {
		id += fmt.Sprintf("-%d", lane)
	}
	return id
}

// laneSpace is the workspace that a lane's tasks write in.
func (p Process) laneSpace(lane int) string {
	if lane == 0 || len(p.Lanes) == 0 {
		return p.Workspace
	}
	return laneID(p.ID, lane)
}

// readLanes lists the attempts of a race.
func (k *Kernel) readLanes(e rmg.Element) []Lane {
	var out []Lane
	ledger := k.now().ledger
	for n := 1; n <= int(e.Props.Int("lanes")); n++ {
		l := Lane{N: n, Workspace: laneID(e.ID, n)}
		if s, ok := ledger.Get(swsPath(l.Workspace)); ok {
			w := readSpace(s)
			l.State, l.Outcome = w.State, w.Outcome
		}
		out = append(out, l)
	}
	return out
}

// losers discards the other lanes' workspaces, in the record by which one wins.
func (f *fold) losers(c *collapse) []rewrite.Op {
	e, _ := f.ledger.Get(procPath(c.process))
	var ops []rewrite.Op
	for n := 1; n <= int(e.Props.Int("lanes")); n++ {
		id := laneID(c.process, n)
		if s, ok := f.ledger.Get(swsPath(id)); ok && id != c.space && spaceState(s.Props) == spaceOpen {
			ops = append(ops, discardOp(id, "lost the race to "+c.space+", which was proven first"))
		}
	}
	return ops
}

// lanes are the attempts of a race while a process is driven; without a race
// there is the one numbered 0. They are the driver's alone.
type lanes struct {
	ctx    map[int]context.Context
	cancel map[int]context.CancelCauseFunc
	failed map[int]error
}

func (k *Kernel) startLanes(ctx context.Context, p Process) *lanes {
	l := &lanes{ctx: map[int]context.Context{}, cancel: map[int]context.CancelCauseFunc{}, failed: map[int]error{}}
	first, last := 0, 0
	if len(p.Lanes) > 0 {
		first, last = 1, len(p.Lanes)
	}
	for n := first; n <= last; n++ {
		l.ctx[n], l.cancel[n] = context.WithCancelCause(ctx)
	}
	return l
}

// stop ends all lanes that go on.
func (l *lanes) stop(cause error) {
	for _, cancel := range l.cancel {
		cancel(cause)
	}
}

func (l *lanes) running(lane int) bool { return l.failed[lane] == nil && l.ctx[lane].Err() == nil }

// ended notes how a task ended.
func (l *lanes) ended(t tasks.Task, err error) {
	if err != nil && l.failed[t.Lane] == nil {
		l.failed[t.Lane] = err
	}
}

// failure is why no lane has made it; nil if one may have.
func (l *lanes) failure() error {
	if len(l.failed) < len(l.ctx) {
		return nil
	}
	if len(l.ctx) == 1 {
		for _, err := range l.failed {
			return err
		}
	}
	first := l.failed[1]
	out := &rmg.Error{Op: "race", Code: rmg.GateFailed, Msg: fmt.Sprintf("none of %d attempts was proven; the first: %v", len(l.failed), first)}
	if isLimit(first) {
		out.Code = rmg.Limit
	}
	return out
}
