package rmg

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Strategy says how a prop is merged that both sides changed. What one side
// alone changed is taken whatever the strategy, and where both changed it to the
// same value that is taken, but by counter and manual. Removing is a change.
//
// All but system and workspace are symmetric. By counter, max, min and set
// three branches of one base merge to the same in any order, where no order has
// a conflict.
type Strategy string

// The strategies.
const (
	// Two different values are a conflict. The default; "" means it too.
	StrategyConflict Strategy = "conflict"
	// The system's value stands, or its having none.
	StrategySystem Strategy = "system"
	// The workspace's value stands, or its having none.
	StrategyWorkspace Strategy = "workspace"
	// The last writer's value stands, or its having none: whose seq is greater,
	// else whose author is (by bytes), else the value whose canonical encoding is.
	// Who wrote when is for MergeInput to say; who is not known has seq 0.
	StrategyLWW Strategy = "lww"
	// Ints that are added to: what both sides added is added to the base's, also
	// where they added the same. Absent is 0, and what both removed is removed.
	// Conflict: something that is no int, or a sum that is none.
	//
	// To the order of merges a removal is a reset to 0. That two branches reset is
	// not seen once they are merged: with a third that adds the order tells.
	StrategyCounter Strategy = "counter"
	// The greater value stands, of two ints, two floats or two strings (by
	// bytes). A side that has none loses to one that has. Conflict: values of
	// other types, or of two types, or NaN, which have no order.
	StrategyMax Strategy = "max"
	// The lesser value stands; else like max.
	StrategyMin Strategy = "min"
	// Lists as Overlay.SetAdd keeps them: what one side removed is removed, what
	// one added is added. Absent is empty, and what is empty in the end is
	// removed. Conflict: something that is no list.
	StrategySet Strategy = "set"
	// Texts by MergeText: three strings, or three blobs whose content MergeInput
	// reads and stores. Conflict: anything else, or lines that both changed.
	StrategyText Strategy = "text"
	// Always a conflict, of kind manual, even where both sides have the same: no
	// machine says that two changes are one. It is resolved by putting the base's
	// value back on one side, or by merging from a newer base.
	StrategyManual Strategy = "manual"
)

// Strategies lists the strategies there are, conflict first.
func Strategies() []Strategy {
	return []Strategy{
		StrategyConflict, StrategySystem, StrategyWorkspace, StrategyLWW, StrategyCounter,
		StrategyMax, StrategyMin, StrategySet, StrategyText, StrategyManual,
	}
}

// ParseStrategy reads the name of a strategy; "" is conflict. Invalid: there is
// no such strategy.
func ParseStrategy(s string) (Strategy, error) {
	st := Strategy(s)
	switch {
	case s == "":
		return StrategyConflict, nil
	case slices.Contains(Strategies(), st):
		return st, nil
	}
	return "", &Error{Op: "strategy", Code: Invalid, Msg: fmt.Sprintf("there is no strategy %q", s), Hint: "use one of " + strategyNames()}
}

func strategyNames() string {
	var names []string
	for _, st := range Strategies() {
		names = append(names, string(st))
	}
	return strings.Join(names, ", ")
}

// value merges one prop that both sides changed, by its strategy, or notes a
// conflict or an error and reports false.
func (m *merger) value(p Path, kind, prop string, b, s, w Value) (Value, bool) {
	var st Strategy
	if m.Strategy != nil {
		st = m.Strategy(kind, prop)
	}
	st, err := ParseStrategy(string(st))
	if err != nil {
		err.(*Error).Op, err.(*Error).Path = "merge", p
		m.err = err
		return Value{}, false
	}
	conflict := MergeConflict{
		Path: p, Prop: prop, Kind: ConflictBothChanged, Reason: "both changed", Base: b, System: s, Workspace: w,
	}
	v, why := Value{}, ""
	switch {
	case st == StrategyManual:
		conflict.Kind, conflict.Reason = ConflictManual, "manual"
		m.conflict(conflict)
		return Value{}, false
	case st == StrategyCounter:
		v, why = mergeCounter(b, s, w)
	case s.Equal(w):
		return s, true
	case st == StrategySystem:
		return s, true
	case st == StrategyWorkspace:
		return w, true
	case st == StrategyLWW:
		return m.lastWritten(p, prop, s, w), true
	case st == StrategyMax:
		v, why = mergeGreater(s, w, 1)
	case st == StrategyMin:
		v, why = mergeGreater(s, w, -1)
	case st == StrategySet:
		v, why = mergeSet(b, s, w)
	case st == StrategyText:
		v, ok := m.text(b, s, w)
		if !ok && m.err == nil {
			m.conflict(conflict)
		}
		return v, ok
	default:
		m.conflict(conflict)
		return Value{}, false
	}
	if why != "" {
		conflict.Kind, conflict.Reason = ConflictUnmergeable, fmt.Sprintf("both changed, %s: %s", st, why)
		m.conflict(conflict)
	}
	return v, why == ""
}

