package server

import (
	"bytes"
	"strconv"
	"sync"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
)

// The limits of what is kept of the log's end, ready to be told.
const (
	maxTold      = 1024    // events of records
	maxToldOps   = 64      // ops of one that is kept
	maxToldLen   = 4 << 10 // bytes of one that is kept
	maxToldForms = 4       // numbers of ops that one is kept for
)

// retold keeps the newest records as events: a thousand readers who follow the log are
// sent the same bytes, which are read, filled in and written as JSON once.
type retold struct {
	sync.Mutex // guards the field below
	by         [maxTold]*retoldRecord
}

// retoldRecord is a record and what it is as an event, for each number of ops that
// readers ask for. The record does not change.
type retoldRecord struct {
	record kernel.Record
	texts  map[int][]byte
}

// get returns a record that is kept, and its event with at most so many ops; no text
// if nobody has asked for that yet.
func (t *retold) get(seq uint64, ops int) (r kernel.Record, text []byte, ok bool) {
	t.Lock()
	defer t.Unlock()
	e := t.by[seq%maxTold]
	if e == nil || e.record.Seq != seq {
		return r, nil, false
	}
	return e.record, e.texts[ops], true
}

// keep keeps a record, and its event if there is one. One that is older than what is
// kept in its place, or large, is not.
func (t *retold) keep(r kernel.Record, ops int, text []byte) {
	if len(r.Ops) > maxToldOps || len(text) > maxToldLen {
		return
	}
	t.Lock()
	defer t.Unlock()
	e := t.by[r.Seq%maxTold]
	switch {
	case e == nil || e.record.Seq < r.Seq:
		e = &retoldRecord{record: r, texts: map[int][]byte{}}
		t.by[r.Seq%maxTold] = e
	case e.record.Seq > r.Seq || len(e.texts) == maxToldForms:
		return
	}
	if text != nil {
		e.texts[ops] = text
	}
}

// eventText is an event as it goes over the wire. Id 0 is no id.
func eventText(id uint64, name string, v any) ([]byte, error) {
	data, err := encode(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if id > 0 {
		b.WriteString("id: " + strconv.FormatUint(id, 10) + "\n")
	}
	b.WriteString("event: " + name + "\ndata: ")
	b.Write(data) // with its newline
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// tell sends a record to a reader whose filter it passes, and reports whether it did.
func (x *exchange) tell(st *stream, q *eventsRequest, r kernel.Record, text []byte) (bool, error) {
	if !q.wants(r) {
		x.s.told.keep(r, q.ops, nil)
		return false, nil
	}
	if text == nil {
		var err error
		if text, err = eventText(r.Seq, wire.EventRecord, wireRecord(r, q.ops)); err != nil {
			return false, err
		}
		x.s.told.keep(r, q.ops, text)
	}
	return true, st.put(text)
}
