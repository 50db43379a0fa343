package rmg_test

import (
	"fmt"
	"runtime"
	"testing"

	"jitos.dev/rmg"
)

// indexed is what the benchmarks look for: few values of one prop, all different
// ones of another.
var indexed = []rmg.IndexedProp{{Kind: "File", Prop: "lang"}, {Kind: "File", Prop: "size"}}

// indexGraph is n files in folders of a hundred, each with a ref to another.
func indexGraph(tb testing.TB, n int) *rmg.Overlay {
	o := rmg.NewOverlay(rmg.Graph{})
	if err := o.AddNode("/repo", "Folder", rmg.Props{}); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		if i%100 == 0 {
			if err := o.AddNode(folder(i), "Folder", rmg.Props{}); err != nil {
				tb.Fatal(err)
			}
		}
		if err := o.AddNode(file(i), "File", fileProps(i, n)); err != nil {
			tb.Fatal(err)
		}
	}
	return o
}

func folder(i int) rmg.Path { return rmg.Root.Join("repo", fmt.Sprintf("package-%d", i/100)) }
func file(i int) rmg.Path   { return folder(i).Child(fmt.Sprintf("source-%d.go", i)) }

func fileProps(i, n int) rmg.Props {
	return rmg.PropsOf(map[string]rmg.Value{
		"lang": rmg.String([]string{"go", "c", "rust"}[i%3]), "size": rmg.Int(int64(i)), "test": rmg.Ref(file(i * 7 % n)),
	})
}

// BenchmarkIndexBuild makes the index of a graph of a hundred thousand files, of
// each of which it knows four things, and says what it holds of memory for each.
func BenchmarkIndexBuild(b *testing.B) {
	const n = 100_000
	g := indexGraph(b, n).Graph()
	var ix rmg.Index
	before := heap()
	b.ReportAllocs()
	for b.Loop() {
		ix = rmg.NewIndex(indexed...).At(g)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(4*n), "ns/fact")
	b.ReportMetric(float64(heap()-before)/(4*n), "held-B/fact")
	runtime.KeepAlive(ix)
}

// heap is what is alive, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkIndexMove moves an index over a hundred changes of a graph of some
// nodes.
func BenchmarkIndexMove(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := indexGraph(b, n).Graph()
			ix := rmg.NewIndex(indexed...).At(g)
			h := changed(b, g, n)
			b.ReportAllocs()
			for b.Loop() {
				ix.At(h)
			}
		})
	}
}

// changed is a graph with a hundred files that have another size.
func changed(tb testing.TB, g rmg.Graph, n int) rmg.Graph {
	o := rmg.NewOverlay(g)
	for i := range 100 {
		if err := o.Set(file(i*n/100), map[string]rmg.Value{"size": rmg.Int(int64(-i))}); err != nil {
			tb.Fatal(err)
		}
	}
	return o.Graph()
}

// BenchmarkIndexRead begins and ends short lookups, and lists a kind.
func BenchmarkIndexRead(b *testing.B) {
	const n = 100_000
	ix := rmg.NewIndex(indexed...).At(indexGraph(b, n).Graph())
	files := make([]rmg.Path, n)
	for i := range files {
		files[i] = file(i)
	}
	b.Run("equal", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			seq, err := ix.Equal(indexed[1], rmg.Int(int64(i%n)))
			if err != nil {
				b.Fatal(err)
			}
			for p := range seq {
				_ = p
			}
		}
	})
	b.Run("refs", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			for r := range ix.Refs(files[i%n]) {
				_ = r
			}
		}
	})
	b.Run("kind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for p := range ix.Kind("File", rmg.Root) {
				_ = p
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/path")
	})
}
