package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
)

// Model is somebody who answers: a vendor's service, or a server of one's own
// that speaks as one. Safe for concurrent use.
type Model interface {
	// Name is "anthropic:claude-sonnet-4-5".
	Name() string
	// Reply sends one request. hear is called as the answer comes in, from the
	// caller's goroutine. An error that another try may mend is a *Fault.
	Reply(ctx context.Context, r Request, hear func()) (Reply, error)
}

// Request is a whole conversation, and what may be done in answer.
type Request struct {
	System    string
	Messages  []Message
	Tools     []Spec
	MaxTokens int64 // of the answer
}

// Message is one turn: of the user (text, or results of calls), or of the model
// (text and calls).
type Message struct {
	Role    string   `json:"role"` // "user", "assistant"
	Text    string   `json:"text,omitempty"`
	Calls   []Call   `json:"calls,omitempty"`
	Results []Result `json:"results,omitempty"`
}

// Call is a tool that the model wants used.
type Call struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// Result is what came of a call.
type Result struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Failed bool   `json:"failed,omitempty"`
}

// Spec describes a tool to a model; Schema is JSON Schema of an object.
type Spec struct {
	Name        string
	Description string
	Schema      json.RawMessage
}

// Reply is one answer.
type Reply struct {
	Text  string
	Calls []Call
	Stop  string // as the vendor calls it
	Model string // that answered
	Usage Usage
}

// Usage counts tokens as the vendor does, cached ones included.
type Usage struct {
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

func (u Usage) total() int64 { return u.In + u.Out }

// Price is what a model costs: millionths of a currency for a million tokens.
// The zero one is unknown.
type Price struct{ In, Out int64 }

// Known reports whether there is a price.
func (p Price) Known() bool { return p != Price{} }

// of is what a use costs, rounded up, in millionths of the currency.
func (p Price) of(u Usage) int64 {
	const million = 1_000_000
	sum := float64(p.In)*float64(u.In) + float64(p.Out)*float64(u.Out)
	return int64(math.Ceil(sum / million))
}

// money prints millionths.
func money(micros int64) string { return fmt.Sprintf("%.4f", float64(micros)/1e6) }

// estimate guesses a request's tokens from its length, rather too many: most
// tokens are longer than three bytes.
func (r Request) estimate() int64 {
	n := len(r.System)
	for _, m := range r.Messages {
		n += len(m.Text)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Input)
		}
		for _, x := range m.Results {
			n += len(x.Text)
		}
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return int64(n/3) + 1
}

// object reads a tool's schema for a vendor's parameters.
func object(schema json.RawMessage) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal(schema, &m)
	return m, err
}
