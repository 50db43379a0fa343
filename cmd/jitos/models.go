package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/agent"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/llm"
)

// modelOptions say which language model the daemon may ask, and which agent run. Nothing is asked
// unless one is named: a key alone is no wish.
type modelOptions struct {
	model, price, cassette, agent string
	hosts                         []string // that the agent may reach
}

func (o *modelOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.model, "model", envOr("JITOS_MODEL", ""), "language model to ask, anthropic:NAME or openai:NAME (JITOS_MODEL); "+
		"the key and the base URL are ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL or OPENAI_API_KEY, OPENAI_BASE_URL")
	cmd.Flags().StringVar(&o.price, "model-price", envOr("JITOS_MODEL_PRICE", ""), "what it costs, IN/OUT for a million tokens each (JITOS_MODEL_PRICE)")
	cmd.Flags().StringVar(&o.agent, "agent", envOr("JITOS_AGENT", ""), "coding agent to run: claude, codex, gemini, aider, exec:COMMAND {prompt} or acp:COMMAND (JITOS_AGENT)")
	cmd.Flags().StringSliceVar(&o.hosts, "agent-host", strings.Fields(envOr("JITOS_AGENT_HOSTS", "")), "a host that the agent may reach by HTTP_PROXY, NAME:PORT; can be given again (JITOS_AGENT_HOSTS, with spaces)")
	cmd.Flags().StringVar(&o.cassette, "cassette", envOr("JITOS_CASSETTE", ""), "record:FOLDER or replay:FOLDER of what is asked and answered (JITOS_CASSETTE)")
}

// workers makes those that ask somebody else, and says which secrets they have.
func (o modelOptions) workers(tool *gotool.Toolchain) (list []work.Worker, secrets []string, err error) {
	if o.model != "" {
		w, err := o.asker(tool)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, w)
	}
	if o.agent != "" {
		c, err := agent.ParseCommand(o.agent, os.Getenv)
		if err != nil {
			return nil, nil, err
		}
		w, err := agent.New(agent.Options{Command: c, Go: tool, Hosts: o.hosts})
		if err != nil {
			return nil, nil, err
		}
		list, secrets = append(list, w), c.Secrets()
	}
	return list, append(secrets, keys()...), nil
}

// asker makes the worker that asks a model.
func (o modelOptions) asker(tool *gotool.Toolchain) (work.Worker, error) {
	vendor, name, _ := strings.Cut(o.model, ":")
	e := llm.Endpoint{Model: name}
	var dial func(llm.Endpoint) llm.Model
	switch vendor {
	case "anthropic":
		dial, e.Key, e.BaseURL = llm.NewAnthropic, os.Getenv("ANTHROPIC_API_KEY"), os.Getenv("ANTHROPIC_BASE_URL")
	case "openai":
		dial, e.Key, e.BaseURL = llm.NewOpenAI, os.Getenv("OPENAI_API_KEY"), os.Getenv("OPENAI_BASE_URL")
	}
	if dial == nil || name == "" {
		return nil, wire.NewProblem(rmg.Invalid, "%q names no model", o.model).WithHint("use anthropic:NAME or openai:NAME")
	}
	price, err := readPrice(o.price)
	if err != nil {
		return nil, err
	}
	tape, err := readCassette(o.cassette)
	if err != nil {
		return nil, err
	}
	return llm.New(llm.Options{Model: func(c *http.Client) llm.Model {
		e := e
		e.Client = c
		return dial(e)
	}, Price: price, Cassette: tape, Go: tool})
}

// readPrice reads "3/15" as millionths.
func readPrice(s string) (llm.Price, error) {
	if s == "" {
		return llm.Price{}, nil
	}
	in, out, ok := strings.Cut(s, "/")
	a, aerr := strconv.ParseFloat(in, 64)
	b, berr := strconv.ParseFloat(out, 64)
	if !ok || aerr != nil || berr != nil || !(a >= 0 && a < 1e6 && b >= 0 && b < 1e6) {
		return llm.Price{}, wire.NewProblem(rmg.Invalid, "%q is no price", s).WithHint("use IN/OUT for a million tokens each, for example 3/15")
	}
	return llm.Price{In: int64(a * 1e6), Out: int64(b * 1e6)}, nil
}

func readCassette(s string) (*llm.Cassette, error) {
	how, dir, _ := strings.Cut(s, ":")
	switch {
	case s == "":
		return nil, nil
	case dir == "" || !filepath.IsAbs(dir):
	case how == "record":
		return llm.Record(dir), nil
	case how == "replay":
		return llm.Replay(dir), nil
	}
	return nil, wire.NewProblem(rmg.Invalid, "%q is no cassette", s).WithHint("use record:FOLDER or replay:FOLDER, with an absolute path")
}

// keys are the values of the environment that no log may show.
func keys() []string {
	var out []string
	for _, name := range []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY"} {
		if v := os.Getenv(name); v != "" {
			out = append(out, v)
		}
	}
	return out
}
