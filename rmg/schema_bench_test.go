package rmg_test

import (
	"fmt"
	"testing"

	"jitos.dev/rmg"
)

// benchServices is a graph of n services below /svc, with or without a schema.
func benchServices(b *testing.B, n int, schema bool) rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	do := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	do(o.AddNode("/svc", "Folder", rmg.Props{}))
	for i := range n {
		do(o.AddNode(rmg.Path("/svc").Child(fmt.Sprint(i)), "Service", rmg.PropsOf(vals{"lang": rmg.String("go")})))
	}
	if schema {
		do(o.AddNode("/kind", "Folder", rmg.Props{}))
		do(o.AddNode("/kind/Service", "Kind", rmg.Props{}))
		do(o.AddNode("/kind/Service/lang", "Prop", rmg.PropsOf(vals{"type": rmg.String("string"), "required": rmg.Bool(true)})))
		do(o.AddNode("/kind/Service/port", "Prop", rmg.PropsOf(vals{"type": rmg.String("int")})))
		do(o.Set("/kind/Service", vals{"closed": rmg.Bool(true)}))
	}
	return o.Graph()
}

func benchBoth(b *testing.B, fn func(b *testing.B, g rmg.Graph, paths []rmg.Path)) {
	const n = 10000
	var paths []rmg.Path
	for i := range n {
		paths = append(paths, rmg.Path("/svc").Child(fmt.Sprint(i)))
	}
	for _, schema := range []bool{false, true} {
		name := "free-form"
		if schema {
			name = "schema"
		}
		b.Run(name, func(b *testing.B) {
			g := benchServices(b, n, schema)
			b.ReportAllocs()
			b.ResetTimer()
			fn(b, g, paths)
		})
	}
}

func BenchmarkSet(b *testing.B) {
	benchBoth(b, func(b *testing.B, g rmg.Graph, paths []rmg.Path) {
		o := rmg.NewOverlay(g)
		for i := range b.N {
			if err := o.Set(paths[i%len(paths)], vals{"port": rmg.Int(int64(i))}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAddNode(b *testing.B) {
	benchBoth(b, func(b *testing.B, g rmg.Graph, paths []rmg.Path) {
		props := rmg.PropsOf(vals{"lang": rmg.String("go")})
		var o *rmg.Overlay
		for i := range b.N {
			if i%len(paths) == 0 {
				o = rmg.NewOverlay(g)
			}
			if err := o.AddNode(paths[i%len(paths)]+"-", "Service", props); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDemand is what a write to /kind costs that looks at all of a graph.
func BenchmarkDemand(b *testing.B) {
	benchBoth(b, func(b *testing.B, g rmg.Graph, _ []rmg.Path) {
		for range b.N {
			o := rmg.NewOverlay(g)
			if _, there := o.Get("/kind"); !there {
				b.Skip("no schemas")
			}
			if err := o.Set("/kind/Service/port", vals{"type": rmg.String("float")}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
