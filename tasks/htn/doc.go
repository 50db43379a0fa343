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
// Plan runs several, in turns, by counts of nodes and never by a clock, so that the
// same problem has the same plan everywhere.
//
//   - The dive goes depth first with nothing grounded. Variables that no condition
//     has given a value stay open until an action does.
//   - Then the problem is grounded, and a best-first search is led by how far it is
//     to the end if nothing were ever deleted.
//   - A table of what each task can lead to from each state decides problems whose
//     methods order their steps totally, left recursion or not.
//   - Where methods leave the order open, the first two take one order, producers
//     before consumers before deleters; progression tries the others.
//
// # Verdicts
//
// That there is none is proven by grounding (not even without deletions is there a
// way), by the table, or by a best-first search that has seen everything. Whatever
// cuts plans off, as the dive does, proves nothing. The verdict is Unknown as long as
// no search has ended.
//
// # Beside plans
//
//   - [Model.DAG] says which actions of a plan have to wait for which: all other orders
//     are plans too.
//   - [Model.Several] finds plans that choose differently, and [Compare] says where.
//   - [Model.Cheaper] looks for plans that cost less, and proves that there are none.
//   - [Repair] goes on with a plan whose execution came to a stop.
//   - [WhyNone] says what keeps a problem from having a plan, and what would be enough.
package htn
