package workers

import (
	"fmt"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/sandbox"
)

// Reach gives a command hosts, and tells each connection as it ends.
func Reach(c *sandbox.Command, hosts []string, emit func(work.Event)) {
	c.Hosts = hosts
	if len(hosts) == 0 || emit == nil {
		return
	}
	c.Connected = func(n work.Connection) {
		text := fmt.Sprintf("network: %s %s, %d bytes sent, %d received", n.Host, n.Verdict, n.Sent, n.Received)
		if n.Code != "" {
			text = fmt.Sprintf("network: %s %s (%s): %s", n.Host, n.Verdict, n.Code, n.Why)
		}
		emit(work.Event{Text: text, Data: map[string]any{"stream": "network", "host": n.Host, "verdict": n.Verdict}})
	}
}

// Reached says what a command was confined by and whom it reached, for the output
// of its task.
func Reached(out sandbox.Outcome) map[string]rmg.Value {
	m := map[string]rmg.Value{"sandbox": rmg.String(out.InForce.Tier), "network": rmg.String(out.InForce.Network)}
	if len(out.InForce.Hosts) > 0 {
		var hosts []rmg.Value
		for _, h := range out.InForce.Hosts {
			hosts = append(hosts, rmg.String(h))
		}
		m["hosts"] = rmg.List(hosts...)
	}
	if len(out.Connections) == 0 {
		return m
	}
	var list []rmg.Value
	for _, c := range out.Connections {
		v := map[string]rmg.Value{"host": rmg.String(c.Host), "verdict": rmg.String(c.Verdict), "sent": rmg.Int(c.Sent), "received": rmg.Int(c.Received)}
		if c.Code != "" {
			v["code"], v["why"] = rmg.String(string(c.Code)), rmg.String(c.Why)
		}
		list = append(list, rmg.Map(v))
	}
	m["connections"] = rmg.List(list...)
	return m
}
