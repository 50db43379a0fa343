// Package sim runs the daemon's core, kernel over journal, under a seed: the
// clock and every choice come from it, so that a seed is a bug report. Files,
// git and processes are not in it; the command's own tests have those.
package sim
