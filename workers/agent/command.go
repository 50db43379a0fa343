package agent

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"jitos.dev/rmg"
)

// Command is how an agent is started.
type Command struct {
	Name string
	Argv []string // {prompt} stands for what it is asked
	ACP  bool     // it speaks the Agent Client Protocol, and is asked by that
	Env  []string // "NAME=value", beside the sandbox's own
	Read []string // files and folders that it may read, beside the system's
}

// template is a known agent's command line, and the variables that it has its key
// from. Rights inside the sandbox are left to the agent: the sandbox, the rights
// of the process and the gates bound what comes of it.
type known struct {
	argv []string
	env  []string
}

func knownAgents() map[string]known {
	return map[string]known{
		"claude": {
			[]string{"claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits", "--allowedTools", "Bash(go:*)", "--", "{prompt}"},
			[]string{"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"},
		},
		"codex":  {[]string{"codex", "exec", "--json", "--skip-git-repo-check", "--full-auto", "{prompt}"}, []string{"CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"}},
		"gemini": {[]string{"gemini", "--output-format", "stream-json", "--approval-mode", "auto_edit", "-p", "{prompt}"}, []string{"GEMINI_API_KEY"}},
		"aider": {
			[]string{"aider", "--yes-always", "--no-auto-commits", "--no-check-update", "--no-analytics", "--message", "{prompt}"},
			[]string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_API_BASE"},
		},
	}
}

// ParseCommand reads which agent is meant: the name of a known one; "exec:" and a
// command line with {prompt} in it; "acp:" and the command line of an agent that
// speaks the Agent Client Protocol. Words are split at spaces. The known ones get
// their variables from getenv, the others none.
func ParseCommand(s string, getenv func(string) string) (Command, error) {
	bad := func(msg string) (Command, error) {
		return Command{}, &rmg.Error{Op: "agent", Code: rmg.Invalid, Msg: fmt.Sprintf("%q: %s", s, msg), Hint: "use claude, codex, gemini, aider, exec:COMMAND {prompt} or acp:COMMAND"}
	}
	c := Command{Name: s}
	how, line, custom := strings.Cut(s, ":")
	if k, ok := knownAgents()[s]; ok {
		c.Argv = k.argv
		for _, name := range k.env {
			if v := getenv(name); v != "" {
				c.Env = append(c.Env, name+"="+v)
			}
		}
	} else {
		c.Argv, c.ACP = strings.Fields(line), how == "acp"
		switch {
		case !custom || how != "exec" && how != "acp":
			return bad("no such agent")
		case len(c.Argv) == 0:
			return bad("no command")
		case how == "exec" && !strings.Contains(line, "{prompt}"):
			return bad("there is no {prompt} in it")
		}
		c.Name = filepath.Base(c.Argv[0])
	}
	path, err := exec.LookPath(c.Argv[0])
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return bad(err.Error())
	}
	c.Argv = append([]string{path}, c.Argv[1:]...)
	c.Read = []string{filepath.Dir(path)}
	return c, nil
}

// argv is the command line with what is asked in it.
func (c Command) argv(prompt string) []string {
	out := make([]string, len(c.Argv))
	for i, word := range c.Argv {
		out[i] = strings.ReplaceAll(word, "{prompt}", prompt)
	}
	return out
}

// Secrets are the values that it is given.
func (c Command) Secrets() []string {
	var out []string
	for _, kv := range c.Env {
		if name, v, _ := strings.Cut(kv, "="); strings.HasSuffix(name, "_KEY") {
			out = append(out, v)
		}
	}
	return out
}

// censor takes the values that it was given out of what it said.
func (c Command) censor(data []byte) []byte {
	for _, s := range c.Secrets() {
		data = bytes.ReplaceAll(data, []byte(s), []byte("[secret]"))
	}
	return data
}
