package main

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"jitos.dev/internal/heap"
	"jitos.dev/rewrite"
	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
	"jitos.dev/sched"
)

// rulesRows measure rules and the scheduler on benchmarks whose definitions are
// others'; the figures count for nothing unless the counts of rewrites, nodes and
// edges are those of the definition.
func rulesRows() []measure {
	return slices.Concat(ringRows(), sierpinskiRows(), trainRows(), drainRows())
}

// ringRules is the mutual exclusion ring, short transformation sequence (Varro,
// Schurr, Varro 2005).
const ringRules = `
kinds: {Process: {}, Resource: {}, next: {}, request: {}, token: {}, held_by: {}, release: {}}
rules:
  - rule: new
    match: ["p1:Process -[e:next]-> p2:Process"]
    delete: [e]
    create: ["p1 -[next]-> p:Process -[next]-> p2"]
  - rule: mount
    match: ["p:Process"]
    create: ["r:Resource -[token]-> p"]
  - rule: request
    match: ["p:Process", "r:Resource"]
    unless: ["r -[held_by]-> p", "p -[request]-> _"]
    create: ["p -[request]-> r"]
  - rule: take
    match: ["r:Resource -[t:token]-> p:Process -[q:request]-> r"]
    delete: [t, q]
    create: ["r -[held_by]-> p"]
  - rule: release
    match: ["r:Resource -[h:held_by]-> p:Process"]
    unless: ["p -[request]-> _"]
    delete: [h]
    create: ["r -[release]-> p"]
  - rule: give
    match: ["r:Resource -[x:release]-> p1:Process -[next]-> p2:Process"]
    delete: [x]
    create: ["r -[token]-> p2"]
`

// graphWith is a graph that is written by hand.
func graphWith(fn func(node func(id, kind string, props map[string]rmg.Value), edge func(id, kind, from, to string))) rmg.Graph {
	var nodes, edges []rmg.Element
	fn(func(id, kind string, props map[string]rmg.Value) {
		nodes = append(nodes, rmg.Element{ID: id, Kind: kind, Props: rmg.PropsOf(props)})
	}, func(id, kind, from, to string) {
		edges = append(edges, rmg.Element{ID: id, Kind: kind, From: from, To: to})
	})
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddAll(rmg.Root, slices.Values(nodes), slices.Values(edges)))
	return o.Graph()
}

// working is rules on an image of a graph.
func working(g rmg.Graph, doc string) (*rule.Image, *rule.Run, error) {
	set, err := rule.Load("bench.yaml", []byte(doc), nil)
	if err != nil {
		return nil, nil, err
	}
	m, err := rule.NewImage(g, rule.Options{})
	if err != nil {
		return nil, nil, err
	}
	run, err := rule.NewRun(m, set, rule.RunOptions{Fuel: math.MaxInt})
	return m, run, err
}

// finish writes what rules did, takes the digest, and compares the counts.
func finish(m *rule.Image, g rmg.Graph, rewrites, nodes, edges int) error {
	o := rmg.NewOverlay(g)
	if err := m.Write(o); err != nil {
		return err
	}
	g = o.Graph()
	g.Digest()
	if n, e := g.Len(); m.Rewrites() != rewrites || n != nodes || e != edges {
		return fmt.Errorf("%d rewrites, %d nodes, %d edges; they must be %d, %d, %d", m.Rewrites(), n, e, rewrites, nodes, edges)
	}
	return nil
}

// ringTime is the time of the whole sequence, from the two processes to the graph
// with its digest.
func ringTime(n int) (float64, error) {
	g := graphWith(func(node func(string, string, map[string]rmg.Value), edge func(string, string, string, string)) {
		node("a", "Process", nil)
		node("b", "Process", nil)
		edge("ab", "next", "a", "b")
		edge("ba", "next", "b", "a")
	})
	return collected(func() error {
		m, run, err := working(g, ringRules)
		if err != nil {
			return err
		}
		ok, err := run.Program(fmt.Sprintf("new*%d; mount; request*%d; (take; release; give)*%d", n-2, n, n))
		if err != nil || !ok {
			return fmt.Errorf("the program ends with %v, %v", ok, err)
		}
		return finish(m, g, 5*n-1, n+1, n+1)
	})
}

func ringRows() []measure {
	return []measure{
		{"rules/ring/1e5", func() (row, error) {
			xs, err := median(func() (float64, error) { return ringTime(100_000) })
			if err != nil {
				return row{}, err
			}
			return row{Value: xs[0] / 1e9, Unit: "s", N: rounds}.within(1.3, "<= 1.3 s"), nil
		}},
		{"rules/ring/1e6 to 1e5", func() (row, error) {
			small, err := ringTime(100_000)
			if err != nil {
				return row{}, err
			}
			large, err := ringTime(1_000_000)
			return row{Value: large / small, Unit: "times", N: 1}.within(12, "<= 12 times"), err
		}},
	}
}

