package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"jitos.dev/work"
)

// reader understands what agents print, a JSON object on each line, in the words
// of several; what is none is a line of text. It decides nothing: all of it is the
// agent's word.
type reader struct {
	say  func(work.Event)
	said *transcript
	told told
	talk strings.Builder // pieces of a message that come one by one
}

// event has the fields that the agents' events are told by.
type event struct {
	Type    string
	Subtype string
	IsError bool `json:"is_error"`
	Result  string
	Status  string
	Cost    float64 `json:"total_cost_usd"`
	Usage   usage
	Stats   struct {
		Total int64 `json:"total_tokens"`
	}
	Error   json.RawMessage
	Message json.RawMessage // an object, or a text
	Role    string
	Content json.RawMessage // a text
	Delta   bool
	Tool    string `json:"tool_name"`
	Item    *struct {
		Type, Text, Command, Status string
		ExitCode                    *int `json:"exit_code"`
		Changes                     []struct{ Path string }
	}
}

type usage struct {
	In     int64 `json:"input_tokens"`
	Out    int64 `json:"output_tokens"`
	Made   int64 `json:"cache_creation_input_tokens"`
	Cached int64 `json:"cache_read_input_tokens"`
}

func (u usage) total() int64 { return u.In + u.Out + u.Made + u.Cached }

// line takes one line in.
func (r *reader) line(s string) {
	r.said.line("", s)
	var e event
	if !strings.HasPrefix(strings.TrimSpace(s), "{") || json.Unmarshal([]byte(s), &e) != nil || e.Type == "" {
		if strings.TrimSpace(s) != "" {
			r.word(s)
		}
		return
	}
	switch e.Type {
	case "assistant":
		r.blocks(e.Message)
	case "message":
		r.message(e)
	case "tool_use":
		r.flush()
		r.tool(e.Tool)
	case "item.completed":
		r.item(e)
	case "turn.completed":
		r.told.tokens += e.Usage.total()
	case "turn.failed", "error":
		r.told.failed = firstOf(textOf(e.Error), firstOf(textOf(e.Message), "it failed"))
		r.word(r.told.failed)
	case "result":
		r.flush()
		r.result(e)
	}
}

func (r *reader) word(s string) {
	r.told.summary = short(s)
	r.say(work.Event{Text: short(s)})
}

func (r *reader) tool(name string) {
	r.say(work.Event{Text: "uses " + short(name), Data: map[string]any{"tool": name}})
}

// blocks are the texts and calls of a message as Anthropic has them.
func (r *reader) blocks(raw json.RawMessage) {
	var m struct {
		Content []struct{ Type, Text, Name string }
	}
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			r.word(b.Text)
		case "tool_use":
			r.tool(b.Name)
		}
	}
}

// message is a text, or a piece of one.
func (r *reader) message(e event) {
	if e.Role != "assistant" {
		return
	}
	text := textOf(e.Content)
	if e.Delta {
		r.talk.WriteString(text)
		return
	}
	r.word(text)
}

func (r *reader) flush() {
	if r.talk.Len() > 0 {
		r.word(r.talk.String())
		r.talk.Reset()
	}
}

func (r *reader) item(e event) {
	if e.Item == nil {
		return
	}
	switch it := e.Item; it.Type {
	case "agent_message":
		r.word(it.Text)
	case "command_execution":
		text := "ran " + it.Command
		if it.ExitCode != nil {
			text += fmt.Sprintf(": exit %d", *it.ExitCode)
		}
		r.say(work.Event{Text: short(text), Data: map[string]any{"tool": "command"}})
	case "file_change":
		for _, c := range it.Changes {
			r.say(work.Event{Text: "changed " + short(c.Path), Data: map[string]any{"tool": "file_change"}})
		}
	}
}

func (r *reader) result(e event) {
	r.told.tokens += e.Usage.total() + e.Stats.Total
	if e.Cost > 0 && e.Cost < 1e6 {
		r.told.money += int64(e.Cost * 1e6)
	}
	if e.Result != "" {
		r.told.summary = short(e.Result)
	}
	if e.IsError || e.Status == "error" || strings.HasPrefix(e.Subtype, "error") {
		r.told.failed = firstOf(short(e.Result), firstOf(textOf(e.Error), firstOf(e.Subtype, "it failed")))
	}
}

// textOf is a JSON text, or the message of an object.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var m struct{ Message string }
	_ = json.Unmarshal(raw, &m) // "" for what is neither
	return m.Message
}
