package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"jitos.dev/bench/peers"
	"jitos.dev/bench/rejected"
	"jitos.dev/rmg"
)

// nodes is the size of the graphs whose rows have a bar; the bars are meant for
// the default.
var nodes = flag.Int("nodes", 1_000_000, "how many nodes the graphs of the rows rmg/ have")

// graphRows measure the graph beside other people's maps (graph_peers.go), its
// versions (graph_versions.go), its memory (graph_memory.go), how all that
// grows (graph_growth.go), what stands in a file (graph_store.go), and the
// structures that it is not made of (graph_rejected.go). Rows that need the same things stand together, so that
// each is built once; what the next row does not need is dropped before it.
func graphRows() []measure {
	return slices.Concat(peerRows(*nodes), versionRows(*nodes), memoryRows(*nodes), growthRows(), storeRows(5**nodes), rejectedRows(*nodes))
}

// sizeName writes 1000000 as 1e6.
func sizeName(n int) string {
	digits := strconv.Itoa(n)
	short := strings.TrimRight(digits, "0")
	if len(short) == 1 {
		return short + "e" + strconv.Itoa(len(digits)-1)
	}
	return digits
}

// idOf is the id of element i: 16 hex digits that come in no order.
func idOf(i int) string {
	sum := sha256.Sum256(strconv.AppendInt(nil, int64(i), 10))
	return hex.EncodeToString(sum[:8])
}

// itemOf is element i of the graph, with its rank moved by state. Its props are
// those of propsOf, 64 bytes in the graph's encoding; the peers, who have no
// props, hold these bytes.
func itemOf(i, state int) peers.Item {
	rank := rankOf(i, state)
	return peers.Item{Path: "/" + idOf(i), Kind: "service", Props: encoded(rank), Rank: rank}
}

// rankOf takes four bytes and a header for any i below 4e9.
func rankOf(i, state int) int64 { return int64(1<<20 + i + state) }

// encoded is the encoding of propsOf, whose last four bytes are the rank.
func encoded(rank int64) string {
	b := []byte(encodedOne())
	binary.BigEndian.PutUint32(b[len(b)-4:], uint32(rank))
	return string(b)
}

var encodedOne = sync.OnceValue(func() string {
	b, err := propsOf(rankOf(0, 0)).MarshalCBOR()
	must(err)
	if len(b) != 64 {
		panic(fmt.Sprintf("the props have %d bytes", len(b)))
	}
	return string(b)
})

// propsOf has 64 bytes: a text of 47 and a number.
func propsOf(rank int64) rmg.Props {
	return rmg.PropsOf(map[string]rmg.Value{
		"doc":  rmg.String("answers requests for a part of what there is to"),
		"rank": rmg.Int(rank),
	})
}

// sample is count different elements of n in a random order that seed decides,
// each with its rank changed by seed.
func sample(n, count, seed int) []peers.Item {
	rnd := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
	taken := make(map[int]bool, count)
	out := make([]peers.Item, 0, count)
	for len(out) < count {
		if i := rnd.IntN(n); !taken[i] {
			taken[i] = true
			out = append(out, itemOf(i, seed))
		}
	}
	return out
}

// graphMap is a graph behind the interface of its peers, so that the same code
// measures all of them. An update sets one prop and keeps the other, which is
// more than is asked of the peers: they are handed the new props whole.
type graphMap struct{ g rmg.Graph }

// graphPeer is the graph itself.
var graphPeer = peers.Peer{Name: "rmg", Versions: true, Ordered: true, Build: func(n int, item func(int) peers.Item) peers.Map {
	return graphMap{loaded(n, item, func(i int) rmg.Props { return propsOf(item(i).Rank) })}
}}

// loaded is a graph of n nodes, added one by one.
func loaded(n int, item func(int) peers.Item, props func(int) rmg.Props) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	for i := range n {
		it := item(i)
		must(o.AddNode(rmg.Path(it.Path), it.Kind, props(i)))
	}
	return o.Graph()
}

// loadedAtOnce is loaded by the call that is there for many at once.
func loadedAtOnce(n int, item func(int) peers.Item, props func(int) rmg.Props) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddAll(rmg.Root, func(yield func(rmg.Element) bool) {
		for i := range n {
			it := item(i)
			if !yield(rmg.Element{ID: it.Key(), Kind: it.Kind, Props: props(i)}) {
				return
			}
		}
	}, func(func(rmg.Element) bool) {}))
	return o.Graph()
}

// insert adds items to a map that has none of them.
func insert(m peers.Map, items []peers.Item) peers.Map {
	g, ok := m.(graphMap)
	if !ok {
		return m.Edit(items)
	}
	o := rmg.NewOverlay(g.g)
	for _, i := range items {
		must(o.AddNode(rmg.Path(i.Path), i.Kind, propsOf(i.Rank)))
	}
	return graphMap{o.Graph()}
}

