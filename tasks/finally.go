package tasks

import "slices"

// inTheEnd makes the tasks that primitives name as finally, and has those of the kernel
// wait for them with which the plan ends. A task that is done for another in the end waits
// for all that waits for that one, so that nothing needs it any more; of a primitive's
// several each waits for the one before. Those that come to be done first stand first.
func (r *planReader) inTheEnd(p *Plan, been *progress, taken map[string]bool) error {
	if len(been.carried) == 0 && !slices.ContainsFunc(p.Tasks, func(t Task) bool { return len(t.Finally) > 0 }) {
		return nil
	}
	w := newWaits(p)
	for i := len(p.Tasks) - 1; i >= 0; i-- {
		for _, name := range p.Tasks[i].Finally {
			if len(w.needs) == maxPlanTasks {
				return limit("the plan has more than %d tasks, those of finally included", maxPlanTasks)
			}
			prim := r.lib.primitives[name]
			u := primitive(prim, r.bound(r.order[i]))
			u.Closes = p.Tasks[i].ID
			if u.ID = been.closing[[2]string{u.Closes, name}]; u.ID == "" {
				u.ID = free(prim.bare, taken)
			}
			w.closing(i)
			p.Finally = append(p.Finally, u)
		}
	}
	for _, u := range been.carried {
		w.closing(-1)
		p.Finally = append(p.Finally, u)
	}
	w.write(p)
	return nil
}

// waits is what waits for what, of tasks and then of those that are done in the end, by number.
type waits struct {
	needs, on [][]int
	ends      []int // tasks of the kernel that nothing waits for: the plan ends with them
}

func newWaits(p *Plan) *waits {
	number := map[string]int{}
	w := &waits{needs: make([][]int, len(p.Tasks)), on: make([][]int, len(p.Tasks))}
	for i, t := range p.Tasks {
		number[t.ID] = i
		for _, n := range t.Needs {
			w.needs[i] = append(w.needs[i], number[n])
			w.on[number[n]] = append(w.on[number[n]], i)
		}
	}
	for i, t := range p.Tasks {
		if t.Worker == "kernel" && len(w.on[i]) == 0 {
			w.ends = append(w.ends, i)
		}
	}
	return w
}

// closing adds a task that waits for one and all that waits for it, but for what the plan
// ends with, which waits for the new one instead; with -1 it waits for nothing.
func (w *waits) closing(of int) {
	u := len(w.needs)
	w.needs, w.on = append(w.needs, nil), append(w.on, nil)
	among := make([]bool, u)
	if of >= 0 {
		among[of] = true
		for open := []int{of}; len(open) > 0; open = open[1:] {
			last := true
			for _, x := range w.on[open[0]] {
				if slices.Contains(w.ends, x) {
					continue
				}
				if last = false; !among[x] {
					among[x] = true
					open = append(open, x)
				}
			}
			if last {
				w.needs[u] = append(w.needs[u], open[0])
			}
		}
	}
	for _, e := range w.ends {
		rest := slices.DeleteFunc(slices.Clone(w.needs[e]), func(n int) bool { return among[n] })
		if of >= 0 && len(rest) == len(w.needs[e]) {
			continue // it ends something else
		}
		w.needs[e] = append(rest, u)
		w.on[u] = append(w.on[u], e)
	}
	for _, n := range w.needs[u] {
		w.on[n] = append(w.on[n], u)
	}
}

// write has the plan's tasks say it.
func (w *waits) write(p *Plan) {
	tasks := make([]*Task, 0, len(w.needs))
	for i := range p.Tasks {
		tasks = append(tasks, &p.Tasks[i])
	}
	for i := range p.Finally {
		tasks = append(tasks, &p.Finally[i])
	}
	for i, t := range tasks {
		if i < len(p.Tasks) && !slices.Contains(w.ends, i) {
			continue // as it was
		}
		t.Needs = nil
		for _, n := range w.needs[i] {
			t.Needs = append(t.Needs, tasks[n].ID)
		}
		slices.Sort(t.Needs)
	}
}
