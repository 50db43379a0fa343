package rmg_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// content is a store of blobs. What nobody put there is one line.
type content map[[32]byte][]byte

func (c content) put(b []byte) (rmg.Blob, error) {
	sum := sha256.Sum256(b)
	c[sum] = bytes.Clone(b)
	return rmg.Blob{Sum: sum, Size: int64(len(b))}, nil
}

func (c content) read(b rmg.Blob) ([]byte, error) {
	if x, ok := c[b.Sum]; ok {
		return x, nil
	}
	return []byte("a\n"), nil
}

func (c content) blob(text string) rmg.Value {
	b, _ := c.put([]byte(text))
	return rmg.BlobOf(b)
}

// drawFor draws what a prop may hold that is merged by a strategy: mostly what
// it is made for, absent included, and sometimes something else.
func drawFor(t *rapid.T, st rmg.Strategy, store content, label string) rmg.Value {
	strategy := st
	if rapid.IntRange(0, 9).Draw(t, label+" odd") == 0 {
		strategy = rapid.SampledFrom(rmg.Strategies()).Draw(t, label+" as")
	}
	if rapid.IntRange(0, 7).Draw(t, label+" absent") == 0 {
		return rmg.Value{}
	}
	switch strategy {
	case rmg.StrategyCounter:
		return rmg.Int(rapid.SampledFrom([]int64{-2, -1, 0, 1, 2, 3, 1 << 62, math.MaxInt64, math.MinInt64}).Draw(t, label))
	case rmg.StrategySet:
		var set []rmg.Value
		for i := range int64(4) {
			if rapid.Bool().Draw(t, label) {
				set = append(set, rmg.Int(i))
			}
		}
		if len(set) == 0 {
			return rmg.Value{}
		}
		return rmg.List(set...)
	case rmg.StrategyText:
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "d\n"}), 0, 5).Draw(t, label), "")
		if rapid.Bool().Draw(t, label+" blob") {
			return store.blob(text)
		}
		return rmg.String(text)
	case rmg.StrategyMax, rmg.StrategyMin:
		return rapid.SampledFrom([]rmg.Value{
			rmg.Int(-1), rmg.Int(0), rmg.Int(1), rmg.Int(2), rmg.Int(math.MaxInt64), rmg.Int(3), rmg.Int(4),
			rmg.Float(0.5), rmg.Float(math.NaN()), rmg.Float(math.Inf(1)), rmg.String("a"), rmg.String("ä"), rmg.Bool(true),
		}).Draw(t, label)
	}
	return anyValue(1).Draw(t, label)
}

func valueInput(st rmg.Strategy, store content) rmg.MergeInput {
	return rmg.MergeInput{
		Strategy: func(string, string) rmg.Strategy { return st }, Text: store.read, PutText: store.put,
		SystemWrote:    func(rmg.Path, string) (int64, string) { return 4, "ada" },
		WorkspaceWrote: func(rmg.Path, string) (int64, string) { return 4, "bob" },
	}
}

// mirrored is an input, or a conflict, with the names of the sides exchanged.
func mirrored(in rmg.MergeInput) rmg.MergeInput {
	in.System, in.Workspace = in.Workspace, in.System
	in.SystemMoves, in.WorkspaceMoves = in.WorkspaceMoves, in.SystemMoves
	in.SystemWrote, in.WorkspaceWrote = in.WorkspaceWrote, in.SystemWrote
	ask := in.Strategy
	in.Strategy = func(kind, prop string) rmg.Strategy {
		switch st := ask(kind, prop); st {
		case rmg.StrategySystem:
			return rmg.StrategyWorkspace
		case rmg.StrategyWorkspace:
			return rmg.StrategySystem
		default:
			return st
		}
	}
	return in
}

func mirroredConflicts(list []rmg.MergeConflict) []rmg.MergeConflict {
	out := slices.Clone(list)
	for i, c := range out {
		out[i].System, out[i].Workspace, out[i].SystemBy, out[i].WorkspaceBy = c.Workspace, c.System, c.WorkspaceBy, c.SystemBy
	}
	return out
}

