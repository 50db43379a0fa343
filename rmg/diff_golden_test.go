package rmg_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// TestDiffGolden makes the versions under testdata/diff, and compares what is
// below the dashes; -update writes it anew. Above them stand
//
//	old
//		<what is done to an empty graph, line by line>
//	new
//		<what is done to old; after "apart" instead of "new", to an empty graph>
//
// in the words of TestMergeGolden, and any text before the first of these.
// Below them stands what Diff tells, and, if anything was moved, behind another
// line of dashes what DiffMoved tells.
func TestDiffGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/diff/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	kinds, types := map[rmg.ChangeKind]bool{}, map[rmg.Type]bool{}
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
			a, o := readDiffCase(t, above)
			b := o.Graph()
			got := above + dashes + tellDiff(rmg.Diff(a, b))
			if moves := o.Moves(); len(moves) > 0 {
				got += dashes[1:] + tellDiff(rmg.DiffMoved(a, b, moves))
			}
			if forked := slices.Collect(o.Changes()); a.Same(o.Base()) && tellDiff(slices.Values(forked)) != tellDiff(rmg.DiffMoved(a, b, o.Moves())) {
				t.Errorf("the overlay tells %v", forked)
			}
			for c := range rmg.DiffMoved(a, b, o.Moves()) {
				kinds[c.Kind] = true
				for _, p := range c.Props {
					if p.Old.Type() == p.New.Type() {
						types[p.New.Type()] = true
					}
				}
			}
			turnedAround(t, a, b)
			golden(t, "diff/"+filepath.Base(file), got)
		})
	}
	for _, k := range []rmg.ChangeKind{rmg.Added, rmg.Removed, rmg.Changed, rmg.Moved} {
		if !kinds[k] {
			t.Errorf("no file shows that something was %s", k)
		}
	}
	for typ := rmg.TypeBool; typ <= rmg.TypeBlob; typ++ {
		if !types[typ] {
			t.Errorf("no file shows a prop of type %v that changed", typ)
		}
	}
}

// readDiffCase returns the old version and the overlay that made the new one.
func readDiffCase(t *testing.T, text string) (rmg.Graph, *rmg.Overlay) {
	t.Helper()
	c := &mergeCase{store: content{}}
	old := rmg.NewOverlay(rmg.Graph{})
	var at, last *rmg.Overlay
	for line := range strings.Lines(text) {
		switch step, ok := strings.CutPrefix(line, "\t"); {
		case ok:
			if err := c.step(at, strings.TrimSpace(step)); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		case line == "old\n":
			at = old
		case strings.TrimSpace(line) == "new":
			at = rmg.NewOverlay(old.Graph())
			last = at
		case strings.TrimSpace(line) == "apart":
			at = rmg.NewOverlay(rmg.Graph{})
			last = at
		}
	}
	if last == nil {
		t.Fatal("there is no new version")
	}
	return old.Graph(), last
}

// tellDiff writes changes for people.
func tellDiff(changes iter.Seq[rmg.Change]) string {
	var b strings.Builder
	for c := range changes {
		fmt.Fprintf(&b, "%s %s", c.Kind, c.Path)
		switch c.Kind {
		case rmg.Added:
			b.WriteString(tellElement(c.New))
		case rmg.Removed:
			b.WriteString(tellElement(c.Old))
		case rmg.Moved:
			fmt.Fprintf(&b, " from %s", c.From)
		case rmg.Changed:
			if c.Old.Kind != c.New.Kind {
				fmt.Fprintf(&b, "\n\t%s -> %s", c.Old.Kind, c.New.Kind)
			}
			if c.Old.From != c.New.From || c.Old.To != c.New.To {
				fmt.Fprintf(&b, "\n\t%s>%s -> %s>%s", c.Old.From, c.Old.To, c.New.From, c.New.To)
			}
			for _, p := range c.Props {
				fmt.Fprintf(&b, "\n\t%s: %s -> %s", p.Name, tellValue(p.Old), tellValue(p.New))
			}
		}
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		return "no change\n"
	}
	return b.String()
}

func tellElement(e rmg.Element) string {
	text := " " + e.Kind
	if e.Edge {
		text += fmt.Sprintf(" %s>%s", e.From, e.To)
	}
	if e.Props.Len() > 0 {
		props, _ := e.Props.MarshalJSON()
		text += " " + string(props)
	}
	return text
}

func tellValue(v rmg.Value) string {
	if v.IsZero() {
		return "absent"
	}
	text, _ := v.MarshalJSON()
	return string(text)
}

// turnedAround: from b to a the same places differ, the other way round.
func turnedAround(t *testing.T, a, b rmg.Graph) {
	t.Helper()
	there, back := slices.Collect(rmg.Diff(a, b)), slices.Collect(rmg.Diff(b, a))
	if len(there) != len(back) {
		t.Fatalf("%d changes, and %d back", len(there), len(back))
	}
	turned := map[rmg.ChangeKind]rmg.ChangeKind{rmg.Added: rmg.Removed, rmg.Removed: rmg.Added, rmg.Changed: rmg.Changed}
	for i, c := range there {
		d := back[i]
		if c.Path != d.Path || turned[c.Kind] != d.Kind || len(c.Props) != len(d.Props) {
			t.Errorf("%s %s is, back, %s %s", c.Kind, c.Path, d.Kind, d.Path)
		}
		for j, p := range c.Props {
			if q := d.Props[j]; p.Name != q.Name || !p.Old.Equal(q.New) || !p.New.Equal(q.Old) {
				t.Errorf("%s: %+v is, back, %+v", c.Path, p, q)
			}
		}
	}
}
