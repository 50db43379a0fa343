package htn

import "slices"

// triesOfOne is how many times it is planned anew for each plan that is asked for.
const triesOfOne = 4

// others adds to plans until there are k, by planning with choices forbidden: first one
// of a plan that was found, from above, then one more.
func (m *Model) others(plans []*Plan, k, nodes int, stop func() bool) ([]*Plan, error) {
	seen := map[string]bool{}
	for _, p := range plans {
		seen[p.choices()] = true
	}
	type try struct {
		without []ban
		from    *Plan
	}
	var todo []try
	add := func(d *Domain, without []ban) error {
		model := m
		if len(without) > 0 {
			var err error
			if model, err = Compile(d, m.prob); err != nil {
				return err
			}
		}
		r, err := model.Plan(Options{Nodes: max(1, nodes), Stop: stop})
		if err != nil || r.Plan == nil {
			return err
		}
		if nodes -= r.Nodes; !seen[r.Plan.choices()] {
			seen[r.Plan.choices()] = true
			plans = append(plans, r.Plan)
			todo = append(todo, try{without, r.Plan})
		}
		return nil
	}
	if err := add(m.dom, nil); err != nil {
		return nil, err
	}
	for tries := triesOfOne * k; len(todo) > 0; todo = todo[1:] {
		t := todo[0]
		for _, n := range t.from.Nodes[t.from.Actions:] {
			if len(plans) >= k || tries == 0 || nodes <= 0 {
				return plans, nil
			}
			b, ok := t.from.ban(m.dom, n)
			if !ok {
				continue
			}
			tries--
			without := append(slices.Clone(t.without), b)
			if err := add(m.dom.without(without), without); err != nil {
				return nil, err
			}
		}
	}
	return plans, nil
}

// ban forbids a method where a condition holds.
type ban struct {
	method int
	where  Formula
}

// ban is what forbids the choice that a plan makes for a node: its method with these
// values, or as a whole if it has no variables.
func (p *Plan) ban(d *Domain, n Node) (ban, bool) {
	i := slices.IndexFunc(d.Methods, func(m Method) bool { return p.by(m, n) })
	if i < 0 {
		return ban{}, false
	}
	b := ban{method: i, where: Formula{Op: And}}
	for v, o := range sorted(p.values(d.Methods[i], n)) {
		b.where.Parts = append(b.where.Parts, Formula{Op: Equal, Terms: []string{v, o}})
	}
	return b, true
}

// by reports whether a method is the one by which a node is done.
func (p *Plan) by(m Method, n Node) bool {
	return m.Name == n.Method && m.Task == n.Task && len(m.Net.Steps) == len(n.Kids) && p.values(m, n) != nil
}

// values are those of a method's variables that a node and its steps tell; nil if they
// do not fit.
func (p *Plan) values(m Method, n Node) map[string]string {
	env := map[string]string{}
	fit := func(terms, vals []string) bool {
		for i, t := range terms {
			if old, ok := env[t]; !IsVar(t) && t != vals[i] || ok && old != vals[i] {
				return false
			}
			if IsVar(t) {
				env[t] = vals[i]
			}
		}
		return len(terms) == len(vals)
	}
	if len(m.Args) != len(n.Args) || !fit(m.Args, n.Args) {
		return nil
	}
	for i, st := range m.Net.Steps {
		k := p.Nodes[n.Kids[i]]
		if k.Task != st.Task || len(st.Args) != len(k.Args) || !fit(st.Args, k.Args) {
			return nil
		}
	}
	return env
}

// without is a domain in which choices are forbidden.
func (d *Domain) without(bans []ban) *Domain {
	out := *d
	out.Methods = slices.Clone(d.Methods)
	for _, b := range bans {
		m := &out.Methods[b.method]
		m.Pre = Formula{Op: And, Parts: []Formula{m.Pre, {Op: Not, Parts: []Formula{b.where}}}}
	}
	return &out
}
