package server

import (
	"net/http"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// mcp hands a request of an MCP client on, once it is known who sends it. What
// the tools do comes back as calls of the contract, and is judged then. A web
// session has no business here: an agent brings a token.
func (s *Server) mcp(w http.ResponseWriter, r *http.Request) {
	who, err := s.identify(r)
	if err == nil && who.session {
		err = wire.NewProblem(rmg.Denied, "/mcp is not for web sessions").WithHint("jitos token new makes a token for an agent")
	}
	if err == nil {
		err = (&call{}).mayWork(who.caller)
	}
	if err == nil {
		err = s.mayNow(who.caller)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if r.Method == http.MethodGet { // a stream of what the server has to tell
		if err := s.takeStream(); err != nil {
			s.refuse(w, r, err)
			return
		}
		defer s.streams.Add(-1)
	}
	s.opt.MCP.ServeHTTP(w, r)
}
