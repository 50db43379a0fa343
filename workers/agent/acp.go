package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/sandbox"
)

// protocolVersion is that of the Agent Client Protocol spoken here.
const protocolVersion = 1

// DefaultPermit are the kinds of tool call that are allowed where an agent asks:
// all that stay in the sandbox. What fetches, and what says not what it is, is not.
func DefaultPermit() []string {
	return []string{"read", "edit", "delete", "move", "search", "execute", "think"}
}

// session is one conversation with an agent. Its messages are JSON-RPC 2.0, a line
// each.
type session struct {
	w      *Worker
	a      work.Assignment
	folder string
	root   *os.Root // the folder, from which no symlink leads out
	said   *transcript
	out    chan []byte // to the agent

	running  context.Context // ends with the agent
	asking   sync.WaitGroup  // answers that are thought about
	thinking atomic.Int32    // how many
	one      sync.Mutex      // held while leave is asked for: one question at a time

	mu      sync.Mutex // guards the fields below, and sends to out
	quiet   bool       // out is closed
	next    int
	waiting map[int]chan message
	words   strings.Builder
	summary string
}

// message is a request (method and id), a notification (method), or an answer (id).
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// The codes of JSON-RPC that are used.
const (
	rpcNoMethod = -32601
	rpcInvalid  = -32602
	rpcInternal = -32603
)

// converse runs an agent that speaks the protocol: initialize, a session in the
// folder, one prompt. Its end is that of the prompt; then stdin is closed, and
// the agent ends or is killed.
func (w *Worker) converse(ctx context.Context, a work.Assignment, c sandbox.Command, prompt string, said *transcript) (told, sandbox.Outcome, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return told{}, sandbox.Outcome{}, err
	}
	defer root.Close()
	theirs, ours, err := os.Pipe()
	if err != nil {
		return told{}, sandbox.Outcome{}, err
	}
	s := &session{w: w, a: a, folder: c.Dir, root: root, said: said, out: make(chan []byte, maxUnread), waiting: map[int]chan message{}}
	lines := &lineWriter{each: s.line}
	c.Stdin, c.Stdout = theirs, lines
	c.Stderr = &lineWriter{each: func(l string) { a.Emit(work.Event{Text: short(l), Data: map[string]any{"stream": "stderr"}}) }}

	running, stop := context.WithCancel(ctx)
	defer stop()
	s.running = running
	gone := make(chan struct{}) // closed when the agent has ended
	var all sync.WaitGroup
	var failed string
	var asked error
	all.Go(func() { s.write(ours) })
	all.Go(func() {
		failed, asked = s.prompt(gone, prompt)
		s.hangUp()
		late := time.NewTimer(leaveTime)
		defer late.Stop()
		select {
		case <-gone:
		case <-late.C:
			stop() // it does not go by itself
		}
	})
	out, err := sandbox.Run(running, c)
	theirs.Close()
	close(gone)
	stop() // what it asked leave for nobody waits for
	s.asking.Wait()
	all.Wait()
	t := told{summary: s.spoken(), failed: failed}
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		out.Exit, err = 0, nil // stopped above, after it had answered
	}
	if asked != nil {
		t.failed = firstOf(t.failed, asked.Error())
	}
	return t, out, err
}

// leaveTime is how long an agent may take to end once it has answered.
const leaveTime = 10 * time.Second

// maxUnread is how many messages wait for an agent that does not read them; more
// are not sent.
const maxUnread = 1024

// write sends what is to be sent, until the session hangs up or nobody reads.
func (s *session) write(to *os.File) {
	defer to.Close()
	for data := range s.out {
		if _, err := to.Write(data); err != nil {
			return // it has ended: the rest is lost on it
		}
	}
}

// hangUp ends what is sent.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quiet {
		s.quiet = true
		close(s.out)
	}
}

// prompt does the whole conversation. failed is why the agent did not do it.
func (s *session) prompt(gone <-chan struct{}, text string) (failed string, err error) {
	var hello struct{ ProtocolVersion int }
	err = s.call(gone, "initialize", map[string]any{
		"protocolVersion": protocolVersion,
		"clientCapabilities": map[string]any{
			"fs": map[string]any{"readTextFile": true, "writeTextFile": true}, "terminal": false,
		},
		"clientInfo": map[string]any{"name": "jitos", "title": "JITOS", "version": "1"},
	}, &hello)
	if err != nil {
		return "", err
	}
	if hello.ProtocolVersion != protocolVersion {
		return fmt.Sprintf("it speaks version %d of the protocol, and %d is spoken here", hello.ProtocolVersion, protocolVersion), nil
	}
	var made struct{ SessionID string }
	if err := s.call(gone, "session/new", map[string]any{"cwd": s.folder, "mcpServers": []any{}}, &made); err != nil {
		return "", err
	}
	var end struct{ StopReason string }
	err = s.call(gone, "session/prompt", map[string]any{"sessionId": made.SessionID, "prompt": []any{map[string]any{"type": "text", "text": text}}}, &end)
	if err != nil {
		return "", err
	}
	s.sentence()
	if end.StopReason != "end_turn" {
		return "it stopped: " + firstOf(end.StopReason, "for no reason that it gives"), nil
	}
	return "", nil
}

