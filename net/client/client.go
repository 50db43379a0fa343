// Package client is the typed Go client of the JITOS daemon: one method a call
// of the contract, over a unix socket or TCP. Every error is a *wire.Problem (by
// errors.As), so it has a code and an exit status; a daemon that cannot be
// reached is rmg.Unavailable, and so is a call that its own context ended, in
// which case errors.Is finds the context's error too.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// Options say where the daemon is and who calls.
type Options struct {
	// Socket is "/run/x.sock", "unix:/run/x.sock", "https://host:port" with or
	// without "#sha256:HEX", the fingerprint of the daemon's certificate, or
	// "tcp:host:port" of this machine: the end of a tunnel to a unix socket.
	Socket string
	// Secret is what the daemon demands: its own or, over https always, a token. If it is empty it is read from
	// SecretFile at every call (the daemon makes a new one at each start); an
	// empty SecretFile means "<socket>.secret" for a unix socket.
	Secret     string
	SecretFile string
	// Caller is recorded as the author of what is changed: "ada@host".
	Caller string
	// Agent says that the caller is an agent of the daemon's owner, and no
	// person: it may do what agents may.
	Agent bool
	// Version is the program's. If it is given, what the daemon refuses because it does
	// not know it is told with the daemon's version, where that is another one.
	Version string
	// DialTimeout bounds how long connecting may take; 0 means 5 s.
	DialTimeout time.Duration
}

// Client talks to one daemon. Safe for concurrent use.
type Client struct {
	opt  Options
	at   endpoint
	made bool // the secret's file is the daemon's, and is there while that runs
	http *http.Client
}

