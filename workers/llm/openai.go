package llm

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
)

// openaiModel speaks chat completions, as many servers do.
type openaiModel struct {
	model string
	chat  openai.ChatCompletionService
}

// NewOpenAI makes a model that is reached by the chat completions API.
func NewOpenAI(e Endpoint) Model {
	opts := []option.RequestOption{option.WithMaxRetries(0), option.WithHTTPClient(e.Client)}
	if e.BaseURL != "" {
		opts = append(opts, option.WithBaseURL(e.BaseURL))
	} else {
		opts = append(opts, option.WithEnvironmentProduction())
	}
	if e.Key != "" {
		opts = append(opts, option.WithAPIKey(e.Key))
	}
	return &openaiModel{e.Model, openai.NewChatCompletionService(opts...)}
}

func (m *openaiModel) Name() string { return "openai:" + m.model }

// Reply streams one answer.
func (m *openaiModel) Reply(ctx context.Context, r Request, hear func()) (Reply, error) {
	params := openai.ChatCompletionNewParams{
		Model: m.model, MaxCompletionTokens: openai.Int(r.MaxTokens), Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(r.System)},
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	}
	for _, t := range r.Tools {
		schema, err := object(t.Schema)
		if err != nil {
			return Reply{}, err
		}
		params.Tools = append(params.Tools, openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: t.Name, Description: openai.String(t.Description), Parameters: schema,
		}))
	}
	for _, msg := range r.Messages {
		params.Messages = append(params.Messages, openaiMessages(msg)...)
	}
	stream := m.chat.NewStreaming(ctx, params)
	defer stream.Close()
	var got openai.ChatCompletionAccumulator
	for stream.Next() {
		hear()
		if !got.AddChunk(stream.Current()) {
			return Reply{}, &Fault{Msg: "the stream makes no sense"}
		}
	}
	if err := stream.Err(); err != nil {
		return Reply{}, openaiFault(err)
	}
	if len(got.Choices) == 0 || got.Choices[0].FinishReason == "" {
		return Reply{}, errCutOff
	}
	c := got.Choices[0]
	out := Reply{Text: c.Message.Content, Stop: c.FinishReason, Model: got.Model, Usage: Usage{got.Usage.PromptTokens, got.Usage.CompletionTokens}}
	for _, call := range c.Message.ToolCalls {
		out.Calls = append(out.Calls, Call{call.ID, call.Function.Name, orObject(json.RawMessage(call.Function.Arguments))})
	}
	return out, nil
}

// openaiMessages is a turn in the vendor's words: a message for each result.
func openaiMessages(m Message) []openai.ChatCompletionMessageParamUnion {
	var out []openai.ChatCompletionMessageParamUnion
	for _, x := range m.Results {
		text := x.Text
		if x.Failed {
			text = "failed: " + text
		}
		out = append(out, openai.ToolMessage(text, x.ID))
	}
	switch {
	case m.Role == roleModel:
		var p openai.ChatCompletionAssistantMessageParam
		if m.Text != "" {
			p.Content.OfString = openai.String(m.Text)
		}
		for _, c := range m.Calls {
			p.ToolCalls = append(p.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
				ID: c.ID, Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: c.Name, Arguments: string(c.Input)},
			}})
		}
		out = append(out, openai.ChatCompletionMessageParamUnion{OfAssistant: &p})
	case m.Text != "":
		out = append(out, openai.UserMessage(m.Text))
	}
	return out
}

// openaiFault says what another try may mend.
func openaiFault(err error) error {
	var api *openai.Error
	var within *ssestream.StreamError
	switch {
	case errors.As(err, &api):
		f := &Fault{Status: api.StatusCode, Msg: vendorMessage(api.RawJSON(), api.Error()), Again: againStatus(api.StatusCode)}
		if api.Response != nil {
			f.After = after(api.Response.Header)
		}
		return f
	case errors.As(err, &within):
		text := strings.ToLower(within.Message)
		return &Fault{Msg: within.Message, Again: strings.Contains(text, "server_error") || strings.Contains(text, "overloaded") || strings.Contains(text, "rate_limit")}
	}
	return transportFault(err)
}