// errGone is returned when the agent ended in the middle of a conversation.
var errGone = errors.New("it ended before it answered")

// call asks the agent, and waits for its answer or its end.
func (s *session) call(gone <-chan struct{}, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	s.mu.Lock()
	s.next++
	id := s.next
	s.waiting[id] = answer
	s.mu.Unlock()
	if err := s.send(message{ID: json.RawMessage(fmt.Sprint(id)), Method: method, Params: raw}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return fmt.Errorf("%s: %s (%d)", method, m.Error.Message, m.Error.Code)
		}
		if err := json.Unmarshal(m.Result, result); err != nil {
			return fmt.Errorf("%s: its answer: %w", method, err)
		}
		return nil
	case <-gone:
		return fmt.Errorf("%s: %w", method, errGone)
	}
}

func (s *session) send(m message) error {
	m.JSONRPC = "2.0"
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.said.line("> ", string(data))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return errGone
	}
	select {
	case s.out <- append(data, '\n'):
		return nil
	default:
		return errors.New("it does not read what it is sent")
	}
}

// line takes one message of the agent's in. It is called from one goroutine.
func (s *session) line(l string) {
	s.said.line("< ", l)
	s.a.Beat()
	var m message
	if json.Unmarshal([]byte(l), &m) != nil {
		if l = strings.TrimSpace(l); l != "" {
			s.a.Emit(work.Event{Text: short(l)})
		}
		return
	}
	switch {
	case m.Method == "":
		var id int
		if json.Unmarshal(m.ID, &id) != nil {
			return
		}
		s.mu.Lock()
		answer := s.waiting[id]
		delete(s.waiting, id)
		s.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	case len(m.ID) == 0:
		if m.Method == "session/update" {
			s.update(m.Params)
		}
	case m.Method == "session/request_permission":
		// A person may take days, while the agent says other things.
		if s.thinking.Add(1) > maxAsking {
			s.thinking.Add(-1)
			_ = s.send(message{ID: m.ID, Error: &rpcError{rpcInternal, fmt.Sprintf("more than %d questions at once", maxAsking)}})
			return
		}
		s.asking.Go(func() { s.answer(m); s.thinking.Add(-1) })
	default:
		s.answer(m)
	}
}

// answer answers a request. An agent that went away is noticed by its end.
func (s *session) answer(m message) {
	out := message{ID: m.ID}
	result, rerr := s.serve(m.Method, m.Params)
	if out.Error = rerr; rerr == nil {
		out.Result, _ = json.Marshal(result) // of maps and texts
	}
	_ = s.send(out)
}

// update is what the agent says while it works.
func (s *session) update(raw json.RawMessage) {
	var p struct {
		Update struct {
			SessionUpdate, Title, Kind, Status string
			Content                            json.RawMessage
		}
	}
	if json.Unmarshal(raw, &p) != nil {
		return
	}
	switch u := p.Update; u.SessionUpdate {
	case "agent_message_chunk":
		var c struct{ Text string }
		if json.Unmarshal(u.Content, &c) == nil {
			s.mu.Lock()
			s.words.WriteString(c.Text)
			s.mu.Unlock()
		}
	case "tool_call":
		s.sentence()
		s.a.Emit(work.Event{Text: short(strings.TrimSpace("uses " + u.Kind + " " + u.Title)), Data: map[string]any{"tool": u.Kind}})
	}
}

// sentence emits what was said in pieces so far.
func (s *session) sentence() {
	s.mu.Lock()
	text := short(s.words.String())
	s.words.Reset()
	if text != "" {
		s.summary = text
	}
	s.mu.Unlock()
	if text != "" {
		s.a.Emit(work.Event{Text: text})
	}
}

func (s *session) spoken() string {
	s.sentence()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.summary
}

