package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (x *exchange) status() (any, error) {
	st := x.s.opt.Kernel.Status()
	return wire.Status{
		Version: x.s.opt.Version, Seq: st.Seq, Tick: st.Tick, Epoch: st.Epoch, World: st.World, Ledger: st.Ledger,
		Records: st.Records, Workspaces: st.Workspaces, Processes: st.Processes, Running: st.Running,
		Marked: st.Marked, Checked: st.Checked, Disk: st.Disk,
		Streams: int(x.s.streams.Load()), ReadOnly: st.ReadOnly, Started: wire.At(st.Started), Address: x.s.opt.Address,
	}, nil
}

// health is for whoever has no secret: it tells no more than that it answers.
func (x *exchange) health() (any, error) {
	return wire.Health{OK: true, Version: x.s.opt.Version}, nil
}

func (x *exchange) session() (any, error) {
	var in wire.SessionRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	h := holder{acts: in.Act, caller: x.caller}
	h.caller.Key = ""
	if _, bearer, _ := strings.Cut(x.r.Header.Get("Authorization"), " "); !x.s.isSecret(strings.TrimSpace(bearer)) {
		if h.token = strings.TrimSpace(bearer); in.Act {
			if _, ok := x.s.opt.Kernel.TokenCaller(h.token); !ok {
				return nil, wire.NewProblem(rmg.Denied, "a worker has no web page that acts for it")
			}
		}
	}
	token, end := x.s.sessions.token(h, x.s.now())
	return wire.Session{Token: token, Path: "/?session=" + token, Expires: wire.At(end)}, nil
}

func (x *exchange) who() (any, error) {
	c := x.caller.Told()
	return wire.Caller{Name: c.Name, Kind: string(c.Kind), Caps: c.Caps.Names(), ReadOnly: x.looks}, nil
}

func (x *exchange) document() (any, error) {
	x.w.Header().Set("Content-Type", "application/json")
	_, _ = x.w.Write(x.s.openapi) // a client that went away needs no answer
	return nil, nil
}

// metrics writes the Prometheus text format.
func (x *exchange) metrics() (any, error) {
	st := x.s.opt.Kernel.Status()
	var b strings.Builder
	metric := func(kind, name, help string, value any) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", name, help, name, kind, name, value)
	}
	readOnly := 0
	if st.ReadOnly != "" {
		readOnly = 1
	}
	metric("gauge", "jitos_seq", "Seq of the last record.", st.Seq)
	metric("gauge", "jitos_tick", "Number of the last tick.", st.Tick)
	metric("gauge", "jitos_epoch", "Starts of the daemon on its data.", st.Epoch)
	metric("gauge", "jitos_workspaces", "Workspaces in the ledger.", st.Workspaces)
	metric("gauge", "jitos_processes", "Processes in the ledger.", st.Processes)
	metric("gauge", "jitos_processes_running", "Processes that go on.", st.Running)
	metric("gauge", "jitos_disk_bytes", "Bytes of log, contents and checkpoints.", st.Disk)
	metric("gauge", "jitos_read_only", "1 if the daemon does not write.", readOnly)
	metric("gauge", "jitos_streams", "Event streams open.", x.s.streams.Load())
	metric("gauge", "jitos_start_time_seconds", "When the server began, in Unix time.", x.s.started.Unix())
	b.WriteString("# HELP jitos_http_requests_total Requests answered, by status.\n# TYPE jitos_http_requests_total counter\n")
	x.s.counts.Lock()
	counts := maps.Clone(x.s.counts.byStatus)
	x.s.counts.Unlock()
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "jitos_http_requests_total{status=\"%d\"} %d\n", status, counts[status])
	}
	x.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = x.w.Write([]byte(b.String())) // a client that went away needs no answer
	return nil, nil
}
