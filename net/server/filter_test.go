package server

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// varied is a log whose records differ in all that is filtered by.
func varied() *fake {
	f := newFake(0)
	for i := range 24 {
		f.add(rmg.Root.Join([]string{"svc", "doc"}[i%2], fmt.Sprintf("n%02d", i)))
		r := &f.records[i]
		r.Author = []string{"ada@host", "bob@host", "git"}[i%3]
		r.Cause = []string{"p1", "p1/implement", "sync", "p12"}[i%4]
		r.View = []string{"system", "sws:w5"}[i/12]
		r.Reason = []string{"Fix it", "made green", "x"}[i/8]
		if i%5 == 0 {
			r.Ops = append(r.Ops, rewrite.Op{Op: rewrite.Write, Path: r.Ops[0].Path.Child("f")})
		}
	}
	return f
}

// Each filter lets through what it says, all of them together what all let
// through; whichever way the log is read, in pages, and as it comes.
func TestFilters(t *testing.T) {
	f := varied()
	at := func(seq uint64) string { return f.records[seq-1].At.Format(time.RFC3339Nano) }
	is := map[string]func(r kernel.Record) bool{
		"path=/svc":                        func(r kernel.Record) bool { return strings.HasPrefix(string(r.Ops[0].Path), "/svc") },
		"path=/svc/n04":                    func(r kernel.Record) bool { return r.Seq == 5 },
		"author=bob@host":                  func(r kernel.Record) bool { return r.Author == "bob@host" },
		"cause=p1":                         func(r kernel.Record) bool { return r.Cause == "p1" || r.Cause == "p1/implement" },
		"process=p12":                      func(r kernel.Record) bool { return r.Cause == "p12" },
		"view=sws:w5":                      func(r kernel.Record) bool { return r.View == "sws:w5" },
		"op=write":                         func(r kernel.Record) bool { return len(r.Ops) == 2 },
		"text=GREEN":                       func(r kernel.Record) bool { return r.Reason == "made green" },
		"since=" + url.QueryEscape(at(7)):  func(r kernel.Record) bool { return r.Seq >= 7 },
		"until=" + url.QueryEscape(at(20)): func(r kernel.Record) bool { return r.Seq <= 20 },
	}
	queries := []string{"path=/svc&author=ada@host&cause=p1", "view=system&op=write&since=" + url.QueryEscape(at(3)), "since=" + at(9) + "&until=" + at(9)}
	for q := range is {
		queries = append(queries, q)
	}
	s, _ := newServer(t, f, nil)
	for _, q := range queries {
		var want []uint64
		for _, r := range f.records {
			ok := true
			for part := range strings.SplitSeq(q, "&") {
				test := is[part]
				switch {
				case test != nil:
				case part == "author=ada@host":
					test = func(r kernel.Record) bool { return r.Author == "ada@host" }
				case part == "view=system":
					test = func(r kernel.Record) bool { return r.View == "system" }
				case strings.HasPrefix(part, "since="):
					text, _ := url.QueryUnescape(part[6:])
					test = func(r kernel.Record) bool { return r.At.Format(time.RFC3339Nano) >= text }
				case strings.HasPrefix(part, "until="):
					test = func(r kernel.Record) bool { return r.At.Format(time.RFC3339Nano) <= part[6:] }
				}
				ok = ok && test(r)
			}
			if ok {
				want = append(want, r.Seq)
			}
		}
		if len(want) == 0 || len(want) == len(f.records) {
			t.Errorf("%s tells nothing apart", q)
		}
		for _, limit := range []int{2, 100} {
			var up, down []uint64
			for from := uint64(1); from != 0; {
				ans := answer[wire.LogAnswer](t, s, request("GET", fmt.Sprintf("/log?from=%d&limit=%d&%s", from, limit, q), ""))
				for _, r := range ans.Records {
					up = append(up, r.Seq)
				}
				from = ans.Next
			}
			for to := uint64(99); to != 0; {
				ans := answer[wire.LogAnswer](t, s, request("GET", fmt.Sprintf("/log?to=%d&limit=%d&%s", to, limit, q), ""))
				for _, r := range ans.Records {
					down = append([]uint64{r.Seq}, down...)
				}
				to = ans.Next
			}
			if fmt.Sprint(up) != fmt.Sprint(want) || fmt.Sprint(down) != fmt.Sprint(want) {
				t.Errorf("%s by %d: %v and %v, want %v", q, limit, up, down, want)
			}
		}
	}
	for _, q := range []string{"op=jump", "view=seq:3", "since=yesterday", "until=1"} {
		refusal(t, s, request("GET", "/log?"+q, ""), 400)
		refusal(t, s, request("GET", "/events?"+q, ""), 400)
	}
}

// The client's filters are the server's, for the log and for what comes.
func TestClientFilters(t *testing.T) {
	f := varied()
	c := serveOn(t, f, nil)
	want := client.Filter{
		Path: "/svc", Process: "p1", Author: "ada@host", Cause: "p1", View: "system", Op: "add_node", Text: "fix",
		Since: f.records[0].At, Until: f.records[10].At,
	}
	ans, err := c.Log(context.Background(), client.LogQuery{Filter: want})
	if err != nil || len(ans.Records) != 1 || ans.Records[0].Seq != 1 {
		t.Errorf("%+v %v", ans, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var got []uint64
	for e, err := range c.Events(ctx, client.EventsQuery{From: 1, Filter: client.Filter{Author: "bob@host", Text: "green"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Record != nil {
			got = append(got, e.Record.Seq)
		}
		if len(got) == 2 {
			break
		}
	}
	if fmt.Sprint(got) != "[11 14]" {
		t.Errorf("events: %v", got)
	}
}
