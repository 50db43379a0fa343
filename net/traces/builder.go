package traces

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of what is kept of processes that go on.
const (
	maxProcesses = 1024 // beyond them the oldest is forgotten
	maxSpans     = 2048 // of one process; further ones are not told
	maxEvents    = 128  // of one span
	maxText      = 1024 // bytes of an attribute
)

// Builder makes traces of records, which it is told in order. It knows of processes
// whose intent it was told. One goroutine.
type Builder struct {
	open  map[string]*trace // by process
	order []string          // of open, oldest first
}

// trace is a process that goes on.
type trace struct {
	id      [16]byte
	spans   []*Span
	byPath  map[string]*Span // by the path of what they are about
	proving *Span            // the attempt that gates belong to
}

// Add takes a record in, and returns the spans of a process that ended with it.
func (b *Builder) Add(r Record) []Span {
	if b.open == nil {
		b.open = map[string]*trace{}
	}
	if strings.HasPrefix(r.View, "sws:") {
		b.wrote(r)
		return nil
	}
	for _, op := range r.Ops {
		id, rest, ok := inProcess(op.Path)
		if !ok {
			continue
		}
		t := b.open[id]
		if rest == "" && op.Op == rewrite.AddNode && op.Kind == "Process" {
			b.begin(id, r, op)
			continue
		}
		if t == nil {
			continue
		}
		switch {
		case op.Op == rewrite.AddNode && op.Kind == "Attempt":
			t.attempt(id, rest, r, op)
		case op.Op == rewrite.AddNode && op.Kind == "Evidence":
			t.gate(rest, r, op)
		case op.Op == rewrite.Set && rest != "":
			t.result(rest, r, op)
		case op.Op == rewrite.Set && t.ends(id, r, op):
			b.forget(id)
			return t.told()
		}
	}
	if id, _, _ := strings.Cut(r.Cause, "/"); b.open[id] != nil && strings.HasPrefix(r.Reason, "collapse of ") {
		b.open[id].collapse(r)
	}
	return nil
}

// forget lets go of a process.
func (b *Builder) forget(id string) {
	delete(b.open, id)
	b.order = slices.DeleteFunc(b.order, func(o string) bool { return o == id })
}

// inProcess takes the path of something in a process apart.
func inProcess(p rmg.Path) (id, rest string, ok bool) {
	text, ok := strings.CutPrefix(string(p), "/proc/")
	if !ok {
		return "", "", false
	}
	id, rest, _ = strings.Cut(text, "/")
	return id, rest, true
}

// begin begins a trace.
func (b *Builder) begin(id string, r Record, op rewrite.Op) {
	h := sha256.New()
	h.Write([]byte("jitos trace\x00"))
	var head [16]byte
	binary.BigEndian.PutUint64(head[:8], r.Seq)
	binary.BigEndian.PutUint64(head[8:], uint64(r.At.UnixNano()))
	h.Write(head[:])
	for _, text := range []string{r.Author, r.Reason, stringOf(op, "base"), stringOf(op, "plan")} {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	t := &trace{byPath: map[string]*Span{}}
	copy(t.id[:], h.Sum(nil))
	root := t.span("", nil, "intent", r.At)
	root.text("jitos.process", id)
	root.text("jitos.intent", r.Reason)
	root.text("jitos.author", r.Author)
	root.text("jitos.branch", stringOf(op, "branch"))
	root.number("jitos.seq", int64(r.Seq))
	if plan := stringOf(op, "plan"); plan != "" {
		var p struct {
			Goal   string            `json:"goal"`
			Tasks  []json.RawMessage `json:"tasks"`
			Digest string            `json:"digest"`
		}
		_ = json.Unmarshal([]byte(plan), &p) // of a later form: what is known of it is told
		s := t.span("plan", root, "plan", r.At)
		s.text("jitos.goal", p.Goal)
		s.text("jitos.plan", p.Digest)
		s.number("jitos.tasks", int64(len(p.Tasks)))
		s.Ends = r.At
	}
	if len(b.order) == maxProcesses {
		b.forget(b.order[0])
	}
	b.open[id] = t
	b.order = append(b.order, id)
}

// span begins a span about what stands at a path; nil: there are too many.
func (t *trace) span(path string, parent *Span, name string, at time.Time) *Span {
	if len(t.spans) == maxSpans {
		return &Span{} // told to nobody
	}
	sum := sha256.Sum256(append(append(bytes.Clone(t.id[:]), path...), 0))
	s := &Span{Trace: t.id, Name: name, Begins: at}
	copy(s.ID[:], sum[:])
	if parent != nil {
		s.Parent = parent.ID
	}
	t.spans = append(t.spans, s)
	t.byPath[path] = s
	return s
}

func (t *trace) root() *Span { return t.spans[0] }

// attempt begins an attempt, and its task with the first.
func (t *trace) attempt(id, path string, r Record, op rewrite.Op) {
	task, n := path, ""
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		task, n = path[:i], path[i+1:]
	}
	of := t.byPath[task]
	if of == nil {
		of = t.span(task, t.root(), "task "+task, r.At)
		of.text("jitos.task", id+"/"+task)
	}
	of.Ends, of.Failed = time.Time{}, ""
	s := t.span(path, of, "worker "+stringOf(op, "worker"), r.At)
	s.text("jitos.worker", stringOf(op, "worker"))
	s.text("jitos.attempt", n)
	s.text("jitos.token", stringOf(op, "token"))
	s.number("jitos.seq", int64(r.Seq))
	t.proving = s
}

