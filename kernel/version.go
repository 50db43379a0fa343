package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// Version names a state: "system", "sws:w5", "sws:w5@57", "seq:57".
type Version struct {
	Space string // workspace; empty for the system
	At    uint64 // workspace as of this seq of the log; 0 for its head
	Seq   uint64 // system as of this seq; 0 for now
}

// ParseVersion reads a version; the empty string is "system".
func ParseVersion(s string) (Version, error) {
	switch {
	case s == "" || s == "system":
		return Version{}, nil
	case strings.HasPrefix(s, "seq:"):
		n, err := strconv.ParseUint(s[4:], 10, 64)
		if err != nil || n == 0 {
			return Version{}, noSuchForm(s)
		}
		return Version{Seq: n}, nil
	case strings.HasPrefix(s, "sws:"):
		id, at, has := strings.Cut(s[4:], "@")
		v := Version{Space: id}
		if id == "" {
			return Version{}, noSuchForm(s)
		}
		if has {
			n, err := strconv.ParseUint(at, 10, 64)
			if err != nil || n == 0 {
				return Version{}, noSuchForm(s)
			}
			v.At = n
		}
		return v, nil
	}
	return Version{}, noSuchForm(s)
}

func noSuchForm(s string) error {
	return &rmg.Error{
		Op: "version", Code: rmg.Invalid, Msg: fmt.Sprintf("%q is not a version", s),
		Hint: "use system, sws:ID, sws:ID@N or seq:N",
	}
}

// String prints the version as ParseVersion reads it.
func (v Version) String() string {
	switch {
	case v.Space != "" && v.At != 0:
		return "sws:" + v.Space + "@" + strconv.FormatUint(v.At, 10)
	case v.Space != "":
		return "sws:" + v.Space
	case v.Seq != 0:
		return "seq:" + strconv.FormatUint(v.Seq, 10)
	default:
		return "system"
	}
}

// View is a version opened for reading: a world, and the ledger beside it.
// A view of the past has the ledger of then; one of a workspace, today's.
type View struct {
	Name          string
	Seq, Tick     uint64 // last record of the version
	World, Ledger rmg.Graph
}

// Digest is that of the view's world.
func (v View) Digest() rmg.Digest { return v.World.Digest() }

// Get returns the element at p, of the world or the ledger. Root gives an
// element whose graph holds the roots of both.
func (v View) Get(p rmg.Path) (rmg.Element, bool) {
	if p == rmg.Root {
		o := rmg.NewOverlay(v.World).Unchecked()
		for e := range v.Ledger.Nodes("") {
			if err := o.Graft(rmg.Root.Child(e.ID), e); err != nil {
				return rmg.Element{}, false
			}
		}
		return rmg.Element{Graph: o.Graph()}, true
	}
	if inLedger(p) {
		return v.Ledger.Get(p)
	}
	return v.World.Get(p)
}

// View opens a version. NotFound if there is no such workspace or seq.
func (k *Kernel) View(name string) (View, error) {
	v, err := ParseVersion(name)
	if err != nil {
		return View{}, err
	}
	now := k.now()
	switch {
	case v.Space != "":
		h, err := k.openHead(v)
		if err != nil {
			return View{}, err
		}
		return View{Name: v.String(), Seq: h.seq, Tick: now.tick, World: h.world, Ledger: now.ledger}, nil
	case v.Seq != 0:
		old, err := k.open(v.Seq)
		if err != nil {
			return View{}, err
		}
		return View{Name: v.String(), Seq: old.seq, Tick: old.tick, World: old.world, Ledger: old.ledger}, nil
	}
	return View{Name: "system", Seq: now.seq, Tick: now.tick, World: now.world, Ledger: now.ledger}, nil
}

// Diff lists what changed between two versions at and below a path, in path
// order. A workspace's recorded moves show when it is compared with the world.
func (k *Kernel) Diff(from, to string, at rmg.Path) ([]rmg.Change, error) {
	a, err := k.View(from)
	if err != nil {
		return nil, err
	}
	b, err := k.View(to)
	if err != nil {
		return nil, err
	}
	var moves []rmg.Move
	if v, _ := ParseVersion(to); v.Space != "" {
		h, err := k.openHead(v)
		if err != nil {
			return nil, err
		}
		moves = h.moves
	}
	var out []rmg.Change
	keep := func(c rmg.Change) {
		if at == "" || at.Has(c.Path) {
			out = append(out, c)
		}
	}
	if inLedger(at) {
		for c := range rmg.Diff(a.Ledger, b.Ledger) {
			keep(c)
		}
		return out, nil
	}
	for c := range rmg.DiffMoved(a.World, b.World, moves) {
		keep(c)
	}
	return out, nil
}

func noSpace(id string) error {
	return &rmg.Error{
		Op: "workspace", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no workspace %q", id),
		Hint: "jitos sws list --all shows them",
	}
}

func noVersion(v Version) error {
	return &rmg.Error{
		Op: "version", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no version %s", v),
		Hint: "jitos log shows the seqs that exist",
	}
}
