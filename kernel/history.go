package kernel

import "iter"

// Records ranges over the log from one seq to another (0: up to the last), in
// order, read from the journal.
func (k *Kernel) Records(from, to uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		last := k.now().seq
		if to == 0 || to > last {
			to = last
		}
		from = max(from, 1)
		if from > to {
			return
		}
		for frame, err := range k.opt.Journal.Read(from) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			ticks, err := decodeTicks(frame.Payload, k.store)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, t := range ticks {
				for _, r := range t.records {
					if r.Seq < from {
						continue
					}
					if r.Seq > to || !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}

// record reads one record.
func (k *Kernel) record(seq uint64) (Record, error) {
	for r, err := range k.Records(seq, seq) {
		return r, err
	}
	return Record{}, noVersion(Version{Seq: seq})
}
