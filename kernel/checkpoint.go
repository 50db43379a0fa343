package kernel

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"jitos.dev/journal"
	"jitos.dev/rmg"
)

// A mark is a version in the object file: what is new since the mark before is
// written, and read again as it is asked for. Marks are where an older version
// begins to be folded, and stand in a graph of their own, by slot, that each
// mark holds too. A checkpoint is a mark that was made durable, from which a
// start begins. Both are shortcuts: the log has it all.
//
// Each slot of so many seqs has its mark. Where the log grows faster than marks
// are made, slots are left out, and filled when there is time.
const (
	markEvery       = 256  // records of a slot
	checkpointEvery = 8192 // records after which a mark is made a checkpoint
	keeperRest      = 4    // the keeper rests so many times as long as a mark took
	keeperMost      = 10 * time.Second
)

// mark says where a version stands in the object file.
type mark struct {
	Fold uint64         `cbor:"1,keyasint"`
	Seq  uint64         `cbor:"2,keyasint"`
	Tick uint64         `cbor:"3,keyasint"`
	At   int64          `cbor:"4,keyasint"` // of the last record, Unix milliseconds
	Root rmg.StoredRoot `cbor:"5,keyasint"`
}

// The nodes of what a mark's root holds.
const (
	partWorld  = "world"
	partLedger = "ledger"
	partSpaces = "spaces"
	partWrote  = "wrote"
	partMarks  = "marks" // those before

	markAt = "mark" // prop: the mark, encoded
)

// keeper writes marks and checkpoints. Before its goroutine begins it belongs to
// who opens the kernel.
type keeper struct {
	sync.Mutex // guards the fields below; held over I/O

	file   journal.ObjectFile // nil until there is something to keep
	store  *rmg.Store
	last   uint64 // seq of the newest checkpoint
	poke   chan struct{}
	failed error // after which nothing is kept any more

	filled  uint64 // slots below have their marks, or cannot have one
	filling *fold  // where filling goes on; nil: nowhere
	unsaved bool   // slots were filled since the newest checkpoint
}

// marks is where marks are found.
type marks struct {
	store *rmg.Store
	graph rmg.Graph // by slot
	every uint64    // records of a slot
}

func slotID(slot uint64) string { return fmt.Sprintf("%016x", slot) }

// put writes a version and notes it among the marks, which are returned.
func (m marks) put(v version) (mark, marks, error) {
	o := rmg.NewOverlay(rmg.Graph{}).Holding()
	wrote, err := v.wrote.read()
	for _, p := range []struct {
		name  string
		graph rmg.Graph
	}{{partWorld, v.world}, {partLedger, v.ledger}, {partSpaces, v.spaces}, {partWrote, wrote}, {partMarks, m.graph}} {
		err = errors.Join(err, o.Graft(rmg.Root.Child(p.name), rmg.Element{Kind: kindPart, Graph: p.graph}))
	}
	if err != nil {
		return mark{}, m, err
	}
	root, err := m.store.Put(o.Graph())
	if err != nil {
		return mark{}, m, err
	}
	at := mark{Fold: foldVersion, Seq: v.seq, Tick: v.tick, At: v.at.UnixMilli(), Root: root}
	data, err := encMode.Marshal(at)
	if err != nil {
		return mark{}, m, err
	}
	n := rmg.NewOverlay(m.graph).Unchecked()
	err = n.Graft(rmg.Root.Child(slotID(v.seq/m.every)), rmg.Element{Kind: kindPart, Props: rmg.Props{}.With(markAt, rmg.Bytes(data))})
	m.graph = n.Graph()
	return at, m, err
}