// sierpinskiRules is the Sierpinski triangle (AGTIVE 2007).
const sierpinskiRules = `
kinds: {A: {}, B: {}, C: {}, AB: {is: [A, B]}, BC: {is: [B, C]}, CA: {is: [C, A]}, E0: {}, E1: {}}
rules:
  - rule: gen0
    match: ["a:A -[x:E0]-> b:B -[y:E0]-> c:C -[z:E0]-> a"]
    delete: [x, y, z]
    create: ["a -[E1]-> ab:AB -[E1]-> b -[E1]-> bc:BC -[E1]-> c -[E1]-> ca:CA -[E1]-> a", "ab -[E1]-> ca -[E1]-> bc -[E1]-> ab"]
  - rule: gen1
    match: ["a:A -[x:E1]-> b:B -[y:E1]-> c:C -[z:E1]-> a"]
    delete: [x, y, z]
    create: ["a -[E0]-> ab:AB -[E0]-> b -[E0]-> bc:BC -[E0]-> c -[E0]-> ca:CA -[E0]-> a", "ab -[E0]-> ca -[E0]-> bc -[E0]-> ab"]
`

func triangle() rmg.Graph {
	return graphWith(func(node func(string, string, map[string]rmg.Value), edge func(string, string, string, string)) {
		for _, k := range []string{"A", "B", "C"} {
			node(k, k, nil)
		}
		edge("ab", "E0", "A", "B")
		edge("bc", "E0", "B", "C")
		edge("ca", "E0", "C", "A")
	})
}

func powerOf3(k int) (n int) {
	n = 1
	for range k {
		n *= 3
	}
	return n
}

// sierpinski does k steps and compares the counts.
func sierpinski(k int, steps func(m *rule.Image, run *rule.Run) error) error {
	g := triangle()
	m, run, err := working(g, sierpinskiRules)
	if err != nil {
		return err
	}
	if err := steps(m, run); err != nil {
		return err
	}
	p := powerOf3(k)
	return finish(m, g, (p-1)/2, (3*p+3)/2, 3*p)
}

