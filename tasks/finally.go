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
	waits := map[string]bool{} // that something waits for
	for _, t := range p.Tasks {
		taken[t.ID] = true
		for _, n := range t.Needs {
			waits[n] = true
		}
	}
	ends := func(t *Task) bool { return t.Worker == "kernel" && !waits[t.ID] }
	for i := len(p.Tasks) - 1; i >= 0; i-- {
		of := &p.Tasks[i]
		for _, name := range of.Finally {
			if len(p.Tasks)+len(p.Finally) == maxPlanTasks {
				return limit("the plan has more than %d tasks, those of finally included", maxPlanTasks)
			}
			prim := r.lib.primitives[name]
			u := primitive(prim, r.bound(r.order[i]))
			u.Closes = of.ID
			if u.ID = been.closing[[2]string{of.ID, name}]; u.ID == "" {
				u.ID = free(prim.bare, taken)
			}
			after := p.after(of.ID)
			for k := range p.Tasks {
				if t := &p.Tasks[k]; after[t.ID] && ends(t) {
					delete(after, t.ID)
				}
			}
			after[of.ID] = true
			u.Needs = p.last(after)
			for k := range p.Tasks {
				t := &p.Tasks[k]
				if !ends(t) || !slices.ContainsFunc(t.Needs, func(n string) bool { return after[n] }) {
					continue
				}
				t.Needs = append(slices.DeleteFunc(slices.Clone(t.Needs), func(n string) bool { return after[n] }), u.ID)
				slices.Sort(t.Needs)
			}
			p.Finally = append(p.Finally, u)
		}
	}
	for _, u := range been.carried {
		for k := range p.Tasks {
			if t := &p.Tasks[k]; ends(t) {
				t.Needs = append(slices.Clone(t.Needs), u.ID)
				slices.Sort(t.Needs)
			}
		}
		p.Finally = append(p.Finally, u)
	}
	return nil
}

// forward goes through the tasks that are done if none fails.
func (p *Plan) forward(do func(t *Task)) {
	for i := range p.Tasks {
		do(&p.Tasks[i])
	}
	for i := range p.Finally {
		do(&p.Finally[i])
	}
}

// after are the tasks that wait for one, those of finally among them.
func (p *Plan) after(id string) map[string]bool {
	out := map[string]bool{}
	for again := true; again; {
		again = false
		p.forward(func(t *Task) {
			if !out[t.ID] && slices.ContainsFunc(t.Needs, func(n string) bool { return n == id || out[n] }) {
				out[t.ID], again = true, true
			}
		})
	}
	return out
}

// last are those of some tasks that none of the others waits for, sorted.
func (p *Plan) last(of map[string]bool) []string {
	waits := map[string]bool{}
	p.forward(func(t *Task) {
		if of[t.ID] {
			for _, n := range t.Needs {
				waits[n] = true
			}
		}
	})
	var out []string
	for _, id := range keys(of) {
		if !waits[id] {
			out = append(out, id)
		}
	}
	return out
}