// open reads the version of a mark, and the marks before it.
func (m marks) open(at mark) (v version, before rmg.Graph, err error) {
	if at.Fold != foldVersion {
		return v, before, fmt.Errorf("it was folded by version %d; this program is %d", at.Fold, foldVersion)
	}
	perr := rmg.Protect(func() {
		var g rmg.Graph
		if g, err = m.store.Open(at.Root); err != nil {
			return
		}
		part := func(name string) rmg.Graph {
			e, ok := g.Node(name)
			if !ok && err == nil {
				err = fmt.Errorf("it holds no %s", name)
			}
			return e.Graph
		}
		v = version{
			seq: at.Seq, tick: at.Tick, at: time.UnixMilli(at.At).UTC(),
			world: part(partWorld), ledger: part(partLedger), spaces: part(partSpaces), wrote: notedAs(part(partWrote)),
		}
		before = part(partMarks)
	})
	return v, before, errors.Join(perr, err)
}

// nearest is the newest mark that is not after seq. O(slots without one).
func (m marks) nearest(seq uint64) (at mark, ok bool, err error) {
	if m.store == nil || m.graph.IsEmpty() {
		return mark{}, false, nil
	}
	perr := rmg.Protect(func() {
		for slot := seq/m.every + 1; slot > 0 && !ok; slot-- {
			e, has := m.graph.Node(slotID(slot - 1))
			if !has {
				continue
			}
			v, _ := e.Props.Get(markAt)
			data, _ := v.AsBytes()
			if err = decMode.Unmarshal(data, &at); err != nil {
				return
			}
			ok = at.Seq <= seq
		}
	})
	return at, ok, errors.Join(perr, err)
}

// nearest returns the version before seq that is the least way from it, or the
// one that is meant; bare: wrote may be missing.
func (k *Kernel) nearest(seq uint64, bare bool) (stepped, error) {
	best, ok := k.past.nearest(seq, bare)
	if ok && seq-min(seq, best.seq) < markEvery/8 {
		return best, nil
	}
	m := k.marks.Load()
	if m == nil {
		return best, nil
	}
	at, found, err := m.nearest(seq)
	if err != nil || !found || at.Seq <= best.seq {
		return best, err
	}
	v, _, err := m.open(at)
	if err != nil {
		return best, err
	}
	return stepped{version: v, from: v.seq}, nil
}

// keep is the keeper's goroutine: it makes a mark whenever it is poked, and else
// fills slots that it did not come along for. Then it rests, so that the writer
// has the processor.
func (k *Kernel) keep() {
	for {
		began := time.Now()
		err := k.keepOnce()
		if k.ctx.Err() != nil {
			return
		}
		if err != nil {
			k.keeper.Lock()
			k.keeper.failed = err
			k.keeper.Unlock()
			k.log.Warn("no more checkpoints are written until the next start", "err", err)
			return
		}
		select {
		case <-k.ctx.Done():
			return
		case <-time.After(min(keeperRest*time.Since(began), keeperMost)):
		}
	}
}

// keepOnce does one thing, for which it waits if there is nothing.
func (k *Kernel) keepOnce() error {
	select {
	case <-k.keeper.poke:
		return k.markNow(false)
	default:
	}
	more, err := k.fill()
	if more || err != nil {
		return err
	}
	select {
	case <-k.ctx.Done():
		return nil
	case <-k.keeper.poke:
		return k.markNow(false)
	}
}

