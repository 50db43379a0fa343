package htn

// stage is how far a method is, of explorer.table: the first of its steps are done,
// and have led to a state.
type stage struct{ call, steps, done, state int32 }

// asked is a task in a state, of explorer.table.
type asked struct {
	ends  []int32 // states
	waits []stage // methods of which it is the next step
	has   map[int32]bool
}

// table goes through what a task comes down to, the steps of methods in the order of
// their lines (see the search of that name, which does it on the ground).
func (x *explorer) table(top int32) {
	calls, lists, stages := newInterner(), newInterner(), newInterner()
	var call []*asked
	var todo []stage
	add := func(s stage) {
		if _, fresh := stages.add(s.call, []int32{s.steps, s.done, s.state}); fresh {
			todo = append(todo, s)
		}
	}
	end := func(c, state int32) {
		if call[c].has[state] {
			return
		}
		call[c].has[state] = true
		call[c].ends = append(call[c].ends, state)
		for _, s := range call[c].waits {
			add(stage{s.call, s.steps, s.done + 1, state})
		}
	}
	begin := func(t, state int32) int32 {
		c, fresh := calls.add(t, []int32{state})
		if !fresh {
			return c
		}
		call = append(call, &asked{has: map[int32]bool{}})
		x.enter(state)
		x.ways(t, func() { end(c, x.state()) }, func(m *method, steps []int32) {
			line := make([]int32, len(steps))
			for i, k := range m.line {
				line[i] = steps[k]
			}
			list, _ := lists.add(int32(len(line)), line)
			add(stage{c, list, 0, state})
		})
		return c
	}
	begin(top, x.state())
	for len(todo) > 0 && !x.found {
		if x.left -= workOfOne; x.left <= 0 || x.m.halt.now(workOfAsk/16) {
			x.cut = true
			return
		}
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if line := lists.tuple(s.steps); int(s.done) < len(line) {
			c := begin(line[s.done], s.state)
			call[c].waits = append(call[c].waits, s)
			for k, n := 0, len(call[c].ends); k < n; k++ { // later ones are told by end
				add(stage{s.call, s.steps, s.done + 1, call[c].ends[k]})
			}
			continue
		}
		if end(s.call, s.state); s.call == 0 {
			x.enter(s.state)
			x.goal()
		}
	}
}
