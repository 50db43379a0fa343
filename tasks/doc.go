// Package tasks turns an intent into a plan: text to SLAPS, SLAPS to a DAG of
// primitive tasks, by hierarchical task network planning (HTN; Erol, Hendler
// and Nau 1994) over a library of methods written in YAML.
//
// The planner is a pure function: same SLAPS, same facts, same library, same
// plan, byte for byte. It executes nothing and knows no kernel.
package tasks
