// Package htn plans: it finds actions that do what a task network asks for, by
// decomposing compound tasks by methods (HTN planning; Erol, Hendler and Nau 1994).
//
//	m, err := htn.Compile(domain, problem)
//	r, err := m.Plan(htn.Options{})
//	if r.Verdict == htn.Found { fmt.Print(r.Plan.IPC()) }
//
// A [Domain] and a [Problem] are plain data; package hddl reads them. [Compile]
// checks them and brings them into the form that everything else works on. A
// [Model] is immutable: any number of goroutines may plan with one.
//
// # Searches
//
// Plan runs several, one after the other, by counts of nodes and never by a clock,
// so that the same problem has the same plan everywhere. First a fast one dives
// depth first, with nothing grounded; where methods leave the order of steps open
// it takes one order. Then the problem is grounded, and a best-first search is led
// by how far it is to the end if nothing were ever deleted. Both find plans only.
// That there is none is proven by grounding (not even without deletions is there a
// way), by a table of all that each task can lead to from each state, or by a search
// that has seen everything; the verdict is Unknown as long as none of it has ended.
package htn
