package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// The limits of the proxy of one command.
const (
	maxConnections = 64       // at once
	maxRecorded    = 256      // connections that are recorded one by one
	maxHead        = 64 << 10 // bytes of a request's line and headers
	headTime       = 30 * time.Second
	dialTime       = 30 * time.Second
)

// proxy is the only way out of a sandbox: HTTP CONNECT, and plain HTTP by
// absolute URL, to the hosts of a list. It listens inside, and dials outside.
// Each request is one connection; nothing is followed for the command.
type proxy struct {
	allow  map[string]bool // in the form of work.ParseHost
	list   string          // the same, for people
	said   func(work.Connection)
	lookup func(context.Context, string) ([]netip.Addr, error)
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	closed bool
	open   map[io.Closer]bool
	busy   int
	log    []work.Connection // by when they came
	more   work.Connection   // the sum of those that are not in log
	left   int               // how many these are
}

// newProxy makes one for hosts in the form of work.ParseHost. said hears of each
// connection at its end, from any goroutine; it may be nil.
func newProxy(ctx context.Context, hosts []string, said func(work.Connection)) *proxy {
	p := &proxy{allow: map[string]bool{}, list: strings.Join(hosts, ", "), said: said, lookup: resolve, open: map[io.Closer]bool{}}
	for _, h := range hosts {
		p.allow[h] = true
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// resolve asks the machine's resolver. localhost is the machine itself, whatever
// anybody says.
func resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	if local(name) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

func local(name string) bool { return name == "localhost" || strings.HasSuffix(name, ".localhost") }

// serve accepts until the listener or the proxy is closed.
func (p *proxy) serve(l net.Listener) {
	if !p.hold(l) {
		return
	}
	defer p.drop(l)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !p.hold(c) {
			return
		}
		at, room := p.begin()
		p.all.Go(func() {
			defer p.drop(c)
			p.end(at, p.handle(c, room))
		})
	}
}

// hold keeps what close has to close, or closes it as that is over.
func (p *proxy) hold(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) drop(c io.Closer) {
	c.Close()
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
}

// close ends every connection, waits, and returns what there was, in the order in
// which they came.
func (p *proxy) close() []work.Connection {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
	if p.left > 0 {
		p.more.Host, p.more.Verdict, p.more.Code = "", Summed, rmg.Limit
		p.more.Why = fmt.Sprintf("%d more connections, which is beyond the %d that are recorded one by one", p.left, maxRecorded)
		p.log = append(p.log, p.more)
	}
	return p.log
}

// Summed is the verdict of the last entry of a record, which is the sum of all
// that had no room in it.
const Summed = "more"

// begin takes a place in the record, -1 if there is none, and says whether there
// is room for one more connection at once.
func (p *proxy) begin() (at int, room bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at = -1
	if len(p.log) < maxRecorded {
		at = len(p.log)
		p.log = append(p.log, work.Connection{})
	}
	p.busy++
	return at, p.busy <= maxConnections
}

func (p *proxy) end(at int, c work.Connection) {
	p.mu.Lock()
	p.busy--
	if at >= 0 {
		p.log[at] = c
	} else {
		p.left++
		p.more.Sent += c.Sent
		p.more.Received += c.Received
	}
	p.mu.Unlock()
	if p.said != nil {
		p.said(c)
	}
}

// handle serves one connection: one request, then whatever it leads to.
func (p *proxy) handle(conn net.Conn, room bool) work.Connection {
	_ = conn.SetDeadline(time.Now().Add(headTime)) // a connection without one is closed with the sandbox
	req, r, err := readRequest(conn)
	if err != nil {
		return refuse(conn, "", err)
	}
	host, err := target(req.Request, req.hosts)
	if err != nil {
		return refuse(conn, req.RequestURI, err)
	}
	switch {
	case !p.allow[host]:
		return refuse(conn, host, &rmg.Error{
			Op: "network", Code: rmg.Denied, Msg: fmt.Sprintf("%s is not among the hosts that this command may reach: %s", host, p.list),
			Hint: "who gives it its rights can name it: scope.network of the intent, --network of jitos sws exec, --agent-host of the daemon",
		})
	case !room:
		return refuse(conn, host, &rmg.Error{
			Op: "network", Code: rmg.Limit, Msg: fmt.Sprintf("%d connections at once are the limit", maxConnections), Hint: "close one, and try again",
		})
	}
	up, err := p.dial(host)
	if err != nil {
		return refuse(conn, host, err)
	}
	if !p.hold(up) {
		return refuse(conn, host, context.Cause(p.ctx))
	}
	defer p.drop(up)
	_ = conn.SetDeadline(time.Time{}) // from here on it lasts as long as both like, and the command at most
	out := work.Connection{Host: host, Verdict: work.Connected}
	if req.Method == http.MethodConnect {
		out.Sent, out.Received = tunnel(conn, r, up)
	} else {
		out.Sent, out.Received = forward(conn, req.Request, up)
	}
	return out
}

// asked is a request, with what its Host headers say: net/http forgets them.
type asked struct {
	*http.Request
	hosts []string
}

// readRequest reads one request's head; its body, and what follows it, is still to
// be read from the reader.
func readRequest(conn io.Reader) (asked, *bufio.Reader, error) {
	in := bufio.NewReaderSize(conn, maxHead)
	var head bytes.Buffer
	var hosts []string
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || head.Len()+len(line) > maxHead {
			return asked{}, nil, &rmg.Error{Op: "network", Code: rmg.Limit, Msg: fmt.Sprintf("the head of the request has more than %d bytes", maxHead), Hint: "send fewer headers"}
		}
		if err != nil {
			return asked{}, nil, noRequest("it ends in its head")
		}
		head.Write(line)
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && !first && strings.EqualFold(string(name), "host") {
			hosts = append(hosts, strings.TrimSpace(string(value)))
		}
		if text := strings.TrimRight(string(line), "\r\n"); text == "" {
			break
		}
	}
	r := bufio.NewReader(io.MultiReader(&head, in))
	req, err := http.ReadRequest(r)
	if err != nil {
		return asked{}, nil, noRequest(err.Error())
	}
	return asked{req, hosts}, r, nil
}

