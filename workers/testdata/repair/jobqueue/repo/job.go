// Package jobqueue hands out jobs by priority.
package jobqueue

// Job is a piece of work.
type Job struct {
	Name     string
	Priority int // the higher the sooner
	Retries  int // how often it may still be tried again

	seq int // counts pushes
}

// sooner reports whether a goes before b: by priority, and among equals in the
// order in which they came.
func sooner(a, b *Job) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	return a.seq < b.seq
}