// must stands where the interface of the peers has no error to return.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (m graphMap) Get(key string) (string, bool) {
	e, ok := m.g.Node(key)
	return e.Kind, ok
}

func (m graphMap) Set(i peers.Item) peers.Map {
	o := rmg.NewOverlay(m.g)
	must(o.Set(rmg.Path(i.Path), map[string]rmg.Value{"rank": rmg.Int(i.Rank)}))
	return graphMap{o.Graph()}
}

func (m graphMap) Edit(items []peers.Item) peers.Map { return graphMap{overlayOf(m.g, items).Graph()} }

// overlayOf is an overlay over g with the ranks of items set.
func overlayOf(g rmg.Graph, items []peers.Item) *rmg.Overlay {
	o := rmg.NewOverlay(g)
	for _, i := range items {
		must(o.Set(rmg.Path(i.Path), map[string]rmg.Value{"rank": rmg.Int(i.Rank)}))
	}
	return o
}

func (m graphMap) Fork() peers.Map { return m }

func (m graphMap) Digest() rejected.Digest { return rejected.Digest(m.g.Digest()) }

// Page begins after its key, which is one more than the peers have to find.
func (m graphMap) Page(from string, n int, kinds bool, ids []string) ([]string, int) {
	sum := 0
	ids = append(ids, from)
	for e := range m.g.Nodes(from) {
		if n--; n == 0 {
			break
		}
		ids = append(ids, e.ID)
		if kinds {
			sum += len(e.Kind)
		}
	}
	return ids, sum
}

// stand is one thing that is measured.
type stand struct {
	peers.Peer
	m     peers.Map
	bytes float64 // of heap for each element
}

// field is what stands side by side.
type field struct {
	name   string
	n      int
	stands []stand
}

// onField is the one field that there is.
var onField field

// clearField drops everything, so that the next row does not pay for its heap.
func clearField() {
	onField = field{}
	runtime.GC()
}

// fieldOf builds what is to be compared at size n, if it does not stand yet.
func fieldOf(name string, n int, of []peers.Peer) []stand {
	if onField.name == name && onField.n == n {
		return onField.stands
	}
	clearField()
	next := field{name: name, n: n}
	before := liveHeap()
	for _, p := range of {
		m := p.Build(n, func(i int) peers.Item { return itemOf(i, 0) })
		after := liveHeap()
		next.stands = append(next.stands, stand{p, m, float64(after-before) / float64(n)})
		before = after
	}
	onField = next
	return next.stands
}

// graphOf is a graph of n nodes, alone, with its digest computed.
func graphOf(n int) rmg.Graph {
	g := fieldOf("graph", n, []peers.Peer{graphPeer})[0].m.(graphMap).g
	g.Digest()
	return g
}

// heap is how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// allocated is how many bytes fn takes from the heap, garbage included.
func allocated(fn func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// nanoseconds times fn by the clock of its thread: on an idle machine that is
// what a watch shows, and on a busy one what it would show without the others.
func nanoseconds(fn func() error) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now := func() int64 {
		var t unix.Timespec
		must(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
		return t.Nano()
	}
	began := now()
	err := fn()
	return float64(now() - began), err
}

// collected times fn on a heap that was just collected.
func collected(fn func() error) (float64, error) {
	runtime.GC()
	return nanoseconds(fn)
}

// compare measures, in turn and over several rounds, all that stand and that
// fit, and makes a row of the graph's figure beside the others'. In one round
// all get the same seed. The heap is collected before each round and not within,
// so that none pays for what another let go.
func compare(stands []stand, unit string, fits func(peers.Peer) bool, one func(s stand, seed int) (float64, error)) (row, error) {
	var fns []func() (float64, error)
	var names []string
	for _, s := range stands {
		if !fits(s.Peer) {
			continue
		}
		seed := 0
		names = append(names, s.Name)
		fns = append(fns, func() (float64, error) {
			seed++
			return one(s, seed)
		})
	}
	first := fns[0]
	fns[0] = func() (float64, error) {
		runtime.GC()
		return first()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	xs, err := median(fns...)
	if err != nil {
		return row{}, err
	}
	r := row{Unit: unit, Peers: map[string]float64{}, Holds: true, N: rounds}
	for i, name := range names {
		if name == graphPeer.Name {
			r.Value = xs[i]
		} else {
			r.Peers[name] = xs[i]
		}
	}
	return r, nil
}

// within gives a row its bar.
func (r row) within(bar float64, must string) row {
	r.Must, r.Holds = must, r.Value <= bar
	return r
}

func anyPeer(peers.Peer) bool         { return true }
func versionPeer(p peers.Peer) bool   { return p.Versions }
func orderedPeer(p peers.Peer) bool   { return p.Ordered }
func missing(s stand, k string) error { return fmt.Errorf("%s: %s is missing", s.Name, k) }
