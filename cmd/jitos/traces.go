package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/traces"
)

// maxUntold is how many traces wait for a collector that does not answer; beyond them
// the oldest are dropped.
const maxUntold = 64

// lastWord is how long a daemon that stops waits for a collector.
const lastWord = 2 * time.Second

// tracing follows the log for a collector. It reads as any reader does: what goes on
// waits for it nowhere.
type tracing struct {
	k       *kernel.Kernel
	to      *traces.Exporter
	log     *slog.Logger
	at      uint64 // the last record that was read
	build   traces.Builder
	untold  [][]traces.Span
	failing bool
}

// newTracing follows from now on; nil if nobody asks for traces.
func newTracing(k *kernel.Kernel, endpoint string, log *slog.Logger) (*tracing, error) {
	to, err := traces.FromEnvironment(os.Getenv, endpoint)
	if to == nil || err != nil {
		return nil, err
	}
	to.Version = version
	at, _ := k.Watch(0)
	log.Info("traces", "to", to.URL)
	return &tracing{k: k, to: to, log: log, at: at}, nil
}

// run tells of the processes that begin from now on and end before ctx does.
func (t *tracing) run(ctx context.Context) {
	for ctx.Err() == nil {
		_, news := t.k.Watch(t.at)
		select {
		case <-ctx.Done():
		case <-news:
			if !t.read() {
				return
			}
			t.tell(ctx)
		}
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer stop()
	if t.read() {
		t.tell(last)
	}
}

// read takes the newest records in; false: the log cannot be read.
func (t *tracing) read() bool {
	for r, err := range t.k.Records(t.at+1, 0) {
		if err != nil {
			t.log.Warn("traces are told no longer: the log cannot be read", "err", err)
			return false
		}
		t.at = r.Seq
		if spans := t.build.Add(traces.Record{Seq: r.Seq, At: r.At, View: r.View, Author: r.Author, Cause: r.Cause, Reason: r.Reason, Ops: r.Ops}); spans != nil {
			t.untold = append(t.untold, spans)
		}
	}
	return true
}

// tell sends what was not told yet, oldest first, until one is not taken.
func (t *tracing) tell(ctx context.Context) {
	for len(t.untold) > 0 {
		if err := t.to.Send(ctx, t.untold[0]); err != nil {
			if !t.failing {
				t.log.Warn("a trace is not taken; it is tried again with the next", "to", t.to.URL, "err", err)
			}
			t.failing, t.untold = true, t.untold[max(len(t.untold)-maxUntold, 0):]
			return
		}
		t.failing, t.untold = false, t.untold[1:]
	}
}