// TestStrategyLaws: what one side left alone is the other's; what both have the
// same stays, where the strategy says nothing else; the names of the sides do not
// matter.
func TestStrategyLaws(t *testing.T) {
	for _, st := range rmg.Strategies() {
		t.Run(string(st), rapid.MakeCheck(func(t *rapid.T) {
			store := content{}
			in := valueInput(st, store)
			b, s, w := drawFor(t, st, store, "base"), drawFor(t, st, store, "system"), drawFor(t, st, store, "workspace")
			merge := func(in rmg.MergeInput, b, s, w rmg.Value) (rmg.Value, []rmg.MergeConflict) {
				v, c, err := rmg.MergeValue(in, b, s, w)
				if err != nil || len(c) > 0 && !v.Equal(s) {
					t.Fatalf("%v, and %v where the system has %v", err, v, s)
				}
				return v, c
			}
			if v, c := merge(in, b, b, w); !v.Equal(w) || len(c) > 0 {
				t.Fatalf("the workspace alone changed: %v, %v", v, c)
			}
			if v, c := merge(in, b, s, b); !v.Equal(s) || len(c) > 0 {
				t.Fatalf("the system alone changed: %v, %v", v, c)
			}
			v, c := merge(in, b, w, w)
			switch {
			case b.Equal(w):
			case st == rmg.StrategyManual:
				if len(c) != 1 || c[0].Kind != rmg.ConflictManual {
					t.Fatalf("both changed it: %v", c)
				}
			case st == rmg.StrategyCounter && !w.IsZero():
				was, _ := b.AsInt()
				now, isInt := w.AsInt()
				if got, _ := v.AsInt(); len(c) == 0 && (!isInt || got != now+(now-was)) {
					t.Fatalf("twice from %v to %v is %v", b, w, v)
				}
			case !v.Equal(w) || len(c) > 0:
				t.Fatalf("both have %v: %v, %v", w, v, c)
			}
			v, c = merge(in, b, s, w)
			back, cBack := merge(mirrored(in), b, w, s)
			if len(c) != len(cBack) || len(c) == 0 && !v.Equal(back) || !slices.Equal(c, mirroredConflicts(cBack)) {
				t.Fatalf("merges to %v with %v, the other way round to %v with %v", v, c, back, cBack)
			}
		}))
	}
}

// branch is one of several that come from one base.
type branch struct {
	value  rmg.Value
	seq    int64
	author string
}

// TestStrategyOrder: three branches merge to the same in any order.
func TestStrategyOrder(t *testing.T) {
	for _, st := range []rmg.Strategy{rmg.StrategyCounter, rmg.StrategyMax, rmg.StrategyMin, rmg.StrategySet, rmg.StrategyLWW} {
		clean := 0
		t.Run(string(st), rapid.MakeCheck(func(t *rapid.T) {
			store := content{}
			base := drawFor(t, st, store, "base")
			var branches []branch
			removed := 0
			for i := range 3 {
				x := branch{drawFor(t, st, store, fmt.Sprint(i)), int64(rapid.IntRange(1, 3).Draw(t, "seq")), rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "author")}
				if x.value.IsZero() && !base.IsZero() {
					removed++
				}
				branches = append(branches, x)
			}
			var all []rmg.Value
			for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 2, 0}, {1, 0, 2}, {2, 0, 1}, {2, 1, 0}} {
				x, ok := mergeBranches(t, st, base, branches[order[0]], branches[order[1]])
				if ok {
					x, ok = mergeBranches(t, st, base, x, branches[order[2]])
				}
				if !ok {
					return
				}
				all = append(all, x.value)
			}
			if st == rmg.StrategyCounter {
				if removed > 1 {
					return
				}
				for i, v := range all {
					n, _ := v.AsInt() // absent is 0
					all[i] = rmg.Int(n)
				}
			}
			clean++
			if len(slices.CompactFunc(all, rmg.Value.Equal)) > 1 {
				t.Fatalf("from %v: %v merge to %v", base, branches, all)
			}
		}))
		if clean == 0 {
			t.Errorf("%s: no three branches merged", st)
		}
	}
}

