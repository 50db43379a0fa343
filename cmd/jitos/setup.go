package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// agentFile is where an agent's program reads which MCP servers there are.
type agentFile struct {
	agent string
	name  string // below the repository, or below HOME
	home  bool
	// container is the member that servers stand in; empty for a file in TOML.
	container string
	typed     bool // an entry says by what transport
}

// agentFiles are the programs that setup knows.
func agentFiles() []agentFile {
	return []agentFile{
		{agent: "claude", name: ".mcp.json", container: "mcpServers", typed: true},
		{agent: "codex", name: ".codex/config.toml", home: true},
		{agent: "cursor", name: ".cursor/mcp.json", container: "mcpServers"},
		{agent: "gemini", name: ".gemini/settings.json", container: "mcpServers"},
		{agent: "vscode", name: ".vscode/mcp.json", container: "servers", typed: true},
	}
}

// agentsSection is what AGENTS.md tells every agent.
const agentsSection = `## Working with JITOS

Changes to this repository are made in JITOS workspaces, through the MCP server ` + "`jitos`" + `, not in this folder.

1. ` + "`workspace_create`" + `, then the ` + "`file_`" + ` tools and ` + "`run_command`" + `.
2. ` + "`gates_run`" + ` until it is green, ` + "`workspace_diff`" + ` to look at what you did.
3. ` + "`workspace_collapse`" + ` lands it as a commit. Tests and other protected paths are not yours to change unless you are asked to.
4. ` + "`workspace_discard`" + ` with the reason what leads nowhere; ` + "`why`" + ` before you change a line whose purpose you do not see.
`

// edit is one file before and after.
type edit struct {
	name     string // on disk
	old, new string
	absent   bool // it was not there
}

func (a *app) setupCmd() *cobra.Command {
	var dir string
	var undo, yes, dry bool
	var names []string
	for _, f := range agentFiles() {
		names = append(names, f.agent)
	}
	cmd := &cobra.Command{
		Use: "setup " + strings.Join(names, "|"), Short: "Let an agent's program know of JITOS, or no longer", Args: cobra.ExactArgs(1), ValidArgs: names,
		Long: `Writes the entry of the MCP server into the agent's configuration, and a section
into the repository's AGENTS.md. What would change is shown first. What is there
already is left as it is, and --undo takes out what setup wrote and no more.`,
		Example: "  jitos setup claude --dry-run\n  jitos setup cursor --yes\n  jitos setup claude --undo --yes",
		RunE: func(_ *cobra.Command, args []string) error {
			edits, err := setupEdits(args[0], dir, undo)
			if err != nil {
				return err
			}
			if len(edits) == 0 {
				a.note("nothing to do: it is so already")
				return nil
			}
			for _, e := range edits {
				from, to := e.name, e.name
				if e.absent {
					from = "/dev/null"
				}
				if e.new == "" {
					to = "/dev/null"
				}
				fmt.Fprint(a.out, udiff.Unified(from, to, e.old, e.new))
			}
			if dry {
				return nil
			}
			if !yes {
				ok, err := a.confirm("write this?")
				if err != nil || !ok {
					return err
				}
			}
			for _, e := range edits {
				if err := e.write(); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "repo", "C", ".", "a folder in the repository")
	cmd.Flags().BoolVar(&undo, "undo", false, "take out what setup wrote")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would change, and no more")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks the person. Off a terminal there is nobody to ask, which is a
// fault of usage.
func (a *app) confirm(question string) (bool, error) {
	if a.noInput || !a.interactive() {
		return false, &usageError{errors.New("nothing is written: there is nobody to ask; --yes says that it is wanted")}
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		return false, nil // the end of input is a no
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// interactive reports whether a person sits at the input.
func (a *app) interactive() bool {
	f, ok := a.in.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// setupEdits is what has to change for an agent; nothing if all is so already.
func setupEdits(agent, dir string, undo bool) ([]edit, error) {
	list := agentFiles()
	i := slices.IndexFunc(list, func(f agentFile) bool { return f.agent == agent })
	if i < 0 {
		var names []string
		for _, f := range list {
			names = append(names, f.agent)
		}
		return nil, &usageError{fmt.Errorf("there is no setup for %q; there is one for %s%s", agent, strings.Join(names, ", "), meant(wire.Nearest(agent, names)))}
	}
	top, err := repoTop(dir)
	if err != nil {
		return nil, err
	}
	config, err := list[i].edit(top, undo)
	if err != nil {
		return nil, err
	}
	guide, err := readEdit(filepath.Join(top, "AGENTS.md"))
	if err != nil {
		return nil, err
	}
	section := agentsSection
	// The section is for every agent: it goes with the last of them.
	if undo && !othersSetUp(list, i, top) {
		section = ""
	}
	if guide.new, err = setBlock(guide.old, "<!-- jitos setup: begin -->", "<!-- jitos setup: end -->", section); err != nil {
		return nil, fmt.Errorf("%s: %w", guide.name, err)
	}
	return slices.DeleteFunc([]edit{config, guide}, func(e edit) bool { return e.old == e.new }), nil
}

// othersSetUp reports whether another agent than the ith is set up in a
// repository.
func othersSetUp(list []agentFile, except int, top string) bool {
	for i, f := range list {
		if i == except || f.home {
			continue
		}
		if e, err := f.edit(top, true); err == nil && e.old != e.new {
			return true
		}
	}
	return false
}

// repoTop is the root of the repository that a folder stands in.
func repoTop(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for top := full; ; top = filepath.Dir(top) {
		if exists(filepath.Join(top, ".git")) {
			return top, nil
		}
		if top == filepath.Dir(top) {
			return "", wire.NewProblem(rmg.NotFound, "%s is in no git repository", full).WithHint("go into one, or name it: -C DIR")
		}
	}
}

// edit is what becomes of the agent's file.
func (f agentFile) edit(top string, undo bool) (edit, error) {
	name := filepath.Join(top, f.name)
	if f.home {
		home, err := os.UserHomeDir()
		if err != nil {
			return edit{}, err
		}
		name = filepath.Join(home, f.name)
	}
	e, err := readEdit(name)
	if err != nil {
		return edit{}, err
	}
	command := "jitos"
	if _, err := exec.LookPath(command); err != nil {
		if command, err = os.Executable(); err != nil {
			return edit{}, err
		}
	}
	if f.container == "" {
		e.new, err = setServerTOML(e.old, command, undo)
	} else {
		entry := jsonServer(command, f.typed)
		if undo {
			entry = ""
		}
		e.new, err = setMember(e.old, f.container, "jitos", entry)
	}
	if err != nil {
		return edit{}, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

func jsonServer(command string, typed bool) string {
	kind := ""
	if typed {
		kind = `"type": "stdio", `
	}
	return fmt.Sprintf(`{%s"command": %q, "args": ["mcp"]}`, kind, command)
}

func readEdit(name string) (edit, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return edit{name: name, absent: true}, nil
	}
	return edit{name: name, old: string(data)}, err
}

// write puts the new content in the old one's place, whole or not at all. A file
// that has nothing left in it goes.
func (e edit) write() error {
	if e.new == "" {
		return os.Remove(e.name)
	}
	if err := os.MkdirAll(filepath.Dir(e.name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if st, err := os.Stat(e.name); err == nil {
		mode = st.Mode().Perm()
	}
	target := e.name
	if real, err := filepath.EvalSymlinks(e.name); err == nil {
		target = real // the link stays one
	}
	tmp, err := os.CreateTemp(filepath.Dir(target), ".jitos-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(tmp, bytes.NewReader([]byte(e.new)))
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
