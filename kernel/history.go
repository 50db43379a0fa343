package kernel

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

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

// Why explains an element, or a line of a file: the record that made it so,
// and what led to that record, back to the person's words.
func (k *Kernel) Why(ctx context.Context, p rmg.Path, line int) (Explanation, error) {
	now := k.now()
	e, ok := now.world.Get(p)
	if !ok {
		return Explanation{}, &rmg.Error{Op: "why", Path: p, Code: rmg.NotFound, Msg: "there is nothing at this path", Hint: "jitos graph " + string(p.Parent()) + " shows what is"}
	}
	out := Explanation{Path: p, Line: line}
	if line > 0 {
		if e.Kind != rewrite.KindFile {
			return out, &rmg.Error{Op: "why", Path: p, Code: rmg.Invalid, Msg: "only a file has lines"}
		}
		lines, err := k.linesOf(e)
		if err != nil {
			return out, err
		}
		if line > len(lines) {
			return out, &rmg.Error{Op: "why", Path: p, Code: rmg.NotFound, Msg: fmt.Sprintf("the file has %s", plural(len(lines), "line"))}
		}
		out.Text = lines[line-1]
		seq, err := k.originOf(p, lines, line-1)
		if err != nil {
			return out, err
		}
		out.Chain, err = k.chain(seq)
		return out, err
	}
	seq, ok := lastWrite(now, p, "")
	if !ok {
		return out, &rmg.Error{Op: "why", Path: p, Code: rmg.Internal, Msg: "no record made it"}
	}
	var err error
	out.Chain, err = k.chain(seq)
	return out, err
}

func (k *Kernel) linesOf(e rmg.Element) ([]string, error) {
	data, err := readBlob(k.store, e.Props.Blob(rewrite.PropBlob))
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\n"), nil
}

// originOf follows a line back through the records that wrote its file, newest
// first: the record before which the line is not there brought it in. A line
// is followed by its text and its place among equal ones.
func (k *Kernel) originOf(p rmg.Path, lines []string, i int) (uint64, error) {
	text := lines[i]
	nth := 0
	for _, l := range lines[:i] {
		if l == text {
			nth++
		}
	}
	last := uint64(0)
	for seq, err := range k.writers(p) {
		if err != nil {
			return 0, err
		}
		last = seq
		if p, err = k.before(seq, p); err != nil {
			return 0, err
		}
		before, err := k.after(seq - 1)
		if err != nil {
			return 0, err
		}
		e, ok := before.world.Get(p)
		if !ok || e.Kind != rewrite.KindFile {
			break
		}
		old, err := k.linesOf(e)
		if err != nil {
			return 0, err
		}
		same := 0
		for _, l := range old {
			if l == text {
				same++
			}
		}
		if same <= nth {
			break
		}
	}
	return last, nil
}

// chain tells what led to a record: the record, the candidate that it took
// over, the process and its evidence, the intent.
func (k *Kernel) chain(seq uint64) ([]Reason, error) {
	r, err := k.record(seq)
	if err != nil {
		return nil, err
	}
	first := Reason{Seq: r.Seq, At: r.At, Author: r.Author, Cause: r.Cause, Text: r.Reason}
	p, perr := k.Process(r.Cause)
	if perr != nil {
		return []Reason{first}, nil
	}
	first.Process = p.ID
	out := []Reason{first}
	for _, t := range p.Tasks {
		if t.Summary != "" {
			out = append(out, Reason{Cause: p.ID + "/" + t.ID, Author: "worker:" + t.Worker, Process: p.ID, Text: t.ID + ": " + t.Summary})
		}
	}
	if len(p.Evidence) > 0 {
		var names []string
		for _, e := range p.Evidence {
			names = append(names, e.Gate)
		}
		out = append(out, Reason{Process: p.ID, Author: "kernel", Cause: p.ID, Text: "proven by " + strings.Join(names, ", "), Evidence: p.Evidence})
	}
	if p.Commit != "" {
		out = append(out, Reason{Process: p.ID, Author: "kernel", Cause: p.ID, Text: "landed as commit " + short(p.Commit) + " on " + p.LandedOn})
	}
	born := uint64(0)
	fmt.Sscanf(p.ID, "p%d", &born)
	return append(out, Reason{Seq: born, At: p.Started, Author: p.Owner, Process: p.ID, Text: fmt.Sprintf("because %s asked: %q", p.Owner, p.Text)}), nil
}