// serve answers a request of the agent's.
func (s *session) serve(method string, params json.RawMessage) (any, *rpcError) {
	var p struct {
		Path, Content string
		Line, Limit   int
	}
	switch method {
	case "session/request_permission":
		return s.permit(params)
	case "fs/read_text_file", "fs/write_text_file":
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, &rpcError{rpcInvalid, err.Error()}
		}
		name, err := s.inside(p.Path)
		if err != nil {
			return nil, &rpcError{rpcInvalid, err.Error()}
		}
		if method == "fs/write_text_file" {
			return map[string]any{}, asRPC(s.put(name, p.Content))
		}
		text, err := s.read(name)
		if err != nil {
			return nil, asRPC(err)
		}
		return map[string]any{"content": part(text, p.Line, p.Limit)}, nil
	}
	return nil, &rpcError{rpcNoMethod, "there is no " + method + " here"}
}

func asRPC(err error) *rpcError {
	if err == nil {
		return nil
	}
	return &rpcError{rpcInternal, err.Error()}
}

// inside is a path below the folder, relative to it.
func (s *session) inside(p string) (string, error) {
	rel, err := filepath.Rel(s.folder, p)
	if err != nil || !filepath.IsAbs(p) || !filepath.IsLocal(rel) {
		return "", &rmg.Error{Op: "agent", Code: rmg.Denied, Msg: fmt.Sprintf("%q is not in the workspace", p)}
	}
	return rel, nil
}

// maxFile is how large a file is that the agent is given or writes, in bytes.
const maxFile = 4 << 20

func (s *session) read(name string) (string, error) {
	st, err := s.root.Stat(name)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() || st.Size() > maxFile {
		return "", fmt.Errorf("%s: no file of up to %d bytes", name, maxFile)
	}
	data, err := s.root.ReadFile(name)
	return string(data), err
}

func (s *session) put(name, text string) error {
	if len(text) > maxFile {
		return fmt.Errorf("%s: %d bytes; the limit is %d", name, len(text), maxFile)
	}
	if st, err := s.root.Lstat(name); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%s: no file", name)
	}
	if err := s.root.MkdirAll(filepath.Dir(name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.root.WriteFile(name, []byte(text), 0o644)
}

// part is a text from a line, from 1, and so many of them; 0 for all.
func part(text string, line, limit int) string {
	lines := strings.SplitAfter(text, "\n")
	from := min(max(line-1, 0), len(lines))
	to := len(lines)
	if limit > 0 {
		to = min(from+limit, to)
	}
	return strings.Join(lines[from:to], "")
}

// maxAsking is how many questions of an agent's are thought about at once.
const maxAsking = 32

// waitingBeat is how often a session that waits for a person says that it lives.
const waitingBeat = silence / 5

// may asks whether the agent may use a tool: policy first, with a person where that
// says so, and else by what is permitted to all.
func (s *session) may(t work.Tool) (yes bool, why string) {
	yes = slices.Contains(s.w.opt.Permit, t.Kind)
	if s.a.May == nil {
		return yes, ""
	}
	s.one.Lock()
	defer s.one.Unlock()
	alive := time.NewTicker(waitingBeat)
	defer alive.Stop()
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-alive.C:
				s.a.Beat()
			case <-over:
				return
			}
		}
	}()
	v, err := s.a.May(s.running, t)
	switch {
	case err != nil:
		return false, "nobody answered: " + err.Error()
	case v.Allow || v.Deny:
		return v.Allow, v.Why
	}
	return yes, ""
}

// permit answers a question of the agent's: once, or not. What is answered is said.
func (s *session) permit(params json.RawMessage) (any, *rpcError) {
	var p struct {
		ToolCall struct{ Title, Kind string }
		Options  []struct{ OptionID, Kind string }
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, &rpcError{rpcInvalid, err.Error()}
	}
	want, answer := "reject_once", "refused"
	may, why := s.may(work.Tool{Kind: p.ToolCall.Kind, Title: short(p.ToolCall.Title)})
	if may {
		want, answer = "allow_once", "allowed"
	}
	if why != "" {
		answer += " (" + why + ")"
	}
	outcome := map[string]any{"outcome": "cancelled"}
	for _, o := range p.Options {
		if o.Kind == want {
			outcome = map[string]any{"outcome": "selected", "optionId": o.OptionID}
			break
		}
	}
	if outcome["outcome"] == "cancelled" {
		answer = "refused: it offers no answer for this once"
	}
	kind := firstOf(p.ToolCall.Kind, "something")
	s.a.Emit(work.Event{Text: fmt.Sprintf("asks to %s: %s: %s", kind, short(p.ToolCall.Title), answer), Data: map[string]any{"permission": kind, "answer": answer}})
	return map[string]any{"outcome": outcome}, nil
}
