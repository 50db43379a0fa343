package kernel

import (
	"fmt"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// How many ops wait to be noted in wrote. Nobody waits for a note but who asks who
// wrote what, so that the writer only keeps what it will take to make one.
const (
	someUnnoted = 512     // from here on they are noted as soon as someone has the time
	maxUnnoted  = 1 << 14 // here the writer does it itself
)

// noted is the graph wrote of a version: one, and the records that it does not know
// of yet. They are noted, all at once, when someone asks; what two versions share is
// shared by then as well. The zero value of a pointer to it is an empty graph.
type noted struct {
	behind int // ops that were not noted when it was made

	mu     sync.Mutex // guards what is below; who holds it may take that of an older one
	before *noted     // to which since comes; nil: graph is all
	since  []applied
	graph  rmg.Graph
}

// applied is ops of a record that are applied, and what of the world before them its
// notes go by.
type applied struct {
	seq   uint64
	ops   []rewrite.Op
	sight []sight
}

// notedOn is before with the records since, which are its own from now on.
func notedOn(before *noted, since []applied) *noted {
	n := &noted{before: before, since: since, behind: before.unnoted()}
	for i := range since {
		n.behind += len(since[i].ops)
	}
	return n
}

// notedAs is a graph that all is noted in.
func notedAs(g rmg.Graph) *noted { return &noted{graph: g} }

// unnoted is how many ops are not noted yet, or more. O(1).
func (n *noted) unnoted() int {
	if n == nil {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.before == nil && n.since == nil {
		return 0
	}
	return n.behind
}

// read returns the graph. O(what is not noted). It panics where the stored graph
// cannot be read, see [rmg.Protect]. Internal: something cannot be noted.
func (n *noted) read() (rmg.Graph, error) {
	if n == nil {
		return rmg.Graph{}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.before == nil && n.since == nil {
		return n.graph, nil
	}
	runs := [][]applied{n.since}
	base := rmg.Graph{}
	for at := n.before; at != nil; {
		at.mu.Lock()
		next := at.before
		if at.since == nil {
			base = at.graph
		} else {
			runs = append(runs, at.since)
		}
		at.mu.Unlock()
		at = next
	}
	s := newScribe(base)
	for i := len(runs) - 1; i >= 0; i-- {
		for j := range runs[i] {
			if err := s.note(&runs[i][j]); err != nil {
				return base, err
			}
		}
	}
	n.graph, n.before, n.since = s.wrote.Graph(), nil, nil
	return n.graph, nil
}

// note notes a record.
func (s *scribe) note(x *applied) error {
	s.seq = x.seq
	sights := x.sight
	for i := range x.ops {
		var see sight
		if len(sights) > 0 && sights[0].op == i {
			see, sights = sights[0], sights[1:]
		}
		s.op(&x.ops[i], see)
	}
	if s.err != nil {
		return &rmg.Error{Op: "apply", Code: rmg.Internal, Msg: fmt.Sprintf("what record %d wrote cannot be noted", x.seq), Err: s.err}
	}
	return nil
}

// noteAll is the goroutine that notes what the writer leaves, until the kernel stops.
func (k *Kernel) noteAll() {
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-k.unnoted:
		}
		err := guarded(func() error {
			_, err := k.now().wrote.read()
			return err
		})
		if err != nil {
			_ = k.stopWriting("who wrote what cannot be noted: "+err.Error(), err)
			return
		}
	}
}
