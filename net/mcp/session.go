package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// session is one agent's: who it is to the daemon, and the workspaces it holds.
type session struct {
	s    *Server
	c    *client.Client
	self wire.Caller

	mu      sync.Mutex // guards the fields below
	spaces  []*space   // in the order in which they were taken
	current *space
}

// space is a workspace that a session holds.
type space struct {
	id   string
	root rmg.Path // of the repository's branch in it; empty if it is of none
	dir  string   // the repository's folder
}

// view is the space as a version.
func (p *space) view() string { return "sws:" + p.id }

// session finds a session, or begins it.
func (s *Server) session(ss *sdk.ServerSession, extra *sdk.RequestExtra) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.sessions[ss]; have != nil {
		return have, nil
	}
	if s.ctx.Err() != nil {
		return nil, wire.NewProblem(rmg.Unavailable, "the server is stopping")
	}
	if len(s.sessions) >= maxSessions {
		return nil, wire.NewProblem(rmg.Limit, "%d sessions are open, which is the limit", len(s.sessions)).WithHint("end one")
	}
	var header http.Header
	if extra != nil {
		header = extra.Header
	}
	c, err := s.opt.Connect(agentName(ss.InitializeParams()), header)
	if err != nil {
		return nil, err
	}
	sess := &session{s: s, c: c}
	s.sessions[ss] = sess
	s.wg.Go(func() {
		_ = ss.Wait() // why the other end went away is nothing to us
		s.end(ss, sess)
	})
	return sess, nil
}

// end forgets a session. Its workspaces stay, and are anybody's to take up who
// may.
func (s *Server) end(ss *sdk.ServerSession, sess *session) {
	s.mu.Lock()
	delete(s.sessions, ss)
	for id, holder := range s.holders {
		if holder == sess {
			delete(s.holders, id)
		}
	}
	for uri := range s.watches {
		s.leave(uri, ss)
	}
	s.mu.Unlock()
	sess.c.Close()
}

// agentName is what the program at the other end calls itself, as a part of an
// author's name.
func agentName(p *sdk.InitializeParams) string {
	if p == nil || p.ClientInfo == nil {
		return "agent"
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, p.ClientInfo.Name)
	if name = strings.Trim(name[:min(len(name), 40)], "-"); name == "" {
		return "agent"
	}
	return name
}

// who asks the daemon who the session is, once.
func (x *session) who(ctx context.Context) (wire.Caller, error) {
	x.mu.Lock()
	have := x.self
	x.mu.Unlock()
	if have.Name != "" {
		return have, nil
	}
	self, err := x.c.Self(ctx)
	if err != nil {
		return wire.Caller{}, err
	}
	x.mu.Lock()
	x.self = self
	x.mu.Unlock()
	return self, nil
}

// take makes a workspace the session's, and the current one. Conflict: another
// session holds it.
func (x *session) take(p *space) error {
	x.s.mu.Lock()
	holder := x.s.holders[p.id]
	if holder == nil || holder == x {
		x.s.holders[p.id] = x
	}
	x.s.mu.Unlock()
	if holder != nil && holder != x {
		return wire.NewProblem(rmg.Conflict, "another session works in %s", p.id).WithHint("fork from it: workspace_create with from=sws:%s", p.id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.spaces = slices.DeleteFunc(x.spaces, func(q *space) bool { return q.id == p.id })
	x.spaces = append(x.spaces, p)
	x.current = p
	return nil
}

// drop lets a workspace go that has ended.
func (x *session) drop(id string) {
	x.s.mu.Lock()
	if x.s.holders[id] == x {
		delete(x.s.holders, id)
	}
	x.s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.spaces = slices.DeleteFunc(x.spaces, func(q *space) bool { return q.id == id })
	if x.current != nil && x.current.id == id {
		x.current = nil
		if n := len(x.spaces); n > 0 {
			x.current = x.spaces[n-1]
		}
	}
}

// space is the workspace that a call names, or the current one.
func (x *session) space(id string) (*space, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if id == "" {
		if x.current == nil {
			return nil, wire.NewProblem(rmg.Invalid, "this session has no workspace").WithHint("workspace_create makes one, workspace_open takes one up")
		}
		return x.current, nil
	}
	for _, p := range x.spaces {
		if p.id == id {
			return p, nil
		}
	}
	return nil, wire.NewProblem(rmg.Denied, "%s is not a workspace of this session", id).WithHint("workspace_open takes up one of yours; workspace_create with from=sws:%s forks from any", id)
}

// place is where a path of the agent's stands: relative to the repository, below
// the repository's folder on disk, or, from /, in the graph.
func (p *space) place(name string) (rmg.Path, error) {
	if rest, ok := strings.CutPrefix(name, p.dir+"/"); ok && p.dir != "" {
		name = rest
	}
	if name == p.dir && p.dir != "" {
		name = ""
	}
	if strings.HasPrefix(name, "/") {
		return rmg.ParsePath(name)
	}
	if p.root == "" {
		return "", wire.NewProblem(rmg.Invalid, "%s holds no repository that %q could be in", p.id, name).WithHint("give a path of the graph, from /; or workspace_create with repo")
	}
	if name = path.Clean(name); name == "." {
		return p.root, nil
	}
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", wire.NewProblem(rmg.Invalid, "%q leads out of the repository", name).WithHint("paths are relative to the repository's root")
	}
	return p.root.Join(strings.Split(name, "/")...), nil
}

// shown is a path as the agent writes it.
func (p *space) shown(at rmg.Path) string {
	if p.root == "" {
		return string(at)
	}
	parts, ok := p.root.Rel(at)
	switch {
	case !ok:
		return string(at)
	case len(parts) == 0:
		return "."
	}
	return strings.Join(parts, "/")
}

func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
