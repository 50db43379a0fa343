package mcp

import (
	"context"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// job is a prompt: what a person picks from their agent's menu.
type job struct {
	name, about string
	args        []*sdk.PromptArgument
	text        string // {name} is an argument
}

func arg(name, about string, required bool) *sdk.PromptArgument {
	return &sdk.PromptArgument{Name: name, Description: about, Required: required}
}

func jobs() []job {
	return []job{
		{
			"fix", "Fix something, in a workspace, proven before it lands",
			[]*sdk.PromptArgument{arg("what", "what is wrong: a failing test, a bug", true)},
			`Fix this: {what}

Make a workspace (workspace_create). Find out what is wrong: run the tests with run_command, read the files, ask why for lines whose purpose you do not see. Change as little as fixes it; do not touch tests unless they are what is wrong and I said so. Run gates_run until it is green, show me workspace_diff, and collapse. If it leads nowhere, workspace_discard it with the reason and say what you found.`,
		},
		{
			"parallel", "Try several ways side by side, keep the best",
			[]*sdk.PromptArgument{arg("what", "what is wanted", true), arg("ways", "how many ways; 3 if absent", false)},
			`Do this in {ways} different ways, and keep the best: {what}

Make one workspace for each way, with its idea as the reason. Do each whole, and run gates_run in each. Compare the diffs: which is smallest, clearest, least risky? Collapse that one, discard the others with the reason why not.`,
		},
		{
			"review", "Review what a workspace would change",
			[]*sdk.PromptArgument{arg("workspace", "its id, such as w12", true)},
			`Review workspace {workspace}. Fork from it (workspace_create with from=sws:{workspace}) so that you can run things without changing it. Read its changes with graph_query and run_command (git diff works there), run gates_run, ask why for what it removes. Tell me what it does, what could go wrong, and whether you would collapse it. Change nothing in {workspace} itself.`,
		},
		{
			"explain", "Explain why a line is there",
			[]*sdk.PromptArgument{arg("path", "a file", true), arg("line", "its line", true)},
			`Use why on {path}, line {line}, and tell me in plain words: who wrote it, what for, what proved it, and what would have to be true for it to be removed.`,
		},
		{
			"catch-up", "Say what happened and what waits for me", nil,
			`Look at process_show, workspace_list and inbox_list. Tell me in a few lines what landed, what failed and why, what is still open, and what waits for an answer of mine, with the command that I would type for each.`,
		},
	}
}

func (s *Server) prompts() {
	for _, j := range jobs() {
		s.mcp.AddPrompt(&sdk.Prompt{Name: j.name, Description: j.about, Arguments: j.args}, func(_ context.Context, req *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			given := req.Params.Arguments
			text := j.text
			for _, a := range j.args {
				value := given[a.Name]
				switch {
				case value == "" && a.Required:
					return nil, wire.NewProblem(rmg.Invalid, "the prompt %s needs the argument %s: %s", j.name, a.Name, a.Description)
				case value == "":
					value = "3" // ways, the one that may be left out
				}
				text = strings.ReplaceAll(text, "{"+a.Name+"}", value)
			}
			return &sdk.GetPromptResult{
				Description: j.about, Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: text}}},
			}, nil
		})
	}
}
