// Package hddl reads and writes HDDL (Hoeller et al. 2020), the notation of
// planning problems with task networks, and writes plans as the International
// Planning Competition of 2020 has them.
//
//	d, err := hddl.ReadDomain("domain.hddl", data)
//	p, err := hddl.ReadProblem("p01.hddl", data, d)
//
// The reader takes what the competitions' files hold: names in any case, of which
// the one declared is kept; :tasks, :subtasks and their ordered forms under either
// name; () and (and) for nothing; variables of a problem's own network; a problem
// that names another domain; objects that are declared twice; types that only
// stand as parents. What it cannot mean is an *Error with file, line and column:
// names that are declared nowhere, wrong numbers of arguments, orderings of steps
// that there are not.
//
// A compound task's own conditions and effects, which the notation allows and
// gives no meaning, are left out. Numbers serve as costs: an action may increase
// one function, whatever its name, by a number or by a function of the problem.
// Other numeric conditions and effects are refused.
package hddl
