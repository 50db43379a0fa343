package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// What all verbs have in common stands here, so that a verb says only what it is
// about: whole ids for abbreviated ones, completion, --timeout.

// argument is what an argument of a verb, or a flag's value, stands for.
type argument int

const (
	aProcess argument = iota + 1
	aWorkspace
	aVersion
	aQuestion
	aToken
	aMethod
	aRule
	aGate
)

// arguments are the verbs' arguments that name something that the daemon knows.
func arguments() map[string][]argument {
	out := map[string][]argument{
		"diff": {aVersion, aVersion}, "mount": {aVersion}, "answer": {aQuestion}, "token revoke": {aToken}, "method show": {aMethod},
		"method approve": {aMethod}, "method remove": {aMethod}, "rule on": {aRule}, "rule off": {aRule}, "rule apply": {aRule}, "gates run": {aGate},
	}
	for _, verb := range []string{"show", "logs", "cancel", "retry", "cost"} {
		out[verb] = []argument{aProcess}
	}
	for _, verb := range []string{"show", "write", "diff", "exec", "rebase", "resolve", "freeze", "thaw", "collapse", "discard", "restore"} {
		out["sws "+verb] = []argument{aWorkspace}
	}
	return out
}

// flagValues are the flags that take one of a few values, or name something.
func flagValues() (fixed map[string][]string, named map[string]argument) {
	fixed = map[string][]string{
		"output": {"table", "json", "jsonl", "yaml"}, "land": {"commit", "branch", "patch", "push", "pr", "none"}, "approve": {"auto", "ask"},
		"isolation": {"snapshot", "serializable"}, "take": {"system", "workspace", "base"}, "by": {"day", "process"},
	}
	named = map[string]argument{
		"view": aVersion, "from": aVersion, "onto": aVersion, "process": aProcess, "sws": aWorkspace,
	}
	return fixed, named
}

// complete gives a command, and those below it, what all of them have.
func (a *app) complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.complete(sub)
	}
	verb := strings.TrimPrefix(c.CommandPath(), "jitos ")
	if kinds := arguments()[verb]; kinds != nil && c.RunE != nil {
		c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(kinds) {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return a.suggest(cmd.Context(), kinds[len(args)])
		}
		run := c.RunE
		c.RunE = func(cmd *cobra.Command, args []string) error {
			for i, k := range kinds {
				if k == aVersion && i < len(args) {
					args[i] = versionOf(args[i])
				}
			}
			return a.whole(cmd.Context(), kinds, args, func(args []string) error { return run(cmd, args) })
		}
	}
	fixed, named := flagValues()
	if run := c.RunE; run != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error { return a.nearFlags(cmd, named, run(cmd, args)) }
	}
	for name, list := range fixed {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)) // once for each flag
		}
	}
	for name, kind := range named {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return a.suggest(cmd.Context(), kind)
			})
		}
	}
}

// versionOf is a version as the daemon reads it: @ is the system as it is now.
func versionOf(arg string) string {
	if arg == "@" {
		return "system"
	}
	return arg
}

// maxSuggested is how many ids a shell is offered, the newest of them.
const maxSuggested = 100

// suggestTimeout bounds how long a shell waits for a key that was pressed.
const suggestTimeout = 2 * time.Second

// suggest lists what there is, each with a word about it. Without a daemon there
// is nothing to suggest, and none is started.
func (a *app) suggest(ctx context.Context, k argument) ([]string, cobra.ShellCompDirective) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := context.WithTimeout(ctx, suggestTimeout)
	defer stop()
	var out []string
	for _, l := range a.living(ctx, k, true) {
		out = append(out, l.id+"\t"+printable(cut(l.about, 60)))
	}
	slices.Reverse(out)
	return out[:min(len(out), maxSuggested)], cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// living is something that has an id.
type living struct{ id, about string }