func mergeBranches(t *rapid.T, st rmg.Strategy, base rmg.Value, s, w branch) (branch, bool) {
	in := rmg.MergeInput{
		Strategy:       func(string, string) rmg.Strategy { return st },
		SystemWrote:    func(rmg.Path, string) (int64, string) { return s.seq, s.author },
		WorkspaceWrote: func(rmg.Path, string) (int64, string) { return w.seq, w.author },
	}
	v, c, err := rmg.MergeValue(in, base, s.value, w.value)
	if err != nil {
		t.Fatal(err)
	}
	// Who did not change it did not write it.
	last := s
	if s.value.Equal(base) || !w.value.Equal(base) && cmp.Or(cmp.Compare(s.seq, w.seq), strings.Compare(s.author, w.author)) < 0 {
		last = w
	}
	last.value = v
	return last, len(c) == 0
}

// strategyByProp gives each strategy a prop of its own name.
func strategyByProp(_, prop string) rmg.Strategy { return rmg.Strategy(prop) }

// TestStrategiesInGraphs: through Merge, at every depth and on edges too, in
// levels large and small, props are what their strategies make of them one by one.
func TestStrategiesInGraphs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := content{}
		o := rmg.NewOverlay(rmg.Graph{})
		var paths []rmg.Path
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range rapid.SampledFrom([]int{2, 5, 100}).Draw(t, "nodes") {
			p := rmg.Root.Child(fmt.Sprint("n", i))
			must(o.AddNode(p, "K", rmg.Props{}))
			must(o.AddNode(p.Child("in"), "K", rmg.Props{}))
			must(o.AddEdge(p.EdgeChild("e"), "E", "in", "in", rmg.Props{}))
			paths = append(paths, p, p.Child("in"), p.EdgeChild("e"))
		}
		edit := func(o *rmg.Overlay, label string) {
			for range rapid.IntRange(0, 12).Draw(t, label) {
				st := rapid.SampledFrom(rmg.Strategies()).Draw(t, "strategy")
				// Few places, so that the sides meet.
				p := rapid.SampledFrom(paths[:6]).Draw(t, "path")
				must(o.Set(p, map[string]rmg.Value{string(st): drawFor(t, st, store, label)}))
			}
		}
		edit(o, "base")
		in := valueInput("", store)
		in.Base, in.Strategy = o.Graph(), strategyByProp
		s, w := rmg.NewOverlay(in.Base), rmg.NewOverlay(in.Base)
		edit(s, "system")
		edit(w, "workspace")
		in.System, in.Workspace = s.Graph(), w.Graph()
		if rapid.IntRange(0, 4).Draw(t, "one version") == 0 {
			in.Workspace = in.System
		}
		if rapid.IntRange(0, 4).Draw(t, "beside") == 0 {
			must(w.Set(paths[4], map[string]rmg.Value{"beside": rmg.Int(1)}))
			in.Workspace = w.Graph()
		}
		got, conflicts := mustMerge(t, in)
		sound(t, got)
		checkStrategies(t, in, got, conflicts)

		mirror, back := mustMerge(t, mirrored(in))
		if !slices.Equal(conflicts, mirroredConflicts(back)) || len(conflicts) == 0 && mirror.Digest() != got.Digest() {
			t.Fatalf("conflicts %v, the other way round %v", conflicts, back)
		}
		for name, one := range map[string][2]rmg.Graph{"system": {in.System, in.Base}, "workspace": {in.Base, in.System}} {
			in := in
			in.System, in.Workspace = one[0], one[1]
			if g, c := mustMerge(t, in); g.Digest() != s.Graph().Digest() || len(c) > 0 {
				t.Fatalf("the %s alone changed: %v", name, c)
			}
		}
	})
}

