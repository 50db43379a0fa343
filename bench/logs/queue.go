package logs

// The limits of a batch, as the kernel's writer has them.
const (
	maxBatch = 1024    // records
	maxBytes = 900_000 // beyond which no more are taken
)

// Queue gathers what many submit into commits: what waits when one is done is
// the next. It never waits for more.
type Queue struct {
	queue chan request
	done  chan struct{}
}

type request struct {
	record []byte
	answer chan error
}

// NewQueue begins to commit to a log.
func NewQueue(l Log) *Queue {
	q := &Queue{queue: make(chan request, 4*maxBatch), done: make(chan struct{})}
	go q.run(l)
	return q
}

// Submit returns when the record is on disk. Any goroutine.
func (q *Queue) Submit(record []byte) error {
	r := request{record, make(chan error, 1)}
	q.queue <- r
	return <-r.answer
}

// Close ends the queue when it is empty; nothing may be submitted any more.
func (q *Queue) Close() {
	close(q.queue)
	<-q.done
}

func (q *Queue) run(l Log) {
	defer close(q.done)
	for r := range q.queue {
		batch := q.drain(r)
		records := make([][]byte, len(batch))
		for i, r := range batch {
			records[i] = r.record
		}
		err := l.Commit(records)
		for _, r := range batch {
			r.answer <- err
		}
	}
}

func (q *Queue) drain(first request) []request {
	batch, size := []request{first}, len(first.record)
	for len(batch) < maxBatch && size < maxBytes {
		select {
		case r, ok := <-q.queue:
			if !ok {
				return batch
			}
			batch, size = append(batch, r), size+len(r.record)
		default:
			return batch
		}
	}
	return batch
}
