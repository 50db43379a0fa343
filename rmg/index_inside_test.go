package rmg

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Inside is the graph that an index is kept in.
func (ix Index) Inside() Graph { return Graph{ix.root} }

// manyValues draws values that are near one another, in worth, in text or in
// type.
func manyValues() *rapid.Generator[Value] {
	numbers := []float64{
		0, 1, -1, 0.5, -0.5, 1 << 53, 1<<53 + 2, -1 << 53, 1 << 62, 1<<62 + 1024, 1 << 63, -1 << 63, -1<<63 - 2048, 1<<63 - 1024,
		math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, math.MaxFloat64, 1e300,
	}
	long := strings.Repeat("x", keyText)
	texts := []string{"", "\x00", "\x01", "\x02", "\xff", "a", "a\x00", "a\x00b", "a\x01", "a\x01\x01", "ab", "b", long[1:], long, long + "\x00", long + "a", long + "b", long + "\xff", long[1:] + "\x00", long[1:] + "\x01", "y" + long}
	return rapid.Custom(func(t *rapid.T) Value {
		text := rapid.SampledFrom(texts).Draw(t, "text")
		switch Type(rapid.IntRange(int(TypeNone), int(TypeBlob)).Draw(t, "type")) {
		case TypeBool:
			return Bool(rapid.Bool().Draw(t, "bool"))
		case TypeInt:
			if rapid.Bool().Draw(t, "any") {
				return Int(rapid.Int64().Draw(t, "int"))
			}
			f := rapid.SampledFrom(numbers).Draw(t, "near")
			if f != f || f >= 1<<63 {
				return Int(math.MaxInt64 - int64(rapid.IntRange(0, 1030).Draw(t, "less")))
			}
			if f < -1<<63 {
				return Int(math.MinInt64 + int64(rapid.IntRange(0, 1030).Draw(t, "more")))
			}
			return Int(int64(f) + int64(rapid.IntRange(0, 1030).Draw(t, "more")))
		case TypeFloat:
			if rapid.Bool().Draw(t, "any") {
				return Float(rapid.Float64().Draw(t, "float"))
			}
			return Float(rapid.SampledFrom(numbers).Draw(t, "near"))
		case TypeString:
			return String(text)
		case TypeBytes:
			return Bytes([]byte(text))
		case TypeList:
			return List(String(text), Int(int64(rapid.IntRange(0, 2).Draw(t, "int"))))
		case TypeMap:
			return Map(map[string]Value{text: Bool(true)})
		case TypeRef:
			return Ref(Root.Child("r" + text))
		case TypeBlob:
			b := Blob{Size: int64(rapid.IntRange(0, 2).Draw(t, "size"))}
			b.Sum[rapid.IntRange(0, 31).Draw(t, "at")] = byte(rapid.IntRange(0, 1).Draw(t, "byte"))
			return BlobOf(b)
		}
		return Value{}
	})
}

// The keys of values are in the order of the values, and say which they are; but
// long values that begin alike are apart, and next to one another.
func TestValueKeys(t *testing.T) {
	key := func(v Value) string {
		if v.IsZero() {
			return string(appendValue(nil, v)) + "\x00"
		}
		return string(appendValue(nil, v))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := manyValues().Draw(t, "a"), manyValues().Draw(t, "b")
		x, y := key(a), key(b)
		c := CompareValues(a, b)
		if (c == 0) != a.Equal(b) || (x == y) != a.Equal(b) || CompareValues(b, a) != -c {
			t.Fatalf("%v and %v compare as %d, and %d the other way round; the keys are %q and %q", a, b, c, CompareValues(b, a), x, y)
		}
		n, long := valueSize(x + "\x01rest")
		if !a.IsZero() && n != len(x) {
			t.Fatalf("of %q the value is %d", x, n)
		}
		if m, both := valueSize(y); long && both && n == m && x[:n-32] == y[:n-32] {
			return
		}
		if c != strings.Compare(x, y) {
			t.Fatalf("%v and %v compare as %d, their keys as %d", a, b, c, strings.Compare(x, y))
		}
		if strings.HasPrefix(x, y) && x != y {
			t.Fatalf("the key of %v begins with that of %v", a, b)
		}
		if !long && !readValue(x).Equal(a) {
			t.Fatalf("%v comes back as %v", a, readValue(x))
		}
	})
}

// Values in their order, each type's, and numbers of both by worth.
func TestCompareValues(t *testing.T) {
	blob := func(first byte, size int64) Value { return BlobOf(Blob{Sum: [32]byte{first}, Size: size}) }
	list := []Value{
		{},
		Bool(false), Bool(true),
		Float(math.Inf(-1)), Float(-1<<63 - 2048), Int(math.MinInt64), Float(-1 << 63), Int(math.MinInt64 + 1), Int(-1<<53 - 1), Int(-1 << 53), Float(-1 << 53),
		Int(-2), Float(-1.5), Int(-1), Float(-1), Float(-math.SmallestNonzeroFloat64), Int(0), Float(0), Float(math.SmallestNonzeroFloat64), Float(0.5), Int(1), Float(1), Float(1.5), Int(2),
		Int(1<<53 - 1), Int(1 << 53), Float(1 << 53), Int(1<<53 + 1), Int(1<<53 + 2), Float(1<<53 + 2), Float(1<<63 - 1024), Int(math.MaxInt64 - 1), Int(math.MaxInt64), Float(1 << 63), Float(math.Inf(1)), Float(math.NaN()),
		String(""), String("\x00"), String("\x01"), String("a"), String("a\x00"), String("ab"), String("b"), String("é"),
		Bytes(nil), Bytes([]byte("a")), List(), List(Int(0)), List(Int(1)), Map(nil), Map(map[string]Value{"a": Int(1)}),
		Ref("/"), Ref("/a"), Ref("/a-b"), Ref("/a/b"), blob(0, 1), blob(0, 2), blob(1, 0),
	}
	for i, a := range list {
		for j, b := range list {
			if got := CompareValues(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%v and %v compare as %d", a, b, got)
			}
			if got := strings.Compare(string(appendValue(nil, a)), string(appendValue(nil, b))); got != cmp.Compare(i, j) {
				t.Errorf("the keys of %v and %v compare as %d", a, b, got)
			}
		}
	}
}

