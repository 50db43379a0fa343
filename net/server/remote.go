package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// ServeTLS is Serve for a TCP listener: over TLS alone, by HTTP/1.1, to at most
// Limits.Remote connections at once, each of which is given up if it does not take
// what is written to it for Limits.Stall.
//
// Over TCP the daemon's own secret proves nothing: it is a token that may call,
// with the capabilities that the token has, until it ends.
func (s *Server) ServeTLS(ln net.Listener, cert tls.Certificate) error {
	return s.Serve(tls.NewListener(newGate(ln, s.opt.Limits.Remote, s.opt.Limits.Stall), &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"http/1.1"},
	}))
}

// gate is a listener with a limit on the connections that are open at once: the
// next one waits in the system's queue until one is closed.
type gate struct {
	net.Listener
	stall  time.Duration
	free   chan struct{} // holds one for each connection that is open
	closed chan struct{}
	once   sync.Once
}

func newGate(ln net.Listener, most int, stall time.Duration) *gate {
	return &gate{Listener: ln, stall: stall, free: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a place, and then for a connection.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case g.free <- struct{}{}:
	case <-g.closed:
		return nil, net.ErrClosed
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		<-g.free
		return nil, err
	}
	return &guest{Conn: conn, gate: g}, nil
}

// Close ends the listener, and an Accept that waits.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Listener.Close()
}

// guest is a connection that came in through a gate.
type guest struct {
	net.Conn
	gate *gate
	once sync.Once
}

// Write gives up on a peer that does not take what it asked for.
func (c *guest) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.gate.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close makes room for another.
func (c *guest) Close() error {
	c.once.Do(func() { <-c.gate.free })
	return c.Conn.Close()
}

// overTCP reports whether a request came over a network, and not by the daemon's
// unix socket or from within the program.
func overTCP(r *http.Request) bool {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && a.Network() != "unix"
}
