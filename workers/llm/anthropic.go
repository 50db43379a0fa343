package llm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// Endpoint is where a model is reached. Nothing is read from the environment.
type Endpoint struct {
	Model   string
	BaseURL string // "" for the vendor's own
	Key     string
	Client  *http.Client
}

// anthropicModel speaks the Messages API.
type anthropicModel struct {
	model    string
	messages anthropic.MessageService
}

// NewAnthropic makes a model that is reached by the Anthropic Messages API.
func NewAnthropic(e Endpoint) Model {
	opts := []option.RequestOption{option.WithoutEnvironmentDefaults(), option.WithMaxRetries(0), option.WithHTTPClient(e.Client)}
	if e.BaseURL != "" {
		opts = append(opts, option.WithBaseURL(e.BaseURL))
	} else {
		opts = append(opts, option.WithEnvironmentProduction())
	}
	if e.Key != "" {
		opts = append(opts, option.WithAPIKey(e.Key))
	}
	return &anthropicModel{e.Model, anthropic.NewMessageService(opts...)}
}

func (m *anthropicModel) Name() string { return "anthropic:" + m.model }

// Reply streams one answer.
func (m *anthropicModel) Reply(ctx context.Context, r Request, hear func()) (Reply, error) {
	params := anthropic.MessageNewParams{
		Model: anthropic.Model(m.model), MaxTokens: r.MaxTokens, System: []anthropic.TextBlockParam{{Text: r.System}},
	}
	for _, t := range r.Tools {
		schema, err := object(t.Schema)
		if err != nil {
			return Reply{}, err
		}
		tool := anthropic.ToolParam{Name: t.Name, Description: anthropic.String(t.Description)}
		tool.InputSchema.Properties = schema["properties"]
		tool.InputSchema.Required = names(schema["required"])
		params.Tools = append(params.Tools, anthropic.ToolUnionParam{OfTool: &tool})
	}
	for _, msg := range r.Messages {
		params.Messages = append(params.Messages, anthropicMessage(msg))
	}
	stream := m.messages.NewStreaming(ctx, params)
	defer stream.Close()
	var got anthropic.Message
	ended := false
	for stream.Next() {
		hear()
		ev := stream.Current()
		if err := got.Accumulate(ev); err != nil {
			return Reply{}, &Fault{Msg: "the stream makes no sense: " + err.Error()}
		}
		ended = ended || ev.Type == "message_stop"
	}
	if err := stream.Err(); err != nil {
		return Reply{}, anthropicFault(err)
	}
	if !ended {
		return Reply{}, errCutOff
	}
	out := Reply{Stop: string(got.StopReason), Model: string(got.Model)}
	out.Usage = Usage{got.Usage.InputTokens + got.Usage.CacheCreationInputTokens + got.Usage.CacheReadInputTokens, got.Usage.OutputTokens}
	var text []string
	for _, b := range got.Content {
		switch b.Type {
		case "text":
			text = append(text, b.Text)
		case "tool_use":
			out.Calls = append(out.Calls, Call{b.ID, b.Name, orObject(b.Input)})
		}
	}
	out.Text = strings.Join(text, "\n")
	return out, nil
}

// anthropicMessage is a turn in the vendor's words.
func anthropicMessage(m Message) anthropic.MessageParam {
	var blocks []anthropic.ContentBlockParamUnion
	for _, x := range m.Results {
		blocks = append(blocks, anthropic.NewToolResultBlock(x.ID, x.Text, x.Failed))
	}
	if m.Text != "" {
		blocks = append(blocks, anthropic.NewTextBlock(m.Text))
	}
	for _, c := range m.Calls {
		blocks = append(blocks, anthropic.NewToolUseBlock(c.ID, c.Input, c.Name))
	}
	if m.Role == roleModel {
		return anthropic.NewAssistantMessage(blocks...)
	}
	return anthropic.NewUserMessage(blocks...)
}

// anthropicFault says what another try may mend.
func anthropicFault(err error) error {
	var api *anthropic.Error
	if !errors.As(err, &api) {
		return transportFault(err)
	}
	f := &Fault{Status: api.StatusCode, Msg: vendorMessage(api.RawJSON(), api.Error())}
	if api.Response != nil {
		f.After = after(api.Response.Header)
	}
	// In a stream that has begun the status is that of its beginning.
	if t := string(api.Type()); t == "overloaded_error" || t == "rate_limit_error" || t == "api_error" {
		f.Again = true
	}
	f.Again = f.Again || againStatus(f.Status)
	return f
}

// names reads a list of strings out of JSON.
func names(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// orObject is a call's input; some servers send nothing for none.
func orObject(in json.RawMessage) json.RawMessage {
	if len(strings.TrimSpace(string(in))) == 0 {
		return json.RawMessage("{}")
	}
	return in
}
