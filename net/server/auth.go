package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// The limits of web sessions and callers' names.
const (
	sessionCookie = "jitos_session"
	sessionLife   = 12 * time.Hour
	tokenLife     = 2 * time.Minute
	maxSessions   = 64 // of each sort; the oldest goes first
	maxCaller     = 128
)

// identity is who calls, and what with.
type identity struct {
	caller  kernel.Caller
	session bool // a web page's
	looks   bool // of a session: it may only look
}

// identify finds out who sent a request. The error is a 401.
func (s *Server) identify(r *http.Request) (identity, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		token = strings.TrimSpace(token)
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return identity{}, unknownCaller("the Authorization header is not of the form: Bearer SECRET")
		}
		if s.isSecret(token) {
			if overTCP(r) {
				return identity{}, unknownCaller("the daemon's own secret is for its unix socket; over the network a token is needed").WithHint("on the daemon's machine: jitos token new")
			}
			return ofOwner(r)
		}
		if s.opt.Tokens != nil {
			if c, ok := s.opt.Tokens(token); ok {
				return identity{caller: c}, nil
			}
		}
		if c, ok := s.opt.Kernel.TokenCaller(token); ok {
			return identity{caller: c}, nil
		}
		if overTCP(r) {
			return identity{}, unknownCaller("the token is none of this daemon's, or not valid any more").WithHint("on the daemon's machine: jitos token list shows them, jitos token new makes one")
		}
		return identity{}, unknownCaller("the secret is neither the one of this daemon nor a valid token's").WithHint("it is made at each start; read it again from the .secret file beside the socket. For automation: jitos token new")
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		if holder, ok := s.sessions.known(c.Value, s.now()); ok {
			return s.ofSession(r, holder)
		}
	}
	if overTCP(r) {
		return identity{}, unknownCaller("every call needs a token").WithHint("send it as Authorization: Bearer TOKEN; on the daemon's machine jitos token new makes one")
	}
	return identity{}, unknownCaller("every call needs the daemon's secret").WithHint("send it as Authorization: Bearer SECRET; it stands in the .secret file beside the socket. For the web page: jitos view")
}

// ofOwner identifies who holds the secret: the daemon's owner, or a program of
// theirs that says that it is an agent, and has an agent's rights then. Whoever
// holds the secret could leave that out; it keeps an honest agent from what only
// people do.
func ofOwner(r *http.Request) (identity, error) {
	c := kernel.Caller{Name: callerName(r.Header.Get(wire.CallerHeader))}
	switch kind := r.Header.Get(wire.KindHeader); kind {
	case "", string(kernel.KindPerson):
	case string(kernel.KindAgent):
		c.Kind, c.Caps = kernel.KindAgent, kernel.CapRewrite|kernel.CapExec|kernel.CapIntent|kernel.CapCollapse
	default:
		return identity{}, wire.NewProblem(rmg.Invalid, "%s is %q", wire.KindHeader, kind).WithHint("use person or agent")
	}
	return identity{caller: c}, nil
}

// holder is whom a session acts for.
type holder struct {
	caller kernel.Caller
	token  string // the caller's, if it has one: it may end before the session does
	acts   bool   // the page may do what the caller may; else it only looks
}

// ofSession identifies the page of a session.
func (s *Server) ofSession(r *http.Request, h holder) (identity, error) {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return identity{}, unknownCaller("a session serves its own page only")
	}
	if !h.acts {
		return identity{caller: kernel.Caller{Name: "viewer", Kind: kernel.KindAgent}, session: true, looks: true}, nil
	}
	if h.token != "" {
		c, ok := s.opt.Kernel.TokenCaller(h.token)
		if !ok {
			return identity{}, unknownCaller("the token that this session was made with is not valid any more").WithHint("jitos view makes a new session")
		}
		h.caller = c
	}
	return identity{caller: h.caller, session: true}, nil
}

// mayAct refuses what a session may not do: anything, if it only looks; what
// gives rights that outlive it; and what another page may have sent.
func (c *call) mayAct(r *http.Request, who identity) error {
	switch {
	case !who.session || c.method == http.MethodGet:
		return nil
	case who.looks:
		return wire.NewProblem(rmg.Denied, "this web session may look at everything and change nothing").WithHint("jitos view makes one that may do what you may")
	case c.terminal:
		return wire.NewProblem(rmg.Denied, "%s %s is not for web sessions", c.method, c.path).WithHint("use the command line: jitos help")
	case !ofOwnPage(r):
		return wire.NewProblem(rmg.Denied, "a session acts for its own page only")
	}
	return nil
}

