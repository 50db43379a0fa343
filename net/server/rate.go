package server

import (
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// maxRated is how many callers' rates are kept apart. Beyond that, those that are
// not known yet share one.
const maxRated = 4096

// rates bound how many requests each caller makes in a second: a program that went
// wild takes from its own, not from all. Whoever was silent for a second may make
// a second's worth at once.
type rates struct {
	mu    sync.Mutex // guards the fields below
	by    map[string]allowance
	swept time.Time // when callers who were silent were last forgotten
}

// allowance is how many requests a caller may make at a time.
type allowance struct {
	left float64
	at   time.Time
}

// take takes one request from a caller's allowance. If nothing is left it says
// after what time there will be.
func (r *rates) take(who string, perSecond int, now time.Time) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := float64(perSecond)
	a, known := r.by[who]
	if !known && len(r.by) >= maxRated {
		if now.Sub(r.swept) >= time.Second {
			r.swept = now
			for name, a := range r.by {
				if now.Sub(a.at) >= time.Second { // it is as if it were new
					delete(r.by, name)
				}
			}
		}
		if len(r.by) >= maxRated {
			who = ""
			a, known = r.by[who]
		}
	}
	if !known {
		a = allowance{left: most, at: now}
	}
	a.left = min(most, a.left+max(0, now.Sub(a.at).Seconds())*most)
	a.at = now
	if ok = a.left >= 1; ok {
		a.left--
	}
	if r.by == nil {
		r.by = map[string]allowance{}
	}
	r.by[who] = a
	return time.Duration((1 - a.left) / most * float64(time.Second)), ok
}

// mayNow refuses a caller who asks too often. The daemon's owner, who could as
// well stop it, is not counted.
func (s *Server) mayNow(c kernel.Caller) error {
	if c = c.Told(); c.Kind == kernel.KindPerson {
		return nil
	}
	who := strings.Join([]string{string(c.Kind), c.Name, c.Process}, "\x00")
	wait, ok := s.rates.take(who, s.opt.Limits.Rate, s.now())
	if ok {
		return nil
	}
	return again(wait, "%s asks more than %d times a second, which is the limit of a caller", c.Name, s.opt.Limits.Rate)
}

// again is the problem of a limit that passes by itself.
func again(wait time.Duration, format string, args ...any) *wire.Problem {
	p := wire.NewProblem(rmg.Limit, format, args...)
	p.RetryAfter = max(1, int(math.Ceil(wait.Seconds())))
	unit := "seconds"
	if p.RetryAfter == 1 {
		unit = "second"
	}
	return p.WithHint("try again after %d %s", p.RetryAfter, unit)
}

// overSocket reports whether a request came over the daemon's unix socket.
func overSocket(r *http.Request) bool {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ Network() string })
	return ok && a.Network() == "unix"
}
