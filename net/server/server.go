package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/viewer"
	"jitos.dev/work"
)

// Options say what a server stands on. Kernel and Secret must be given.
type Options struct {
	Kernel  Kernel
	Secret  string // demanded as a bearer token; at least MinSecret bytes
	Version string // of the program
	Logger  *slog.Logger

	// Hosts are allowed in the Host header over TCP, without port, beside
	// localhost and the loopback addresses.
	Hosts []string
	// Tokens recognises bearer tokens other than the secret, such as those of
	// a worker's task; nil recognises none.
	Tokens func(token string) (kernel.Caller, bool)
	// Address is where the daemon is reached over TCP, for who asks for its status:
	// https://HOST:PORT, with #FINGERPRINT if its certificate is its own.
	Address string
	// MCP answers at /mcp, for who may call; nil: nothing does.
	MCP http.Handler
	// Leases lend tasks to other machines; nil: none is lent.
	Leases work.Leases
	// Limits; zero fields are given their defaults.
	Limits Limits
}

// Limits bound what one daemon does for its callers.
type Limits struct {
	Body       int64         // bytes of a JSON body; 1 MiB
	Rewrite    int64         // bytes of a rewrite; 64 MiB
	Blob       int64         // bytes of content put in one call; 1 GiB
	Streams    int           // event streams at once; 2048
	Remote     int           // TCP connections at once; 1024
	Requests   int           // other requests at once; 1024
	Rate       int           // requests a second of each caller but the owner; 2000
	Operations int           // operations running at once; 64
	Find       int           // elements and edges one page of a selector may look at; rmg.FindBudget
	Lag        uint64        // records a live event stream may fall behind; 4096
	Header     time.Duration // how long a request's header, or a TLS handshake, may take; 10 s
	Heartbeat  time.Duration // between signs of life on a silent stream; 15 s
	Stall      time.Duration // how long one write to a stream or over TCP, or one read of content, may take; 30 s
}

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	set(&l.Body, 1<<20)
	set(&l.Rewrite, 64<<20)
	set(&l.Blob, 1<<30)
	set(&l.Streams, 2048)
	set(&l.Remote, 1024)
	set(&l.Requests, 1024)
	set(&l.Rate, 2000)
	set(&l.Operations, 64)
	set(&l.Find, rmg.FindBudget)
	set(&l.Lag, 4096)
	set(&l.Header, 10*time.Second)
	set(&l.Heartbeat, 15*time.Second)
	set(&l.Stall, 30*time.Second)
	return l
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Server answers HTTP requests for one kernel. Safe for concurrent use.
type Server struct {
	opt     Options
	log     *slog.Logger
	calls   []call
	mux     *http.ServeMux
	http    *http.Server
	fronts  fronts
	quick   map[string]*call // by method and path, of what the front may answer
	openapi []byte
	secret  [sha256.Size]byte // of Options.Secret
	started time.Time
	now     func() time.Time

	ctx     context.Context // ends when Shutdown begins
	stop    context.CancelFunc
	streams atomic.Int64
	told    retold
	busy    atomic.Int64 // requests that are being answered, streams left out
	open    atomic.Int64 // requests that are being answered, of any sort
	last    atomic.Int64 // when the last one ended, in ns of Unix time
	names   names
	rates   rates
	zippers sync.Pool // of *gzip.Writer
	writers sync.Pool // of *writer

	sessions   sessions
	operations operations
	sent       sentTrees
	counts     struct {
		sync.Mutex // guards the map
		byStatus   map[int]uint64
	}
}

// New makes a server. It listens nowhere until Serve. The error names an option
// that is missing.
func New(opt Options) (*Server, error) {
	if opt.Kernel == nil {
		return nil, errors.New("a server needs a kernel")
	}
	if len(opt.Secret) < MinSecret {
		return nil, fmt.Errorf("a server needs a secret of at least %d bytes", MinSecret)
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Limits = opt.Limits.withDefaults()
	s := &Server{opt: opt, secret: sha256.Sum256([]byte(opt.Secret)), log: opt.Logger, now: time.Now, mux: http.NewServeMux()}
	s.names.start = secretText()[:8]
	s.started = s.now()
	s.last.Store(s.started.UnixNano())
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.counts.byStatus = map[int]uint64{}
	s.operations.limit = opt.Limits.Operations
	s.operations.byID = map[string]*operation{}
	s.calls, s.quick = allCalls(), map[string]*call{}
	doc, err := document(s.calls, opt.Version)
	if err != nil {
		return nil, fmt.Errorf("make the OpenAPI document: %w", err)
	}
	s.openapi = doc.text
	for i := range s.calls {
		c := &s.calls[i]
		c.schema = doc.bodies[c.id]
		for _, p := range c.params {
			if p.in == "" {
				c.known = append(c.known, p.name)
			}
		}
		if c.quick {
			s.quick[c.method+" "+c.path] = c
		}
		s.mux.HandleFunc(c.method+" "+c.path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, c) })
	}
	if err := s.page(viewer.Assets()); err != nil {
		return nil, fmt.Errorf("the page's files: %w", err)
	}
	if opt.MCP != nil {
		s.mux.HandleFunc("/mcp", s.mcp)
	}
	s.mux.HandleFunc("/", s.absent)
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: opt.Limits.Header,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(opt.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Handler returns the whole of the server as a handler, for use in tests or
// behind another server. Without a local address in a request's context it
// treats the connection as TCP.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.attend(w, r, func(t *tracked) {
			if err := s.checkHost(r); err != nil {
				s.refuse(t, r, err)
				return
			}
			s.mux.ServeHTTP(t, r)
		})
	})
}

