package main

import (
	"cmp"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/mcp"
	"jitos.dev/net/wire"
)

func (a *app) mcpCmd() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "mcp", Short: "Serve an agent over standard input and output (MCP)", Args: cobra.NoArgs,
		Long: `Speaks the Model Context Protocol, for an agent's program to start: jitos setup
writes the configuration for it. The agent works in workspaces of its own and
reaches your repository by a proven collapse only. It has an agent's rights, not
yours: it answers no questions and changes no policy. With JITOS_TOKEN it has that
token's.`,
		Example: "  jitos mcp\n  jitos mcp -C ~/src/app",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.clientOrStart(cmd.Context())
			if err != nil {
				return err
			}
			if dir, err = workedOn(cmd.Context(), c, dir); err != nil {
				return err
			}
			if dir != "" {
				if dir, err = filepath.EvalSymlinks(dir); err != nil {
					return err
				}
			}
			s, err := mcp.New(mcp.Options{
				Dir: dir, Version: version, Logger: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
				Connect: func(agent string, _ http.Header) (*client.Client, error) {
					opt := a.clientOptions()
					opt.Caller += "/" + agent
					opt.Agent = true
					return client.New(opt)
				},
			})
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Run(cmd.Context(), &sdk.StdioTransport{})
		},
	}
	cmd.Flags().StringVarP(&dir, "repo", "C", ".", "a folder in the repository to work on")
	return cmd
}

// mcpServer is the daemon's own, behind /mcp. Its sessions call back through the
// socket, with what they brought: whoever holds the secret is an agent here.
func mcpServer(socket string, log *slog.Logger) (*mcp.Server, error) {
	return mcp.New(mcp.Options{
		Version: version, Logger: log,
		Connect: func(agent string, header http.Header) (*client.Client, error) {
			_, bearer, _ := strings.Cut(header.Get("Authorization"), " ")
			name := header.Get(wire.CallerHeader)
			if name == "" {
				name = "mcp"
			}
			return client.New(client.Options{Socket: socket, Secret: strings.TrimSpace(bearer), Caller: name + "/" + agent, Agent: true})
		},
	})
}

// clientOptions are how this program reaches the daemon.
func (a *app) clientOptions() client.Options {
	return client.Options{
		Socket: cmp.Or(a.server, a.socket, defaultSocket()), Secret: os.Getenv("JITOS_TOKEN"), SecretFile: a.tokenFile, Caller: caller(), Version: version,
	}
}
