package server

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func selecting(selector, more string) string {
	return "/rmg?select=" + url.QueryEscape(selector) + more
}

func TestSelectGolden(t *testing.T) {
	f := newFake(0)
	f.views["system"] = nested()
	s, _ := newServer(t, f, nil)
	var out bytes.Buffer
	for _, selector := range []string{"/", "/*", "/**/c", "/a/b/~*", "/a->", `/**[at={"$ref":"/z"}]`, "/nowhere/*"} {
		fmt.Fprintf(&out, "%s\n%s", selector, do(s, request("GET", selecting(selector, ""), "")).Body)
	}
	golden(t, "select.golden", out.Bytes())
}

// What one call does not take, and why.
func TestSelectRefusals(t *testing.T) {
	f := newFake(3)
	s, _ := newServer(t, f, nil)
	next := answer[wire.SelectAnswer](t, s, request("GET", selecting("/svc/*", "&limit=1"), "")).Next
	dump := answer[wire.GraphAnswer](t, s, request("GET", "/rmg?path=/svc&limit=1", "")).Next
	for _, target := range []string{
		selecting("/svc/*", "&path=/svc"), selecting("/svc/*", "&depth=1"), selecting("/svc/*", "&path="), "/rmg?select=", selecting("svc", ""),
		selecting("/svc/*[", ""), selecting("/svc/*", "&limit=0"), selecting("/svc/*", "&limit=10001"), selecting("/svc/*", "&cursor=x"),
		selecting("/svc/*", "&cursor="+dump), "/rmg?path=/svc&cursor=" + next, selecting("/svc/**", "&cursor="+next),
	} {
		if p := refusal(t, s, request("GET", target, ""), 400); p.Code != rmg.Invalid || p.Detail == "" {
			t.Errorf("%s: %+v", target, p)
		}
	}
	if p := refusal(t, s, request("GET", selecting("/svc/*", "&view=seq:99"), ""), 404); p.Code != rmg.NotFound {
		t.Errorf("%+v", p)
	}
}

// The pages of a selector, whatever their size and whatever one call may look
// at, are all that it selects, in order, none twice; and of one version, though
// the system moves on meanwhile.
func TestSelectPages(t *testing.T) {
	f := newFake(9)
	o := rmg.NewOverlay(f.views["system"].World)
	for _, p := range []rmg.Path{"/svc/n004/in", "/svc/n004/in/deep", "/x", "/y"} {
		must(o.AddNode(p, "Node", rmg.Props{}))
	}
	must(o.AddEdge("/svc/~e", "knows", "n000", "n001", rmg.Props{}))
	l := rmg.NewOverlay(rmg.Graph{})
	must(l.AddNode("/proc", "Dir", rmg.Props{}))
	must(l.AddNode("/proc/p1", "Process", rmg.Props{}))
	pinned := kernel.View{Name: "seq:9", Seq: 9, World: o.Graph(), Ledger: l.Graph()}
	now := pinned
	now.Name = "system"
	f.views["seq:9"] = pinned
	later := 0
	for _, budget := range []int{0, 7, 3} {
		s, _ := newServer(t, f, func(opt *Options) { opt.Limits.Find = budget })
		for _, selector := range []string{"/**", "/proc/*", "/svc/*[n>=4]", "/**/deep", "/nowhere/**"} {
			var want []rmg.Path
			sel, err := rmg.ParseSelector(selector)
			must(err)
			root, _ := pinned.Get(rmg.Root)
			for m, err := range root.Graph.Find(sel, rmg.FindOptions{}) {
				must(err)
				want = append(want, m.Path)
			}
			for limit := 1; limit <= 20; limit += 3 {
				f.mu.Lock()
				f.views["system"] = now
				f.mu.Unlock()
				var got []rmg.Path
				next, pages := "", 0
				for ; pages == 0 || next != ""; pages++ {
					a := answer[wire.SelectAnswer](t, s, request("GET", selecting(selector, fmt.Sprintf("&limit=%d&cursor=%s", limit, next)), ""))
					if a.Digest != pinned.Digest() || len(a.Matches) > limit || pages > 50 {
						t.Fatalf("%s, budget %d, limit %d: page %d is %+v", selector, budget, limit, pages, a)
					}
					for _, m := range a.Matches {
						got = append(got, m.Path)
					}
					next = a.Next
					later++
					f.add(rmg.Root.Join("svc", "n004", fmt.Sprint("later", later)))
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, budget %d, limit %d: %v, want %v", selector, budget, limit, got, want)
				}
				if budget == 3 && selector == "/**/deep" && pages < 4 {
					t.Errorf("%d pages: the budget is not kept", pages)
				}
			}
		}
	}
}

// A level whose edges alone take all that one call may look at is refused, not
// asked for without end.
func TestSelectLimit(t *testing.T) {
	f := newFake(30)
	s, _ := newServer(t, f, func(opt *Options) { opt.Limits.Find = 5 })
	o := rmg.NewOverlay(f.views["system"].World)
	for i := range 20 {
		must(o.AddEdge(rmg.Root.Child("svc").EdgeChild(fmt.Sprint(i)), "knows", "n000", fmt.Sprintf("n%03d", i), rmg.Props{}))
	}
	f.views["system"] = kernel.View{Name: "system", World: o.Graph()}
	first := answer[wire.SelectAnswer](t, s, request("GET", selecting("/svc/n000->knows", ""), ""))
	if p := refusal(t, s, request("GET", selecting("/svc/n000->knows", "&cursor="+first.Next), ""), 429); p.Code != rmg.Limit || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}