// ofOwnPage reports whether the browser says that the daemon's own page sends a
// request. One that does not say where it comes from (over plain HTTP to a name
// that is not local) is judged by its Origin, which every POST has.
func ofOwnPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// unknownCaller is the problem of a request that nobody vouches for.
func unknownCaller(detail string) *wire.Problem {
	p := wire.NewProblem(rmg.Denied, "%s", detail)
	p.Status = http.StatusUnauthorized
	return p
}

// isSecret compares a token with the daemon's secret in a time that depends on
// neither.
func (s *Server) isSecret(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], s.secret[:]) == 1
}

// callerName makes a name fit to be an author in the log: short, printable, and
// none of those that the kernel itself uses.
func callerName(claim string) string {
	claim = strings.TrimSpace(claim)
	if claim == "" || !utf8.ValidString(claim) {
		return "unknown"
	}
	var b strings.Builder
	for _, c := range claim {
		switch {
		case b.Len()+utf8.RuneLen(c) > maxCaller:
			return b.String()
		case c == ':' || unicode.IsSpace(c):
			b.WriteByte('_')
		case unicode.IsPrint(c):
			b.WriteRune(c)
		}
	}
	name := b.String()
	if name == "" || name == "kernel" || name == "viewer" || name == "sync" {
		return "unknown"
	}
	return name
}

// checkHost refuses, over TCP, a Host that was not allowed (a page elsewhere
// that had its own name point here) and an Origin of another host.
func (s *Server) checkHost(r *http.Request) error {
	if overSocket(r) {
		return nil
	}
	host := hostname(r.Host)
	ip := net.ParseIP(host)
	if host != "localhost" && !(ip != nil && ip.IsLoopback()) && !slices.Contains(s.opt.Hosts, host) {
		p := wire.NewProblem(rmg.Denied, "the host %q is not allowed", host)
		return p.WithHint("the daemon must be told of the names it is reached by: jitos daemon --tcp-host NAME")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return wire.NewProblem(rmg.Denied, "a page of %q may not call this daemon", origin)
		}
	}
	return nil
}

// hostname is a Host header without its port and brackets, in lower case.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// sessions are the web page's: one-time tokens, and the cookies they become.
// Both are kept as hashes.
type sessions struct {
	sync.Mutex // guards the fields below
	tokens     []expiring
	cookies    []expiring
}

type expiring struct {
	sum [32]byte
	end time.Time
	holder
}

// token makes a one-time token for a session of a holder's.
func (s *sessions) token(h holder, now time.Time) (string, time.Time) {
	s.Lock()
	defer s.Unlock()
	t, end := secretText(), now.Add(tokenLife)
	s.tokens = remember(s.tokens, t, end, h)
	return t, end
}

// begin turns a token into a session's cookie, once.
func (s *sessions) begin(token string, now time.Time) (*http.Cookie, bool) {
	s.Lock()
	defer s.Unlock()
	i := find(s.tokens, token, now)
	if i < 0 {
		return nil, false
	}
	h := s.tokens[i].holder
	s.tokens = slices.Delete(s.tokens, i, i+1)
	value := secretText()
	s.cookies = remember(s.cookies, value, now.Add(sessionLife), h)
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}, true
}

// known returns whose session a cookie is of, if it lasts.
func (s *sessions) known(value string, now time.Time) (holder, bool) {
	s.Lock()
	defer s.Unlock()
	i := find(s.cookies, value, now)
	if i < 0 {
		return holder{}, false
	}
	return s.cookies[i].holder, true
}

func remember(list []expiring, text string, end time.Time, h holder) []expiring {
	if len(list) >= maxSessions {
		list = slices.Delete(list, 0, len(list)-maxSessions+1)
	}
	return append(list, expiring{sha256.Sum256([]byte(text)), end, h})
}

func find(list []expiring, text string, now time.Time) int {
	sum := sha256.Sum256([]byte(text))
	return slices.IndexFunc(list, func(e expiring) bool {
		return now.Before(e.end) && subtle.ConstantTimeCompare(sum[:], e.sum[:]) == 1
	})
}

// secretText is 256 random bits, fit for a URL.
func secretText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return base64.RawURLEncoding.EncodeToString(b[:])
}
