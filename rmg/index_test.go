package rmg_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"jitos.dev/rmg"
)

func ExampleIndex() {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/svc", "Folder", rmg.Props{}))
	for i, name := range []string{"auth", "bill", "cart"} {
		must(o.AddNode(rmg.Path("/svc").Child(name), "Service", rmg.PropsOf(map[string]rmg.Value{
			"port": rmg.Int(int64(8080 + i)), "db": rmg.Ref("/db/main"),
		})))
	}
	port := rmg.IndexedProp{Kind: "Service", Prop: "port"}
	ix := rmg.NewIndex(port).At(o.Graph())

	for kind, n := range ix.Kinds() {
		fmt.Println(kind, n)
	}
	seq, err := ix.Equal(port, rmg.Int(8081))
	must(err)
	for p := range seq {
		fmt.Println("on port 8081:", p)
	}
	above, err := ix.Range(port, rmg.Bound{Value: rmg.Int(8080), Open: true}, rmg.Bound{})
	must(err)
	for v, p := range above {
		n, _ := v.AsInt()
		fmt.Println("above 8080:", n, p)
	}
	for r := range ix.RefsBelow("/db") {
		fmt.Println(r.At, "points at", r.To, "by", r.Prop)
	}
	// Output:
	// Folder 1
	// Service 3
	// on port 8081: /svc/bill
	// above 8080: 8081 /svc/bill
	// above 8080: 8082 /svc/cart
	// /svc/auth points at /db/main by db
	// /svc/bill points at /db/main by db
	// /svc/cart points at /db/main by db
}

func ExampleIndex_At() {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/a", "Task", rmg.Props{}))
	first := rmg.NewIndex().At(o.Graph())
	must(o.AddNode("/b", "Task", rmg.Props{}))
	second := first.At(o.Graph()) // costs one node
	fmt.Println(first.Count("Task"), second.Count("Task"))
	// Output: 1 2
}

func ExampleIndex_Kind() {
	o := rmg.NewOverlay(rmg.Graph{})
	for _, p := range []rmg.Path{"/a", "/a/x", "/a-b", "/b"} {
		must(o.AddNode(p, "Task", rmg.Props{}))
	}
	ix := rmg.NewIndex().At(o.Graph())
	last := rmg.Root
	for page := 1; ; page++ {
		n := 0
		for p := range ix.Kind("Task", last) {
			fmt.Println(page, p)
			last = p
			if n++; n == 3 {
				break
			}
		}
		if n < 3 {
			break
		}
	}
	// Output:
	// 1 /a
	// 1 /a/x
	// 1 /a-b
	// 2 /b
}

