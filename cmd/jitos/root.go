package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"jitos.dev/net/wire"
)

// app is one run of the program: its streams, and the flags all verbs share.
type app struct {
	in        io.Reader
	out, err  io.Writer
	socket    string
	server    string // counts before socket
	tokenFile string
	format    string
	quiet     bool
	noInput   bool
	noPager   bool
	timeout   time.Duration
	config    configuration
	within    context.Context // with --timeout: what the verb runs in
	release   context.CancelFunc
	process   string // that the verb began or followed
	spoken    bool   // the verb was said in a conversation
}

// root builds the command tree. Nothing is opened until a verb runs.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "jitos",
		Short: "Work by scripts, agents and people that lands only when it is proven",
		Long: `JITOS runs work on git repositories in isolated workspaces. What proves itself
by its gates becomes real in one transaction and lands as a commit; all else is
dropped but remembered. Every change can be explained and undone.

Alone on a terminal it asks what you want done, and prints the command that each
line is.`,
		Example: `  jitos demo
  jitos intent 'Fix the failing test in ./pkg'
  jitos why internal/token/token.go:42`,
		SilenceUsage: true, SilenceErrors: true, Version: version,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownVerb(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.spoken || a.noInput || a.machine() || !a.onTerminal() {
				return cmd.Help()
			}
			return a.converse(cmd)
		},
	}
	root.PersistentPreRunE = a.begin
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(unknownFlag)
	f := root.PersistentFlags()
	f.StringVar(&a.socket, "socket", envOr("JITOS_SOCKET", a.config.Socket), "the daemon: unix:PATH, or tcp:HOST:PORT for a tunnel's end (JITOS_SOCKET)")
	f.StringVar(&a.server, "server", envOr("JITOS_SERVER", a.config.Server), "a daemon of another machine: https://HOST:PORT[#FINGERPRINT], with a token (JITOS_SERVER)")
	f.StringVar(&a.tokenFile, "token-file", envOr("JITOS_TOKEN_FILE", a.config.TokenFile), "a file with a token, instead of the variable JITOS_TOKEN (JITOS_TOKEN_FILE)")
	f.StringVarP(&a.format, "output", "o", envOr("JITOS_OUTPUT", orElse(a.config.Output, "table")), "table, json, jsonl or yaml")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print what was asked for and errors, and nothing else")
	f.BoolVar(&a.noInput, "no-input", false, "ask nothing; what would be asked is an error")
	f.BoolVar(&a.noPager, "no-pager", false, "on a terminal, print long output at once instead of through PAGER")
	f.DurationVar(&a.timeout, "timeout", 0, "give up after this time (30s, 2m) with exit code 124; what was begun goes on")
	root.AddCommand(
		a.demoCmd(), a.intentCmd(), a.planCmd(), a.slapsCmd(), a.methodCmd(),
		a.psCmd(), a.showCmd(), a.logsCmd(), a.cancelCmd(), a.retryCmd(),
		a.swsCmd(), a.rewriteCmd(), a.graphCmd(), a.diffCmd(), a.ruleCmd(),
		a.logCmd(), a.whyCmd(), a.undoCmd(), a.bisectCmd(), a.replayCmd(), a.purgeCmd(), a.verifyCmd(), a.checkCmd(), a.statusCmd(), a.topCmd(), a.viewCmd(),
		a.inboxCmd(), a.answerCmd(), a.gatesCmd(), a.folderCmd(), a.policyCmd(), a.tokenCmd(), a.workerCmd(), a.mountCmd(), a.doctorCmd(),
		a.mcpCmd(), a.setupCmd(), a.costCmd(), a.gcCmd(), a.backupCmd(), a.restoreCmd(), a.daemonCmd(), a.configCmd(), a.manCmd(), a.versionCmd(), a.cacheCmd(), a.testExecCmd(),
	)
	for _, c := range root.Commands() {
		usageErrors(c)
	}
	a.complete(root)
	a.page(root)
	root.SetHelpCommand(helpVerb(root))
	return root
}

// onTerminal reports whether a person sits at both ends.
func (a *app) onTerminal() bool {
	_, _, in := screenOf(a.in)
	_, _, out := screenOf(a.out)
	return in && out
}

// usageErrors makes wrong arguments of a command, and of those below it, usage
// errors that show how it is used.
func usageErrors(c *cobra.Command) {
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
	check := c.Args
	c.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.HasSubCommands() && len(args) > 0 && check == nil {
			return unknownVerb(cmd, args[0])
		}
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
		}
		return nil
	}
	if c.HasSubCommands() && c.Run == nil && c.RunE == nil {
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// helpVerb is cobra's own, but that it refuses what is no verb.
func helpVerb(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Help about any verb",
		Args: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err == nil && len(rest) > 0 && found.HasSubCommands() {
				return unknownVerb(found, rest[0])
			}
			return err
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if found, _, err := root.Find(args); err == nil {
				for _, sub := range found.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			found, _, err := root.Find(args)
			if err != nil {
				return err
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

func unknownVerb(cmd *cobra.Command, arg string) error {
	msg := fmt.Sprintf("there is no %q in %s", arg, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(arg); len(near) > 0 {
		msg += meant(near)
	} else {
		msg += "; " + cmd.CommandPath() + " --help lists what there is"
	}
	return &usageError{fmt.Errorf("%s", msg)}
}

// unknownFlag makes the fault of a flag one of usage, and names the flags that may
// have been meant.
func unknownFlag(cmd *cobra.Command, err error) error {
	var none *pflag.NotExistError
	if errors.As(err, &none) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		near := wire.Nearest(none.GetSpecifiedName(), names)
		for i := range near {
			near[i] = "--" + near[i]
		}
		err = fmt.Errorf("%w%s", err, meant(near))
	}
	return &usageError{err}
}

// meant asks, at the end of a sentence, whether one of a list was meant; of an empty
// one nothing.
func meant(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

func envOr(name, other string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return other
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  jitos version",
		RunE: func(*cobra.Command, []string) error {
			if a.machine() {
				return a.json(map[string]string{"version": version})
			}
			fmt.Fprintln(a.out, "jitos "+version)
			return nil
		},
	}
}
