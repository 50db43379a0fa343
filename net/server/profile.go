package server

import (
	"bytes"
	"runtime/pprof"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// The lengths of a profile of the processor's time, in seconds.
const (
	defaultProfile = 10
	maxProfile     = 60
)

// cpuProfile is the profile that takes time to make; the others are there.
const cpuProfile = "cpu"

// profile answers with a profile of the daemon. It shows paths and names out of
// everybody's work, and takes processor time: it is for who may do everything, and
// never leaves the machine by itself.
func (x *exchange) profile() (any, error) {
	if !overSocket(x.r) {
		return nil, wire.NewProblem(rmg.Denied, "profiles are to be had over the daemon's unix socket only")
	}
	if c := x.caller.Told(); c.Caps&kernel.CapAdmin == 0 {
		return nil, wire.NewProblem(rmg.Denied, "%s lacks the capability admin", c.Name).WithHint("the owner of the daemon has it: ask without a token")
	}
	seconds, err := x.count("seconds", defaultProfile, 1, maxProfile)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if name := x.id(); name == cpuProfile {
		err = x.profileTime(&out, time.Duration(seconds)*time.Second)
	} else if p := pprof.Lookup(name); p == nil {
		return nil, wire.NewProblem(rmg.NotFound, "there is no profile %q", name).WithHint("there are cpu, heap, allocs, goroutine, block, mutex and threadcreate")
	} else {
		err = p.WriteTo(&out, 0)
	}
	if err != nil {
		return nil, err
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	_, _ = x.w.Write(out.Bytes()) // a client that went away needs no answer
	return nil, nil
}

// profileTime profiles the processor's time for so long, or until the caller goes
// away or the server ends.
func (x *exchange) profileTime(out *bytes.Buffer, d time.Duration) error {
	if err := pprof.StartCPUProfile(out); err != nil {
		return again(d, "another profile of the processor's time is being made")
	}
	defer pprof.StopCPUProfile()
	end := time.NewTimer(d)
	defer end.Stop()
	select {
	case <-end.C:
		return nil
	case <-x.r.Context().Done():
		return x.r.Context().Err()
	case <-x.s.ctx.Done():
		return wire.NewProblem(rmg.Unavailable, "the daemon is stopping")
	}
}
