package client

import (
	"context"
	"iter"
	"net/http"

	"jitos.dev/net/wire"
	"jitos.dev/work"
)

// Gates lists what the branch that is checked out in a folder demands of every
// change.
func (c *Client) Gates(ctx context.Context, repo string) (wire.GatesAnswer, error) {
	return into[wire.GatesAnswer](ctx, c, call{method: http.MethodGet, path: "/gates", query: values("repo", repo)})
}

// ApproveGates lets commands of a repository run, or no longer.
func (c *Client) ApproveGates(ctx context.Context, r wire.ApproveGatesRequest) (wire.ApproveGatesAnswer, error) {
	return into[wire.ApproveGatesAnswer](ctx, c, call{method: http.MethodPost, path: "/gates/approve", once: true, body: r})
}

// RunGates runs gates without a collapse and streams what is said meanwhile; the
// last event is Proven. Ending ctx, or the loop, stops them.
func (c *Client) RunGates(ctx context.Context, r wire.RunGatesRequest) iter.Seq2[wire.RunGatesEvent, error] {
	k := call{method: http.MethodPost, path: "/gates/run", body: r}
	return func(yield func(wire.RunGatesEvent, error) bool) {
		for m, err := range c.stream(ctx, k) {
			var e wire.RunGatesEvent
			if err == nil {
				switch m.name {
				case wire.EventOutput:
					e.Output, err = decode[work.Event](m)
				case wire.EventProven:
					e.Proven, err = decode[wire.RunGatesAnswer](m)
				case wire.EventError:
					err = endProblem(m)
				default:
					continue
				}
			}
			if !yield(e, err) || err != nil || e.Proven != nil {
				return
			}
		}
	}
}
