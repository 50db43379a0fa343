package kernel

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// names is which content the log names, and who alone does: records of
// workspaces whose contents were given up, or any other record. What the system's
// records, the ledger among them, name in words (hashes of evidence and of
// prompts, landings) counts as well.
type names struct {
	dead map[string]bool // workspaces whose records do not count
	seq  uint64          // up to where the log was read

	live    map[[32]byte]bool
	given   map[[32]byte]int64  // sizes of what the dead name; it may be live too
	written map[[32]byte]uint64 // what was written into a file and is live: the newest record that did
}

func namesFor(dead map[string]bool) *names {
	return &names{dead: dead, live: map[[32]byte]bool{}, given: map[[32]byte]int64{}, written: map[[32]byte]uint64{}}
}

// read goes on up to a seq. O(the log); it holds a sum for each content.
func (n *names) read(j Journal, store BlobStore, until uint64) error {
	// The bodies of records are what anybody's content is folded from.
	store = noting{store, func(b rmg.Blob) { n.live[b.Sum] = true }}
	for frame, err := range j.Read(n.seq + 1) {
		if err != nil {
			return err
		}
		if frame.First > until {
			break
		}
		ticks, err := decodeTicks(frame.Payload, store)
		if err != nil {
			return fmt.Errorf("frame at seq %d: %w", frame.First, err)
		}
		for _, t := range ticks {
			for _, r := range t.records {
				n.record(r)
				n.seq = r.Seq
			}
		}
	}
	return nil
}

// record notes what one record names.
func (n *names) record(r Record) {
	id, isSpace := strings.CutPrefix(r.View, "sws:")
	dead := isSpace && n.dead[id]
	note := func(b rmg.Blob) {
		if dead {
			n.given[b.Sum] = b.Size
		} else {
			n.live[b.Sum] = true
		}
	}
	for _, op := range r.Ops {
		if op.Op == rewrite.Write {
			note(op.Blob)
			if !dead {
				n.written[op.Blob.Sum] = r.Seq
			}
		}
		n.value(op.Value, dead, note)
		for _, v := range op.Props {
			n.value(v, dead, note)
		}
	}
}

// value notes what a prop names.
func (n *names) value(v rmg.Value, dead bool, note func(rmg.Blob)) {
	if b, ok := v.AsBlob(); ok {
		note(b)
	}
	if list, ok := v.AsList(); ok {
		for _, e := range list {
			n.value(e, dead, note)
		}
	}
	if m, ok := v.AsMap(); ok {
		for _, e := range m.All() {
			n.value(e, dead, note)
		}
	}
	if dead {
		return
	}
	if s, ok := v.AsString(); ok {
		n.words(s)
	}
	if b, ok := v.AsBytes(); ok {
		n.words(string(b))
	}
}

// words notes every SHA-256 that a text has in hex.
func (n *names) words(s string) {
	isHex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	for from := 0; from < len(s); from++ {
		to := from
		for to < len(s) && isHex(s[to]) {
			to++
		}
		if to-from == 64 {
			sum, _ := hex.DecodeString(s[from:to])
			n.live[[32]byte(sum)] = true
		}
		from = to
	}
}

// givenUp reports whether content is named by the dead alone.
func (n *names) givenUp(sum [32]byte) (size int64, ok bool) {
	size, ok = n.given[sum]
	return size, ok && !n.live[sum]
}

// noting is a content store that tells what is opened.
type noting struct {
	BlobStore
	tell func(rmg.Blob)
}

func (n noting) Open(b rmg.Blob) (io.ReadSeekCloser, error) {
	n.tell(b)
	return n.BlobStore.Open(b)
}

// lost lists content that a record that counts has written, and that is neither
// there nor purged, by the newest such record.
func (n *names) lost(b journal.Blobs, purged func(rmg.Blob) bool) (out []uint64) {
	for sum, seq := range n.written {
		if !b.Has(sum) && !purged(rmg.Blob{Sum: sum}) {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	return out
}
