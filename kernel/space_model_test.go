package kernel

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// naive is a world of nodes with one prop each.
type naive map[rmg.Path]int64

// naiveConflict is a place where both sides changed, what each side has there
// ("-" for nothing), and how it is settled.
type naiveConflict struct {
	sides string
	prop  bool // all sides have it: it is about the prop
	take  string
	value int64
}

// naiveSpace is a workspace as anybody would write it down: whole copies.
type naiveSpace struct {
	id         string
	parent     *naiveSpace // nil is the system
	private    bool
	frozen     bool
	state      string
	base, head naive
	pending    map[rmg.Path]naiveConflict // nil: no merge is under way
}

func (w *naiveSpace) open() int {
	n := 0
	for _, c := range w.pending {
		if c.take == "" {
			n++
		}
	}
	return n
}

// merge is the three-way merge of naive worlds; a place in conflict has the
// system's side.
func merge(b, s, w naive) (naive, map[rmg.Path]naiveConflict) {
	out, conflicts := naive{}, map[rmg.Path]naiveConflict{}
	all := maps.Clone(b)
	maps.Copy(all, s)
	maps.Copy(all, w)
	text := func(m naive, p rmg.Path) string {
		if x, ok := m[p]; ok {
			return fmt.Sprint(x)
		}
		return "-"
	}
	for p := range all {
		bt, st, wt := text(b, p), text(s, p), text(w, p)
		from := s
		switch {
		case st == bt:
			from = w
		case wt == bt || st == wt:
		default:
			conflicts[p] = naiveConflict{sides: bt + " " + st + " " + wt, prop: bt != "-" && st != "-" && wt != "-"}
		}
		if x, ok := from[p]; ok {
			out[p] = x
		}
	}
	return out, conflicts
}

// machine is a kernel and what it should be.
type machine struct {
	*bed
	world  naive
	spaces []*naiveSpace
}

func (m *machine) head(w *naiveSpace) naive {
	if w == nil {
		return m.world
	}
	return w.head
}

// rebased does to the model what a rebase does, and lists the places that are
// open, or says that it is done.
func (m *machine) rebased(w *naiveSpace) (open []rmg.Path) {
	target := m.head(w.parent)
	if w.pending == nil && maps.Equal(target, w.base) {
		return nil
	}
	merged, conflicts := merge(w.base, target, w.head)
	for p, c := range conflicts {
		if was, ok := w.pending[p]; ok && was.sides == c.sides {
			conflicts[p] = was
		}
		if conflicts[p].take == "" {
			open = append(open, p)
		}
	}
	if len(open) > 0 {
		slices.Sort(open)
		w.pending = conflicts
		return open
	}
	for p, c := range conflicts {
		from := map[string]naive{takeSystem: target, takeWorkspace: w.head, takeBase: w.base, takeValue: {p: c.value}}[c.take]
		delete(merged, p)
		if x, ok := from[p]; ok {
			merged[p] = x
		}
	}
	w.base, w.head, w.pending = maps.Clone(target), merged, nil
	return nil
}

// told checks that the kernel refused, or not, as the model does, and that the
// conflicts it tells are the model's.
func (m *machine) told(what string, err error, refused bool, got []Conflict, open []rmg.Path) {
	m.Helper()
	if (err != nil) != refused {
		m.Fatalf("%s: error %v, refused in the model: %v", what, err, refused)
	}
	var at []rmg.Path
	for _, c := range got {
		at = append(at, c.Path)
	}
	if !slices.Equal(at, open) {
		m.Fatalf("%s: conflicts at %v, in the model at %v", what, at, open)
	}
}

// check compares every world, state and conflict.
func (m *machine) check() {
	m.Helper()
	m.same("system", m.world)
	for _, w := range m.spaces {
		m.same("sws:"+w.id, w.head)
		got := m.shown(w.id)
		m.same(got.BaseAt, w.base)
		if got.State != w.state || got.Private != w.private || (got.Frozen != "") != w.frozen {
			m.Fatalf("%s is %+v and not %+v", w.id, got, w)
		}
		if w.state == spaceOpen && (got.Open != w.open() || (got.Onto != "") != (w.pending != nil) || len(got.Conflicts) != len(w.pending)) {
			m.Fatalf("%s has the conflicts %+v and not %+v", w.id, got.Conflicts, w.pending)
		}
	}
}

