package rmg_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// Props are a map: whatever was set and removed one by one or together, they
// answer as a Go map does, in order of names, and in the one encoding of their
// content.
func TestPropsAreAMap(t *testing.T) {
	name := rapid.StringOfN(rapid.RuneFrom([]rune("abé\x00")), 1, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		model := map[string]rmg.Value{}
		o := rmg.NewOverlay(rmg.Graph{})
		must(o.AddNode("/a", "K", rmg.Props{}))
		var p rmg.Props
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			change := map[string]rmg.Value{}
			for _, n := range rapid.SliceOfN(name, 1, 4).Draw(t, "names") {
				v := rmg.Value{}
				if rapid.Bool().Draw(t, "set") {
					v = anyValue(1).Draw(t, "value")
				}
				change[n] = v
				p = p.With(n, v)
				if v.IsZero() {
					delete(model, n)
				} else {
					model[n] = v
				}
			}
			must(o.Set("/a", change))
		}
		e, _ := o.Get("/a")
		if !e.Props.Equal(p) || !p.Equal(rmg.PropsOf(model)) || p.Len() != len(model) || p.IsZero() != (len(model) == 0) {
			t.Fatalf("set together %v, one by one %v, want %v", e.Props, p, model)
		}
		var names []string
		for n, v := range p.All() {
			names = append(names, n)
			if got, ok := p.Get(n); !ok || !got.Equal(v) || !v.Equal(model[n]) {
				t.Fatalf("%q is %v, want %v", n, v, model[n])
			}
		}
		if !slices.Equal(names, slices.Sorted(maps.Keys(model))) {
			t.Fatalf("names %q", names)
		}
		if v, ok := p.Get("nobody has this"); ok {
			t.Fatalf("an absent name is %v", v)
		}
	})
}

// Reading allocates nothing.
func TestPropsReadWithoutAllocating(t *testing.T) {
	p := rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("go"), "version": rmg.Int(300), "done": rmg.Bool(true), "at": rmg.Ref("/a")})
	if n := testing.AllocsPerRun(100, func() {
		if p.String("lang") != "go" || p.Int("version") != 300 || !p.Bool("done") {
			t.Fatal("lost")
		}
	}); n != 0 {
		t.Errorf("three reads allocate %v times", n)
	}
}

func BenchmarkPropsGet(b *testing.B) {
	p := rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("go"), "version": rmg.Int(300), "done": rmg.Bool(true), "at": rmg.Ref("/a")})
	for b.Loop() {
		p.Int("version")
	}
}

func BenchmarkPropsWith(b *testing.B) {
	p := rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("go"), "version": rmg.Int(300), "done": rmg.Bool(true), "at": rmg.Ref("/a")})
	for b.Loop() {
		p.With("version", rmg.Int(301))
	}
}
