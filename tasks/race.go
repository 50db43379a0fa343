package tasks

import (
	"fmt"
	"slices"
)

// Race is a plan of n attempts at the same tasks, side by side: those of the first
// lane keep their ids, those of lane 2 are called "implement.2". The error is that two
// tasks would have one id, or that something has to be done whatever happens. One attempt is the plan itself.
func (p *Plan) Race(n int) (*Plan, error) {
	if n <= 1 {
		return p, nil
	}
	if len(p.Back) > 0 {
		return nil, fmt.Errorf("%s has a way back (on_fail), so that what it does cannot be done side by side", p.Goal)
	}
	if len(p.Finally) > 0 {
		return nil, fmt.Errorf("%s has steps that are done in the end (finally), which the first attempt to win would not wait for", p.Goal)
	}
	out := *p
	out.Tasks = nil
	seen := map[string]bool{}
	for lane := 1; lane <= n; lane++ {
		for _, t := range p.Tasks {
			t.Lane, t.ID, t.Needs = lane, laneTask(t.ID, lane), slices.Clone(t.Needs)
			for i, id := range t.Needs {
				t.Needs[i] = laneTask(id, lane)
			}
			if seen[t.ID] {
				return nil, fmt.Errorf("the plan cannot be raced: two tasks would be %q", t.ID)
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