// fill makes the mark of the first slot that has none, by folding on from the
// one before, and reports whether there may be more.
func (k *Kernel) fill() (more bool, err error) {
	kp := &k.keeper
	kp.Lock()
	defer kp.Unlock()
	m := k.marks.Load()
	if m == nil || m.store == nil {
		return false, nil
	}
	err = guarded(func() error {
		last := k.now().seq / m.every
		if n := limitsOf(k.now().world).marks; n > 0 && kp.filled+n < last {
			kp.filled, kp.filling = last-n, nil
		}
		for ; kp.filled < last; kp.filled++ {
			if _, ok := m.graph.Node(slotID(kp.filled)); !ok {
				break
			}
		}
		k.filled.Store(kp.filled * m.every)
		if kp.filled == last {
			kp.filling = nil
			return nil
		}
		from := kp.filled * m.every
		if f := kp.filling; f == nil || f.seq > from || f.seq+2*m.every < from {
			v := version{}
			at, ok, err := m.nearest(from)
			if err != nil {
				return err
			}
			if ok {
				if v, _, err = m.open(at); err != nil {
					return err
				}
			}
			kp.filling = foldOn(v, k.openHead)
		}
		if from > kp.filling.seq {
			if _, err := k.advance(kp.filling, from, false); err != nil {
				return err
			}
		}
		if slot := kp.filling.seq / m.every; slot == kp.filled && kp.filling.seq > 0 {
			_, next, err := m.put(kp.filling.version())
			if err != nil {
				return err
			}
			k.marks.Store(&next)
			kp.unsaved = true
		}
		kp.filled++
		more = true
		return nil
	})
	return more, err
}

// markNow makes a mark of what is published, and a checkpoint if one is due or
// asked for.
func (k *Kernel) markNow(checkpoint bool) (err error) {
	k.keeper.Lock()
	defer k.keeper.Unlock()
	if k.keeper.failed != nil {
		return k.keeper.failed
	}
	v := k.now()
	perr := rmg.Protect(func() { err = k.mark(v, checkpoint || v.seq/k.tune.checkpoints > k.keeper.last/k.tune.checkpoints) })
	return errors.Join(perr, err)
}

func (k *Kernel) mark(v version, checkpoint bool) error {
	kp := &k.keeper
	if kp.file == nil {
		f, err := k.opt.Journal.Objects().Begin()
		if err != nil {
			return err
		}
		kp.file, kp.store = f, rmg.NewStore(f, f, f.Size())
	}
	m := marks{store: kp.store, every: k.tune.mark}
	if old := k.marks.Load(); old != nil {
		m.graph = old.graph
	}
	at, next, err := m.put(v)
	if err != nil {
		return err
	}
	k.marks.Store(&next)
	if !checkpoint {
		return nil
	}
	data, err := encMode.Marshal(at)
	if err != nil {
		return err
	}
	chain, err := k.opt.Journal.ChainAt(v.seq)
	if err != nil {
		return err
	}
	err = k.opt.Journal.WriteCheckpoint(journal.Checkpoint{
		Seq: v.seq, Chain: chain, Epoch: k.epoch, Fold: foldVersion, Payload: data,
		Objects: journal.Extent{Generation: kp.file.Generation(), Length: kp.file.Size()},
	})
	if err == nil {
		kp.last, kp.unsaved = v.seq, false
	}
	return err
}

// checkpointed opens the version of a checkpoint and makes its object file the
// keeper's.
func (k *Kernel) checkpointed(c journal.Checkpoint) (version, error) {
	if c.Fold != foldVersion {
		return version{}, fmt.Errorf("it was folded by version %d; this program is %d", c.Fold, foldVersion)
	}
	v, m, f, err := openCheckpoint(k.opt.Journal, c)
	if err != nil {
		return version{}, err
	}
	m.every = k.tune.mark
	k.keeper.file, k.keeper.store, k.keeper.last = f, m.store, c.Seq
	k.marks.Store(&m)
	return v, nil
}

func openCheckpoint(of journal.Checkpoints, c journal.Checkpoint) (version, marks, journal.ObjectFile, error) {
	var at mark
	if err := cbor.Unmarshal(c.Payload, &at); err != nil {
		return version{}, marks{}, nil, err
	}
	if at.Seq != c.Seq {
		return version{}, marks{}, nil, fmt.Errorf("it says seq %d inside, and %d outside", at.Seq, c.Seq)
	}
	f, err := of.Objects().Open(c.Objects.Generation)
	if err != nil {
		return version{}, marks{}, nil, err
	}
	m := marks{store: rmg.NewStore(f, f, f.Size())}
	v, before, err := m.open(at)
	m.graph = before
	return v, m, f, err
}
