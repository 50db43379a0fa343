package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/kernel"
	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) policyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Who may do what where",
		Example: "  jitos policy show\n  jitos policy explain write /svc/db --as worker",
		Long: `The policy is a document at /policy: rules that allow, deny or ask, over the
default policy. The closest rule has the last word; among equals deny beats ask
and ask beats allow. A rule that says ask puts a question to a person before
the collapse: jitos inbox.`,
	}
	cmd.AddCommand(a.policyShow(), a.policySet(), a.policyCheck(), a.policyExplain())
	return cmd
}

func (a *app) policyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Print the policy that counts, the default's rules included", Args: cobra.NoArgs,
		Example: "  jitos policy show",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Policy(cmd.Context())
			if err != nil {
				return err
			}
			if p.Broken != "" {
				return wire.NewProblem(rmg.Invalid, "the policy does not compile, and everything is denied: %s", p.Broken).WithHint("jitos policy set FILE mends it")
			}
			return a.show(p, func(w io.Writer) {
				if !p.Own {
					fmt.Fprintln(w, "# Nothing stands at /policy: this is the default policy.")
				}
				var own []string
				for _, r := range p.Rules {
					if !r.Default {
						own = append(own, r.Name)
					}
				}
				if len(own) > 0 {
					fmt.Fprintln(w, "# Of /policy: "+strings.Join(own, ", ")+"; the others are the default's.")
				}
				fmt.Fprint(w, p.YAML)
			})
		},
	}
}

func (a *app) policySet() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "set FILE", Short: "Put a policy in place of the one there is (YAML; - is standard input)", Args: cobra.ExactArgs(1),
		Example: "  jitos policy show > policy.yaml\n  jitos policy set policy.yaml\n  echo | jitos policy set -    # back to the default",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(a.in, args[0])
			if err != nil {
				return err
			}
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			rec, err := c.SetPolicy(cmd.Context(), wire.PolicyRequest{Document: string(data), Reason: reason})
			if err != nil {
				return err
			}
			return a.show(rec, func(w io.Writer) { fmt.Fprintf(w, "policy set at seq %d; jitos policy show prints it\n", rec.Seq) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) policyCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Compile a policy, without a daemon and without changing anything", Args: cobra.ExactArgs(1),
		Example: "  jitos policy check my.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := readInput(a.in, args[0])
			if err != nil {
				return err
			}
			d, err := kernel.ParsePolicyDocument(data)
			if err != nil {
				return err
			}
			if _, err := kernel.CompilePolicy(d); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %d rules, each compiles\n", args[0], len(d.Rules))
			return nil
		},
	}
}

func (a *app) policyExplain() *cobra.Command {
	var q client.PolicyQuery
	cmd := &cobra.Command{
		Use: "explain VERB PATH", Short: "Say what would be decided, by which rule, and which rules lost", Args: cobra.ExactArgs(2),
		Example: `  jitos policy explain collapse auth/token.go --process p12
  jitos policy explain write /kind/Service --as ci
  jitos policy explain dispatch /worker/script --process p12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			q.Verb = args[0]
			if q.Path, err = pathOrFile(args[1]); err != nil {
				return err
			}
			ans, err := c.ExplainPolicy(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.show(ans, func(w io.Writer) { printExplanation(w, ans) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.As, "as", "", "a person's name, or a token's; else you")
	f.StringVar(&q.Process, "process", "", "the process or, with --worker, whom it works for")
	f.StringVar(&q.Worker, "worker", "", "a worker")
	f.StringVar(&q.Kind, "kind", "", "of the element; else that of the one there")
	return cmd
}

// pathOrFile makes a command line's PATH what the daemon takes: a graph path as
// it is, any other an absolute file name.
func pathOrFile(arg string) (string, error) {
	if strings.HasPrefix(arg, "/") {
		return arg, nil
	}
	file, err := filepath.Abs(arg)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		file = filepath.Join(dir, filepath.Base(file))
	}
	return "file:" + file, nil
}

// printExplanation tells the decision in sentences, what decided first.
func printExplanation(w io.Writer, ans wire.PolicyAnswer) {
	verdict := map[string]string{"allow": "may", "deny": "may not", "ask": "has to have approved:"}[ans.Effect]
	fmt.Fprintf(w, "%s %s %s %s\n", ans.Who, verdict, ans.Verb, ans.Path)
	decided := slices.IndexFunc(ans.Steps, func(s wire.PolicyStep) bool { return s.Effect == ans.Effect })
	if ans.Effect == "allow" {
		decided = len(ans.Steps) - 1
	}
	for i, s := range ans.Steps {
		mark := " "
		if i == decided {
			mark = "*"
		}
		by := ""
		if s.Rule != "" {
			by = fmt.Sprintf("rule %q", s.Rule)
			if s.Default {
				by += " of the default policy"
			}
			by += ": "
		}
		fmt.Fprintf(w, "%s %-10s %-5s %s%s\n", mark, s.What, s.Effect, by, strings.TrimSpace(s.Why))
		for _, l := range s.Lost {
			fmt.Fprintf(w, "    over rule %q, which says %s: %s\n", l.Rule, l.Effect, l.Why)
		}
	}
}