// living lists what there is of a kind, oldest first; nothing if the daemon does
// not say. current leaves out workspaces that have ended and questions that were
// answered.
func (a *app) living(ctx context.Context, k argument, current bool) []living {
	c, err := a.client()
	if err != nil {
		return nil
	}
	defer c.Close()
	var out []living
	add := func(id, about string) { out = append(out, living{id, about}) }
	switch k {
	case aProcess:
		list, _ := c.Processes(ctx)
		for _, p := range list {
			add(p.ID, p.Status+": "+p.Text)
		}
	case aWorkspace, aVersion:
		lead := ""
		if k == aVersion {
			lead = "sws:"
			add("system", "as it is now")
		}
		q := client.WorkspaceQuery{}
		if current {
			q.State = "open"
		}
		for w, err := range c.Workspaces(ctx, q) {
			if err != nil {
				break
			}
			add(lead+w.ID, w.State+": "+cmp.Or(w.Reason, w.Owner))
		}
	case aQuestion:
		list, _ := c.Inbox(ctx, !current)
		for _, q := range list {
			add(q.ID, q.Question)
		}
	case aToken:
		list, _ := c.Tokens(ctx)
		for _, t := range list {
			add(t.ID, t.State+": "+t.Name)
			add(t.Name, t.State)
		}
	case aMethod:
		all, _ := c.Methods(ctx)
		for _, m := range all.Methods {
			add(m.Name, m.Summary)
		}
		for _, m := range all.Proposed {
			add(m.Name, "proposed: "+m.Words)
		}
	case aRule:
		list, _ := c.Rules(ctx, "")
		for _, r := range list.Rules {
			add(r.Name, r.Doc)
		}
	case aGate:
		top, err := repoTop(".")
		if err != nil {
			return nil
		}
		list, _ := c.Gates(ctx, top)
		for _, g := range list.Gates {
			add(g.Name, "")
		}
	}
	return out
}

// whole runs a verb. If the daemon knows nothing under an id that was given, but
// one alone that begins like it, that is what was meant: nothing was done yet, and
// the verb is run with the whole id. Else what is near is named.
func (a *app) whole(ctx context.Context, kinds []argument, args []string, run func([]string) error) error {
	err := run(args)
	if !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
		return err
	}
	given := slices.Clone(args)
	changed := false
	for i, k := range kinds {
		if i >= len(args) {
			break
		}
		var ids []string
		for _, l := range a.living(ctx, k, false) {
			ids = append(ids, l.id)
		}
		if slices.Contains(ids, args[i]) {
			continue
		}
		begin := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return args[i] == "" || !strings.HasPrefix(id, args[i]) })
		if len(begin) != 1 {
			return named(err, args[i], begin, ids)
		}
		given[i], changed = begin[0], true
	}
	if !changed {
		return err
	}
	return run(given)
}

// nearFlags names what is near the value of a flag under which the daemon knows
// nothing.
func (a *app) nearFlags(cmd *cobra.Command, kinds map[string]argument, err error) error {
	if !errors.Is(err, &rmg.Error{Code: rmg.NotFound}) {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed || f.Value.Type() != "string" {
			continue
		}
		var ids []string
		for _, l := range a.living(cmd.Context(), kinds[name], false) {
			ids = append(ids, l.id)
		}
		if !slices.Contains(ids, f.Value.String()) {
			err = named(err, f.Value.String(), nil, ids)
		}
	}
	return err
}

// named adds to the problem of an id that is none what may have been meant.
func named(err error, arg string, begin, ids []string) error {
	p, known := wire.ProblemOf(err)
	if !known {
		return err
	}
	if len(p.Nearest) == 0 {
		if p.Nearest = begin; len(begin) == 0 {
			p.Nearest = wire.Nearest(arg, ids)
		}
		p.Nearest = p.Nearest[:min(len(p.Nearest), 5)]
	}
	return p
}

// begin checks what all verbs share before one runs.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	own := cmd.Flags().Lookup("config") // the daemon may be given another file
	if a.config.err != nil && !strings.HasPrefix(cmd.CommandPath(), "jitos config") && (own == nil || !own.Changed) {
		return &usageError{fmt.Errorf("%w\njitos config check says the same, and jitos config path where it is", a.config.err)}
	}
	if err := a.oneDaemon(cmd); err != nil {
		return err
	}
	if a.timeout < 0 {
		return &usageError{fmt.Errorf("--timeout %s is in the past", a.timeout)}
	}
	if a.timeout > 0 {
		ctx, stop := context.WithTimeout(cmd.Context(), a.timeout)
		a.within, a.release = ctx, stop
		cmd.SetContext(ctx)
	}
	return nil
}

// oneDaemon settles which daemon is meant: a flag counts before the environment
// and the file, and of the same rank the server does before the socket.
func (a *app) oneDaemon(cmd *cobra.Command) error {
	said := cmd.Flags().Changed
	switch {
	case said("socket") && said("server"):
		return &usageError{errors.New("--socket and --server name two daemons; give one")}
	case said("socket"), !said("server") && os.Getenv("JITOS_SERVER") == "" && os.Getenv("JITOS_SOCKET") != "":
		a.server = ""
	}
	return nil
}

// timedOut reports whether --timeout is over.
func (a *app) timedOut() bool {
	return a.within != nil && errors.Is(a.within.Err(), context.DeadlineExceeded)
}

// note tells what nobody asked for, unless -q keeps it away.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}
