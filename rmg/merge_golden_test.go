package rmg_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// TestMergeGolden makes the merges under testdata/merge, and compares what is
// below the dashes; -update writes it anew. Above them stand
//
//	strategy <kind> <prop> <strategy>
//	base
//		<what is done to an empty graph, line by line>
//	system [<seq> <author>]
//		<what is done to the base>
//	workspace [<seq> <author>]
//		<the same>
//
// and any text before the first of these. Values are JSON; text sets a prop to
// the name of that content.
func TestMergeGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/merge/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	strategies, kinds := map[rmg.Strategy]bool{}, map[rmg.ConflictKind]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			above, _, ok := strings.Cut(string(text), dashes)
			if !ok {
				t.Fatal("there is no line of dashes")
			}
			c := readMergeCase(t, above)
			got, conflicts, err := rmg.Merge(c.in)
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range c.strategies {
				strategies[st] = true
			}
			for _, x := range conflicts {
				kinds[x.Kind] = true
			}
			golden(t, "merge/"+filepath.Base(file), above+dashes+c.told(t, got, conflicts))
		})
	}
	for _, st := range rmg.Strategies() {
		if !strategies[st] {
			t.Errorf("no file shows the strategy %s", st)
		}
	}
	for _, k := range []rmg.ConflictKind{
		rmg.ConflictBothChanged, rmg.ConflictUnmergeable, rmg.ConflictManual, rmg.ConflictBothRetyped, rmg.ConflictEnds,
		rmg.ConflictBothAdded, rmg.ConflictBothMoved, rmg.ConflictDeleteModify, rmg.ConflictDanglingEdge,
		rmg.ConflictStaleRead,
	} {
		if !kinds[k] {
			t.Errorf("no file shows a conflict %s", k)
		}
	}
}

const dashes = "\n----\n"

// mergeCase is what stands above the dashes.
type mergeCase struct {
	in         rmg.MergeInput
	store      content
	strategies map[[2]string]rmg.Strategy
}

func readMergeCase(t *testing.T, text string) *mergeCase {
	t.Helper()
	c := &mergeCase{store: content{}, strategies: map[[2]string]rmg.Strategy{}}
	c.in.Strategy = func(kind, prop string) rmg.Strategy { return c.strategies[[2]string{kind, prop}] }
	c.in.Text, c.in.PutText = c.store.read, c.store.put
	overlays := map[string]*rmg.Overlay{"base": rmg.NewOverlay(rmg.Graph{})}
	var at *rmg.Overlay
	for line := range strings.Lines(text) {
		if step, ok := strings.CutPrefix(line, "\t"); ok {
			if err := c.step(at, strings.TrimSpace(step)); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			continue
		}
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "strategy":
			st, err := rmg.ParseStrategy(f[3])
			if err != nil {
				t.Fatal(err)
			}
			c.strategies[[2]string{f[1], f[2]}] = st
		case "base":
			at = overlays["base"]
		case "system", "workspace":
			at = rmg.NewOverlay(overlays["base"].Graph())
			overlays[f[0]] = at
			if len(f) != 3 {
				continue
			}
			seq, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			by := func(rmg.Path, string) (int64, string) { return seq, f[2] }
			if f[0] == "system" {
				c.in.SystemWrote = by
			} else {
				c.in.WorkspaceWrote = by
			}
		}
	}
	s, w := overlays["system"], overlays["workspace"]
	c.in.Base, c.in.System, c.in.Workspace = overlays["base"].Graph(), s.Graph(), w.Graph()
	c.in.SystemMoves, c.in.WorkspaceMoves, c.in.Reads = s.Moves(), w.Moves(), w.Reads()
	return c
}

// step does what one line says.
func (c *mergeCase) step(o *rmg.Overlay, line string) error {
	op, rest, _ := strings.Cut(line, " ")
	// The last word may be JSON, with blanks in it.
	counts := map[string]int{"node": 3, "edge": 5, "set": 2, "text": 3, "inc": 3, "add": 3, "drop": 3, "retype": 2, "move": 2, "remove": 1, "cascade": 1, "read": 1}
	f := append(strings.SplitN(rest, " ", counts[op]), "{}")
	p := rmg.Path(f[0])
	props := func(i int) (out map[string]rmg.Value, err error) {
		var values map[string]rmg.Value
		err = json.Unmarshal([]byte(f[i]), &values)
		return values, err
	}
	value := func(i int) (v rmg.Value, err error) {
		err = json.Unmarshal([]byte(f[i]), &v)
		return v, err
	}
	switch op {
	case "node":
		m, err := props(2)
		return orElse(err, func() error { return o.AddNode(p, f[1], rmg.PropsOf(m)) })
	case "edge":
		m, err := props(4)
		return orElse(err, func() error { return o.AddEdge(p, f[1], f[2], f[3], rmg.PropsOf(m)) })
	case "set":
		m, err := props(1)
		return orElse(err, func() error { return o.Set(p, m) })
	case "text":
		v, err := value(2)
		text, _ := v.AsString()
		return orElse(err, func() error { return o.Set(p, map[string]rmg.Value{f[1]: c.store.blob(text)}) })
	case "inc":
		v, err := value(2)
		by, _ := v.AsInt()
		return orElse(err, func() error { return o.Inc(p, f[1], by) })
	case "add":
		v, err := value(2)
		return orElse(err, func() error { return o.SetAdd(p, f[1], v) })
	case "drop":
		v, err := value(2)
		return orElse(err, func() error { return o.SetRemove(p, f[1], v) })
	case "retype":
		return o.Retype(p, f[1])
	case "move":
		return o.Move(p, rmg.Path(f[1]))
	case "read":
		o.RecordReads()
		o.Get(p)
		return nil
	case "remove", "cascade":
		return o.Remove(p, op == "cascade")
	}
	return fmt.Errorf("no such step")
}

func orElse(err error, fn func() error) error {
	if err != nil {
		return err
	}
	return fn()
}

// told is what stands below the dashes: the elements, then the conflicts.
func (c *mergeCase) told(t *testing.T, g rmg.Graph, conflicts []rmg.MergeConflict) string {
	t.Helper()
	var b strings.Builder
	contents := map[string]bool{}
	for p, e := range g.Walk(rmg.Root) {
		fmt.Fprintf(&b, "%s %s", p, e.Kind)
		if e.Edge {
			fmt.Fprintf(&b, " %s %s", e.From, e.To)
		}
		if e.Props.Len() > 0 {
			props, err := e.Props.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, " %s", props)
		}
		b.WriteByte('\n')
		for _, v := range e.Props.All() {
			if blob, ok := v.AsBlob(); ok {
				text, _ := c.store.read(blob)
				contents[fmt.Sprintf("\t%x is %q\n", blob.Sum, text)] = true
			}
		}
	}
	b.WriteString(strings.Join(slices.Sorted(maps.Keys(contents)), ""))
	if len(conflicts) == 0 {
		b.WriteString("no conflict\n")
	}
	for _, x := range conflicts {
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	return b.String()
}
