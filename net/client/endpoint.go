package client

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// endpoint is where a daemon is reached.
type endpoint struct {
	network, address string
	base             string // what requests' URLs begin with
	remote           bool   // over TLS, where a token is needed
	pin              string // of the certificate; empty: authorities that the system trusts vouch for it
}

// endpointOf reads how a daemon is named.
func endpointOf(socket string) (endpoint, error) {
	if strings.HasPrefix(socket, "https:") {
		return remoteEndpoint(socket)
	}
	if address, isTCP := strings.CutPrefix(socket, "tcp:"); isTCP {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return endpoint{}, wire.NewProblem(rmg.Invalid, "%q is no address of a daemon: %s", socket, err).WithHint("use unix:PATH, https://HOST:PORT, or tcp:HOST:PORT of this machine")
		}
		// What is sent there stands in the clear, the secret too: for a tunnel's end.
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return endpoint{}, wire.NewProblem(rmg.Invalid, "%q is another machine, and tcp: has no encryption", socket).WithHint("use https://%s", address)
		}
		return endpoint{network: "tcp", address: address, base: "http://" + address}, nil
	}
	address := strings.TrimPrefix(socket, "unix:")
	switch {
	case address == "":
		return endpoint{}, wire.NewProblem(rmg.Invalid, "no socket of a daemon is given").WithHint("use --socket or JITOS_SOCKET")
	case strings.HasPrefix(address, "http:"):
		return endpoint{}, wire.NewProblem(rmg.Invalid, "%q has no encryption, which a daemon's TCP port demands", socket).WithHint("use https://HOST:PORT")
	}
	return endpoint{network: "unix", address: address, base: "http://jitos"}, nil
}

// remoteEndpoint reads https://HOST:PORT, with #FINGERPRINT or without.
func remoteEndpoint(server string) (endpoint, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return endpoint{}, wire.NewProblem(rmg.Invalid, "%q is no address of a daemon", server).WithHint("use https://HOST:PORT, or https://HOST:PORT#FINGERPRINT for a certificate of the daemon's own")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	e := endpoint{network: "tcp", address: net.JoinHostPort(u.Hostname(), port), base: "https://" + u.Host, remote: true}
	if u.Fragment != "" {
		if e.pin, err = wire.ParseFingerprint(u.Fragment); err != nil {
			return endpoint{}, err
		}
	}
	return e, nil
}

// transport makes connections to the endpoint, whatever host a request names.
func (e endpoint) transport(dialTimeout time.Duration) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, e.network, e.address)
		},
		TLSClientConfig:     e.tls(),
		TLSHandshakeTimeout: dialTimeout,
		DisableCompression:  !e.remote,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     60 * time.Second,
	}
}

// tls is how the daemon's certificate is checked; nil without TLS. A pinned one is
// taken for exactly what it is: neither names nor dates in it matter then.
func (e endpoint) tls() *tls.Config {
	switch {
	case !e.remote:
		return nil
	case e.pin == "":
		return &tls.Config{MinVersion: tls.VersionTLS13}
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // the fingerprint is checked instead
		VerifyConnection: func(state tls.ConnectionState) error {
			is := wire.Fingerprint(state.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare([]byte(is), []byte(e.pin)) != 1 {
				return &otherCertificate{is}
			}
			return nil
		},
	}
}

// otherCertificate is a daemon's that is not the one that was pinned.
type otherCertificate struct{ is string }

// Error says which one it is.
func (e *otherCertificate) Error() string {
	return fmt.Sprintf("its certificate is %s, and not the one that was named", e.is)
}

// untrusted is the problem of a daemon that cannot prove to be the one that was
// named; nil if err is another one. Nothing was sent to it.
func (c *Client) untrusted(err error) *wire.Problem {
	if other := (*otherCertificate)(nil); errors.As(err, &other) {
		return wire.NewProblem(rmg.Unavailable, "what answers at %s is not the daemon that was named: %s", c.opt.Socket, other).
			WithHint("ask who runs the daemon: jitos status there prints the address with its fingerprint. If that differs, somebody stands in between")
	}
	if cert := (*tls.CertificateVerificationError)(nil); errors.As(err, &cert) {
		p := wire.NewProblem(rmg.Unavailable, "nobody vouches for what answers at %s: %s", c.opt.Socket, cert.Err)
		return p.WithHint("name its fingerprint, which jitos status on the daemon's machine prints: %s#sha256:HEX", strings.TrimSuffix(c.opt.Socket, "/"))
	}
	return nil
}
