// Package rewrite is the language of change: ops, rewrites that apply whole or
// not at all, their footprints, and rules whose matches yield rewrites.
//
// A rewrite is data. Applying one to an [rmg.Overlay] is the only way in which
// any graph of the system changes, whether it comes from a person, a worker, a
// merge, or the replay of the log.
package rewrite