// The key of a value of any length is short.
func TestLongValueKeys(t *testing.T) {
	for _, s := range []string{strings.Repeat("\x00", 1<<20), strings.Repeat("a", keyText+1), strings.Repeat("\x01", keyText)} {
		if key := appendValue(nil, String(s)); len(key) > 1+2*keyText+2+32 {
			t.Errorf("%d bytes have a key of %d", len(s), len(key))
		}
	}
}

// CompareValues is an order: no three values go in a circle.
func TestCompareValuesIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := manyValues().Draw(t, "a"), manyValues().Draw(t, "b"), manyValues().Draw(t, "c")
		if CompareValues(a, b) <= 0 && CompareValues(b, c) <= 0 && CompareValues(a, c) > 0 {
			t.Fatalf("%v, %v, %v", a, b, c)
		}
	})
}

// comparePaths is path order, written plainly.
func comparePaths(p, q Path) int {
	a, b := p.Segments(), q.Segments()
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i].Edge != b[i].Edge {
			return int(flag(a[i].Edge)) - int(flag(b[i].Edge))
		}
		if c := strings.Compare(a[i].ID, b[i].ID); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}

// The keys of paths are in path order and come back.
func TestPathKeys(t *testing.T) {
	ids := keys()
	path := rapid.Custom(func(t *rapid.T) Path {
		p := Root
		for range rapid.IntRange(0, 3).Draw(t, "depth") {
			id := rapid.SampledFrom([]string{"a", "b", "a\x00", "a\x01", "a\x00\x01", "a\x02", "~a", "a:1", "a/b", "\xff%", ids.Draw(t, "any")}).Draw(t, "id")
			p = p.add(Segment{id, rapid.Bool().Draw(t, "edge")})
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		p, q := path.Draw(t, "p"), path.Draw(t, "q")
		x, y := string(appendPath(nil, p)), string(appendPath(nil, q))
		if c := comparePaths(p, q); (c < 0) != (x < y) || (c == 0) != (x == y) || p.Has(q) != strings.HasPrefix(y, x) {
			t.Fatalf("%s and %s: %d, keys %q and %q", p, q, c, x, y)
		}
		if back, rest := readPath(x + "\x00."); back != p || rest != "\x00." {
			t.Fatalf("%s comes back as %s, and %q", p, back, rest)
		}
	})
}

// Facts of any length are a sorted set, in a trie of one shape, and nothing is
// left of those that went.
func TestFactsAreASortedSet(t *testing.T) {
	long := strings.Repeat("x", factBlock)
	pool := []string{"a", "b", long[1:], long, long + "a", long + "b", long + long[1:], long + long, long + long + "a", "y" + long, long[1:] + "y", long[1:] + "yz"}
	rapid.Check(t, func(t *rapid.T) {
		tok := new(token)
		var l *level
		l = l.edit(tok)
		model := map[string]int{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			f := rapid.SampledFrom(pool).Draw(t, "fact")
			if rapid.IntRange(0, 9).Draw(t, "freeze") == 0 {
				tok = new(token)
				l = l.edit(tok)
			}
			if _, ok := model[f]; ok {
				delete(model, f)
				dropFact(tok, l, f)
			} else {
				model[f] = 0
				addFact(tok, l, f)
			}
		}
		if len(model) == 0 && l.nodes != nil {
			t.Fatal("something is left")
		}
		if found := Check(Graph{l}); len(found) > 0 {
			t.Fatalf("unsound: %v", found)
		}
		anew := new(level).edit(nil)
		for _, r := range sortedItems(model) {
			addFact(nil, anew, r.id())
		}
		if l.digest() != anew.digest() {
			t.Fatal("one set, two digests")
		}
		for _, start := range append([]string{"", "c", long + "aa", long + long + "b", "z"}, pool...) {
			var got, want []string
			factsFrom(l, "", start, func(f string, _ *record) bool { got = append(got, f); return true })
			for _, r := range sortedItems(model) {
				if r.id() >= start {
					want = append(want, r.id())
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("from %d bytes: %d facts, want %d", len(start), len(got), len(want))
			}
		}
	})
}

// FreshNodes counts the trie nodes of b that a does not have.
func FreshNodes(a, b Index) int {
	old := map[*node]bool{}
	var note func(n *node)
	note = func(n *node) {
		old[n] = true
		if n.branch() {
			for _, kid := range n.asBranch().kids() {
				note(kid)
			}
		}
	}
	note(a.root.nodes)
	var count func(n *node) int
	count = func(n *node) int {
		if old[n] {
			return 0
		}
		sum := 1
		if n.branch() {
			for _, kid := range n.asBranch().kids() {
				sum += count(kid)
			}
		}
		return sum
	}
	return count(b.root.nodes)
}
