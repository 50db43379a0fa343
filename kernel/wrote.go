package kernel

import (
	"slices"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// wrote is who wrote what: the seqs of system records by the paths that their
// ops touch, in order. It is derived from the log, by the fold.
type wrote map[rmg.Path][]uint64

// note takes one record in.
func (w wrote) note(r Record) {
	if r.View != "system" {
		return
	}
	add := func(p rmg.Path) {
		if list := w[p]; len(list) == 0 || list[len(list)-1] != r.Seq {
			w[p] = append(list, r.Seq)
		}
	}
	for _, op := range r.Ops {
		if inLedger(op.Path) {
			continue
		}
		add(op.Path)
		switch op.Op {
		case rewrite.Move:
			add(op.Dest)
		case rewrite.Write:
			// It makes the folders on the way that are not there; a branch's own
			// is there before anything is in it.
			for p := op.Path.Parent(); p != rmg.Root && !(inRepo(p) && len(p.Segments()) <= 3); p = p.Parent() {
				add(p)
			}
		}
	}
}

// lastWrite returns the record that, of those up to a version, last wrote a prop
// of an element, or made the element if the prop is "" or was never set since.
// What was moved was written where it stood before.
func (k *Kernel) lastWrite(v version, p rmg.Path, prop string) (seq uint64, ok bool) {
	until := v.seq
	for hop := 0; hop < maxHops; hop++ {
		seqs := k.touching(p, until)
		from := rmg.Path("")
		for _, seq := range slices.Backward(seqs) {
			r, err := k.record(seq)
			if err != nil {
				return 0, false
			}
			var hit bool
			if hit, from = wroteOf(r, p, prop); hit {
				if prop == "" && !k.madeBy(seq, p) {
					continue
				}
				return seq, true
			}
			if from != "" {
				until = seq - 1
				break
			}
		}
		if from == "" {
			return 0, false
		}
		p = from
	}
	return 0, false
}

// maxHops is how many moves are followed back.
const maxHops = 1000

// touching lists the seqs up to one whose ops are at p, or at what holds it: a
// move takes everything below with it.
func (k *Kernel) touching(p rmg.Path, until uint64) []uint64 {
	k.state.RLock()
	defer k.state.RUnlock()
	var all []uint64
	for at := p; at != rmg.Root; at = at.Parent() {
		for _, seq := range k.state.touched[at] {
			if seq <= until {
				all = append(all, seq)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wroteOf reports whether a record wrote a prop of the element at p, or may have
// made it, or from where it moved the element there.
func wroteOf(r Record, p rmg.Path, prop string) (hit bool, from rmg.Path) {
	for _, op := range slices.Backward(worldOps(r)) {
		switch op.Op {
		case rewrite.Move:
			if op.Dest.Has(p) {
				return false, op.Path + p[len(op.Dest):]
			}
		case rewrite.Remove:
		default:
			if reaches(op, p, prop) {
				return true, ""
			}
		}
	}
	return false, ""
}

// madeBy reports whether a record made the element at p.
func (k *Kernel) madeBy(seq uint64, p rmg.Path) bool {
	before, err := k.worldAfter(seq - 1)
	if err != nil {
		return false
	}
	_, there := before.Get(p)
	if there {
		r, err := k.record(seq)
		return err == nil && slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool {
			return op.Path == p && (op.Op == rewrite.AddNode || op.Op == rewrite.AddEdge)
		})
	}
	return true
}

// reaches reports whether an op writes a prop of the element at p: "" is the
// element itself, which every op on it reaches.
func reaches(op rewrite.Op, p rmg.Path, prop string) bool {
	switch op.Op {
	case rewrite.AddNode, rewrite.AddEdge, rewrite.Retype:
		return op.Path == p && (op.Op != rewrite.Retype || prop == "")
	case rewrite.Set:
		_, has := op.Props[prop]
		return op.Path == p && (prop == "" || has)
	case rewrite.Inc, rewrite.SetAdd, rewrite.SetRemove:
		return op.Path == p && (prop == "" || prop == op.Prop)
	case rewrite.Write:
		if op.Path != p {
			return prop == "" && p.Has(op.Path)
		}
		return prop == "" || prop == rewrite.PropBlob || prop == rewrite.PropMode
	case rewrite.Remove:
		return op.Path.Has(p)
	case rewrite.Move:
		return op.Path.Has(p) || op.Dest.Has(p)
	}
	return false
}