// attend is what is done for every request: it is named, counted and logged, and a
// panic is answered for.
func (s *Server) attend(w http.ResponseWriter, r *http.Request, do func(t *tracked)) {
	s.open.Add(1)
	defer s.ended()
	t := &tracked{ResponseWriter: w}
	s.names.name(w, r)
	defer s.finish(t, r)
	do(t)
}

// ended notes that a request is answered.
func (s *Server) ended() {
	s.last.Store(s.now().UnixNano())
	s.open.Add(-1)
}

// Quiet returns for how long nothing was asked; 0 while a request, a stream or an
// operation is under way.
func (s *Server) Quiet() time.Duration {
	s.operations.Lock()
	running := s.operations.running
	s.operations.Unlock()
	last := s.last.Load() // before open: a request that ends in between is under way or the last
	if running > 0 || s.open.Load() > 0 {
		return 0
	}
	return max(0, s.now().Sub(time.Unix(0, last)))
}

// Serve answers on a listener until Shutdown; any number may be served at once.
// It returns nil after Shutdown, else why the listener failed.
func (s *Server) Serve(ln net.Listener) error {
	if ln.Addr().Network() == "unix" {
		return s.serveSocket(ln)
	}
	err := s.http.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown ends streams and operations, lets requests in progress end, and
// waits for all of them, or until ctx ends: then it cuts connections off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	err := errors.Join(s.fronts.stop(ctx), s.http.Shutdown(ctx))
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	return errors.Join(err, s.operations.wait(ctx))
}

// finish counts and logs a request, and turns a panic into an internal error.
func (s *Server) finish(t *tracked, r *http.Request) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler {
			panic(cause)
		}
		s.panicked(t, r, cause)
	}
	status := t.status
	if status == 0 {
		status = http.StatusOK
	}
	s.counts.Lock()
	s.counts.byStatus[status]++
	s.counts.Unlock()
	if !s.log.Enabled(r.Context(), slog.LevelDebug) {
		return // what would be said of it is not made either
	}
	s.log.Debug("request", "request", r.Header.Get(wire.RequestHeader), "method", r.Method, "path", r.URL.Path, "status", status)
}

// absent answers what no route takes.
func (s *Server) absent(w http.ResponseWriter, r *http.Request) {
	if _, err := s.identify(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := s.mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		s.refuse(w, r, wire.NewProblem(rmg.NotFound, "%s %s "+wire.NotInThisVersion, r.Method, r.URL.Path).WithHint("GET /openapi.json lists the calls there are"))
		return
	}
	for _, m := range allowed {
		w.Header().Add("Allow", m)
	}
	p := wire.NewProblem(rmg.Invalid, "%s does not take %s, but %v", r.URL.Path, r.Method, allowed)
	p.Status = http.StatusMethodNotAllowed
	s.refuse(w, r, p)
}

// page routes the static files of the web pages, and the pages: index.html at
// the root, any other name.html at /name. What stands below assets carries its
// content's hash in its name, and is kept by browsers.
func (s *Server) page(files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name == "index.html" {
			s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.index(w, r, files) })
			return nil
		}
		target, isPage := strings.CutSuffix(name, ".html")
		s.mux.HandleFunc("GET /"+target, func(w http.ResponseWriter, r *http.Request) {
			pageHeaders(w.Header())
			if !isPage && strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, immutable, max-age=31536000")
			}
			http.ServeFileFS(w, r, files, name)
		})
		return nil
	})
}

// index serves the page, or, with a one-time token, begins a session first.
func (s *Server) index(w http.ResponseWriter, r *http.Request, files fs.FS) {
	pageHeaders(w.Header())
	if token := r.URL.Query().Get("session"); token != "" {
		cookie, ok := s.sessions.begin(token, s.now())
		if !ok {
			s.refuse(w, r, unknownCaller("this link was used already, or is too old").WithHint("jitos view makes a new one"))
			return
		}
		cookie.Secure = r.TLS != nil
		http.SetCookie(w, cookie)
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.ServeFileFS(w, r, files, "/index.html")
}

// pageHeaders keep the page to its own files and out of frames.
func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
}