// lastWritten is the value of the side that wrote last.
func (m *merger) lastWritten(p Path, prop string, s, w Value) Value {
	seqS, byS := wrote(m.SystemWrote, m.systemMade, p, prop)
	seqW, byW := wrote(m.WorkspaceWrote, m.workspaceMade, p, prop)
	if cmp.Or(cmp.Compare(seqS, seqW), strings.Compare(byS, byW), compareCanonical(s, w)) < 0 {
		return w
	}
	return s
}

// wrote asks a side who wrote a prop, by the place where the side has it: the
// moves that were made on it to merge are taken back.
func wrote(ask func(Path, string) (int64, string), made []Move, p Path, prop string) (seq int64, author string) {
	if ask == nil {
		return 0, ""
	}
	for _, mv := range slices.Backward(made) {
		if mv.To.Has(p) {
			p = mv.From + p[len(mv.To):]
		}
	}
	return ask(p, prop)
}

// The functions below merge by one strategy, and say why where they cannot.

func mergeCounter(b, s, w Value) (v Value, why string) {
	if s.IsZero() && w.IsZero() {
		return Value{}, ""
	}
	var n [3]*big.Int
	for i, x := range []Value{b, s, w} {
		c, ok := x.AsInt()
		if !ok && !x.IsZero() {
			return Value{}, "not all are ints"
		}
		n[i] = big.NewInt(c)
	}
	sum := new(big.Int).Add(n[1], n[2])
	if sum.Sub(sum, n[0]); !sum.IsInt64() {
		return Value{}, "the sum overflows"
	}
	return Int(sum.Int64()), ""
}

// mergeGreater is the greater value, or the lesser one where sign is -1.
func mergeGreater(s, w Value, sign int) (v Value, why string) {
	switch {
	case s.IsZero():
		return w, ""
	case w.IsZero():
		return s, ""
	}
	c, ok := order(s, w)
	switch {
	case !ok:
		return Value{}, "the values have no order"
	case c*sign < 0:
		return w, ""
	}
	return s, ""
}

// order compares two values of one type, if it has an order.
func order(a, b Value) (int, bool) {
	if a.Type() != b.Type() {
		return 0, false
	}
	switch a.Type() {
	case TypeInt:
		x, _ := a.AsInt()
		y, _ := b.AsInt()
		return cmp.Compare(x, y), true
	case TypeFloat:
		x, _ := a.AsFloat()
		y, _ := b.AsFloat()
		return cmp.Compare(x, y), x == x && y == y
	case TypeString:
		x, _ := a.AsString()
		y, _ := b.AsString()
		return strings.Compare(x, y), true
	}
	return 0, false
}

// mergeSet keeps what the base and both sides have, and adds what either side
// has and the base has not.
func mergeSet(b, s, w Value) (v Value, why string) {
	var in [3][]Value
	for i, x := range []Value{b, s, w} {
		list, ok := x.AsList()
		if !ok && !x.IsZero() {
			return Value{}, "not all are lists"
		}
		in[i] = setOf(list)
	}
	has := func(set []Value, x Value) bool {
		_, ok := slices.BinarySearchFunc(set, x, compareCanonical)
		return ok
	}
	out := slices.DeleteFunc(setOf(slices.Concat(in[1], in[2])), func(x Value) bool {
		return has(in[0], x) && !(has(in[1], x) && has(in[2], x))
	})
	if len(out) == 0 {
		return Value{}, ""
	}
	return List(out...), ""
}

// setOf sorts a list by canonical encoding, and takes out doubles.
func setOf(list []Value) []Value {
	slices.SortFunc(list, compareCanonical)
	return slices.CompactFunc(list, Value.Equal)
}

// text merges strings, or blobs by their content. It notes an error and reports
// false where reading or storing fails.
func (m *merger) text(b, s, w Value) (Value, bool) {
	var text [3][]byte
	blobs := b.Type() == TypeBlob && m.Text != nil && m.PutText != nil
	for i, v := range []Value{b, s, w} {
		blob, isBlob := v.AsBlob()
		str, isString := v.AsString()
		switch {
		case blobs && isBlob:
			if text[i], m.err = m.Text(blob); m.err != nil {
				return Value{}, false
			}
		case !blobs && isString:
			text[i] = []byte(str)
		default:
			return Value{}, false
		}
	}
	merged, clean := MergeText(text[0], text[1], text[2])
	switch {
	case !clean:
		return Value{}, false
	case !blobs:
		return String(string(merged)), true
	}
	blob, err := m.PutText(merged)
	m.err = err
	return BlobOf(blob), err == nil
}
