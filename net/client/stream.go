package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// EventsQuery asks for records as they come.
type EventsQuery struct {
	From  uint64 // first record wanted; 0 is those after now
	After uint64 // resume: the id of the last event seen; wins over From
	Ops   int    // at most so many ops of each record; 0 is all
	Filter
}

// Events streams records until ctx ends, the caller stops, or the daemon does:
// then one last pair carries the error, Unavailable if the stream broke off.
// Resume with After.
func (c *Client) Events(ctx context.Context, q EventsQuery) iter.Seq2[wire.Event, error] {
	k := call{
		method: http.MethodGet, path: "/events",
		query: q.Filter.values(values("from", number(q.From), "ops", number(q.Ops))),
	}
	if q.After > 0 {
		k.header = http.Header{"Last-Event-Id": {fmt.Sprint(q.After)}}
	}
	return func(yield func(wire.Event, error) bool) {
		for m, err := range c.stream(ctx, k) {
			e := wire.Event{ID: m.id}
			if err == nil {
				switch m.name {
				case wire.EventSnapshot:
					e.Snapshot, err = decode[wire.Snapshot](m)
				case wire.EventRecord:
					e.Record, err = decode[wire.Record](m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// ProcessLog streams the lines of a process after the given one (0: all) and
// ends with an End. Without follow it ends when the lines there are have been
// sent.
func (c *Client) ProcessLog(ctx context.Context, id string, after uint64, follow bool) iter.Seq2[wire.LogEvent, error] {
	k := call{
		method: http.MethodGet, path: "/process/" + segment(id) + "/log",
		query: values("after", number(after), "follow", strconv.FormatBool(follow)),
	}
	return func(yield func(wire.LogEvent, error) bool) {
		for m, err := range c.stream(ctx, k) {
			var e wire.LogEvent
			if err == nil {
				switch m.name {
				case wire.EventLine:
					e.Line, err = decode[wire.Line](m)
				case wire.EventEnd:
					e.End, err = decode[wire.ProcessEnd](m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil || e.End != nil {
				return
			}
		}
	}
}

// Exec runs a command in a workspace and streams what it says; the last event
// is its Exit. Ending ctx, or the loop, stops the command.
func (c *Client) Exec(ctx context.Context, id string, r wire.ExecRequest) iter.Seq2[wire.ExecEvent, error] {
	k := call{method: http.MethodPost, path: "/sws/" + segment(id) + "/exec", body: r}
	return func(yield func(wire.ExecEvent, error) bool) {
		for m, err := range c.stream(ctx, k) {
			var e wire.ExecEvent
			if err == nil {
				switch m.name {
				case wire.EventOutput:
					e.Output, err = decode[work.Event](m)
				case wire.EventExit:
					e.Exit, err = decode[wire.ExecExit](m)
				case wire.EventError:
					err = endProblem(m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil || e.Exit != nil {
				return
			}
		}
	}
}

// Bisect looks for a record; each step is told as it is taken, and the last
// event is what was Found. Ending ctx, or the loop, stops it.
func (c *Client) Bisect(ctx context.Context, r wire.BisectRequest) iter.Seq2[wire.BisectEvent, error] {
	k := call{method: http.MethodPost, path: "/bisect", body: r}
	return func(yield func(wire.BisectEvent, error) bool) {
		for m, err := range c.stream(ctx, k) {
			var e wire.BisectEvent
			if err == nil {
				switch m.name {
				case wire.EventStep:
					e.Step, err = decode[wire.BisectStep](m)
				case wire.EventFound:
					e.Found, err = decode[wire.BisectAnswer](m)
				case wire.EventError:
					err = endProblem(m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil || e.Found != nil {
				return
			}
		}
	}
}

// Replay folds the log anew; what is told on the way is its progress, the last
// event what was found. Ending ctx, or the loop, stops it.
func (c *Client) Replay(ctx context.Context, r wire.ReplayRequest) iter.Seq2[wire.ReplayEvent, error] {
	k := call{method: http.MethodPost, path: "/replay", body: r}
	return func(yield func(wire.ReplayEvent, error) bool) {
		for m, err := range c.stream(ctx, k) {
			var e wire.ReplayEvent
			if err == nil {
				switch m.name {
				case wire.EventProgress:
					e.Progress, err = decode[wire.ReplayProgress](m)
				case wire.EventReplayed:
					e.Replayed, err = decode[wire.ReplayAnswer](m)
				case wire.EventError:
					err = endProblem(m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil || e.Replayed != nil {
				return
			}
		}
	}
}

// endProblem reads the problem that ends a stream.
func endProblem(m message) error {
	p, err := decode[wire.Problem](m)
	if err != nil {
		return err
	}
	return p
}

// message is one server-sent event.
type message struct {
	id   uint64
	name string
	data []byte
}

func decode[T any](m message) (*T, error) {
	var out T
	if err := json.Unmarshal(m.data, &out); err != nil {
		return nil, wire.NewProblem(rmg.Internal, "an event of kind %q cannot be read: %s", m.name, err)
	}
	return &out, nil
}

// stream does a call and yields its events. An end that the server did not
// announce is an error.
func (c *Client) stream(ctx context.Context, k call) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := c.send(ctx, k)
		if err != nil {
			yield(message{}, err)
			return
		}
		defer resp.Body.Close()
		for m, err := range messages(resp.Body) {
			if err != nil {
				if ctx.Err() != nil {
					err = c.failed(ctx, err)
				} else {
					err = wire.NewProblem(rmg.Unavailable, "the daemon ended the stream: %s", err).WithHint("jitos status shows whether it still runs")
				}
				yield(message{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// maxEvent is the largest event that is read, in bytes: a record of the most
// ops there may be.
const maxEvent = 256 << 20

// messages reads server-sent events (WHATWG HTML, section 9.2) until the
// reader ends, which is the last error.
func messages(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var m message
		var size int
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				yield(message{}, err)
				return
			}
			if size += len(line); size > maxEvent {
				yield(message{}, errors.New("an event is larger than the limit"))
				return
			}
			line = strings.TrimRight(line, "\r\n")
			if line == "" {
				if m.name != "" && !yield(m, nil) {
					return
				}
				m, size = message{id: m.id}, 0
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "id":
				if n, err := strconv.ParseUint(value, 10, 64); err == nil {
					m.id = n
				}
			case "event":
				m.name = value
			case "data":
				if m.data != nil {
					m.data = append(m.data, '\n')
				}
				m.data = append(m.data, value...)
			}
		}
	}
}
