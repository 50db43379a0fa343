package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// A resource is an element of the graph: jitos:///repo/app/main/a.go is one of
// the system, jitos://w12/repo/app/main/a.go one of a workspace. A file is its
// content, all else JSON.
const scheme = "jitos"

// The limits of subscriptions.
const (
	maxWatches = 256
	// settle is how long changes are gathered before a client is told: a client
	// reads the resource anew, so that one word stands for many changes.
	settle = 100 * time.Millisecond
	again  = time.Second // between attempts to follow the daemon's events
)

func (s *Server) resources() {
	s.mcp.AddResourceTemplate(&sdk.ResourceTemplate{
		Name: "graph", Title: "An element of the graph", URITemplate: scheme + ":///{+path}",
		Description: "A file's content, or an element and what is in it as JSON: jitos:///repo/app/main/go.mod, jitos:///proc/p12. Can be subscribed to.",
	}, s.readResource)
	s.mcp.AddResourceTemplate(&sdk.ResourceTemplate{
		Name: "workspace", Title: "An element as a workspace has it", URITemplate: scheme + "://{workspace}/{+path}",
		Description: "The same in a workspace: jitos://w12/repo/app/main/go.mod. Can be subscribed to.",
	}, s.readResource)
	for name, about := range map[string]string{"repo": "repositories and their branches", "proc": "processes", "sws": "workspaces"} {
		s.mcp.AddResource(&sdk.Resource{
			Name: name, Description: "The " + about + " that there are", URI: scheme + ":///" + name, MIMEType: "application/json",
		}, s.readResource)
	}
}

// parseURI reads a resource's URI as a view and a path.
func parseURI(uri string) (view string, at rmg.Path, err error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != scheme {
		return "", "", wire.NewProblem(rmg.Invalid, "%q is no resource of JITOS", uri).WithHint("jitos:///PATH, or jitos://WORKSPACE/PATH")
	}
	if view = "system"; u.Host != "" {
		view = "sws:" + u.Host
	}
	at, err = rmg.ParsePath("/" + strings.TrimPrefix(u.EscapedPath(), "/"))
	return view, at, err
}

func (s *Server) readResource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	uri := req.Params.URI
	sess, err := s.session(req.Session, req.Extra)
	if err != nil {
		return nil, forAgent(err)
	}
	view, at, err := parseURI(uri)
	if err != nil {
		return nil, forAgent(err)
	}
	g, err := sess.c.Graph(ctx, client.GraphQuery{View: view, Path: at, Depth: 1, Limit: maxElements})
	if err != nil {
		if problem, _ := wire.ProblemOf(err); problem.Code == rmg.NotFound {
			return nil, sdk.ResourceNotFoundError(uri)
		}
		return nil, forAgent(err)
	}
	content := &sdk.ResourceContents{URI: uri}
	if blob := g.Element.Props.Blob(propBlob); g.Element.Kind == kindFile && blob.Size <= maxFile {
		var data []byte
		if blob.Size > 0 {
			if data, err = sess.c.ReadBlob(ctx, fmt.Sprintf("%x", blob.Sum)); err != nil {
				return nil, forAgent(err)
			}
		}
		if utf8.Valid(data) {
			content.MIMEType, content.Text = "text/plain", string(data)
		} else {
			content.MIMEType, content.Blob = "application/octet-stream", data
		}
	} else {
		data, err := json.Marshal(g)
		if err != nil {
			return nil, err
		}
		content.MIMEType, content.Text = "application/json", string(data)
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{content}}, nil
}

// watch follows what happens at a resource for the sessions that subscribed.
type watch struct {
	readers map[*sdk.ServerSession]*session // guarded by the server's mu
	stop    context.CancelFunc
	begun   chan struct{} // closed with the daemon's first word
	dirty   chan struct{} // holds one when there is something to tell
}

func (s *Server) subscribe(_ context.Context, req *sdk.SubscribeRequest) error {
	sess, err := s.session(req.Session, req.Extra)
	if err != nil {
		return forAgent(err)
	}
	uri := req.Params.URI
	view, at, err := parseURI(uri)
	if err != nil {
		return forAgent(err)
	}
	begun, err := s.join(uri, view, at, req.Session, sess)
	if err != nil {
		return forAgent(err)
	}
	// What happens after the answer is not to be missed.
	select {
	case <-begun:
	case <-time.After(again):
	}
	return nil
}

// join lets a session be told of a resource. What it returns is closed once
// that has begun.
func (s *Server) join(uri, view string, at rmg.Path, ss *sdk.ServerSession, sess *session) (<-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watches[uri]; w != nil {
		w.readers[ss] = sess
		return w.begun, nil
	}
	if len(s.watches) >= maxWatches {
		return nil, wire.NewProblem(rmg.Limit, "%d resources are subscribed to, which is the limit", len(s.watches))
	}
	ctx, stop := context.WithCancel(s.ctx)
	w := &watch{readers: map[*sdk.ServerSession]*session{ss: sess}, stop: stop, begun: make(chan struct{}), dirty: make(chan struct{}, 1)}
	s.watches[uri] = w
	s.wg.Go(func() { s.follow(ctx, w, view, at) })
	s.wg.Go(func() { s.announce(ctx, w, uri) })
	return w.begun, nil
}

func (s *Server) unsubscribe(_ context.Context, req *sdk.UnsubscribeRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(req.Params.URI, req.Session)
	return nil
}

// leave takes a session off a watch, which ends with its last one. mu is held.
func (s *Server) leave(uri string, ss *sdk.ServerSession) {
	w := s.watches[uri]
	if w == nil {
		return
	}
	delete(w.readers, ss)
	if len(w.readers) == 0 {
		w.stop()
		delete(s.watches, uri)
	}
}

// reader is a client of one of those who subscribed; any of them sees the same.
func (s *Server) reader(w *watch) *client.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range w.readers {
		return sess.c
	}
	return nil
}

// follow notes records that touch a resource, until ctx ends.
func (s *Server) follow(ctx context.Context, w *watch, view string, at rmg.Path) {
	q := client.EventsQuery{Ops: 1, Filter: client.Filter{Path: at, View: view}}
	first := true
	for ctx.Err() == nil {
		c := s.reader(w)
		if c == nil {
			return
		}
		for e, err := range c.Events(ctx, q) {
			if err != nil {
				break
			}
			q.After = max(q.After, e.ID)
			if first {
				first = false
				close(w.begun)
				continue
			}
			select { // a snapshot stands for records that were passed over
			case w.dirty <- struct{}{}:
			default:
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// announce tells those who subscribed, once for all that happened meanwhile.
func (s *Server) announce(ctx context.Context, w *watch, uri string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.dirty:
		}
		// A reader that is gone is forgotten when its session ends.
		_ = s.mcp.ResourceUpdated(ctx, &sdk.ResourceUpdatedNotificationParams{URI: uri})
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
	}
}
