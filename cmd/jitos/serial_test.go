package main

import (
	"strings"
	"testing"

	"jitos.dev/work"
)

// TestTwoWorkersMeetWhereOneOnlyRead: two real processes, of which one reads a price
// and writes a total, and the other raises the price and lands first. Under
// serializable isolation the total does not land, and the file is named, be it that
// the read was recorded or that it was declared where it could not be; and what was
// not read is not in the way.
func TestTwoWorkersMeetWhereOneOnlyRead(t *testing.T) {
	t.Parallel()
	f := newForge(t, "app", map[string]string{
		".jitos/gates.yaml": "gates_version: \"1\"\ngates:\n  - {name: none, command: [\"true\"]}\n",
		"price.txt":         "1\n", "other.txt": "1\n", "total.txt": "0\n",
		"attacks/price.sh": "cat price.txt >/dev/null; echo x >>total.txt\n",
		// Nothing is recorded of a command that may have gone elsewhere.
		"attacks/gone.sh":  "/usr/sbin/chroot . /none 2>/dev/null; cat price.txt >/dev/null; echo x >>total.txt\n",
		"attacks/raise.sh": "echo x >>price.txt\n", "attacks/touch.sh": "echo x >>other.txt\n",
	})
	f.approve("none")
	recorded, declared := &work.Reads{By: work.ReadsBySeccomp}, &work.Reads{By: work.ReadsDeclared, Names: []string{"nothing"}}
	for _, c := range []struct {
		name, isolation, task string
		params                map[string]any
		meddler               *work.Reads
		meanwhile             string
		status, told          string
	}{
		{"read and raised", "serializable", "Shell", map[string]any{"script": "sh attacks/price.sh"}, recorded, "raise.sh", "failed", "/repo/app/main/price.txt: 1 conflict, first: read against modify"},
		{"not read", "serializable", "Shell", map[string]any{"script": "sh attacks/price.sh"}, recorded, "touch.sh", "landed", "what counts as read was recorded (seccomp)"},
		{"nobody cares", "snapshot", "Shell", map[string]any{"script": "sh attacks/price.sh"}, recorded, "raise.sh", "landed", "green none"},
		{"declared and raised", "serializable", "Declares", map[string]any{"script": "sh attacks/gone.sh", "inputs": "price.*"}, declared, "raise.sh", "failed", "/repo/app/main/price.txt: 1 conflict, first: read against modify"},
		{"not declared", "serializable", "Declares", map[string]any{"script": "sh attacks/gone.sh", "inputs": "price.*"}, declared, "touch.sh", "landed", "what counts as read was declared: nothing, price.*"},
		{"not known", "serializable", "Shell", map[string]any{"script": "sh attacks/gone.sh"}, declared, "touch.sh", "failed", "/repo/app/main/other.txt: 1 conflict, first: read against modify"},
	} {
		f.med.reads, f.med.meet = c.meddler, func() { f.lands("Shell", c.meanwhile) }
		p := f.intent(c.isolation, c.task, c.params)
		if p.Status != c.status || !strings.Contains(told(p), c.told) {
			t.Errorf("%s: it does not say %q:\n%s", c.name, c.told, told(p))
		}
	}
}
