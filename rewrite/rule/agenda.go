package rule

// agenda is where a rule has yet to be looked for. At first that is everywhere;
// from then on it is around what changed. An agenda that has come to its end
// answers in O(1) that there is no match, until something changes.
type agenda struct {
	mt      *matcher
	hooks   *hooks
	plans   []plan // by root
	started bool
	root    int     // of the scan
	scan    []int32 // roots that were there when it began
	queue   []seed
	head    int // of the queue
	at      seed
	batch   int     // how many matches of at are gathered next; 0: there are no more
	found   []int32 // those gathered, stride variables each
	stride  int
	fresh   bool // nothing changed since they were gathered
	again   plan // looks once more at what is bound
	several bool // what was drained last had several roots, from which one match may be found twice
}

// seed is an element where a search begins, and for what it stands. A seed whose
// element is gone, or is another by now, does no harm.
type seed struct {
	v int32
	x int32
}

// minQueue is how long a queue may always grow; beyond it, it may have so many
// seeds for each element that there is.
const (
	minQueue       = 1024
	seedsOfElement = 4
)

func newAgenda(mt *matcher) *agenda {
	return &agenda{mt: mt, hooks: mt.hooks(), plans: make([]plan, len(mt.r.vars)+1), stride: max(1, len(mt.r.left.own)), again: mt.check()}
}

// push adds a seed. When looking everywhere is less, that is done instead.
func (a *agenda) push(v int, x int32) {
	s := seed{int32(v), x}
	if n := len(a.queue); n > a.head && a.queue[n-1] == s {
		return
	}
	if n := len(a.queue) - a.head; n > minQueue && n > seedsOfElement*(len(a.mt.m.nodes)+len(a.mt.m.edges)) {
		a.rescan()
		return
	}
	a.queue = append(a.queue, s)
}

// rescan looks everywhere.
func (a *agenda) rescan() {
	*a = agenda{mt: a.mt, hooks: a.hooks, plans: a.plans, stride: a.stride, again: a.again}
}

// start notes where to look.
func (a *agenda) start() {
	mt := a.mt
	a.started = true
	clear(a.plans) // the counts are others by now
	a.root, a.scan = none, []int32{0}
	if len(mt.r.left.own) == 0 {
		return
	}
	a.root, a.scan = mt.scan()
}

// scan lists the elements that the rarest variable may stand for.
func (mt *matcher) scan() (root int, out []int32) {
	pl := planner{matcher: mt, bound: make([]bool, len(mt.r.vars))}
	root, _ = pl.rarest(mt.r.left.own)
	out = make([]int32, 0, pl.count(root))
	for _, k := range mt.sets[root].list {
		if mt.r.vars[root].edge {
			for e := mt.m.kinds[k].edges.first; e != 0; e = mt.m.edges[e].nextKin {
				out = append(out, -e)
			}
			continue
		}
		for n := mt.m.kinds[k].nodes.first; n != 0; n = mt.m.nodes[n].nextKin {
			out = append(out, n)
		}
	}
	return root, out
}

// next binds a match, and reports whether there is one.
func (a *agenda) next() bool {
	if !a.started {
		a.start()
	}
	for !a.mt.spent() {
		if n := len(a.found); n > 0 {
			// It stays where it is: what was rewritten may match again as it is.
			copy(a.mt.bind, a.found[n-a.stride:])
			if a.fresh || a.mt.still(a.again) {
				a.fresh = false
				return true
			}
			a.found = a.found[:n-a.stride]
			continue
		}
		switch {
		case a.batch > 0: // the seed had more than were gathered
		case a.head < len(a.queue):
			a.at, a.batch = a.queue[a.head], minBatch
			if a.head++; a.head == len(a.queue) {
				a.queue, a.head = a.queue[:0], 0
			}
		case len(a.scan) > 0:
			a.at, a.batch = seed{int32(a.root), a.scan[0]}, minBatch
			a.scan = a.scan[1:]
		default:
			return false
		}
		a.gather(a.at)
	}
	return false
}

// minBatch is how many matches of a seed are gathered at first. Each time that
// there are more it is twice as many, so that a seed of n matches costs O(n)
// although each of its searches begins anew.
const minBatch = 2

// gather finds matches from a seed on; what changed since is looked at when
// their turn comes.
func (a *agenda) gather(s seed) {
	mt := a.mt
	most := a.batch
	a.batch = 0
	if s.v != none {
		if !mt.m.alive(s.x) {
			return
		}
		mt.bind[s.v] = s.x
	}
	n := 0
	mt.run(a.planOf(int(s.v)), 0, func() bool {
		if mt.sound() {
			a.found = append(a.found, mt.bind[:a.stride]...)
			n++
		}
		return n < most
	})
	if n == most {
		a.batch = 2 * most
	}
	// The first is taken first: they come off the end.
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		for k := range a.stride {
			x, y := &a.found[i*a.stride+k], &a.found[j*a.stride+k]
			*x, *y = *y, *x
		}
	}
	a.fresh = n > 0
}

func (a *agenda) planOf(root int) plan {
	p := &a.plans[root+1]
	if *p == nil {
		*p = a.mt.plan(&a.mt.r.left, make([]bool, len(a.mt.r.vars)), root)
	}
	return *p
}
