package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// selectAbout is what the document says about selectors.
const selectAbout = "With select the answer lists the elements, of world and ledger, that match, in path order. A selector is a path whose segments are patterns: * is any bytes, ? one character, ~ begins an edge, ** is any number of levels; [name=value], != < <= > >= ~glob :item, [name] and [!name] look at a prop, or at kind, from and to; ->kind and <-kind follow edges, ->> and <<- as far as they go. One call looks at about a million elements: a page that ends there is short, or empty, and has a next."

// selectCursor is where a page of matches begins. It travels as base64 of its
// JSON, and is nobody's to read. Unlike a cursor it names no element.
type selectCursor struct {
	View   string   `json:"v"`
	Select string   `json:"s"`
	After  rmg.Path `json:"a"`
}

func (c selectCursor) String() string {
	data, _ := json.Marshal(c) // strings alone: cannot fail
	return base64.RawURLEncoding.EncodeToString(data)
}

// parseSelectCursor reads a cursor for the pages of a selector; without one it
// is the beginning of the view asked for.
func parseSelectCursor(text string, s rmg.Selector, view string) (selectCursor, error) {
	if text == "" {
		return selectCursor{View: view}, nil
	}
	var c selectCursor
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err == nil {
		c.After, err = rmg.ParsePath(string(c.After))
	}
	if err != nil || c.Select == "" {
		return c, wire.NewProblem(rmg.Invalid, "the cursor is not one of a selector, by this daemon").WithHint("take next from the page before")
	}
	if c.Select != s.String() {
		return c, wire.NewProblem(rmg.Invalid, "the cursor belongs to the selector %s, not to %s", c.Select, s).WithHint("repeat the selector with each page")
	}
	return c, nil
}

// selected answers GET /rmg?select=.
func (x *exchange) selected() (any, error) {
	for _, name := range []string{"path", "depth"} {
		if x.query.Has(name) {
			return nil, wire.NewProblem(rmg.Invalid, "select and %s are not for one call", name).WithHint("a selector begins with where it looks: /svc/**[kind=Service]")
		}
	}
	s, err := rmg.ParseSelector(x.text("select"))
	if err != nil {
		return nil, err
	}
	limit, err := x.count("limit", defaultElements, 1, maxElements)
	if err != nil {
		return nil, err
	}
	from, err := parseSelectCursor(x.text("cursor"), s, x.text("view"))
	if err != nil {
		return nil, err
	}
	v, err := x.s.opt.Kernel.View(from.View)
	if err != nil {
		return nil, err
	}
	if x.same(tagOf(v, rmg.Root)) { // a selector may look at the ledger
		return nil, nil
	}
	out := wire.SelectAnswer{View: v.Name, Seq: v.Seq, Digest: v.Digest(), Select: s, Matches: []wire.Match{}}
	root, _ := v.Get(rmg.Root)
	after, more, err := page(root.Graph, s, rmg.FindOptions{After: from.After, Budget: x.s.opt.Limits.Find}, limit, func(m wire.Match) { out.Matches = append(out.Matches, m) })
	if err != nil {
		return nil, err
	}
	if more {
		out.Next = selectCursor{View: pinned(v.Name, v.Seq), Select: s.String(), After: after}.String()
	}
	return out, nil
}

// page tells up to limit matches, and after which path to go on if there may be
// more. Its error is that the budget is not enough for one step.
func page(g rmg.Graph, s rmg.Selector, o rmg.FindOptions, limit int, tell func(wire.Match)) (after rmg.Path, more bool, err error) {
	left := limit
	for m, err := range g.Find(s, o) {
		switch {
		case errors.Is(err, &rmg.Error{Code: rmg.Limit}) && m.Path != o.After:
			return m.Path, true, nil
		case err != nil:
			return "", false, err
		case left == 0:
			return after, true, nil
		}
		e := m.Element
		tell(wire.Match{Path: m.Path, ID: rmg.ID(e.ID), Kind: e.Kind, From: rmg.ID(e.From), To: rmg.ID(e.To), Props: e.Props})
		after = m.Path
		left--
	}
	return "", false, nil
}