// checkStrategies merges every prop that there is by itself.
func checkStrategies(t *rapid.T, in rmg.MergeInput, got rmg.Graph, conflicts []rmg.MergeConflict) {
	prop := func(g rmg.Graph, p rmg.Path, name string) rmg.Value {
		e, _ := g.Get(p)
		v, _ := e.Props.Get(name)
		return v
	}
	var want []rmg.MergeConflict
	for p := range in.Base.Walk(rmg.Root) {
		for _, st := range append(rmg.Strategies(), "beside") {
			name := string(st)
			one := in
			one.Strategy = func(string, string) rmg.Strategy { return st }
			v, c, err := rmg.MergeValue(one, prop(in.Base, p, name), prop(in.System, p, name), prop(in.Workspace, p, name))
			if now := prop(got, p, name); err != nil || !now.Equal(v) {
				t.Fatalf("%s of %s is %v, by itself %v, %v", name, p, now, v, err)
			}
			for i := range c {
				c[i].Path, c[i].Prop = p, name
			}
			want = append(want, c...)
		}
	}
	slices.SortFunc(want, func(a, b rmg.MergeConflict) int {
		return cmp.Or(strings.Compare(string(a.Path), string(b.Path)), strings.Compare(a.Prop, b.Prop))
	})
	if !slices.Equal(conflicts, want) {
		t.Fatalf("conflicts %v, one by one %v", conflicts, want)
	}
}

// TestWroteIsAskedAtHome: each side is asked by the path that it knows.
func TestWroteIsAskedAtHome(t *testing.T) {
	base := build(t, "node /d Dir", "node /d/f File", "node /h Dir", "node /h/f File", "node /x Dir")
	s, w := rmg.NewOverlay(base), rmg.NewOverlay(base)
	run(t, s, "move /x /y", "set /d/f v 1", "move /h /y/h", "move /y/h/f /y/h/g", "set /y/h/g v 1")
	run(t, w, "move /x /z", "move /d /e", "set /e/f v 2", "set /h/f v 2")
	var asked []string
	ask := func(side string) func(rmg.Path, string) (int64, string) {
		return func(p rmg.Path, prop string) (int64, string) {
			asked = append(asked, fmt.Sprintf("%s %s.%s", side, p, prop))
			return 0, side + " of " + string(p)
		}
	}
	_, conflicts, err := rmg.Merge(rmg.MergeInput{
		Base: base, System: s.Graph(), Workspace: w.Graph(), SystemMoves: s.Moves(), WorkspaceMoves: w.Moves(),
		SystemWrote: ask("system"), WorkspaceWrote: ask("workspace"),
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked)
	want := []string{"system /d/f.v", "system /y.", "system /y/h/g.v", "workspace /e/f.v", "workspace /h/f.v", "workspace /z."}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if len(conflicts) != 3 || conflicts[0].SystemBy != "system of /d/f" || conflicts[2].WorkspaceBy != "workspace of /h/f" {
		t.Errorf("%+v", conflicts)
	}
}

func TestParseStrategy(t *testing.T) {
	for _, st := range rmg.Strategies() {
		if got, err := rmg.ParseStrategy(string(st)); got != st || err != nil {
			t.Errorf("%q: %q, %v", st, got, err)
		}
	}
	if got, err := rmg.ParseStrategy(""); got != rmg.StrategyConflict || err != nil {
		t.Errorf("nothing said: %q, %v", got, err)
	}
	for _, name := range []string{"Counter", "newest", " max"} {
		if got, err := rmg.ParseStrategy(name); got != "" || !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// TestConflictJSON: a conflict is a value that can be written down and read.
func TestConflictJSON(t *testing.T) {
	for want, c := range map[string]rmg.MergeConflict{
		`{"path":"/a","prop":"n","kind":"both_changed","reason":"both changed","base":1,"system":2.0,"system_by":"ada"}`: {
			Path: "/a", Prop: "n", Kind: rmg.ConflictBothChanged, Reason: "both changed", Base: rmg.Int(1), System: rmg.Float(2), SystemBy: "ada",
		},
		`{"path":"/~e","kind":"delete_modify","reason":"delete against modify","base":{"$ref":"/~e"},"workspace":{"$ref":"/~e"},"workspace_by":"bob"}`: {
			Path: "/~e", Kind: rmg.ConflictDeleteModify, Reason: "delete against modify", Base: rmg.Ref("/~e"), Workspace: rmg.Ref("/~e"), WorkspaceBy: "bob",
		},
	} {
		got, err := json.Marshal(c)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		var back rmg.MergeConflict
		if err := json.Unmarshal(got, &back); err != nil || back != c {
			t.Errorf("read back: %+v, %v", back, err)
		}
	}
}