func noError(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// What an index was not made for is refused, and the answer says what it was
// made for.
func TestIndexOfOtherProps(t *testing.T) {
	ix := rmg.NewIndex(rmg.IndexedProp{Kind: "K", Prop: "b"}, rmg.IndexedProp{Prop: "a"}, rmg.IndexedProp{Kind: "K", Prop: "b"})
	for _, p := range []rmg.IndexedProp{{}, {Kind: "K"}, {Prop: "b"}, {Kind: "K", Prop: "a"}} {
		_, err := ix.Equal(p, rmg.Int(1))
		_, err2 := ix.Range(p, rmg.Bound{}, rmg.Bound{})
		for _, err := range []error{err, err2} {
			var e *rmg.Error
			if !errors.As(err, &e) || e.Code != rmg.Invalid || e.Hint != "there is one of prop a of any kind, prop b of kind K" {
				t.Errorf("%v: %v (%+v)", p, err, e)
			}
		}
		if ix.Has(p) {
			t.Errorf("it has %v", p)
		}
	}
	want := []rmg.IndexedProp{{Prop: "a"}, {Kind: "K", Prop: "b"}}
	if got := ix.Props(); !slices.Equal(got, want) || !ix.Has(want[0]) || !ix.Has(want[1]) {
		t.Errorf("it is of %v", got)
	}
	if _, err := (rmg.Index{}).Equal(want[0], rmg.Int(1)); codeOf(err) != rmg.Invalid {
		t.Errorf("the zero index: %v", err)
	}
}

// The zero Index is one of kinds and refs.
func TestZeroIndex(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	noError(t, o.AddNode("/a", "K", rmg.PropsOf(map[string]rmg.Value{"r": rmg.Ref("/"), "x": rmg.Ref("/x")})))
	var ix rmg.Index
	if ix.Count("K") != 0 || ix.Props() != nil || len(slices.Collect(ix.Kind("K", ""))) != 0 {
		t.Error("the zero index holds something")
	}
	ix = ix.At(o.Graph())
	if got := slices.Collect(ix.Refs(rmg.Root)); len(got) != 1 || got[0] != (rmg.Reference{At: "/a", Prop: "r", To: "/"}) {
		t.Errorf("refs to the root: %v", got)
	}
	if ix.Count("K") != 1 || !ix.Graph().Same(o.Graph()) {
		t.Errorf("%d nodes of kind K", ix.Count("K"))
	}
}

// Bounds bound types too, numbers are compared exactly whatever they are, and
// who stops early is not told more.
func TestRangeBounds(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	const big = 1 << 53
	for i, v := range []rmg.Value{
		rmg.Bool(true), rmg.Float(math.Inf(-1)), rmg.Int(math.MinInt64), rmg.Float(-0.5), rmg.Int(0), rmg.Float(0), rmg.Int(big), rmg.Float(big),
		rmg.Int(big + 1), rmg.Float(big + 2), rmg.Int(math.MaxInt64), rmg.Float(1 << 63), rmg.Float(math.Inf(1)), rmg.Float(math.NaN()),
		rmg.String(""), rmg.String("0"), rmg.Bytes(nil), rmg.Ref("/"),
	} {
		noError(t, o.AddNode(rmg.Root.Child(fmt.Sprintf("%02d", i)), "N", rmg.PropsOf(map[string]rmg.Value{"v": v})))
	}
	p := rmg.IndexedProp{Prop: "v"}
	ix := rmg.NewIndex(p).At(o.Graph())
	at := func(v rmg.Value) rmg.Bound { return rmg.Bound{Value: v} }
	off := func(v rmg.Value) rmg.Bound { return rmg.Bound{Value: v, Open: true} }
	for _, c := range []struct {
		from, to    rmg.Bound
		first, last int // of what is told; last < first: nothing
	}{
		{rmg.Bound{}, rmg.Bound{}, 0, 17},
		{at(rmg.Int(0)), rmg.Bound{}, 4, 13},
		{at(rmg.Float(0)), rmg.Bound{}, 4, 13},
		{off(rmg.Int(0)), rmg.Bound{}, 6, 13},
		{off(rmg.Float(0)), at(rmg.Float(big)), 6, 7},
		{rmg.Bound{}, at(rmg.Int(0)), 1, 5},
		{rmg.Bound{}, off(rmg.Float(0)), 1, 3},
		{off(rmg.Float(big)), off(rmg.Float(big + 2)), 8, 8},
		{at(rmg.Int(math.MaxInt64)), at(rmg.Float(math.Inf(1))), 10, 12},
		{at(rmg.Float(1 << 63)), off(rmg.Float(math.NaN())), 11, 12},
		{at(rmg.Int(math.MinInt64)), at(rmg.Float(-1 << 63)), 2, 2},
		{at(rmg.String("")), rmg.Bound{}, 14, 15},
		{off(rmg.String("")), rmg.Bound{}, 15, 15},
		{rmg.Bound{}, off(rmg.String("0")), 14, 14},
		{at(rmg.Bool(false)), rmg.Bound{}, 0, 0},
		{at(rmg.Int(0)), at(rmg.String("")), 1, 0},
		{at(rmg.Int(1)), at(rmg.Int(0)), 1, 0},
		{off(rmg.Int(0)), off(rmg.Int(0)), 1, 0},
	} {
		seq, err := ix.Range(p, c.from, c.to)
		noError(t, err)
		var got []string
		for v, at := range seq {
			e, _ := o.Get(at)
			if w, _ := e.Props.Get("v"); !w.Equal(v) {
				t.Errorf("%s has %v, not %v", at, w, v)
			}
			got = append(got, e.ID)
		}
		var want []string
		for i := c.first; i <= c.last; i++ {
			want = append(want, fmt.Sprintf("%02d", i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("from %v to %v: %v, want %v", c.from, c.to, got, want)
		}
	}
}

// Values that begin alike and are long come in their order, and by path among
// those that are equal, before and after moving.
func TestRangeOfLongValues(t *testing.T) {
	p := rmg.IndexedProp{Kind: "N", Prop: "v"}
	o := rmg.NewOverlay(rmg.Graph{})
	long := strings.Repeat("z", 256)
	ends := []string{"", "a", "aa", "b", "c", "d", strings.Repeat("d", 5000)}
	for i := range 70 {
		v := rmg.String(long + ends[i*5%7])
		noError(t, o.AddNode(rmg.Root.Child(fmt.Sprintf("%02d", 69-i)), "N", rmg.PropsOf(map[string]rmg.Value{"v": v})))
	}
	noError(t, o.AddNode("/low", "N", rmg.PropsOf(map[string]rmg.Value{"v": rmg.String("a")})), o.AddNode("/top", "N", rmg.PropsOf(map[string]rmg.Value{"v": rmg.String("zzzz|")})))
	ix := rmg.NewIndex(p).At(o.Graph())
	list := func(from, to rmg.Bound) (out []string) {
		seq, err := ix.Range(p, from, to)
		noError(t, err)
		for v, at := range seq {
			s, _ := v.AsString()
			out = append(out, strings.TrimPrefix(s, long)+" "+string(at))
		}
		return out
	}
	all := list(rmg.Bound{}, rmg.Bound{})
	if len(all) != 72 || !slices.IsSorted(all[1:71]) || all[0] != "a /low" || all[71] != "zzzz| /top" {
		t.Fatalf("%q", all)
	}
	if got := list(rmg.Bound{Value: rmg.String(long + "a"), Open: true}, rmg.Bound{Value: rmg.String(long + "c")}); !slices.Equal(got, all[21:51]) {
		t.Errorf("%q, want %q", got, all[21:51])
	}
	seq, err := ix.Equal(p, rmg.String(long+ends[6]))
	noError(t, err)
	if got := slices.Collect(seq); len(got) != 10 || !slices.IsSorted(got) {
		t.Errorf("equal: %v", got)
	}
	for stop := range len(all) {
		n := 0
		values, _ := ix.Range(p, rmg.Bound{}, rmg.Bound{})
		for range values {
			if n == stop {
				break
			}
			n++
		}
	}
}

// Everything that is told by and by can be left at any place.
func TestIndexStopsEarly(t *testing.T) {
	ix := rmg.NewIndex(indexed...).At(indexGraph(t, 300).Graph())
	for stop := 1; stop < 40; stop++ {
		n := 0
		more := func() bool { n++; return n < stop }
		told := map[string]func(){
			"kinds": func() { ix.Kinds()(func(string, int) bool { return more() }) },
			"kind":  func() { ix.Kind("File", file(7))(func(rmg.Path) bool { return more() }) },
			"refs":  func() { ix.RefsBelow("/repo")(func(rmg.Reference) bool { return more() }) },
			"range": func() {
				seq, _ := ix.Range(indexed[0], rmg.Bound{}, rmg.Bound{})
				seq(func(rmg.Value, rmg.Path) bool { return more() })
			},
		}
		for name, tell := range told {
			n = 0
			tell()
			if n > stop || n < stop && name != "kinds" {
				t.Errorf("%s: told %d, wanted %d", name, n, stop)
			}
		}
	}
}

// Any number of goroutines read and move one index.
func TestIndexAtOnce(t *testing.T) {
	const n = 2000
	g := indexGraph(t, n).Graph()
	ix := rmg.NewIndex(indexed...).At(g)
	h := changed(t, g, n)
	want := ix.At(h).Inside().Digest()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if ix.At(h).Inside().Digest() != want || ix.Count("File") != n || len(slices.Collect(ix.Kind("File", rmg.Root))) != n {
				t.Error("another answer")
			}
		})
	}
	all.Wait()
}