func noRequest(why string) error {
	return &rmg.Error{
		Op: "network", Code: rmg.Invalid, Msg: "this is no request to a proxy: " + why, Hint: "HTTP_PROXY and HTTPS_PROXY name the proxy: it takes CONNECT HOST:PORT, and http:// by absolute URL",
	}
}

// target is where a request leads to. What its Host headers say has to be the
// same: whoever reads them is not to see another host than was allowed.
func target(req *http.Request, hosts []string) (string, error) {
	at, port := req.RequestURI, ""
	if req.Method != http.MethodConnect {
		if req.URL.Scheme != "http" || req.URL.Host == "" {
			return "", noRequest(fmt.Sprintf("%q is no absolute URL of http", cut(req.RequestURI)))
		}
		at, port = req.URL.Host, ":80"
		if req.URL.Port() != "" {
			port = ""
		}
	}
	host, err := work.ParseHost(at + port)
	if err != nil {
		return "", err
	}
	for _, h := range hosts {
		name, hasPort := h, false
		if i := strings.LastIndexByte(h, ':'); i >= 0 {
			name, hasPort = h[:i], true
		}
		full := h
		if !hasPort {
			full = name + host[strings.LastIndexByte(host, ':'):]
		}
		if got, err := work.ParseHost(full); err != nil || got != host {
			return "", &rmg.Error{
				Op: "network", Code: rmg.Invalid, Msg: fmt.Sprintf("the header Host says %q, and the request leads to %s", cut(h), host), Hint: "ask for the host that is meant",
			}
		}
	}
	return host, nil
}

// maxShown is how much of what a command asked for is told, in bytes.
const maxShown = 200

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxShown)], "?") }

// dial connects to an allowed host. A name is resolved here, once, and what it
// leads to is checked: a name must not lead into this machine unless it says so.
func (p *proxy) dial(host string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(p.ctx, dialTime)
	defer stop()
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	failed := func(err error) error {
		return &rmg.Error{Op: "network", Code: rmg.Unavailable, Msg: host + " cannot be reached: " + err.Error(), Hint: "it is allowed; see whether this machine reaches it"}
	}
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(name); err == nil {
		addrs = []netip.Addr{a} // it stands in the list as it is
	} else {
		found, err := p.lookup(ctx, name)
		if err != nil {
			return nil, failed(err)
		}
		for _, a := range found {
			if a = a.Unmap(); local(name) == a.IsLoopback() && (local(name) || !ours(a)) {
				addrs = append(addrs, a)
			}
		}
		if len(addrs) == 0 {
			return nil, &rmg.Error{
				Op: "network", Code: rmg.Denied, Msg: host + " is a name of this machine, or of what only it sees, and does not say so",
				Hint: "localhost:PORT, or the address itself, has to be in the list",
			}
		}
	}
	var d net.Dialer
	var last error
	for _, a := range addrs {
		c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), port))
		if err == nil {
			return c, nil
		}
		last = err
	}
	return nil, failed(last)
}

// ours reports whether an address is of this machine, or means something only
// from it.
func ours(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return true // then nobody can say
	}
	for _, is := range list {
		if n, err := netip.ParsePrefix(is.String()); err == nil && n.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// refuse answers with why there is no connection: code, what, why, what next.
func refuse(conn net.Conn, host string, err error) work.Connection {
	out := work.Connection{Host: cut(host), Verdict: work.Refused, Code: rmg.Internal, Why: err.Error()}
	text := err.Error()
	var e *rmg.Error
	if errors.As(err, &e) {
		out.Code, out.Why = e.Code, e.Msg
		text += "\n" + e.Hint
	}
	status := http.StatusForbidden
	switch out.Code {
	case rmg.Invalid:
		status = http.StatusBadRequest
	case rmg.Limit:
		status = http.StatusServiceUnavailable
	case rmg.Unavailable, rmg.Internal:
		status, out.Verdict = http.StatusBadGateway, work.Failed
	}
	text = fmt.Sprintf("%s: %s\n", out.Code, text)
	_ = conn.SetWriteDeadline(time.Now().Add(headTime))
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nJitos-Code: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), out.Code, len(text), text)
	return out
}

// tunnel passes bytes both ways until both sides have ended.
func tunnel(conn net.Conn, r io.Reader, up net.Conn) (sent, received int64) {
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return 0, 0
	}
	done := make(chan int64)
	go func() {
		n, _ := io.Copy(up, r) // how it ended is for the two to say
		finish(up)
		done <- n
	}()
	received, _ = io.Copy(conn, up)
	finish(conn)
	return <-done, received
}

// finish ends one direction.
func finish(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	c.Close()
}

// hop are the headers that are for the proxy alone.
var hop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Upgrade"}

// forward sends one request on, in words of its own: there is no second one behind
// it. The answer comes back as it is.
func forward(conn net.Conn, req *http.Request, up net.Conn) (sent, received int64) {
	for _, list := range req.Header.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			req.Header.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hop {
		req.Header.Del(name)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "") // or net/http would make one up
	}
	req.Close = true
	to := &counted{Writer: up}
	done := make(chan struct{})
	go func() {
		_ = req.Write(to) // the answer says how it went
		close(done)
	}()
	received, _ = io.Copy(conn, up)
	conn.Close()
	up.Close()
	<-done
	return to.n, received
}

type counted struct {
	io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
