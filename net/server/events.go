package server

import (
	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// batch is how many records are read from the log at once.
const batch = 256

// eventsRequest is what GET /events asks for.
type eventsRequest struct {
	pos      uint64 // the last record that the reader has
	snapshot bool   // begin with one, of the state after pos
	live     bool   // may be sent a fresh snapshot when it falls behind
	target   uint64 // becomes live once it has this one
	ops      int
	filter
}

// events streams records. Each reader reads the log at its own pace; one that
// is live and more than Limits.Lag behind is sent a snapshot instead. A reader
// that asked for history by from= is live once it has caught up with what there
// was when it asked.
func (x *exchange) events() (any, error) {
	q, err := x.eventsRequest()
	if err != nil {
		return nil, err
	}
	if err := x.s.takeStream(); err != nil {
		return nil, err
	}
	defer x.s.streams.Add(-1)
	st := x.stream()
	for err == nil {
		if q.snapshot {
			if err = x.sendSnapshot(st, &q); err != nil {
				break
			}
		}
		head, more := x.s.opt.Kernel.Watch(q.pos)
		switch {
		case head <= q.pos:
			q.live = true
			if !st.await(x.r.Context(), x.s.ctx, more) {
				return nil, nil
			}
		case q.live && head-q.pos > x.s.opt.Limits.Lag:
			q.pos, q.snapshot = 0, true
		default:
			err = x.sendRecords(st, &q, min(head, q.pos+batch))
		}
		if x.r.Context().Err() != nil || x.s.ctx.Err() != nil {
			return nil, nil
		}
	}
	if x.r.Context().Err() == nil {
		x.s.log.Warn("an event stream ended early", "after", q.pos, "error", err)
	}
	return nil, nil
}

// eventsRequest reads what is asked for.
func (x *exchange) eventsRequest() (eventsRequest, error) {
	var q eventsRequest
	var err error
	if q.filter, err = x.filter(); err != nil {
		return q, err
	}
	if q.ops, err = x.opsShown(); err != nil {
		return q, err
	}
	from, history, err := x.seq("from")
	if err != nil {
		return q, err
	}
	last, resumed, err := x.lastEvent()
	if err != nil {
		return q, err
	}
	head, _ := x.s.opt.Kernel.Watch(0)
	switch {
	case resumed && last <= head:
		q.pos, q.live = last, true
	case resumed || !history:
		// An id beyond the log's end is of another log: what that reader has
		// is worth nothing here.
		q.snapshot, q.live = true, true
	case from > head+1:
		return q, wire.NewProblem(rmg.NotFound, "there is no record %d yet; the last is %d", from, head).WithHint("leave from out to get those that come")
	default:
		q.pos, q.target, q.snapshot = max(from, 1)-1, head, true
	}
	return q, nil
}

// sendSnapshot sends the state after q.pos, or for a live reader the newest.
func (x *exchange) sendSnapshot(st *stream, q *eventsRequest) error {
	q.snapshot = false
	snap := wire.Snapshot{Seq: q.pos}
	switch {
	case q.live:
		v, err := x.s.opt.Kernel.View("")
		if err != nil {
			return err
		}
		snap = wire.Snapshot{Seq: v.Seq, Digest: v.Digest()}
		q.pos = v.Seq
	case q.pos == 0:
		snap.Digest = rmg.Graph{}.Digest()
	default:
		v, err := x.s.opt.Kernel.View(kernel.Version{Seq: q.pos}.String())
		if err != nil {
			return err
		}
		if v.Seq == q.pos { // else q.pos lies inside a group commit, which has no state of its own
			snap.Digest = v.Digest()
		}
	}
	return st.send(snap.Seq, wire.EventSnapshot, snap)
}

// sendRecords sends the records after q.pos up to one, and moves q.pos there.
func (x *exchange) sendRecords(st *stream, q *eventsRequest, to uint64) error {
	passed := false
	for q.pos < to {
		r, text, ok := x.s.told.get(q.pos+1, q.ops)
		if !ok {
			break
		}
		sent, err := x.tell(st, q, r, text)
		if err != nil {
			return err
		}
		q.pos, passed = r.Seq, !sent
	}
	if q.pos < to {
		for r, err := range x.s.opt.Kernel.Records(q.pos+1, to) {
			if err != nil {
				return err
			}
			sent, err := x.tell(st, q, r, nil)
			if err != nil {
				return err
			}
			q.pos, passed = r.Seq, !sent
		}
	}
	q.pos = max(q.pos, to)
	q.live = q.live || q.pos >= q.target
	if passed {
		// Resuming must not go through again what did not concern the reader.
		st.mark(q.pos)
	}
	return st.flush()
}
