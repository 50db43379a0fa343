// Package llmtest is a server that speaks the wire formats of language models'
// vendors, and answers what a test tells it to.
package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Key is the one that the server lets in.
const Key = "llmtest-key-0123456789"

// Turn is one answer.
type Turn struct {
	Text  string
	Calls []Call

	// What may go wrong instead, or on the way.
	Status     int    // of HTTP, with an error in the vendor's form; 0 for 200
	RetryAfter string // header, with Status
	CutOff     bool   // the stream ends in the middle
	Overloaded bool   // an error comes in the stream
}

// Call is a tool that the model wants used.
type Call struct {
	Name  string
	Input any
}

// Asked is a request as the server understood it.
type Asked struct {
	System   string
	Last     string // all texts and results of the last message of the user
	Tools    []string
	Messages int
	Max      int64
}

// Server answers with turns, in order.
type Server struct {
	*httptest.Server

	mu    sync.Mutex // guards the fields below
	turns []Turn
	asked []Asked
}

// New starts a server that ends with its test. Its addresses are Anthropic and
// OpenAI.
func New(t testing.TB, turns ...Turn) *Server {
	t.Helper()
	s := &Server{turns: turns}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", s.messages)
	mux.HandleFunc("POST /v1/chat/completions", s.completions)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Anthropic is the base URL for the Messages API.
func (s *Server) Anthropic() string { return s.URL }

// OpenAI is the base URL for chat completions.
func (s *Server) OpenAI() string { return s.URL + "/v1" }

// Asked are the requests so far.
func (s *Server) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Asked(nil), s.asked...)
}

func (s *Server) next(a Asked) (Turn, int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, a)
	n := len(s.asked)
	if n > len(s.turns) {
		return Turn{}, n, false
	}
	return s.turns[n-1], n, true
}

// Bug is a conversation that fixes a file by edit: it looks at it, tries what is
// not allowed, changes it, runs the gates and finishes.
func Bug(file, old, now string) []Turn {
	return []Turn{
		{Text: "I look first.", Calls: []Call{{"list", map[string]any{"path": "."}}, {"read", map[string]any{"path": file}}}},
		{Calls: []Call{{"search", map[string]any{"pattern": "func "}}, {"run", map[string]any{"argv": []string{"rm", "-rf", "."}}}}},
		{Text: "There it is.", Calls: []Call{{"edit", map[string]any{"path": file, "old": old, "new": now}}}},
		{Calls: []Call{{"gates", map[string]any{}}}},
		{Calls: []Call{{"finish", map[string]any{"done": true, "summary": "the bound itself was left out"}}}},
	}
}

type sse struct{ w http.ResponseWriter }

func (e sse) send(event string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // of maps and texts
	}
	if event != "" {
		fmt.Fprintf(e.w, "event: %s\n", event)
	}
	fmt.Fprintf(e.w, "data: %s\n\n", text)
	e.w.(http.Flusher).Flush()
}

