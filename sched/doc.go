// Package sched is the deterministic scheduler: it puts pending rewrites into
// ticks, runs of rewrites that do not conflict with each other. Whose turn it is
// among those who submit them an [Intake] says.
//
// It is a pure function of what is pending and its order of arrival, so the
// same queue gives the same ticks on any machine.
package sched