// What an index is moved by is what changed, not what is there.
func TestIndexMoveCostsTheChange(t *testing.T) {
	costs := func(n int) (allocs float64, fresh int) {
		g := indexGraph(t, n).Graph()
		ix := rmg.NewIndex(indexed...).At(g)
		h := changed(t, g, n)
		return testing.AllocsPerRun(3, func() { ix.At(h) }), rmg.FreshNodes(ix, ix.At(h))
	}
	smallAllocs, small := costs(1_000)
	largeAllocs, large := costs(100_000)
	t.Logf("moving over 100 changes: %d new nodes of 1,000 elements, %d of 100,000; %.0f and %.0f allocations", small, large, smallAllocs, largeAllocs)
	if large > 2*small+100 || largeAllocs > 2*smallAllocs {
		t.Errorf("a hundred times the graph: %d new nodes for %d, %.0f allocations for %.0f", large, small, largeAllocs, smallAllocs)
	}
	same := rmg.NewIndex(indexed...).At(indexGraph(t, 1_000).Graph())
	if n := rmg.FreshNodes(same, same.At(same.Graph())); n != 0 {
		t.Errorf("no change makes %d new nodes", n)
	}
}

// A prop that points at one place several times is told once, and goes when the
// last of its refs does.
func TestIndexRefsInsideValues(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	noError(t, o.AddNode("/n", "N", rmg.Props{}))
	var ix rmg.Index
	for i, c := range []struct {
		v    rmg.Value
		want []rmg.Path
	}{
		{rmg.List(rmg.Ref("/b"), rmg.Ref("/a"), rmg.Ref("/b")), []rmg.Path{"/a", "/b"}},
		{rmg.List(rmg.Ref("/a"), rmg.List(rmg.Ref("/c"), rmg.String("/d")), rmg.Ref("/b"), rmg.Int(7)), []rmg.Path{"/a", "/b", "/c"}},
		{rmg.Map(map[string]rmg.Value{"z": rmg.Ref("/c"), "": rmg.Map(map[string]rmg.Value{"r": rmg.Ref("/~e")}), "a": rmg.BlobOf(rmg.Blob{})}), []rmg.Path{"/c", "/~e"}},
		{rmg.Ref("/a/b"), []rmg.Path{"/a/b"}},
		{rmg.String("/a"), nil},
		{rmg.Bytes([]byte("\xd9\xfd\xe9\x62/a")), nil},
	} {
		noError(t, o.Set("/n", map[string]rmg.Value{"v": c.v}))
		ix = ix.At(o.Graph())
		var got []rmg.Path
		for r := range ix.RefsBelow(rmg.Root) {
			got = append(got, r.To)
		}
		if !slices.Equal(got, c.want) || ix.Inside().Digest() != (rmg.Index{}).At(o.Graph()).Inside().Digest() {
			t.Errorf("%d: refs to %v, want %v", i, got, c.want)
		}
	}
}

