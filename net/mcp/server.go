package mcp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
)

// The limits of a server.
const (
	maxSessions = 256             // at once
	sessionIdle = 12 * time.Hour  // after which a session over HTTP is over
	maxMessage  = 16 << 20        // bytes of one message
	tokenRenew  = 5 * time.Minute // how long the SDK may trust that a token was checked
)

// Options say what a server stands on. Connect must be given.
type Options struct {
	// Connect makes the client that a session calls the daemon with. agent is
	// what the program at the other end calls itself, fit for a name; header is
	// that of the request that began the session, nil over standard streams.
	Connect func(agent string, header http.Header) (*client.Client, error)
	// Dir is the folder, in a repository, that workspaces are made of unless
	// another is named; an absolute path, or empty.
	Dir     string
	Version string // of the program
	Logger  *slog.Logger
}

// Server answers any number of sessions. Safe for concurrent use.
type Server struct {
	opt  Options
	mcp  *sdk.Server
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // of what goes on beside calls

	mu       sync.Mutex // guards the fields below
	sessions map[*sdk.ServerSession]*session
	holders  map[string]*session // of workspaces, by id
	watches  map[string]*watch   // by URI
}

// instructions are told to the agent's model when a session begins.
const instructions = `JITOS runs your work in isolated workspaces and lets in only what is proven.
1. workspace_create forks one from a repository's branch; it becomes the session's current workspace.
2. Read and change files with the file_ tools, run commands with run_command: both see the workspace, never the user's working tree. Paths are relative to the repository.
3. gates_run shows whether it would be let in; workspace_diff shows what you changed.
4. workspace_collapse proves the merged result by the repository's gates and lands it as a commit. Red gates or conflicts leave everything as it was, and the answer says what to do.
5. workspace_discard drops an attempt that leads nowhere; nothing is lost by it. Make several workspaces to try several ways.
Tests and other protected paths are not yours to change unless the user asked for it. why explains a line that you do not understand.`

// New makes a server. The error names an option that is missing.
func New(opt Options) (*Server, error) {
	if opt.Connect == nil {
		return nil, errors.New("an MCP server needs a way to the daemon")
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Logger = slog.New(warnings{opt.Logger.Handler()})
	s := &Server{
		opt: opt, sessions: map[*sdk.ServerSession]*session{}, holders: map[string]*session{}, watches: map[string]*watch{},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mcp = sdk.NewServer(&sdk.Implementation{Name: "jitos", Title: "JITOS", Version: opt.Version}, &sdk.ServerOptions{
		Instructions: instructions, Logger: opt.Logger,
		SubscribeHandler: s.subscribe, UnsubscribeHandler: s.unsubscribe,
		// A session holds workspaces. The protocol of 2026-07-28 has none, so
		// that a client falls back to one that has.
		SupportedProtocolVersions: []string{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"},
	})
	s.spaceTools()
	s.fileTools()
	s.runTools()
	s.graphTools()
	s.processTools()
	s.resources()
	s.prompts()
	return s, nil
}

// warnings lets through what somebody has to know: the SDK tells of every
// message.
type warnings struct{ slog.Handler }

// Enabled is false below warnings.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// WithAttrs keeps what it is.
func (w warnings) WithAttrs(list []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(list)}
}

// WithGroup keeps what it is.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// Run serves one session over a transport until the other end goes away or ctx
// ends.
func (s *Server) Run(ctx context.Context, t sdk.Transport) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.ctx, stop)()
	return s.mcp.Run(ctx, t)
}

// Handler serves sessions over streamable HTTP. Whoever mounts it has checked
// who calls: what comes in without a bearer token is refused here as well, and a
// session answers only to the token that it began with.
func (s *Server) Handler() http.Handler {
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.mcp }, &sdk.StreamableHTTPOptions{
		Logger: s.opt.Logger, SessionTimeout: sessionIdle, MaxRequestBodyBytes: maxMessage,
		// The daemon checks the Host itself, against a list.
		DisableLocalhostProtection: true,
	})
	return auth.RequireBearerToken(func(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		return &auth.TokenInfo{UserID: hashed(token), Expiration: time.Now().Add(tokenRenew)}, nil
	}, nil)(h)
}

// Close ends all sessions and waits for what goes on beside them.
func (s *Server) Close() {
	s.stop()
	for ss := range s.mcp.Sessions() {
		_ = ss.Close() // the other end may be gone already
	}
	s.wg.Wait()
}

// tool adds a tool whose input and output are described by their types.
func tool[In, Out any](s *Server, t sdk.Tool, do func(context.Context, *exchange, In) (Out, error)) {
	sdk.AddTool(s.mcp, &t, func(ctx context.Context, req *sdk.CallToolRequest, in In) (*sdk.CallToolResult, Out, error) {
		// What a call waits for ends with the server, not the other way round.
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(s.ctx, stop)()
		var out Out
		sess, err := s.session(req.Session, req.Extra)
		if err == nil {
			out, err = do(ctx, &exchange{session: sess, req: req}, in)
		}
		if err != nil {
			return nil, out, forAgent(err)
		}
		return nil, out, nil
	})
}

// exchange is one call of a tool.
type exchange struct {
	*session
	req  *sdk.CallToolRequest
	told float64
}

// tell reports progress, to a client that asked for it.
func (x *exchange) tell(ctx context.Context, text string) {
	token := x.req.Params.GetProgressToken()
	if token == nil {
		return
	}
	x.told++
	// Whoever does not hear it any more has no use for it either.
	_ = x.req.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: x.told, Message: text})
}

// The hints by which clients decide what to ask their user about.
func reads(title string) *sdk.ToolAnnotations {
	no := false
	return &sdk.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &no}
}

func writes(title string, destructive bool) *sdk.ToolAnnotations {
	no := false
	return &sdk.ToolAnnotations{Title: title, DestructiveHint: &destructive, OpenWorldHint: &no}
}
