package jobqueue

import (
	"errors"

	"example.com/jobqueue/heap"
)

// ErrClosed reports a job for a queue that takes no more.
var ErrClosed = errors.New("jobqueue: closed")

// Queue holds the jobs that wait. Not safe for concurrent use.
type Queue struct {
	waiting *heap.Heap[*Job]
	pushed  int
	closed  bool
	dead    []*Job
}

// New returns an empty queue.
func New() *Queue { return &Queue{waiting: heap.New(sooner)} }

// Push adds a job.
func (q *Queue) Push(j Job) error {
	if q.closed {
		return ErrClosed
	}
	q.put(&j)
	return nil
}

func (q *Queue) put(j *Job) {
	q.pushed++
	j.seq = q.pushed
	q.waiting.Push(j)
}

// Pop takes the next job out; ok is false when none waits.
func (q *Queue) Pop() (j *Job, ok bool) { return q.waiting.Pop() }

// Failed takes back a job that could not be done. It waits again when it may
// be retried and the queue is open; otherwise it is dead.
func (q *Queue) Failed(j *Job) {
	if !q.closed {
		j.Retries--
		q.put(j)
		return
	}
	q.dead = append(q.dead, j)
}

// Close makes the queue take no more jobs. Those that wait are still handed
// out.
func (q *Queue) Close() { q.closed = true }

// Len is how many jobs wait.
func (q *Queue) Len() int { return q.waiting.Len() }

// Dead are the names of the jobs that were given up, in that order.
func (q *Queue) Dead() []string {
	var names []string
	for _, j := range q.dead {
		names = append(names, j.Name)
	}
	return names
}
