package server

import (
	"net/http"
	"testing"
)

// What is mounted at /mcp sees who was identified, and nobody else.
func TestMCPIsForCallers(t *testing.T) {
	reached := 0
	s, _ := newServer(t, newFake(0), func(o *Options) {
		o.Limits.Streams = 1
		o.MCP = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reached++
			w.WriteHeader(http.StatusAccepted)
		})
	})
	if w := do(s, request("POST", "/mcp", "{}")); w.Code != http.StatusAccepted || reached != 1 {
		t.Errorf("%d, reached %d times", w.Code, reached)
	}
	stranger := request("POST", "/mcp", "{}")
	stranger.Header.Set("Authorization", "Bearer wrong")
	refusal(t, s, stranger, 401)
	page := request("POST", "/mcp", "{}")
	page.Header.Del("Authorization")
	token, _ := s.sessions.token(holder{acts: true}, s.now())
	cookie, _ := s.sessions.begin(token, s.now())
	page.AddCookie(cookie)
	refusal(t, s, page, 403)
	s.streams.Add(1) // another's stream
	refusal(t, s, request("GET", "/mcp", ""), 429)
	s.streams.Add(-1)
	if reached != 1 {
		t.Errorf("reached %d times", reached)
	}
	none, _ := newServer(t, newFake(0), nil)
	refusal(t, none, request("POST", "/mcp", "{}"), 404)
}
