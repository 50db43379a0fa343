package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// remoteOptions say how a daemon is reached over a network, besides its socket;
// without an address it is not.
type remoteOptions struct {
	address   string   // HOST:PORT
	hosts     []string // names, without port, that callers may know it by
	cert, key string   // PEM files; without them the daemon makes a certificate
}

func (o *remoteOptions) flags(cmd *cobra.Command, c configuration) {
	f := cmd.Flags()
	f.StringVar(&o.address, "tcp", c.Daemon.TCP, "listen on HOST:PORT as well, over TLS, for who has a token")
	f.StringSliceVar(&o.hosts, "tcp-host", c.Daemon.TCPHosts, "a name that the daemon is reached by there; can be given again")
	f.StringVar(&o.cert, "tls-cert", c.Daemon.TLSCert, "the certificate of --tcp (PEM); without one the daemon makes its own")
	f.StringVar(&o.key, "tls-key", c.Daemon.TLSKey, "the key of --tls-cert (PEM)")
}

// configure takes from a file what no flag says.
func (o *remoteOptions) configure(said func(string) bool, c configuration) {
	if c.Daemon.TCP != "" && !said("tcp") {
		o.address = c.Daemon.TCP
	}
	if len(c.Daemon.TCPHosts) > 0 && !said("tcp-host") {
		o.hosts = c.Daemon.TCPHosts
	}
	if c.Daemon.TLSCert != "" && !said("tls-cert") && !said("tls-key") {
		o.cert, o.key = c.Daemon.TLSCert, c.Daemon.TLSKey
	}
}

// check looks at what can be told before anything is opened.
func (o remoteOptions) check() error {
	if (o.cert == "") != (o.key == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if o.address == "" {
		if o.cert != "" || len(o.hosts) > 0 {
			return errors.New("--tls-cert, --tls-key and --tcp-host are about --tcp HOST:PORT, which is not given")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(o.address); err != nil {
		return fmt.Errorf("--tcp is %q, not HOST:PORT: %w", o.address, err)
	}
	return nil
}

// remote is a door to the network.
type remote struct {
	ln    net.Listener
	cert  tls.Certificate
	hosts []string // allowed as a request's Host
	url   string   // what a caller gives to --server
}

// close closes a door that nobody serves at yet.
func (r *remote) close() error {
	if r == nil {
		return nil
	}
	return r.ln.Close()
}

// open listens. Nil without an address.
func (o remoteOptions) open(data string, log *slog.Logger) (*remote, error) {
	if o.address == "" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(o.address)
	if err != nil {
		return nil, err
	}
	out := &remote{}
	for _, h := range o.hosts {
		out.hosts = append(out.hosts, strings.ToLower(h))
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		out.hosts = append(out.hosts, strings.ToLower(host))
	}
	if len(out.hosts) == 0 {
		log.Warn("no name is given that the daemon is reached by; only callers on this machine are let in", "flag", "--tcp-host")
	}
	if o.cert != "" {
		out.cert, err = tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, wire.NewProblem(rmg.Invalid, "the certificate cannot be used: %v", err).WithHint("--tls-cert and --tls-key name PEM files that belong together")
		}
	} else if out.cert, err = ownCertificate(data, out.hosts, time.Now()); err != nil {
		return nil, fmt.Errorf("the daemon's own certificate: %w", err)
	}
	if out.ln, err = net.Listen("tcp", o.address); err != nil {
		return nil, wire.NewProblem(rmg.Unavailable, "cannot listen on %s: %v", o.address, err).WithHint("choose another --tcp")
	}
	_, port, err := net.SplitHostPort(out.ln.Addr().String())
	if err != nil {
		return nil, errors.Join(err, out.ln.Close())
	}
	out.url = "https://" + net.JoinHostPort(cmp.Or(append(out.hosts, "localhost")...), port)
	if o.cert == "" { // one that authorities vouch for is renewed without a word
		out.url += "#" + wire.Fingerprint(out.cert.Leaf.Raw)
	}
	return out, nil
}
