package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) tokenCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Let automation call the daemon with some capabilities",
		Example: "  jitos token new ci --cap rewrite,collapse\n  jitos token list",
		Long: `A token is used by setting JITOS_TOKEN. The capabilities are admin (change the
policy, make tokens), system (rewrite the world directly, outside /repo), rewrite
(make, write and drop workspaces), exec, intent and collapse; reading needs none.
One that has work alone does tasks of plans (jitos worker run) and nothing else.
Policy decides on top of them. Questions are answered by people only.`,
	}
	cmd.AddCommand(a.tokenNew(), a.tokenList(), a.tokenRevoke())
	return cmd
}

func (a *app) tokenNew() *cobra.Command {
	var req wire.TokenRequest
	cmd := &cobra.Command{
		Use: "new NAME --cap CAPABILITY,...", Short: "Make a token; its secret is printed this once", Args: cobra.ExactArgs(1),
		Example: "  jitos token new ci --cap rewrite,collapse --ttl 720h",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			req.Name = args[0]
			t, err := c.NewToken(cmd.Context(), req)
			if err != nil {
				return err
			}
			if !a.machine() {
				fmt.Fprintf(a.err, "token %s (%s) has %s until %s; this is the only time its secret is shown\n", t.ID, t.Name, strings.Join(t.Caps, ", "), clock(t.Expires))
			}
			return a.show(t, func(w io.Writer) { fmt.Fprintln(w, t.Secret) })
		},
	}
	cmd.Flags().StringSliceVar(&req.Caps, "cap", nil, "capabilities")
	cmd.Flags().StringVar(&req.TTL, "ttl", "720h", "how long it lasts")
	cmd.Flags().StringVar(&req.Kind, "kind", "process", "process or agent: what policy sees")
	return cmd
}

func (a *app) tokenList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens there ever were", Args: cobra.NoArgs,
		Example: "  jitos token list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func(w io.Writer) {
				row(w, "ID", "NAME", "STATE", "KIND", "CAPABILITIES", "BY", "EXPIRES")
				for _, t := range list {
					row(w, t.ID, t.Name, t.State, t.Kind, strings.Join(t.Caps, ","), t.By, clock(t.Expires))
				}
			})
		},
	}
}

func (a *app) tokenRevoke() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "revoke ID|NAME", Short: "End a token at once", Args: cobra.ExactArgs(1),
		Example: "  jitos token revoke ci\n  jitos token revoke t57 --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if dry {
				return a.wouldRevoke(cmd.Context(), c, args[0])
			}
			t, err := c.RevokeToken(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(t, func(w io.Writer) { row(w, t.ID, t.Name, t.State) })
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, dryRunAbout)
	return cmd
}
