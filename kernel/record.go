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
const foldVersion = 2

// bytesAnOp is about what an op takes in a frame, with the record around it.
const bytesAnOp = 100

// maxInlineBody is how large a record's encoded ops may be before they stand
// in a blob that the record names.
const maxInlineBody = 256 << 10

// payload is what one frame holds: whole ticks.
type payload struct {
	Fold  uint64    `cbor:"1,keyasint"`
	Ticks []tickRow `cbor:"2,keyasint"`
}

// tickRow is one tick in the log, with the digests after its last record.
type tickRow struct {
	Tick    uint64      `cbor:"1,keyasint"`
	World   rmg.Digest  `cbor:"2,keyasint"`
	Ledger  rmg.Digest  `cbor:"3,keyasint"`
	Records []recordRow `cbor:"4,keyasint"`
}

// recordRow is one record in the log. Ops stand in Body, or in the blob named
// by Sum when they are large.
type recordRow struct {
	Seq    uint64          `cbor:"1,keyasint"`
	At     int64           `cbor:"2,keyasint"` // Unix milliseconds
	View   string          `cbor:"3,keyasint"`
	Author string          `cbor:"4,keyasint"`
	Cause  string          `cbor:"5,keyasint,omitempty"`
	Reason string          `cbor:"6,keyasint,omitempty"`
	Body   cbor.RawMessage `cbor:"7,keyasint,omitempty"`
	Sum    []byte          `cbor:"8,keyasint,omitempty"`
	Size   int64           `cbor:"9,keyasint,omitempty"`
	Once   []byte          `cbor:"10,keyasint,omitempty"` // key, then body
}

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
	p := payload{Fold: foldVersion, Ticks: make([]tickRow, len(ticks))}
	for i, t := range ticks {
		row := tickRow{Tick: t.number, World: t.world, Ledger: t.ledger, Records: make([]recordRow, len(t.records))}
		for j, r := range t.records {
			rr, err := encodeRecord(r, store)
			if err != nil {
				return nil, err
			}
			row.Records[j] = rr
		}
		p.Ticks[i] = row
	}
	return encMode.Marshal(p)
}

func encodeRecord(r Record, store BlobStore) (recordRow, error) {
	row := recordRow{Seq: r.Seq, At: r.At.UnixMilli(), View: r.View, Author: r.Author, Cause: r.Cause, Reason: r.Reason}
	if r.Once != (Once{}) {
		row.Once = append(r.Once.Key[:], r.Once.Body[:]...)
	}
	body, err := rewrite.AppendOps(make([]byte, 0, bytesAnOp*len(r.Ops)), r.Ops)
	if err != nil {
		return row, fmt.Errorf("record %d: %w", r.Seq, err)
	}
	if len(body) <= maxInlineBody {
		row.Body = body
		return row, nil
	}
	b, err := store.Put(bytes.NewReader(body))
	if err != nil {
		return row, fmt.Errorf("record %d: body: %w", r.Seq, err)
	}
	row.Sum, row.Size = b.Sum[:], b.Size
	return row, nil
}

// decodeTicks reads a frame's payload. What it returns shares one copy of it.
func decodeTicks(data []byte, store BlobStore) ([]tick, error) {
	d := rmg.NewDecoder(data)
	var version uint64
	var ticks []tick
	// Most records have few ops: those of a frame stand in one array.
	room := make([]rewrite.Op, 0, min(len(data)/bytesAnOp, maxBatch))
	d.Fields(func(key uint64) bool {
		switch key {
		case 1:
			if version = d.Uint(); d.Err() == nil && version != foldVersion {
				d.Fail(fmt.Errorf("records of fold version %d; this program reads %d", version, foldVersion))
			}
		case 2:
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
	if version != foldVersion {
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
		case 1:
			t.number = d.Uint()
		case 2:
			t.world = digest()
		case 3:
			t.ledger = digest()
		case 4:
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
		case 1:
			r.Seq = d.Uint()
		case 2:
			r.At = time.UnixMilli(d.Int()).UTC()
		case 3:
			r.View = d.String()
		case 4:
			r.Author = d.String()
		case 5:
			r.Cause = d.String()
		case 6:
			r.Reason = d.String()
		case 7:
			ops := rewrite.DecodeOps(d, room)
			r.Ops, room = slices.Clip(ops), ops[len(ops):]
		case 8:
			if copy(body.Sum[:], d.Bytes()) != len(body.Sum) {
				d.Fail(fmt.Errorf("record %d: a body's sum is too short", r.Seq))
			}
		case 9:
			body.Size = d.Int()
		case 10:
			if b := d.Bytes(); copy(r.Once.Key[:], b)+copy(r.Once.Body[:], b[min(len(b), len(r.Once.Key)):]) != len(b) || len(b) != 64 {
				d.Fail(fmt.Errorf("record %d: an idempotency key of %d bytes", r.Seq, len(b)))
			}
		default:
			return false
		}
		return true
	})
	if body.Size > 0 && d.Err() == nil {
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