// sierpinskiTime is the time of k steps, one match after the other.
func sierpinskiTime(k int) (float64, error) {
	return collected(func() error {
		return sierpinski(k, func(_ *rule.Image, run *rule.Run) error {
			for i := range k {
				if _, err := run.Long([]string{"gen0", "gen1"}[i%2]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// sierpinskiTicks is the time of k steps in ticks, their search by so many workers:
// what a watch would show without the others on the machine, which is the time of
// this thread and, of each search, that of its busiest worker.
func sierpinskiTicks(k, workers int) (float64, error) {
	busiest := 0.0
	ns, err := collected(func() error {
		return sierpinski(k, func(_ *rule.Image, run *rule.Run) error {
			ticks := sched.NewRules(run, timedWorkers(workers, &busiest))
			for range k {
				if _, err := ticks.Tick(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return ns + busiest, err
}

// timedWorkers is an executor of n goroutines, among which the work is dealt out,
// and adds up the times of the busiest.
func timedWorkers(n int, busiest *float64) rewrite.Executor {
	return func(total int, do func(int)) {
		times := make([]float64, n)
		var wg sync.WaitGroup
		for w := range n {
			wg.Go(func() {
				var err error
				times[w], err = nanoseconds(func() error {
					for i := w; i < total; i += n {
						do(i)
					}
					return nil
				})
				must(err)
			})
		}
		wg.Wait()
		*busiest += slices.Max(times)
	}
}

// workersOf is an executor of n goroutines.
func workersOf(n int) rewrite.Executor {
	return func(total int, do func(int)) {
		var wg sync.WaitGroup
		jobs := make(chan int)
		for range n {
			wg.Go(func() {
				for i := range jobs {
					do(i)
				}
			})
		}
		for i := range total {
			jobs <- i
		}
		close(jobs)
		wg.Wait()
	}
}

func sierpinskiRows() []measure {
	return []measure{
		{"rules/sierpinski/12", func() (row, error) {
			x, err := sierpinskiTime(12)
			return row{Value: x / 1e9, Unit: "s", N: 1}.within(6, "<= 6 s"), err
		}},
		{"rules/sierpinski/13 to 8, each rewrite", func() (row, error) {
			xs, err := median(func() (float64, error) { return sierpinskiTime(8) })
			if err != nil {
				return row{}, err
			}
			large, err := sierpinskiTime(13)
			ratio := large / float64(powerOf3(13)-1) / (xs[0] / float64(powerOf3(8)-1))
			return row{Value: ratio, Unit: "times", N: 1}.within(2, "<= 2 times"), err
		}},
		{"rules/sierpinski/two workers to one", func() (row, error) {
			xs, err := median(func() (float64, error) { return sierpinskiTicks(10, 1) }, func() (float64, error) { return sierpinskiTicks(10, 2) })
			if err != nil {
				return row{}, err
			}
			return row{Value: xs[1] / xs[0], Unit: "times", N: rounds}.within(0.999, "< 1"), nil
		}},
	}
}

// drainRows measure n candidates of a rule that changes nothing, as the original
// engine's benchmark does: found, queued, put in a tick, answered.
func drainRows() []measure {
	const most = 30_000
	drain := func(n int, exec rewrite.Executor) (ns float64, receipts string, err error) {
		g := graphWith(func(node func(string, string, map[string]rmg.Value), _ func(string, string, string, string)) {
			for i := range n {
				node(fmt.Sprintf("n%06d", i), "A", nil)
			}
		})
		m, run, err := working(g, "rule: nothing\nmatch: [\"x:A\"]")
		if err != nil {
			return 0, "", err
		}
		ns, err = collected(func() error {
			found, err := run.Candidates(exec)
			if err != nil {
				return err
			}
			q := sched.NewQueue(sched.Limits{PerOwner: most}, nil)
			for i := range n {
				if err := q.Add(sched.Request{Owner: "bench", Key: uint64(i), Footprint: found[i].Footprint}); err != nil {
					return err
				}
			}
			answers := q.Tick(func(r *sched.Request) error { return run.Apply(&found[r.Key]) })
			for _, a := range answers {
				if a.Outcome != sched.Applied {
					return fmt.Errorf("%+v", a)
				}
			}
			if len(answers) != n || m.Rewrites() != n {
				return fmt.Errorf("%d answers, %d rewrites", len(answers), m.Rewrites())
			}
			receipts = fmt.Sprint(answers[:min(n, 100)])
			return nil
		})
		return ns, receipts, err
	}
	var out []measure
	for _, n := range []int{10, 100, 1000, 10_000, most} {
		out = append(out, measure{"rules/drain/" + sizeName(n), func() (row, error) {
			defer heap.Keep(heap.Room)() // as the daemon does, in which rules are applied
			xs, err := median(func() (float64, error) { ns, _, err := drain(n, rewrite.Serial); return ns, err })
			if err != nil {
				return row{}, err
			}
			r := row{Value: xs[0] / 1e6, Unit: "ms", Holds: true, N: rounds}
			if n == most {
				r = r.within(15, "<= 15 ms, equal receipts for 1, 2 and 8 workers")
				_, want, err := drain(n, workersOf(1))
				for _, w := range []int{2, 8} {
					_, got, err2 := drain(n, workersOf(w))
					if err != nil || err2 != nil || got != want {
						return row{}, fmt.Errorf("%d workers answer otherwise: %v, %v", w, err, err2)
					}
				}
			}
			return r, nil
		}})
	}
	return append(out, measure{"rules/single ops", func() (row, error) {
		defer heap.Keep(heap.Room)()
		xs, err := median(singleOps)
		if err != nil {
			return row{}, err
		}
		r := row{Value: xs[0] / 1e6, Unit: "million/s", Must: ">= 1 million/s with digest per tick", N: rounds}
		r.Holds = r.Value >= 1
		return r, nil
	}})
}

// singleOps is how many rewrites of one op a second are applied, as matches of a
// rule that makes a node, with a digest after each tick of a hundred thousand.
func singleOps() (float64, error) {
	const ticks, batch = 10, 100_000
	var g rmg.Graph
	ns, err := collected(func() error {
		m, run, err := working(g, "rule: make\ncreate: [\"x:A\"]")
		if err != nil {
			return err
		}
		for range ticks {
			for range batch {
				if ok, err := run.Once("make"); !ok || err != nil {
					return fmt.Errorf("%v, %v", ok, err)
				}
			}
			o := rmg.NewOverlay(g)
			if err := m.Write(o); err != nil {
				return err
			}
			g = o.Graph()
			g.Digest()
			m.Settle(g)
		}
		if n, _ := g.Len(); n != ticks*batch {
			return fmt.Errorf("%d nodes", n)
		}
		return nil
	})
	return ticks * batch / (ns / 1e9), err
}