// A stored graph is read as far as it changed, and has the index of the graph
// that was put.
func TestIndexOfStoredGraph(t *testing.T) {
	var data bytes.Buffer
	const n = 2000
	g := indexGraph(t, n).Graph()
	h := changed(t, g, n)
	s := rmg.NewStore(bytes.NewReader(nil), &data, 0)
	at := make([]rmg.StoredRoot, 2)
	for i, x := range []rmg.Graph{g, h} {
		var err error
		at[i], err = s.Put(x)
		noError(t, err)
	}
	stored := rmg.NewStore(bytes.NewReader(data.Bytes()), nil, int64(data.Len()))
	a, err := stored.Open(at[0])
	noError(t, err)
	b, err := stored.Open(at[1])
	noError(t, err)
	ix := rmg.NewIndex(indexed...).At(g)
	if got := rmg.NewIndex(indexed...).At(a); got.Inside().Digest() != ix.Inside().Digest() {
		t.Error("the stored graph has another index")
	}
	if got := ix.At(b); got.Inside().Digest() != ix.At(h).Inside().Digest() {
		t.Error("moved to a stored graph it is another index")
	}
}

// A schema says what to make an index of.
func TestIndexOfSchemas(t *testing.T) {
	o := rmg.NewOverlay(rmg.Graph{})
	noError(t,
		o.AddNode("/kind", "Folder", rmg.Props{}),
		o.AddNode("/kind/Service", "Kind", rmg.Props{}),
		o.AddNode("/kind/Service/port", "Prop", rmg.PropsOf(map[string]rmg.Value{"type": rmg.String("int"), "index": rmg.Bool(true)})),
		o.AddNode("/a", "Service", rmg.PropsOf(map[string]rmg.Value{"port": rmg.Int(80)})),
	)
	g := o.Graph()
	ix := rmg.NewIndex(g.Schemas().Indexed()...).At(g)
	seq, err := ix.Equal(rmg.IndexedProp{Kind: "Service", Prop: "port"}, rmg.Int(80))
	noError(t, err)
	if got := slices.Collect(seq); !slices.Equal(got, []rmg.Path{"/a"}) {
		t.Errorf("on port 80 is %v", got)
	}
	if ix.Count("Prop") != 1 {
		t.Errorf("what stands below /kind is not found")
	}
}
