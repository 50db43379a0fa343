package tasks

import (
	"slices"
	"strconv"
)

// step is a task that a method does, or several beside each other.
type step struct {
	Do       string         `json:"do"`
	ID       string         `json:"id"`
	With     map[string]any `json:"with"`
	Needs    []string       `json:"needs"`
	If       []condition    `json:"if"`     // without which it is left out
	Unless   []condition    `json:"unless"` // with any of which it is
	Foreach  *foreach       `json:"foreach"`
	Parallel []step         `json:"parallel"`

	path  []string // where it stands in its method
	after []int    // steps of the method that come before it
}

// foreach does a step for each tuple that fits a pattern, or for each value of a list,
// in the order of the data; beside each other with parallel.
type foreach struct {
	Fact     string `json:"fact"`
	Is       any    `json:"is"`
	Args     []any  `json:"args"`
	In       []any  `json:"in"`
	As       string `json:"as"`
	Parallel bool   `json:"parallel"`
}

// pattern is what a tuple has to fit.
func (f *foreach) pattern() condition {
	if f.In != nil {
		return condition{Is: "$" + f.As}
	}
	return condition{Fact: f.Fact, Is: f.Is, Args: f.Args}
}

// tuples are what there is, before it has to fit.
func (f *foreach) tuples(facts Facts) [][]any {
	if f.In == nil {
		return facts.tuples(f.Fact)
	}
	var out [][]any
	for _, v := range f.In {
		out = append(out, []any{v})
	}
	return out
}

func (s step) id() string {
	if s.ID != "" {
		return s.ID
	}
	return s.Do
}

// variables are all that stand in a step.
func (s step) variables() []string {
	out := variablesOf(s.With)
	for _, c := range slices.Concat(s.If, s.Unless) {
		out = append(out, c.variables()...)
	}
	if s.Foreach != nil {
		out = append(out, s.Foreach.pattern().variables()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// line puts the steps of a method that stand beside each other among the others, and
// finds what comes before each.
func (m *methodDef) line() {
	var out []step
	ids := map[string]int{}
	var before []int // those that a step comes after if it does not say so
	add := func(s step, path ...string) int {
		s.path = append([]string{"steps"}, path...)
		for _, n := range s.Needs {
			if i, ok := ids[n]; ok {
				s.after = append(s.after, i)
			}
		}
		if m.Order != "needs" && len(s.Needs) == 0 {
			s.after = before
		}
		if _, twice := ids[s.id()]; !twice {
			ids[s.id()] = len(out)
		}
		out = append(out, s)
		return len(out) - 1
	}
	for i, s := range m.Steps {
		if s.Parallel == nil {
			before = []int{add(s, strconv.Itoa(i))}
			continue
		}
		var group []int
		for j, x := range s.Parallel {
			if len(x.Needs) == 0 {
				x.Needs = s.Needs
			}
			group = append(group, add(x, strconv.Itoa(i), "parallel", strconv.Itoa(j)))
		}
		before = group
	}
	m.Steps = out
}