// pieces cuts a text into a few, as a stream would.
func pieces(s string) []string {
	var out []string
	for len(s) > 0 {
		n := min(len(s), 7)
		for n < len(s) && s[n]&0xC0 == 0x80 {
			n++
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

type m = map[string]any

// messages is the Anthropic Messages API.
func (s *Server) messages(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, kind, msg string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(m{"type": "error", "error": m{"type": kind, "message": msg}})
	}
	if r.Header.Get("X-Api-Key") != Key || r.Header.Get("Anthropic-Version") == "" {
		refuse(401, "authentication_error", "invalid x-api-key")
		return
	}
	var req struct {
		Model     string
		MaxTokens int64 `json:"max_tokens"`
		Stream    bool
		System    []struct{ Text string }
		Tools     []struct {
			Name        string
			InputSchema json.RawMessage `json:"input_schema"`
		}
		Messages []struct {
			Role    string
			Content []struct {
				Type, Text, ID string
				ToolUseID      string `json:"tool_use_id"`
				Content        []struct{ Text string }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || !req.Stream || req.Model == "" || req.MaxTokens < 1 || len(req.Messages) == 0 {
		refuse(400, "invalid_request_error", fmt.Sprintf("the request is wrong: %v", err))
		return
	}
	a := Asked{Messages: len(req.Messages), Max: req.MaxTokens}
	for _, x := range req.System {
		a.System += x.Text
	}
	for _, x := range req.Tools {
		a.Tools = append(a.Tools, x.Name)
	}
	open := map[string]bool{}
	for i, msg := range req.Messages {
		if want := []string{"user", "assistant"}[i%2]; msg.Role != want {
			refuse(400, "invalid_request_error", fmt.Sprintf("message %d is of %s, not of %s", i, msg.Role, want))
			return
		}
		a.Last = ""
		for _, b := range msg.Content {
			switch b.Type {
			case "tool_use":
				open[b.ID] = true
			case "tool_result":
				if !open[b.ToolUseID] {
					refuse(400, "invalid_request_error", "a result of no call")
					return
				}
				delete(open, b.ToolUseID)
				for _, c := range b.Content {
					a.Last += c.Text + "\n"
				}
			case "text":
				a.Last += b.Text + "\n"
			}
		}
		if msg.Role == "user" && len(open) > 0 {
			refuse(400, "invalid_request_error", "a call has no result")
			return
		}
	}
	t, n, ok := s.next(a)
	if !ok {
		refuse(400, "invalid_request_error", "the test has no more turns")
		return
	}
	if t.Status != 0 {
		w.Header().Set("Retry-After", t.RetryAfter)
		refuse(t.Status, map[int]string{429: "rate_limit_error", 529: "overloaded_error"}[t.Status], "told to fail")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	e := sse{w}
	e.send("message_start", m{"type": "message_start", "message": m{
		"id": fmt.Sprintf("msg_%d", n), "type": "message", "role": "assistant", "model": req.Model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": m{"input_tokens": 100, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 1},
	}})
	e.send("ping", m{"type": "ping"})
	index := 0
	if t.Text != "" {
		e.send("content_block_start", m{"type": "content_block_start", "index": index, "content_block": m{"type": "text", "text": ""}})
		for _, p := range pieces(t.Text) {
			e.send("content_block_delta", m{"type": "content_block_delta", "index": index, "delta": m{"type": "text_delta", "text": p}})
		}
		e.send("content_block_stop", m{"type": "content_block_stop", "index": index})
		index++
	}
	if t.Overloaded {
		e.send("error", m{"type": "error", "error": m{"type": "overloaded_error", "message": "Overloaded"}})
		return
	}
	for i, c := range t.Calls {
		e.send("content_block_start", m{"type": "content_block_start", "index": index, "content_block": m{"type": "tool_use", "id": fmt.Sprintf("toolu_%d_%d", n, i), "name": c.Name, "input": m{}}})
		in, _ := json.Marshal(c.Input)
		for _, p := range pieces(string(in)) {
			e.send("content_block_delta", m{"type": "content_block_delta", "index": index, "delta": m{"type": "input_json_delta", "partial_json": p}})
			if t.CutOff {
				return
			}
		}
		e.send("content_block_stop", m{"type": "content_block_stop", "index": index})
		index++
	}
	stop := "end_turn"
	if len(t.Calls) > 0 {
		stop = "tool_use"
	}
	e.send("message_delta", m{"type": "message_delta", "delta": m{"stop_reason": stop, "stop_sequence": nil}, "usage": m{"output_tokens": 20}})
	e.send("message_stop", m{"type": "message_stop"})
}

// completions is the chat completions API.
func (s *Server) completions(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, kind, msg string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(m{"error": m{"message": msg, "type": kind, "param": nil, "code": nil}})
	}
	if r.Header.Get("Authorization") != "Bearer "+Key {
		refuse(401, "invalid_request_error", "Incorrect API key provided")
		return
	}
	var req struct {
		Model               string
		MaxCompletionTokens int64 `json:"max_completion_tokens"`
		Stream              bool
		StreamOptions       struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
		Tools []struct {
			Function struct {
				Name       string
				Parameters json.RawMessage
			}
		}
		Messages []struct {
			Role       string
			Content    string
			ToolCallID string                `json:"tool_call_id"`
			ToolCalls  []struct{ ID string } `json:"tool_calls"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || !req.Stream || req.Model == "" || len(req.Messages) < 2 {
		refuse(400, "invalid_request_error", fmt.Sprintf("the request is wrong: %v", err))
		return
	}
	a := Asked{Messages: len(req.Messages), Max: req.MaxCompletionTokens}
	open := map[string]bool{}
	for i, msg := range req.Messages {
		switch msg.Role {
		case "system":
			if a.System = msg.Content; i != 0 {
				refuse(400, "invalid_request_error", "a system message in the middle")
				return
			}
		case "assistant":
			a.Last = ""
			for _, c := range msg.ToolCalls {
				open[c.ID] = true
			}
		case "tool":
			if !open[msg.ToolCallID] {
				refuse(400, "invalid_request_error", "a result of no call")
				return
			}
			delete(open, msg.ToolCallID)
			a.Last += msg.Content + "\n"
		case "user":
			a.Last += msg.Content + "\n"
		}
	}
	if len(open) > 0 {
		refuse(400, "invalid_request_error", "a call has no result")
		return
	}
	for _, x := range req.Tools {
		a.Tools = append(a.Tools, x.Function.Name)
	}
	t, n, ok := s.next(a)
	if !ok {
		refuse(400, "invalid_request_error", "the test has no more turns")
		return
	}
	if t.Status != 0 {
		w.Header().Set("Retry-After", t.RetryAfter)
		refuse(t.Status, "server_error", "told to fail")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	e := sse{w}
	chunk := func(delta m, finish any) {
		e.send("", m{
			"id": fmt.Sprintf("chatcmpl-%d", n), "object": "chat.completion.chunk", "created": 1, "model": req.Model,
			"choices": []any{m{"index": 0, "delta": delta, "finish_reason": finish}},
		})
	}
	chunk(m{"role": "assistant", "content": ""}, nil)
	for _, p := range pieces(t.Text) {
		chunk(m{"content": p}, nil)
	}
	if t.Overloaded {
		e.send("", m{"error": m{"message": "The server is overloaded", "type": "server_error"}})
		return
	}
	for i, c := range t.Calls {
		chunk(m{"tool_calls": []any{m{"index": i, "id": fmt.Sprintf("call_%d_%d", n, i), "type": "function", "function": m{"name": c.Name, "arguments": ""}}}}, nil)
		in, _ := json.Marshal(c.Input)
		for _, p := range pieces(string(in)) {
			chunk(m{"tool_calls": []any{m{"index": i, "function": m{"arguments": p}}}}, nil)
			if t.CutOff {
				return
			}
		}
	}
	finish := "stop"
	if len(t.Calls) > 0 {
		finish = "tool_calls"
	}
	chunk(m{}, finish)
	if req.StreamOptions.IncludeUsage {
		e.send("", m{
			"id": fmt.Sprintf("chatcmpl-%d", n), "object": "chat.completion.chunk", "created": 1, "model": req.Model, "choices": []any{},
			"usage": m{"prompt_tokens": 115, "completion_tokens": 20, "total_tokens": 135},
		})
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// Texts joins what was asked last, for messages of tests.
func Texts(list []Asked) string {
	var out []string
	for i, a := range list {
		out = append(out, fmt.Sprintf("--- asked %d\n%s", i+1, a.Last))
	}
	return strings.Join(out, "\n")
}
