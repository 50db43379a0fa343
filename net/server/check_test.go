package server

import (
	"bytes"
	"strings"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// stored is a graph as a store opens it, with one byte of the store wrong.
func stored(g rmg.Graph, wrong int) rmg.Graph {
	var b bytes.Buffer
	root, err := rmg.NewStore(nil, &b, 0).Put(g)
	must(err)
	data := b.Bytes()
	if wrong >= 0 {
		data[wrong] ^= 1
	}
	back, err := rmg.NewStore(bytes.NewReader(data), nil, int64(len(data))).Open(root)
	must(err)
	return back
}

// A view is checked wherever its graphs are kept, world and ledger; what is
// wrong is told with its place.
func TestCheck(t *testing.T) {
	sound := rmg.NewOverlay(nested().World)
	broken := rmg.NewOverlay(nested().World).Unchecked()
	must(broken.AddNode("/kind", "Folder", rmg.Props{}))
	must(broken.AddNode("/kind/Node", "Kind", rmg.Props{}))
	must(broken.AddNode("/kind/Node/at", "Prop", rmg.PropsOf(map[string]rmg.Value{"type": rmg.String("ref"), "required": rmg.Bool(true)})))
	must(broken.Set("/a/b/c", map[string]rmg.Value{"at": rmg.Int(1)}))
	f := newFake(0)
	s, _ := newServer(t, f, nil)
	for name, c := range map[string]struct {
		world, ledger rmg.Graph
		path          rmg.Path // of the one finding
		what          string
	}{
		"live and sound":            {world: sound.Graph()},
		"stored and sound":          {world: stored(sound.Graph(), -1), ledger: stored(sound.Graph(), -1)},
		"live, against its schema":  {broken.Graph(), rmg.Graph{}, "/a/b/c", "prop at is int"},
		"stored against its schema": {stored(broken.Graph(), -1), rmg.Graph{}, "/a/b/c", "prop at is int"},
		"a ledger that is wrong":    {sound.Graph(), broken.Graph(), "/a/b/c", "prop at is int"},
		"damaged":                   {stored(sound.Graph(), 3), rmg.Graph{}, "/", "the stored graph is damaged at byte"},
	} {
		f.views["system"] = kernel.View{Name: "system", Seq: 9, World: c.world, Ledger: c.ledger}
		got := answer[wire.CheckAnswer](t, s, request("GET", "/check", ""))
		switch {
		case got.OK != (c.what == "") || got.Digest != c.world.Digest():
			t.Errorf("%s: %+v", name, got)
		case c.what == "":
		case len(got.Findings) != 1 || got.Findings[0].Path != c.path || !strings.Contains(got.Findings[0].What, c.what):
			t.Errorf("%s: %+v, want %s: %s", name, got.Findings, c.path, c.what)
		}
	}
}

// A stored graph that cannot be read is not a defect of the daemon: whoever asks
// for what is damaged is told so, and all else is answered.
func TestDamagedGraph(t *testing.T) {
	f := newFake(0)
	v := nested()
	v.World = stored(v.World, 3) // in the innermost graph, which is written first
	f.views["system"] = v
	s, _ := newServer(t, f, nil)
	for _, target := range []string{"/rmg?path=/a/b&depth=1", selecting("/**", ""), selecting("/a/b/*", "")} {
		if p := refusal(t, s, request("GET", target, ""), 503); p.Code != rmg.Unavailable || !strings.Contains(p.Detail, "damaged") || p.Hint == "" {
			t.Errorf("%s: %+v", target, p)
		}
	}
	if a := answer[wire.SelectAnswer](t, s, request("GET", selecting("/*", ""), "")); len(a.Matches) != 3 {
		t.Errorf("%+v", a)
	}
}