func (m *machine) same(view string, want naive) {
	m.Helper()
	v, err := m.View(view)
	if err != nil {
		m.Fatalf("%v", err)
	}
	got := naive{}
	for n := range v.World.Nodes("") {
		if n.Kind == "K" { // not the kernel's own
			got[rmg.Root.Child(n.ID)] = n.Props.Int("x")
		}
	}
	if !maps.Equal(got, want) {
		m.Fatalf("%s is %v and not %v", view, got, want)
	}
}

// TestWorkspaceModel does random things to a kernel and to a naive model of it,
// closing and opening the kernel in between, and finds no difference.
func TestWorkspaceModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "spaces")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{bed: newBed(rt, dir), world: naive{}}
		defer func() { _, _ = m.Kernel.Close(), m.store.Close() }()
		rt.Repeat(m.actions())
		m.restart()
		m.check()
	})
}

// actions are what may be done; of what does not exist nothing is done.
func (m *machine) actions() map[string]func(*rapid.T) {
	ctx := context.Background()
	some := func(rt *rapid.T) *naiveSpace {
		if len(m.spaces) == 0 {
			rt.Skip("no workspace")
		}
		return m.spaces[rapid.IntRange(max(0, len(m.spaces)-4), len(m.spaces)-1).Draw(rt, "workspace")]
	}
	place := func(rt *rapid.T) rmg.Path {
		return rmg.Root.Child(fmt.Sprint("n", rapid.IntRange(0, 3).Draw(rt, "node")))
	}
	return map[string]func(*rapid.T){
		"": func(*rapid.T) { m.check() },
		"writeSystem": func(rt *rapid.T) {
			m.change(rt, "system", m.world, place(rt), false)
		},
		"write": func(rt *rapid.T) {
			w := some(rt)
			m.change(rt, "sws:"+w.id, w.head, place(rt), w.state != spaceOpen || w.frozen)
		},
		"fork": func(rt *rapid.T) {
			w := &naiveSpace{state: spaceOpen}
			r := ForkRequest{}
			if len(m.spaces) > 0 && rapid.Bool().Draw(rt, "of a workspace") {
				w.parent = some(rt)
				r.From = "sws:" + w.parent.id
			}
			w.base, w.head = maps.Clone(m.head(w.parent)), maps.Clone(m.head(w.parent))
			w.id = m.new(r)
			m.spaces = append(m.spaces, w)
		},
		"forkPrivate": func(*rapid.T) {
			m.spaces = append(m.spaces, &naiveSpace{id: m.new(ForkRequest{Private: true}), private: true, state: spaceOpen, base: naive{}, head: naive{}})
		},
		"rebase": func(rt *rapid.T) {
			w := some(rt)
			got, err := m.Rebase(ctx, ada, w.id, "")
			if w.private || w.state != spaceOpen || w.frozen {
				m.told("rebase", err, true, got.Conflicts, nil)
				return
			}
			open := m.rebased(w)
			m.told("rebase", err, len(open) > 0, got.Conflicts, open)
		},
		"resolve":  func(rt *rapid.T) { m.resolve(rt, some(rt), place(rt)) },
		"collapse": func(rt *rapid.T) { m.collapse(some(rt)) },
		"discard": func(rt *rapid.T) {
			w := some(rt)
			_, err := m.Discard(ctx, ada, w.id, "model")
			m.told("discard", err, w.state != spaceOpen, nil, nil)
			if err == nil {
				w.state = spaceDiscarded
			}
		},
		"restore": func(rt *rapid.T) {
			w := some(rt)
			_, err := m.Restore(ctx, ada, w.id)
			m.told("restore", err, w.state != spaceDiscarded, nil, nil)
			if err == nil {
				w.state = spaceOpen
			}
		},
		"freeze": func(rt *rapid.T) {
			w := some(rt)
			_, err := m.Freeze(ctx, ada, w.id, "model")
			m.told("freeze", err, w.state != spaceOpen || w.frozen, nil, nil)
			w.frozen = w.frozen || err == nil
		},
		"thaw": func(rt *rapid.T) {
			w := some(rt)
			_, err := m.Thaw(ctx, ada, w.id)
			m.told("thaw", err, w.state != spaceOpen || !w.frozen, nil, nil)
			w.frozen = w.frozen && err != nil
		},
		"restart": func(*rapid.T) { m.restart() },
	}
}

