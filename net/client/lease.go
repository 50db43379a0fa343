package client

import (
	"context"
	"net/http"
	"strings"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// TakeLease waits for a task. Nil: there was none in time.
func (c *Client) TakeLease(ctx context.Context, r wire.TakeRequest, wait time.Duration) (*wire.Lease, error) {
	a, err := into[wire.TakeAnswer](ctx, c, call{method: http.MethodPost, path: "/lease", query: values("wait", wait.String()), body: r})
	return a.Lease, err
}

// LeaseTree reads what a leased task works on: what it has over one of the trees
// that are here, if the daemon knows one of them still.
func (c *Client) LeaseTree(ctx context.Context, id string, have []rmg.Digest) (wire.LeaseTree, error) {
	names := make([]string, len(have))
	for i, d := range have {
		names[i] = d.String()
	}
	return into[wire.LeaseTree](ctx, c, call{method: http.MethodGet, path: "/lease/" + segment(id) + "/tree", query: values("have", strings.Join(names, ","))})
}

// Heartbeat gives a sign of life. Stale: the lease is over.
func (c *Client) Heartbeat(ctx context.Context, id string, said []work.Event) (wire.BeatAnswer, error) {
	return into[wire.BeatAnswer](ctx, c, call{method: http.MethodPost, path: "/lease/" + segment(id) + "/heartbeat", body: wire.BeatRequest{Said: said}})
}

// ReturnLease brings back what came of a task. An error is why it was not taken;
// Stale: the lease was over.
func (c *Client) ReturnLease(ctx context.Context, id string, r wire.ReturnRequest) error {
	_, err := into[wire.ReturnAnswer](ctx, c, call{method: http.MethodPost, path: "/lease/" + segment(id) + "/result", body: r})
	return err
}

// Machines lists the machines that take tasks.
func (c *Client) Machines(ctx context.Context) ([]work.Machine, error) {
	a, err := into[wire.MachinesAnswer](ctx, c, call{method: http.MethodGet, path: "/machine"})
	return a.Machines, err
}
