package htn

// halt ends searches before their budgets do: it asks whoever wants them to end, now and
// then. A nil one never does. It is of one call, and not shared.
type halt struct {
	ask  func() bool
	work int
	over bool
}

// workOfAsk is how much work is done between two questions: some microseconds of what the
// lifted searches do.
const workOfAsk = 1024

// now reports whether the search is to end, after so much work.
func (h *halt) now(work int) bool {
	if h == nil || h.over {
		return h != nil
	}
	if h.work += work; h.work < workOfAsk {
		return false
	}
	h.work = 0
	h.over = h.ask()
	return h.over
}

// until is the model for one call, whose searches end when stop says so.
func (m *Model) until(stop func() bool) *Model {
	if stop == nil {
		return m
	}
	out := *m
	out.halt = &halt{ask: stop}
	return &out
}
