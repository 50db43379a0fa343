package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"jitos.dev/rmg"
)

// The limits of asking again.
const (
	maxTries  = 6
	firstWait = time.Second     // where the server names none; doubled each time
	maxWait   = 5 * time.Minute // a server that wants more is not waited for
)

// Fault is a request that was not answered.
type Fault struct {
	Status int           // of HTTP; 0 if it did not come so far
	After  time.Duration // that the server asks to wait; 0 if it says nothing
	Again  bool          // whether another try may mend it
	Msg    string
}

func (f *Fault) Error() string {
	if f.Status == 0 {
		return f.Msg
	}
	return fmt.Sprintf("%d %s: %s", f.Status, http.StatusText(f.Status), f.Msg)
}

// errCutOff is a stream that ended before the answer did.
var errCutOff = &Fault{Msg: "the stream ended before the answer did", Again: true}

// againStatus reports whether a status is one that passes.
func againStatus(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// transportFault is an error of the way to the server. A cassette's miss and the
// end of the context stay what they are.
func transportFault(err error) error {
	var miss *Miss
	if errors.As(err, &miss) {
		return miss
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &Fault{Msg: err.Error(), Again: true}
}

// after reads how long a server asks to wait: in milliseconds, seconds, or until
// a date.
func after(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	text := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// vendorMessage digs the sentence out of an error's body.
func vendorMessage(body, other string) string {
	var doc struct {
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal([]byte(body), &doc) == nil {
		var in struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(doc.Error, &in) == nil && in.Message != "" {
			return in.Message
		}
		if doc.Message != "" {
			return doc.Message
		}
	}
	return strings.TrimSpace(other)
}

// asking is a request that is repeated until it is answered.
type asking struct {
	model Model
	wait  func(ctx context.Context, d time.Duration) error
	say   func(string)
	hear  func()
}

// reply asks until there is an answer, the fault is one that stays, or the tries
// are used up.
func (a asking) reply(ctx context.Context, r Request) (Reply, error) {
	for try := 1; ; try++ {
		got, err := a.model.Reply(ctx, r, a.hear)
		var f *Fault
		if err == nil || !errors.As(err, &f) {
			return got, err
		}
		wait := f.After
		if wait == 0 {
			wait = firstWait << (try - 1)
		}
		switch {
		case !f.Again:
			return got, &rmg.Error{Op: "llm", Code: rmg.Unavailable, Msg: fmt.Sprintf("%s: %v", a.model.Name(), f), Hint: "look at the model's name, the key and the base URL that the daemon was started with"}
		case try == maxTries:
			return got, &rmg.Error{Op: "llm", Code: rmg.Unavailable, Msg: fmt.Sprintf("%s: %v, for the %dth time", a.model.Name(), f, try), Hint: "jitos retry goes on later"}
		case wait > maxWait:
			return got, &rmg.Error{Op: "llm", Code: rmg.Unavailable, Msg: fmt.Sprintf("%s: %v; it asks to wait %v, and %v is the most", a.model.Name(), f, wait, maxWait), Hint: "jitos retry goes on later"}
		}
		a.say(fmt.Sprintf("%s: %v; asking again in %v", a.model.Name(), f, wait))
		if err := a.wait(ctx, wait); err != nil {
			return got, err
		}
	}
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
