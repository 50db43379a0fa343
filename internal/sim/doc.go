// Package sim runs the daemon's core, kernel over journal, under a seed: the
// clock and every choice come from it, so that a seed is a bug report. A
// storm is such a seed: clients, a worker and gates on a disk that loses what was
// not synced, runs full and fails, and a machine that stops anywhere. Git and its
// files are a map there; the command's own tests have the real ones.
package sim
