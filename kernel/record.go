package kernel

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/fxamacker/cbor/v2"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// foldVersion names the meaning of records; a log of a later one is refused.
const foldVersion = 1

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
	body, err := encMode.Marshal(r.Ops)
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

// decodeTicks reads a frame's payload.
func decodeTicks(data []byte, store BlobStore) ([]tick, error) {
	var p payload
	if err := decMode.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if p.Fold != foldVersion {
		return nil, fmt.Errorf("records of fold version %d; this program reads %d", p.Fold, foldVersion)
	}
	ticks := make([]tick, len(p.Ticks))
	for i, row := range p.Ticks {
		t := tick{number: row.Tick, world: row.World, ledger: row.Ledger, records: make([]Record, len(row.Records))}
		for j, rr := range row.Records {
			r, err := decodeRecord(rr, store)
			if err != nil {
				return nil, err
			}
			r.Tick = row.Tick
			t.records[j] = r
		}
		ticks[i] = t
	}
	return ticks, nil
}

func decodeRecord(row recordRow, store BlobStore) (Record, error) {
	r := Record{
		Seq: row.Seq, At: time.UnixMilli(row.At).UTC(), View: row.View,
		Author: row.Author, Cause: row.Cause, Reason: row.Reason,
	}
	body := []byte(row.Body)
	if len(row.Sum) > 0 {
		if len(row.Sum) != 32 {
			return r, fmt.Errorf("record %d: body sum has %d bytes", row.Seq, len(row.Sum))
		}
		var err error
		if body, err = readBlob(store, rmg.Blob{Sum: [32]byte(row.Sum), Size: row.Size}); err != nil {
			return r, fmt.Errorf("record %d: body: %w", row.Seq, err)
		}
	}
	var ops []rewrite.Op
	if err := decMode.Unmarshal(body, &ops); err != nil {
		return r, fmt.Errorf("record %d: ops: %w", row.Seq, err)
	}
	r.Ops = ops
	return r, nil
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
