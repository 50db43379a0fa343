package htn

// apply does an action in a set of facts: deletions first, each effect by what was
// so before.
func (f *facts) apply(m *Model, a *action, env []int32) {
	dels, adds := f.effects(m, a, env)
	for _, id := range dels {
		f.set(id, false)
	}
	for _, id := range adds {
		f.set(id, true)
	}
}

// effects are the facts that an action deletes and adds.
func (f *facts) effects(m *Model, a *action, env []int32) (dels, adds []int32) {
	for i := range a.effects {
		e := &a.effects[i]
		to := &adds
		if e.del {
			to = &dels
		}
		m.instances(a, e, 0, env, func() {
			if e.when == nil || m.eval(e.when, f, env) {
				*to = append(*to, f.intern(e.pred, valuesOf(e.args, env)))
			}
		})
	}
	return dels, adds
}

// instances calls do for all values of an effect's own variables.
func (m *Model) instances(a *action, e *effect, i int, env []int32, do func()) {
	if i == len(e.vars) {
		do()
		return
	}
	for _, o := range m.types[a.types[e.vars[i]]].list {
		env[e.vars[i]] = o
		m.instances(a, e, i+1, env, do)
	}
	env[e.vars[i]] = -1
}