// change adds, sets or removes one node of a view.
func (m *machine) change(rt *rapid.T, view string, world naive, p rmg.Path, refused bool) {
	x := rapid.Int64Range(0, 3).Draw(rt, "x")
	_, there := world[p]
	remove := there && rapid.IntRange(0, 3).Draw(rt, "remove") == 0
	op := node(p, x)
	switch {
	case remove:
		op = gone(p)
	case there:
		op = set(p, x)
	}
	_, err := m.Rewrite(context.Background(), ada, view, rewrite.Rewrite{Ops: []rewrite.Op{op}})
	m.told("write to "+view, err, refused, nil, nil)
	switch {
	case err != nil:
	case remove:
		delete(world, p)
	default:
		world[p] = x
	}
}

// resolve settles one conflict or all that are open.
func (m *machine) resolve(rt *rapid.T, w *naiveSpace, p rmg.Path) {
	r := Resolution{Take: rapid.SampledFrom([]string{takeSystem, takeWorkspace, takeBase, takeValue}).Draw(rt, "take")}
	all := r.Take != takeValue && rapid.Bool().Draw(rt, "all")
	c, there := w.pending[p]
	refused := w.state != spaceOpen || w.frozen || w.pending == nil || !all && !there
	if !all {
		r.Path = p
	}
	value := rapid.Int64Range(10, 12).Draw(rt, "value")
	if r.Take == takeValue {
		r.Take, r.Value = "", rmg.Int(value)
		refused = refused || !c.prop
	}
	got, err := m.Settle(context.Background(), ada, w.id, r)
	if refused {
		m.told("resolve", err, true, got.Conflicts, nil)
		return
	}
	take := r.Take
	if take == "" {
		take = takeValue
	}
	var open []rmg.Path
	for at, c := range w.pending {
		if all && c.take == "" || at == r.Path {
			c.take, c.value = take, value
			w.pending[at] = c
		}
		if w.pending[at].take == "" {
			open = append(open, at)
		}
	}
	slices.Sort(open)
	if len(open) == 0 {
		open = m.rebased(w)
	}
	m.told("resolve", err, false, got.Conflicts, open)
}

// collapse merges a workspace into its parent, or leaves the conflicts on it.
func (m *machine) collapse(w *naiveSpace) {
	got, err := m.Collapse(context.Background(), ada, w.id, CollapseRequest{})
	if w.private || w.state != spaceOpen {
		m.told("collapse", err, true, nil, nil)
		return
	}
	merged, conflicts := merge(w.base, m.head(w.parent), w.head)
	if len(conflicts) > 0 {
		m.told("collapse", err, true, nil, nil)
		if len(got.Conflicts) != len(conflicts) {
			m.Fatalf("a collapse tells %d conflicts of %d", len(got.Conflicts), len(conflicts))
		}
		if !w.frozen {
			m.rebased(w)
		}
		return
	}
	if p := w.parent; p != nil && (p.state != spaceOpen || p.frozen) && !maps.Equal(merged, p.head) {
		m.told("collapse into a closed parent", err, true, nil, nil)
		return
	}
	m.told("collapse", err, false, nil, nil)
	w.state = spaceCollapsed
	if w.parent == nil {
		m.world = merged
	} else {
		w.parent.head = merged
	}
	if !strings.HasPrefix(m.shown(w.id).Outcome, "seq ") {
		m.Fatalf("%s has no outcome", w.id)
	}
}
