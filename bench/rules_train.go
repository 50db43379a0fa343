package main

import (
	"fmt"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// trainRules are the queries of the Train Benchmark (Szarnyas and others 2017)
// with their repairs.
const trainRules = `
kinds:
  Route: {props: {active: bool}}
  Semaphore: {props: {signal: string}}
  SwitchPosition: {props: {position: string}}
  TrackElement: {}
  Segment: {is: [TrackElement], props: {length: int}}
  Switch: {is: [TrackElement], props: {current: string}}
  Sensor: {}
  follows: {}
  target: {}
  monitoredBy: {}
  requires: {}
  entry: {}
  exit: {}
  connectsTo: {}
rules:
`

var trainQueries = map[string]string{
	"PosLength": `
  - rule: PosLength
    match: ["s:Segment"]
    where: s.length <= 0
    set: {s.length: "1 - s.length"}
`,
	"SwitchMonitored": `
  - rule: SwitchMonitored
    match: ["s:Switch"]
    unless: ["s -[monitoredBy]-> :Sensor"]
    create: ["s -[monitoredBy]-> n:Sensor"]
`,
	"RouteSensor": `
  - rule: RouteSensor
    match: ["r:Route -[follows]-> p:SwitchPosition -[target]-> w:Switch -[monitoredBy]-> n:Sensor"]
    unless: ["r -[requires]-> n"]
    create: ["r -[requires]-> n"]
`,
	"SwitchSet": `
  - rule: SwitchSet
    match: ["m:Semaphore <-[entry]- r:Route -[follows]-> p:SwitchPosition -[target]-> w:Switch"]
    where: ["m.signal == 'GO'", "r.active", "w.current != p.position"]
    set: {w.current: p.position}
`,
	"ConnectedSegments": `
  - rule: ConnectedSegments
    match:
      - a:Segment -[connectsTo]-> b:Segment -[connectsTo]-> c:Segment -[connectsTo]-> d:Segment -[connectsTo]-> e:Segment -[connectsTo]-> f:Segment
      - a -[monitoredBy]-> n:Sensor
      - b -[monitoredBy]-> n
      - c -[monitoredBy]-> n
      - d -[monitoredBy]-> n
      - e -[monitoredBy]-> n
      - f -[monitoredBy]-> n
    delete: [b]
    cascade: true
    create: ["a -[connectsTo]-> c"]
`,
	"SemaphoreNeighbor": `
  - rule: SemaphoreNeighbor
    match: ["m:Semaphore <-[exit]- r:Route -[requires]-> n:Sensor <-[monitoredBy]- t:TrackElement -[connectsTo]-> u:TrackElement -[monitoredBy]-> o:Sensor <-[requires]- q:Route"]
    unless: ["q -[entry]-> m"]
    create: ["q -[entry]-> m"]
`,
}

// trainFaults is how many faults of each sort a model of a size has.
func trainFaults(size int) map[string]int {
	n := trainRoutes * size
	first, third := (n+3)/4, (n+1)/4 // of four routes
	return map[string]int{"PosLength": n, "SwitchMonitored": n / 2, "RouteSensor": first, "SwitchSet": first, "ConnectedSegments": n / 2, "SemaphoreNeighbor": third}
}

// trainRoutes is how many routes a model of size 1 has.
const trainRoutes = 10

// railway is a model: routes in a ring, each with a switch and a section of
// segments before it, under one sensor. Which faults a route has goes by its
// number, so that each can be counted.
func railway(size int) rmg.Graph {
	n := trainRoutes * size
	return graphWith(func(node func(string, string, map[string]rmg.Value), edge func(string, string, string, string)) {
		text := func(s string) map[string]rmg.Value { return map[string]rmg.Value{"signal": rmg.String(s)} }
		id := func(what string, i int) string { return fmt.Sprintf("%s%06d", what, (i+n)%n) }
		tie := func(kind, from, to string) { edge(from+kind+to, kind, from, to) }
		for i := range n {
			odd := i%2 == 1
			node(id("route", i), "Route", map[string]rmg.Value{"active": rmg.Bool(true)})
			node(id("semaphore", i), "Semaphore", text("GO"))
			node(id("sensor", i), "Sensor", nil)
			node(id("switch", i), "Switch", map[string]rmg.Value{"current": rmg.String("LEFT")})
			position := "LEFT"
			if odd { // SwitchSet
				position = "RIGHT"
			}
			node(id("position", i), "SwitchPosition", map[string]rmg.Value{"position": rmg.String(position)})
			segments := 5
			if odd { // ConnectedSegments
				segments = 6
			}
			before := ""
			for k := range segments {
				at := fmt.Sprintf("%s-%d", id("segment", i), k)
				length := int64(10)
				if k == 3 { // PosLength
					length = -4
				}
				node(at, "Segment", map[string]rmg.Value{"length": rmg.Int(length)})
				tie("monitoredBy", at, id("sensor", i))
				if before != "" {
					tie("connectsTo", before, at)
				}
				before = at
			}
			tie("connectsTo", before, id("switch", i))
			tie("follows", id("route", i), id("position", i))
			tie("target", id("position", i), id("switch", i))
			tie("exit", id("route", i), id("semaphore", i))
			if !odd { // SwitchMonitored
				tie("monitoredBy", id("switch", i), id("sensor", i))
			}
			if i%4 != 0 { // RouteSensor
				tie("requires", id("route", i), id("sensor", i))
			}
		}
		for i := range n {
			tie("connectsTo", id("switch", i), id("segment", i+1)+"-0")
			if i%4 != 2 { // SemaphoreNeighbor
				tie("entry", id("route", i+1), id("semaphore", i))
			}
		}
	})
}

// firstBatch is the time of the first evaluation of a query, and of one more after
// each of some repairs.
func firstBatch(query string, size int) (first, again float64, err error) {
	const repairs = 10
	g := railway(size)
	_, run, err := working(g, trainRules+trainQueries[query])
	if err != nil {
		return 0, 0, err
	}
	first, err = collected(func() error {
		found, err := run.Candidates(rewrite.Serial)
		if err != nil {
			return err
		}
		if want := trainFaults(size)[query]; len(found) != want {
			return fmt.Errorf("%s: %d matches, and there are %d faults", query, len(found), want)
		}
		again, err = nanoseconds(func() error {
			for i := range repairs {
				if err := run.Apply(&found[i]); err != nil {
					return err
				}
				if more, err := run.Candidates(rewrite.Serial); err != nil || len(more) > 0 {
					return fmt.Errorf("%s: %d matches after a repair, %v", query, len(more), err)
				}
			}
			return nil
		})
		return err
	})
	return first - again, again / repairs, err
}

func trainRows() []measure {
	var out []measure
	for _, query := range []string{"SwitchMonitored", "RouteSensor", "SwitchSet", "SemaphoreNeighbor"} {
		out = append(out, measure{"rules/train/" + query + "/64", func() (row, error) {
			x, _, err := firstBatch(query, 64)
			return row{Value: x / 1e6, Unit: "ms", Holds: true, N: 1}, err
		}})
	}
	for _, query := range []string{"PosLength", "ConnectedSegments"} {
		out = append(out, measure{"rules/train/" + query + "/64", func() (row, error) {
			xs, err := median(func() (float64, error) { first, _, err := firstBatch(query, 64); return first, err })
			if err != nil {
				return row{}, err
			}
			return row{Value: xs[0] / 1e6, Unit: "ms", Holds: true, N: rounds}, nil
		}}, measure{"rules/train/" + query + "/first batch, 256 to 64", func() (row, error) {
			xs, err := median(func() (float64, error) { x, _, err := firstBatch(query, 64); return x, err }, func() (float64, error) { x, _, err := firstBatch(query, 256); return x, err })
			if err != nil {
				return row{}, err
			}
			return row{Value: xs[1] / xs[0], Unit: "times", N: rounds}.within(6, "<= 6 times: linear"), nil
		}}, measure{"rules/train/" + query + "/after a repair, 256 to 16", func() (row, error) {
			xs, err := median(func() (float64, error) { _, x, err := firstBatch(query, 16); return x, err }, func() (float64, error) { _, x, err := firstBatch(query, 256); return x, err })
			if err != nil {
				return row{}, err
			}
			return row{Value: xs[1] / xs[0], Unit: "times", N: rounds}.within(2, "<= 2 times"), nil
		}})
	}
	return out
}
