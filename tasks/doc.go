// Package tasks turns an intent into a plan: text to SLAPS, SLAPS to a DAG of
// primitive tasks, by hierarchical task network planning (HTN; Erol, Hendler
// and Nau 1994) over a library of methods written in YAML.
//
//	lib, err := tasks.Load(tasks.Source{Name: "lib.yaml", Data: text})
//	slaps, err := lib.Understand("fix the rounding bug in ./money", targets)
//	plan, err := lib.Plan(slaps, tasks.Facts{"language": "go", "has_tests": true})
//	fmt.Print(plan.Table())
//
// The planner is a pure function: same SLAPS, same facts, same library, same
// plan, byte for byte. It executes nothing and knows no kernel. A [Library] is
// immutable: any number of goroutines may plan with one.
//
// # Libraries
//
// [Load] reads method files and checks them as a whole; faults are [Violations], each with
// file, line and column. [Library.With] is a library with more files, [Library.Test] runs golden tests.
//
// # Plans
//
// A [Plan] lists its tasks in an order that their needs allow, then what is done in the end
// whatever happens, and the ways back. [Library.Several] finds plans that choose differently,
// [Library.WhyNone] says what keeps a document from having one, and [Library.Mend] goes on with a plan
// of which a task failed, or under which things have changed.
package tasks
