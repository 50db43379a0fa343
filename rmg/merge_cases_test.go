package rmg_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// build makes a graph from lines as run takes them.
func build(t *testing.T, steps ...string) rmg.Graph {
	t.Helper()
	o := rmg.NewOverlay(rmg.Graph{})
	run(t, o, steps...)
	return o.Graph()
}

func run(t *testing.T, o *rmg.Overlay, steps ...string) {
	t.Helper()
	for _, s := range steps {
		f := strings.Fields(s)
		p := rmg.Path(f[1])
		var err error
		switch f[0] {
		case "node":
			err = o.AddNode(p, f[2], rmg.Props{})
		case "edge":
			err = o.AddEdge(p, f[2], f[3], f[4], rmg.Props{})
		case "set":
			err = o.Set(p, map[string]rmg.Value{f[2]: rmg.String(f[3])})
		case "retype":
			err = o.Retype(p, f[2])
		case "move":
			err = o.Move(p, rmg.Path(f[2]))
		case "remove":
			err = o.Remove(p, false)
		case "cascade":
			err = o.Remove(p, true)
		default:
			err = errors.New("no such step")
		}
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestMergeCases names each sort of conflict and what follows a move.
func TestMergeCases(t *testing.T) {
	base := []string{"node /a N", "node /b N", "node /d Dir", "node /d/f File", "edge /~ab E a b"}
	for _, c := range []struct {
		name        string
		sys, ws     []string
		want        string // conflicts
		has, hasNot []rmg.Path
	}{
		{"different elements", []string{"set /a x 1"}, []string{"set /b x 2", "node /n N"}, "", []rmg.Path{"/n"}, nil},
		{"different props", []string{"set /a x 1"}, []string{"set /a y 2"}, "", nil, nil},
		{"one prop", []string{"set /a x 1"}, []string{"set /a x 2"}, "/a.x both changed", nil, nil},
		{"one kind", []string{"retype /a X"}, []string{"retype /a Y"}, "/a kind: both changed", nil, nil},
		{"delete against modify", []string{"cascade /d"}, []string{"set /d/f x 1"}, "/d delete against modify", nil, []rmg.Path{"/d"}},
		{"modify against delete", []string{"set /d/f x 1"}, []string{"cascade /d"}, "/d delete against modify", []rmg.Path{"/d/f"}, nil},
		{"both delete", []string{"cascade /d"}, []string{"cascade /d"}, "", nil, []rmg.Path{"/d"}},
		{"both add the same", []string{"node /n N"}, []string{"node /n N"}, "", []rmg.Path{"/n"}, nil},
		{"both add", []string{"node /n N"}, []string{"node /n M"}, "/n both added", nil, nil},
		{"both add, inside differs", []string{"node /n N", "node /n/x N"}, []string{"node /n N", "node /n/y N"}, "", []rmg.Path{"/n/x", "/n/y"}, nil},
		{"end removed by the system", []string{"remove /d/f", "remove /d"}, []string{"edge /~new E a d"}, "/~new dangling edge", nil, []rmg.Path{"/~new", "/d"}},
		{"end removed by the workspace", []string{"edge /~new E a d"}, []string{"cascade /d"}, "/~new dangling edge", []rmg.Path{"/~new", "/d"}, nil},
		{"edge changed, end removed", []string{"set /~ab x 1"}, []string{"cascade /b"}, "/~ab delete against modify", []rmg.Path{"/~ab", "/b"}, nil},
		{"edit follows the system's move", []string{"move /d /e"}, []string{"set /d/f x 1"}, "", []rmg.Path{"/e/f"}, []rmg.Path{"/d"}},
		{"edit follows the workspace's move", []string{"set /d/f x 1"}, []string{"move /d /e"}, "", []rmg.Path{"/e/f"}, []rmg.Path{"/d"}},
		{"add follows a move", []string{"node /d/g File"}, []string{"move /d /e"}, "", []rmg.Path{"/e/f", "/e/g"}, []rmg.Path{"/d"}},
		{"edges follow a new id", []string{"move /a /z"}, []string{"set /~ab x 1"}, "", []rmg.Path{"/z", "/~ab"}, []rmg.Path{"/a"}},
		{"move inside a moved folder", []string{"move /d /e"}, []string{"move /d/f /d/g"}, "", []rmg.Path{"/e/g"}, []rmg.Path{"/d", "/e/f"}},
		{"both move to one place", []string{"move /d /e"}, []string{"move /d /e"}, "", []rmg.Path{"/e/f"}, []rmg.Path{"/d"}},
		{"both move to one place, one edits", []string{"move /d /e"}, []string{"move /d /e", "set /e/f x 1"}, "", []rmg.Path{"/e/f"}, []rmg.Path{"/d"}},
		{"both move, to two places", []string{"move /d /e"}, []string{"move /d /g"}, "/e both moved", []rmg.Path{"/e/f"}, []rmg.Path{"/d", "/g"}},
		{"each into the other", []string{"move /d /a/d"}, []string{"cascade /~ab", "move /a /d/a"}, "/a delete against modify; /d delete against modify", []rmg.Path{"/a/d"}, nil},
		{
			"a place used twice",
			[]string{"move /d/f /x"},
			[]string{"node /d/g File", "move /d/f /b/g", "cascade /b", "move /d /b"},
			"/d delete against modify",
			[]rmg.Path{"/x", "/b/g"},
			nil,
		},
		{"move against delete", []string{"move /d /e"}, []string{"cascade /d"}, "", []rmg.Path{"/e"}, []rmg.Path{"/d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, base...)
			s, w := rmg.NewOverlay(g), rmg.NewOverlay(g)
			run(t, s, c.sys...)
			run(t, w, c.ws...)
			out, conflicts, err := rmg.Merge(rmg.MergeInput{Base: g, System: s.Graph(), Workspace: w.Graph(), SystemMoves: s.Moves(), WorkspaceMoves: w.Moves()})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range conflicts {
				p := string(x.Path)
				if x.Prop != "" {
					p += "." + x.Prop
				}
				got = append(got, p+" "+x.Reason)
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("conflicts %q, want %q", text, c.want)
			}
			for _, p := range c.has {
				if _, ok := out.Get(p); !ok {
					t.Errorf("there is no %s in\n%s", p, dumpGraph(out))
				}
			}
			for _, p := range c.hasNot {
				if _, ok := out.Get(p); ok {
					t.Errorf("there is %s in\n%s", p, dumpGraph(out))
				}
			}
		})
	}
}

// TestMergeText: content merges through the reader handed in, and what fails
// there fails the merge.
func TestMergeTextStrategy(t *testing.T) {
	store := map[[32]byte][]byte{}
	put := func(b []byte) (rmg.Blob, error) {
		sum := sha256.Sum256(b)
		store[sum] = bytes.Clone(b)
		return rmg.Blob{Sum: sum, Size: int64(len(b))}, nil
	}
	read := func(b rmg.Blob) ([]byte, error) {
		x, ok := store[b.Sum]
		if !ok {
			return nil, errors.New("no content")
		}
		return x, nil
	}
	file := func(content any) rmg.Graph {
		v, ok := content.(rmg.Value)
		if !ok {
			b, _ := put([]byte(content.(string)))
			v = rmg.BlobOf(b)
		}
		o := rmg.NewOverlay(rmg.Graph{})
		if err := o.AddNode("/f", "File", rmg.PropsOf(map[string]rmg.Value{"blob": v})); err != nil {
			t.Fatal(err)
		}
		return o.Graph()
	}
	text := func(kind, prop string) rmg.Strategy {
		if kind == "File" && prop == "blob" {
			return rmg.StrategyText
		}
		return rmg.StrategyConflict
	}
	unknown := rmg.BlobOf(rmg.Blob{Size: 3})
	const base = "1\n2\n3\n4\n5\n"
	for _, c := range []struct {
		name      string
		sys, ws   any
		strategy  func(string, string) rmg.Strategy
		want      string
		conflicts int
		fails     bool
	}{
		{"apart", "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", text, "one\n2\n3\n4\nfive\n", 0, false},
		{"one line", "one\n2\n3\n4\n5\n", "uno\n2\n3\n4\n5\n", text, "one\n2\n3\n4\n5\n", 1, false},
		{"no strategy", "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", nil, "one\n2\n3\n4\n5\n", 1, false},
		{"no blob", "one\n2\n3\n4\n5\n", rmg.String("x"), text, "one\n2\n3\n4\n5\n", 1, false},
		{"no content", "one\n2\n3\n4\n5\n", unknown, text, "", 0, true},
		{"unknown strategy", "one\n", "two\n", func(string, string) rmg.Strategy { return "newest" }, "", 0, true},
	} {
		g, conflicts, err := rmg.Merge(rmg.MergeInput{Base: file(base), System: file(c.sys), Workspace: file(c.ws), Strategy: c.strategy, Text: read, PutText: put})
		if (err != nil) != c.fails {
			t.Errorf("%s: error %v", c.name, err)
		}
		if err != nil {
			continue
		}
		e, _ := g.Node("f")
		v, _ := e.Props.Get("blob")
		b, _ := v.AsBlob()
		if got := string(store[b.Sum]); got != c.want || len(conflicts) != c.conflicts {
			t.Errorf("%s: %q with conflicts %v, want %q", c.name, got, conflicts, c.want)
		}
	}
}
