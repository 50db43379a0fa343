package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// foldVersion names the meaning of records; a log of a later one is refused.
const foldVersion = 3

// bytesAnOp is about what an op takes in a frame, with the record around it.
const bytesAnOp = 100

// maxInlineBody is how large a record's encoded ops may be before they stand
// in a blob that the record names.
const maxInlineBody = 256 << 10

// A frame's payload holds whole ticks: a map of these keys, in deterministic
// CBOR. Of a record, what is empty is left out; its ops stand in it, or in the
// blob that it names when they are large.
const (
	payloadFold  = 1
	payloadTicks = 2 // an array

	tickNumber  = 1
	tickWorld   = 2 // digest after the last record
	tickLedger  = 3 // the same
	tickRecords = 4 // an array

	recSeq    = 1
	recAt     = 2 // Unix milliseconds
	recView   = 3
	recAuthor = 4
	recCause  = 5
	recReason = 6
	recOps    = 7 // or
	recSum    = 8 // of the blob that holds them, and
	recSize   = 9
	recOnce   = 10 // key, then body
)

var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{MaxArrayElements: 1 << 22, MaxMapPairs: 1 << 22, MaxNestedLevels: 96}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encodeTicks writes ticks as a frame's payload; large bodies become blobs.
func encodeTicks(ticks []tick, store BlobStore) ([]byte, error) {
	size := 64
	for _, t := range ticks {
		size += bytesAnOp * (len(t.records) + t.ops())
	}
	e := rmg.Encoder(make([]byte, 0, size))
	e.Map(2)
	e.Uint(payloadFold)
	e.Uint(foldVersion)
	e.Uint(payloadTicks)
	e.Array(len(ticks))
	for _, t := range ticks {
		e.Map(4)
		e.Uint(tickNumber)
		e.Uint(t.number)
		e.Uint(tickWorld)
		e.Bytes(t.world[:])
		e.Uint(tickLedger)
		e.Bytes(t.ledger[:])
		e.Uint(tickRecords)
		e.Array(len(t.records))
		for i := range t.records {
			if err := encodeRecord(&e, &t.records[i], store); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

func encodeRecord(e *rmg.Encoder, r *Record, store BlobStore) error {
	once := r.Once != (Once{})
	n := 5
	for _, has := range [...]bool{r.Cause != "", r.Reason != "", once} {
		if has {
			n++
		}
	}
	head := len(*e)
	e.Map(n)
	e.Uint(recSeq)
	e.Uint(r.Seq)
	e.Uint(recAt)
	e.Int(r.At.UnixMilli())
	e.Uint(recView)
	e.String(r.View)
	e.Uint(recAuthor)
	e.String(r.Author)
	if r.Cause != "" {
		e.Uint(recCause)
		e.String(r.Cause)
	}
	if r.Reason != "" {
		e.Uint(recReason)
		e.String(r.Reason)
	}
	inline := len(*e)
	e.Uint(recOps)
	from := len(*e)
	rewrite.EncodeOps(e, r.Ops)
	if len(*e)-from > maxInlineBody {
		body, err := store.Put(bytes.NewReader((*e)[from:]))
		if err != nil {
			return fmt.Errorf("record %d: body: %w", r.Seq, err)
		}
		*e = (*e)[:inline]
		(*e)[head]++ // the map has one field more, and its head is one byte
		e.Uint(recSum)
		e.Bytes(body.Sum[:])
		e.Uint(recSize)
		e.Int(body.Size)
	}
	if once {
		e.Uint(recOnce)
		e.Bytes(slices.Concat(r.Once.Key[:], r.Once.Body[:]))
	}
	return nil
}

// decodeTicks reads a frame's payload. What it returns shares one copy of it.
func decodeTicks(data []byte, store BlobStore) ([]tick, error) {
	return decodeFold(data, store, foldVersion)
}

// decodeFold reads a payload of another fold version than today's, too.
func decodeFold(data []byte, store BlobStore, want uint64) ([]tick, error) {
	d := rmg.NewDecoder(data)
	var version uint64
	var ticks []tick
	// Most records have few ops: those of a frame stand in one array.
	room := make([]rewrite.Op, 0, min(len(data)/bytesAnOp, maxBatch))
	d.Fields(func(key uint64) bool {
		switch key {
		case payloadFold:
			if version = d.Uint(); d.Err() == nil && version != want {
				d.Fail(fmt.Errorf("records of fold version %d, where %d is expected", version, want))
			}
		case payloadTicks:
			n := d.Array()
			ticks = make([]tick, 0, min(n, maxBatch))
			for range n {
				var t tick
				if t, room = decodeTick(d, store, room); d.Err() != nil {
					return true
				}
				ticks = append(ticks, t)
			}
		default:
			return false
		}
		return true
	})
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if version != want {
		return nil, errors.New("payload: it has no fold version")
	}
	return ticks, nil
}

// decodeTick reads a tick; see decodeRecord for room.
func decodeTick(d *rmg.Decoder, store BlobStore, room []rewrite.Op) (tick, []rewrite.Op) {
	var t tick
	digest := func() (out rmg.Digest) {
		if s := d.Bytes(); len(s) == len(out) {
			copy(out[:], s)
		} else {
			d.Fail(fmt.Errorf("a digest of %d bytes", len(s)))
		}
		return out
	}
	d.Fields(func(key uint64) bool {
		switch key {
		case tickNumber:
			t.number = d.Uint()
		case tickWorld:
			t.world = digest()
		case tickLedger:
			t.ledger = digest()
		case tickRecords:
			n := d.Array()
			t.records = make([]Record, 0, min(n, maxBatch))
			for range n {
				t.records = append(t.records, Record{Tick: t.number})
				if room = decodeRecord(d, store, &t.records[len(t.records)-1], room); d.Err() != nil {
					return true
				}
			}
		default:
			return false
		}
		return true
	})
	if len(t.records) == 0 {
		d.Fail(fmt.Errorf("tick %d has no records", t.number))
	}
	return t, room
}

// decodeRecord reads a record into r; its ops stand in room, if there is any, of
// which it returns what is left.
func decodeRecord(d *rmg.Decoder, store BlobStore, r *Record, room []rewrite.Op) []rewrite.Op {
	var body rmg.Blob
	d.Fields(func(key uint64) bool {
		switch key {
		case recSeq:
			r.Seq = d.Uint()
		case recAt:
			r.At = time.UnixMilli(d.Int()).UTC()
		case recView:
			r.View = d.String()
		case recAuthor:
			r.Author = d.String()
		case recCause:
			r.Cause = d.String()
		case recReason:
			r.Reason = d.String()
		case recOps:
			ops := rewrite.DecodeOps(d, room)
			r.Ops, room = slices.Clip(ops), ops[len(ops):]
		case recSum:
			if copy(body.Sum[:], d.Bytes()) != len(body.Sum) {
				d.Fail(fmt.Errorf("record %d: a body's sum is too short", r.Seq))
			}
		case recSize:
			body.Size = d.Int()
		case recOnce:
			if b := d.Bytes(); copy(r.Once.Key[:], b)+copy(r.Once.Body[:], b[min(len(b), len(r.Once.Key)):]) != len(b) || len(b) != 64 {
				d.Fail(fmt.Errorf("record %d: an idempotency key of %d bytes", r.Seq, len(b)))
			}
		default:
			return false
		}
		return true
	})
	if r.body = body; body.Size > 0 && d.Err() == nil {
		var err error
		if r.Ops, err = readBody(body, store); err != nil {
			d.Fail(fmt.Errorf("record %d: body: %w", r.Seq, err))
		}
	}
	return room
}

// readBody reads the ops of a record that stand in a blob.
func readBody(b rmg.Blob, store BlobStore) ([]rewrite.Op, error) {
	data, err := readBlob(store, b)
	if err != nil {
		return nil, err
	}
	d := rmg.NewDecoder(data)
	ops := rewrite.DecodeOps(d, nil)
	return ops, d.End()
}

// readBlob reads content whole.
func readBlob(store BlobStore, b rmg.Blob) ([]byte, error) {
	f, err := store.Open(b)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Put stores content and names it.
func (b blobs) Put(r io.Reader) (rmg.Blob, error) {
	sum, size, err := b.Blobs.Put(r)
	return rmg.Blob{Sum: sum, Size: size}, err
}

// Open reads content by its name.
func (b blobs) Open(x rmg.Blob) (io.ReadSeekCloser, error) { return b.Blobs.Open(x.Sum) }