// New makes a client. It does not connect. The error is Invalid, for a socket
// that cannot be understood.
func New(opt Options) (*Client, error) {
	at, err := endpointOf(opt.Socket)
	if err != nil {
		return nil, err
	}
	made := opt.Secret == "" && opt.SecretFile == "" && at.network == "unix"
	if made {
		opt.SecretFile = at.address + ".secret"
	}
	if opt.DialTimeout == 0 {
		opt.DialTimeout = 5 * time.Second
	}
	c := &Client{opt: opt, at: at, made: made}
	c.http = &http.Client{
		Transport:     at.transport(opt.DialTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close frees idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Socket is where the client looks for the daemon.
func (c *Client) Socket() string { return c.opt.Socket }

// secret returns what proves that the caller may call; empty if none is to be
// had, which the daemon will refuse.
func (c *Client) secret(ctx context.Context, woken bool) (string, error) {
	if c.opt.Secret != "" || c.opt.SecretFile == "" {
		if c.opt.Secret == "" && c.at.remote {
			return "", wire.NewProblem(rmg.Denied, "a daemon that is reached over the network demands a token").WithHint("set JITOS_TOKEN, or --token-file; on the daemon's machine jitos token new makes one")
		}
		return c.opt.Secret, nil
	}
	data, err := os.ReadFile(c.opt.SecretFile)
	switch {
	case err != nil && !c.made:
		return "", wire.NewProblem(rmg.Invalid, "the token cannot be read: %s", err)
	case errors.Is(err, os.ErrNotExist) && !woken:
		// Who listens may start the daemon when somebody comes; then it is written.
		if err := c.wake(ctx); err != nil {
			return "", err
		}
		return c.secret(ctx, true)
	case errors.Is(err, os.ErrNotExist):
		return "", c.unreachable(err)
	case errors.Is(err, os.ErrPermission):
		return "", wire.NewProblem(rmg.Denied, "the daemon's secret cannot be read: %s", err).WithHint("the daemon belongs to another user; start your own: jitos daemon")
	case err != nil:
		return "", c.unreachable(err)
	}
	return strings.TrimSpace(string(data)), nil
}

// wake waits for a daemon to answer the one call that needs no secret.
func (c *Client) wake(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at.base+"/healthz", nil)
	if err != nil {
		return c.unreachable(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.failed(ctx, err)
	}
	return resp.Body.Close()
}

func (c *Client) unreachable(err error) *wire.Problem {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	p := wire.NewProblem(rmg.Unavailable, "no daemon answers at %s: %s", c.opt.Socket, err)
	if c.at.remote {
		return p.WithHint("it listens there only if it was started with --tcp; jitos status on its machine prints the address")
	}
	return p.WithHint("start one: jitos daemon")
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any       // JSON, if not nil
	raw          io.Reader // instead of body
	header       http.Header
	once         bool // has a key of its own, and may be sent again under it
}

// send does a call and returns an answer of success; its body is the caller's
// to close. Every error is a *wire.Problem.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	body := k.raw
	if k.body != nil {
		data, err := json.Marshal(k.body)
		if err != nil {
			return nil, wire.NewProblem(rmg.Invalid, "the request cannot be written as JSON: %s", err)
		}
		body = bytes.NewReader(data)
	}
	target := c.at.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, wire.NewProblem(rmg.Invalid, "the request cannot be made: %s", err)
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.opt.Caller != "" {
		req.Header.Set(wire.CallerHeader, c.opt.Caller)
	}
	if c.opt.Agent {
		req.Header.Set(wire.KindHeader, "agent")
	}
	secret, err := c.secret(ctx, false)
	if err != nil {
		return nil, err
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if resp.StatusCode == http.StatusUnauthorized && c.made && k.raw == nil {
		// The daemon was started by this very call, after one that left its secret.
		if now, err := c.secret(ctx, true); err == nil && now != secret {
			resp.Body.Close()
			return c.send(ctx, k)
		}
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, c.withSkew(ctx, problemFrom(resp))
	}
	return resp, nil
}

// withSkew asks the daemon for its version where it did not know something.
func (c *Client) withSkew(ctx context.Context, p *wire.Problem) *wire.Problem {
	if c.opt.Version == "" || !p.Unknown() {
		return p
	}
	h, err := c.Health(ctx)
	if err != nil {
		return p // which says what it did not know, at least
	}
	return p.WithSkew(h.Version, c.opt.Version)
}

// failed tells a caller who gave up from a daemon that is not there. The cause
// stays visible to errors.Is through interrupted.
func (c *Client) failed(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return &interrupted{Problem: wire.NewProblem(rmg.Unavailable, "given up before the daemon answered: %s", cause), cause: cause}
	}
	if p := c.untrusted(err); p != nil {
		return p
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return c.unreachable(err)
	}
	return &lost{c.unreachable(err)}
}

// lost is the problem of a call whose connection broke: whether it was done is
// not known.
type lost struct{ *wire.Problem }

// Unwrap shows the problem.
func (e *lost) Unwrap() error { return e.Problem }

// interrupted is the problem of a call that its own context ended.
type interrupted struct {
	*wire.Problem
	cause error
}

// Unwrap shows the problem and context.Canceled or context.DeadlineExceeded.
func (e *interrupted) Unwrap() []error { return []error{e.Problem, e.cause} }

// problemFrom reads the problem of an answer that is no success. What answers
// without one is no JITOS daemon.
func problemFrom(resp *http.Response) *wire.Problem {
	const most = 32 << 20
	data, err := io.ReadAll(io.LimitReader(resp.Body, most))
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var p wire.Problem
	if err == nil && media == wire.ProblemType && json.Unmarshal(data, &p) == nil && p.Code != "" {
		return &p
	}
	return wire.NewProblem(rmg.Internal, "the daemon answered %s without saying why", resp.Status).WithHint("is it a JITOS daemon that listens there?")
}

// into does a call and reads its JSON answer.
func into[T any](ctx context.Context, c *Client, k call) (T, error) {
	return again(ctx, k, func(k call) (T, error) { return attempt[T](ctx, c, k) })
}

// again does a call. One that has a key is sent once more if the connection was
// lost: it may have been done, and is not done again.
func again[T any](ctx context.Context, k call, do func(call) (T, error)) (T, error) {
	if k.once {
		k.header = http.Header{wire.KeyHeader: {rand.Text()}}
	}
	out, err := do(k)
	if gone := (*lost)(nil); k.once && errors.As(err, &gone) && ctx.Err() == nil {
		return do(k)
	}
	return out, err
}

func attempt[T any](ctx context.Context, c *Client, k call) (T, error) {
	var out T
	resp, err := c.send(ctx, k)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	return out, c.read(ctx, resp, &out)
}

func (c *Client) read(ctx context.Context, resp *http.Response, out any) error {
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return c.failed(ctx, err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return wire.NewProblem(rmg.Internal, "the daemon's answer cannot be read: %s", err).WithHint("is the daemon of another version? jitos status")
	}
	return nil
}

// segment escapes an id for a place in a path.
func segment(id string) string { return url.PathEscape(id) }

// values makes a query of the pairs whose value is not empty.
func values(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// number prints n for a query; 0 is left out.
func number[T int | uint64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
