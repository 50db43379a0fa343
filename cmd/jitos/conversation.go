package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// A conversation is `jitos` alone on a terminal: each line becomes a command, which
// is printed and then run as if it had been typed, by the same program.
type conversation struct {
	a       *app
	flags   []string // that it was begun with; each command has them
	last    string   // the process that was spoken of last
	history *lineHistory
	ahead   ahead
}

// Words that are no verbs, and mean one.
var spoken = [...]string{"approve", "reject", "help", "exit", "quit"}

// converse talks until the person ends it. It is for a terminal at both ends.
func (a *app) converse(cmd *cobra.Command) error {
	ctx := cmd.Context()
	c := &conversation{a: a, history: openHistory(historyFile())}
	cmd.Flags().Visit(func(f *pflag.Flag) { c.flags = append(c.flags, "--"+f.Name+"="+f.Value.String()) })
	fmt.Fprintln(a.out, "Say what you want done. What begins with a verb is that verb; help lists them, Tab completes, Ctrl-D ends.")
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	defer signal.Stop(ended)
	for {
		c.tellQuestions(ctx)
		line, err := c.ask(context.WithoutCancel(ctx))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.history.add(line); err != nil {
			a.note("the line is not kept: %v", err)
		}
		if !c.say(ctx, line) {
			return nil
		}
		select {
		case <-ended:
			return nil
		default:
		}
	}
}

// say does what a line says; false ends the conversation.
func (c *conversation) say(ctx context.Context, line string) bool {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args, err := c.meant(ctx, line)
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		c.a.exit(ctx, err)
		return true
	case len(args) == 0:
		return true
	}
	args = append(slices.Clone(c.flags), args...)
	fmt.Fprintln(c.a.out, c.a.painter().as(faint, "$ jitos "+shell(args)))
	c.run(ctx, args)
	return true
}

// run runs a command as Main does, in an app of its own.
func (c *conversation) run(ctx context.Context, args []string) {
	b := c.verb()
	root := b.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	b.exit(ctx, err) // its code is for shells
	if usage := (*usageError)(nil); errors.As(err, &usage) && len(args) > len(c.flags)+1 && args[len(c.flags)] != "intent" {
		c.a.note("if you meant it as something to be done: intent %s", shell([]string{strings.Join(args[len(c.flags):], " ")}))
	}
	if b.release != nil {
		b.release()
	}
	if b.process != "" {
		c.last = b.process
	}
}

// verb is an app for one command, with what the conversation was begun with.
func (c *conversation) verb() *app {
	return &app{in: c.a.in, out: c.a.out, err: c.a.err, config: c.a.config, spoken: true}
}

// meant is the command that a line means; none for an empty line. io.EOF: the
// conversation is to end.
func (c *conversation) meant(ctx context.Context, line string) ([]string, error) {
	line = strings.TrimSpace(line)
	first, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch first {
	case "":
		return nil, nil
	case "exit", "quit":
		return nil, io.EOF
	case "help":
		line = strings.TrimSpace(rest + " --help")
	case "approve", "reject":
		return c.answer(ctx, first, rest)
	case "undo":
		if rest == "" {
			return c.undo(ctx)
		}
	case "show", "logs", "cancel", "retry":
		flags := strings.Fields(rest)
		if c.last != "" && !slices.ContainsFunc(flags, func(w string) bool { return !strings.HasPrefix(w, "-") }) {
			return append([]string{first, c.last}, flags...), nil
		}
	case "jitos":
		line = rest
	}
	// One word alone is a verb that was mistyped rather than something to be done.
	if !c.isVerb(first) && first != "jitos" && first != "help" && rest != "" {
		return []string{"intent", line}, nil
	}
	args, err := words(line)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%w; to say it as an intent, begin with another word than %s", err, first)}
	}
	return args, nil
}

// isVerb reports whether a word is a verb of the program.
func (c *conversation) isVerb(word string) bool {
	return slices.ContainsFunc(c.verb().root().Commands(), func(v *cobra.Command) bool { return v.Name() == word && !v.Hidden })
}

// answer is the command that answers a question: the one that is named, or else
// the only one that is open.
func (c *conversation) answer(ctx context.Context, answer, rest string) ([]string, error) {
	id, comment, _ := strings.Cut(rest, " ")
	if id == "" {
		cl, err := c.a.client()
		if err != nil {
			return nil, err
		}
		defer cl.Close()
		open, err := cl.Inbox(ctx, false)
		switch {
		case err != nil:
			return nil, err
		case len(open) == 0:
			return nil, wire.NewProblem(rmg.NotFound, "no question is open").WithHint("inbox --all shows those that were")
		case len(open) > 1:
			p := wire.NewProblem(rmg.Invalid, "%d questions are open", len(open)).WithHint("say which: %s %s", answer, open[0].ID)
			for _, q := range open {
				p.Nearest = append(p.Nearest, q.ID+": "+printable(q.Question))
			}
			return nil, p
		}
		id = open[0].ID
	}
	args := []string{"answer", id, answer}
	if comment = strings.TrimSpace(comment); comment != "" {
		args = append(args, "-m", comment)
	}
	return args, nil
}

// undo is the command that takes back what was spoken of last.
func (c *conversation) undo(ctx context.Context) ([]string, error) {
	if c.last == "" {
		return nil, &usageError{errors.New("nothing was done in this conversation yet; undo SEQ takes any record back, log lists them")}
	}
	cl, err := c.a.client()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	p, err := cl.Process(ctx, c.last)
	if err != nil {
		return nil, err
	}
	if p.Collapse == 0 {
		return nil, wire.NewProblem(rmg.Conflict, "%s is %s: it has changed nothing that could be undone", p.ID, p.Status)
	}
	return []string{"undo", fmt.Sprint(p.Collapse)}, nil
}

// tellQuestions says what waits for a person, if a daemon runs.
func (c *conversation) tellQuestions(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), suggestTimeout)
	defer stop()
	cl, err := c.a.client()
	if err != nil {
		return // the first verb says so
	}
	defer cl.Close()
	open, err := cl.Inbox(ctx, false)
	if err != nil {
		return
	}
	for _, q := range open {
		fmt.Fprintf(c.a.out, "%s %s; approve %s, or reject %s\n", c.a.painter().as(amber, "? "+q.ID), printable(q.Question), q.ID, q.ID)
	}
}

// candidates are what may stand where the last word of a line does, by what the
// shells are told too.
func (c *conversation) candidates(ctx context.Context, line string) (lead string, list []string) {
	at := strings.LastIndexAny(line, " \t") + 1
	lead, word := line[:at], line[at:]
	args, err := words(lead)
	if err != nil {
		return lead, nil
	}
	if len(args) > 0 && args[0] == "jitos" {
		args = args[1:]
	}
	b := c.verb()
	var out bytes.Buffer
	b.out, b.err = &out, io.Discard
	root := b.root()
	root.SetArgs(slices.Concat([]string{cobra.ShellCompRequestCmd}, c.flags, args, []string{word}))
	if root.ExecuteContext(ctx) != nil {
		return lead, nil
	}
	if len(args) == 0 {
		for _, s := range spoken {
			if strings.HasPrefix(s, word) {
				list = append(list, s)
			}
		}
	}
	for l := range strings.Lines(out.String()) {
		name, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		if strings.HasPrefix(name, word) && name != "" && !strings.HasPrefix(name, ":") && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return lead, list
}