// result ends an attempt, and its task until there is another one.
func (t *trace) result(path string, r Record, op rewrite.Op) {
	s, result := t.byPath[path], stringOf(op, "result")
	if s == nil || result == "" {
		return
	}
	s.Ends = r.At
	s.text("jitos.result", result)
	s.text("jitos.summary", stringOf(op, "summary"))
	if result != "ok" && result != "nothing" {
		s.Failed = result
		if why := stringOf(op, "summary"); why != "" {
			s.Failed = why
		}
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 && t.byPath[path[:i]] != nil {
		t.byPath[path[:i]].Ends, t.byPath[path[:i]].Failed = r.At, s.Failed
	}
}

// gate is what was proven, told by the record that holds its evidence.
func (t *trace) gate(path string, r Record, op rewrite.Op) {
	var e struct {
		Gate, Reason, Key string
		Green             bool
		Millis            int64
		Sandbox           struct{ Tier, Network string }
	}
	_ = json.Unmarshal([]byte(stringOf(op, "evidence")), &e) // of a later form: what is known of it is told
	parent := t.proving
	if parent == nil {
		parent = t.root()
	}
	s := t.span(path, parent, "gate "+e.Gate, r.At.Add(-time.Duration(e.Millis)*time.Millisecond))
	s.Ends = r.At
	s.text("jitos.gate", e.Gate)
	s.text("jitos.reason", e.Reason)
	s.text("jitos.key", e.Key)
	s.text("jitos.tier", e.Sandbox.Tier)
	s.flag("jitos.green", e.Green)
	if !e.Green {
		s.Failed = e.Reason
	}
}

// collapse is the record of one, and begins the landing.
func (t *trace) collapse(r Record) {
	parent := t.proving
	if parent == nil {
		parent = t.root()
	}
	s := t.span("collapse", parent, "collapse", r.At)
	s.Ends = r.At
	s.text("jitos.reason", r.Reason)
	s.number("jitos.seq", int64(r.Seq))
	t.span("landing", t.root(), "landing", r.At)
}

// ends takes in what is set on the process itself; true: it has ended.
func (t *trace) ends(id string, r Record, op rewrite.Op) bool {
	if s := t.byPath["landing"]; s != nil && s.Ends.IsZero() && stringOf(op, "landed_on") != "" {
		s.Ends = r.At
		s.text("jitos.commit", stringOf(op, "commit"))
		s.text("jitos.landed_on", stringOf(op, "landed_on"))
	}
	if v, ok := op.Props["ended_ms"]; !ok || v.Type() != rmg.TypeInt {
		return false
	}
	root := t.root()
	root.Ends = r.At
	root.Failed = stringOf(op, "failed")
	if root.Failed == "" && t.byPath["collapse"] == nil {
		for _, s := range t.spans[1:] {
			if s.Failed != "" {
				root.Failed = s.Failed
			}
		}
	}
	return true
}

// told is the trace as it is sent: nothing of it goes on.
func (t *trace) told() []Span {
	out := make([]Span, len(t.spans))
	for i, s := range t.spans {
		if s.Ends.IsZero() {
			s.Ends = t.root().Ends
		}
		out[i] = *s
	}
	return out
}

// wrote notes what an attempt sent to its workspace.
func (b *Builder) wrote(r Record) {
	id, task, _ := strings.Cut(r.Cause, "/")
	t := b.open[id]
	if t == nil || task == "" {
		return
	}
	for i := len(t.spans) - 1; i > 0; i-- { // the newest attempt of the task
		s := t.spans[i]
		if of := t.byPath[task]; of == nil || s.Parent != of.ID || !s.Ends.IsZero() {
			continue
		}
		if len(s.Events) == maxEvents {
			s.EventsDropped++
			return
		}
		e := Event{At: r.At, Name: "rewrite"}
		e.Attributes = append(e.Attributes, Attribute{"jitos.seq", int64(r.Seq)}, Attribute{"jitos.reason", cut(r.Reason)}, Attribute{"jitos.ops", int64(len(r.Ops))})
		s.Events = append(s.Events, e)
		return
	}
}

func stringOf(op rewrite.Op, prop string) string {
	s, _ := op.Props[prop].AsString()
	return s
}

func (s *Span) text(name, value string) {
	if value != "" {
		s.Attributes = append(s.Attributes, Attribute{name, cut(value)})
	}
}

func (s *Span) number(name string, value int64) {
	s.Attributes = append(s.Attributes, Attribute{name, value})
}

func (s *Span) flag(name string, value bool) {
	s.Attributes = append(s.Attributes, Attribute{name, value})
}

func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}
