package kernel

import (
	"slices"
	"sync"

	"jitos.dev/rmg"
)

// How much of the past is in memory. What is older is opened when it is asked
// for: the nearest version before it that can be had, and the records up to it.
const (
	maxRecent    = 1024    // last versions, one for each tick
	maxRecentOps = 1 << 14 // that led to them: a version holds on to what the next one changed
	maxPast      = 16      // older ones that were asked for last
)

// stepped is the system after a tick, and the seq of the tick's first record.
type stepped struct {
	version
	from uint64
	ops  int  // that the tick's records have
	bare bool // wrote is missing: reading the worlds does without, and costs half
}

// recent is a queue of the last versions, in order.
type recent struct {
	size int
	ring []stepped
	ops  int // of all of them
}

func (r *recent) add(v stepped) {
	r.ring, r.ops = append(r.ring, v), r.ops+v.ops
	for len(r.ring) > r.size || r.ops > maxRecentOps && len(r.ring) > 1 {
		r.ops -= r.ring[0].ops
		r.ring[0] = stepped{} // the array behind the queue holds on to it
		r.ring = r.ring[1:]
	}
}

func (r *recent) nth(i int) stepped { return r.ring[i] }

// find returns the version after the tick that holds seq.
func (r *recent) find(seq uint64) (version, bool) {
	i, j := 0, len(r.ring)
	for i < j {
		if m := (i + j) / 2; r.nth(m).seq < seq {
			i = m + 1
		} else {
			j = m
		}
	}
	if i == len(r.ring) || r.nth(i).from > seq {
		return version{}, false
	}
	return r.nth(i).version, true
}

// past is the older versions that were asked for last, the newest use last.
type past struct {
	sync.Mutex // guards the list
	list       []stepped
}

func (p *past) keep(v stepped) {
	p.Lock()
	defer p.Unlock()
	same := func(o stepped) bool { return o.seq == v.seq }
	if v.bare && slices.ContainsFunc(p.list, func(o stepped) bool { return same(o) && !o.bare }) {
		return
	}
	p.list = slices.DeleteFunc(p.list, same)
	if len(p.list) == maxPast {
		p.list = slices.Delete(p.list, 0, 1)
	}
	p.list = append(p.list, v)
}

// nearest returns the newest version kept that is not after seq, or the one
// that is meant; bare: wrote may be missing.
func (p *past) nearest(seq uint64, bare bool) (best stepped, ok bool) {
	p.Lock()
	defer p.Unlock()
	for _, v := range p.list {
		if v.bare && !bare {
			continue
		}
		if v.from <= seq && seq <= v.seq {
			return v, true
		}
		if v.seq <= seq && v.seq >= best.seq {
			best, ok = v, true
		}
	}
	return best, ok
}

// open returns the system after the tick that holds seq, whatever it costs to
// find it; wrote may be missing. NotFound: there is no such seq. Any goroutine
// but the writer.
func (k *Kernel) open(seq uint64) (version, error) {
	v, ok := k.remembered(seq)
	switch {
	case ok:
		return v, nil
	case seq == 0:
		return version{}, nil
	case seq > k.now().seq:
		return version{}, noVersion(Version{Seq: seq})
	}
	return k.refold(reach{seq: seq, bare: true})
}

// remembered is the version after the tick that holds seq, if it is one of the
// last.
func (k *Kernel) remembered(seq uint64) (version, bool) {
	k.state.RLock()
	defer k.state.RUnlock()
	return k.state.recent.find(seq)
}

// after returns the system after the record seq, which may stand in the middle
// of a tick.
func (k *Kernel) after(seq uint64, bare bool) (version, error) {
	if v, ok := k.remembered(seq); ok && v.seq == seq {
		return v, nil
	}
	if bare {
		if v, err := k.open(seq); err != nil || v.seq == seq {
			return v, err
		}
	}
	return k.refold(reach{seq: seq, exactly: true, bare: bare})
}

// reach is what version of the past is wanted.
type reach struct {
	seq     uint64
	exactly bool // not the end of the tick that holds it
	bare    bool // wrote may be missing
}

// versionAt is open for who only wants to know whether there is such a version.
func (k *Kernel) versionAt(seq uint64) (version, bool) {
	v, err := k.open(seq)
	if err != nil {
		k.log.Warn("a version cannot be opened", "seq", seq, "err", err)
	}
	return v, err == nil
}

// refold folds the records up to one over the nearest version before it.
func (k *Kernel) refold(to reach) (version, error) {
	base, err := k.nearest(to.seq, to.bare)
	if err != nil || base.from <= to.seq && to.seq <= base.seq && !to.exactly {
		return base.version, err
	}
	if base.seq >= to.seq {
		if base, err = k.nearest(base.from-1, to.bare); err != nil {
			return version{}, err
		}
	}
	f := foldOn(base.version, k.openHead)
	f.main.bare = to.bare
	err = guarded(func() error {
		from, err := k.advance(f, to.seq, to.exactly)
		if err == nil && f.seq < to.seq {
			err = noVersion(Version{Seq: to.seq})
		}
		if err == nil && !to.exactly {
			k.past.keep(stepped{version: f.version(), from: from, bare: to.bare})
		}
		return err
	})
	return f.version(), err
}

// openHead opens the world of any version.
func (k *Kernel) openHead(v Version) (head, error) {
	switch {
	case v.Seq != 0:
		old, err := k.open(v.Seq)
		return head{seq: v.Seq, world: old.world}, err
	case v.Space == "":
		now := k.now()
		return head{seq: now.seq, world: now.world}, nil
	}
	s, ok := k.space(v.Space)
	switch {
	case !ok:
		return head{}, noSpace(v.Space)
	case v.At == 0 || v.At >= s.now.seq:
		return s.now, nil
	case v.At < s.forked:
		return head{}, noVersion(v)
	}
	return k.refoldSpace(s, v)
}

// guarded runs fn, in which a stored graph may turn out to be unreadable: rmg
// panics then, and nobody but who guards hears of it.
func guarded(fn func() error) (err error) {
	if failed := rmg.Protect(func() { err = fn() }); failed != nil {
		return failed
	}
	return err
}
