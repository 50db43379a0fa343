package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// settings are what the configuration file may hold. A flag counts before its
// variable of the environment, and that before the file.
type settings struct {
	Socket    string `yaml:"socket,omitempty" json:"socket,omitempty"` // the daemon: unix:PATH or tcp:HOST:PORT
	Server    string `yaml:"server,omitempty" json:"server,omitempty"` // a daemon of another machine: https://HOST:PORT[#FINGERPRINT]
	TokenFile string `yaml:"token_file,omitempty" json:"token_file,omitempty"`
	Output    string `yaml:"output,omitempty" json:"output,omitempty"` // table, json, jsonl or yaml
	Daemon    struct {
		Data     string   `yaml:"data,omitempty" json:"data,omitempty"`           // folder of the log and all state
		Listen   string   `yaml:"listen,omitempty" json:"listen,omitempty"`       // unix:PATH
		Copy     bool     `yaml:"copy,omitempty" json:"copy,omitempty"`           // copy workspaces instead of mounting them
		TCP      string   `yaml:"tcp,omitempty" json:"tcp,omitempty"`             // HOST:PORT to listen on besides, over TLS
		TCPHosts []string `yaml:"tcp_hosts,omitempty" json:"tcp_hosts,omitempty"` // names it is reached by there
		TLSCert  string   `yaml:"tls_cert,omitempty" json:"tls_cert,omitempty"`
		TLSKey   string   `yaml:"tls_key,omitempty" json:"tls_key,omitempty"`
		Idle     string   `yaml:"idle,omitempty" json:"idle,omitempty"`     // stop after so long with nothing to do: 30m
		Traces   string   `yaml:"traces,omitempty" json:"traces,omitempty"` // an OpenTelemetry collector: http://HOST:4318
	} `yaml:"daemon,omitempty" json:"daemon,omitzero"`
}

// configuration is the file as it was read. What is wrong with it is told when a
// verb runs, not before.
type configuration struct {
	settings
	name string
	err  error
}

// configName is where the configuration file is.
func configName() string {
	return envOr("JITOS_CONFIG", filepath.Join(xdg.ConfigHome, "jitos", "config.yaml"))
}

// readConfig reads a configuration file. One that is not there says nothing.
func readConfig(name string) configuration {
	c := configuration{name: name}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c
	}
	if err != nil {
		c.err = fmt.Errorf("the configuration cannot be read: %w", err)
		return c
	}
	err = yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&c.settings)
	switch {
	case errors.Is(err, io.EOF): // nothing but comments
	case err != nil:
		c.err = fmt.Errorf("%s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, true)))
	default:
		c.err = c.check()
	}
	if c.err != nil {
		c.settings = settings{} // half of what is meant is not what is meant
	}
	return c
}

// check looks at what a schema of types does not say.
func (c configuration) check() error {
	if c.Output != "" && !slices.Contains([]string{"table", "json", "jsonl", "yaml"}, c.Output) {
		return fmt.Errorf("%s: output is %q; use table, json, jsonl or yaml", c.name, c.Output)
	}
	if l := c.Daemon.Listen; l != "" && !strings.HasPrefix(l, "unix:/") {
		return fmt.Errorf("%s: daemon.listen is %q; use unix:/PATH", c.name, l)
	}
	if d := c.Daemon.Data; d != "" && !filepath.IsAbs(d) {
		return fmt.Errorf("%s: daemon.data is %q, which is no absolute path", c.name, d)
	}
	if _, _, err := net.SplitHostPort(c.Daemon.TCP); c.Daemon.TCP != "" && err != nil {
		return fmt.Errorf("%s: daemon.tcp is %q, not HOST:PORT", c.name, c.Daemon.TCP)
	}
	if d, err := time.ParseDuration(c.Daemon.Idle); c.Daemon.Idle != "" && (err != nil || d < 0) {
		return fmt.Errorf("%s: daemon.idle is %q, which is no length of time; for example 30m", c.name, c.Daemon.Idle)
	}
	return nil
}

// idle is daemon.idle; 0 without it.
func (c configuration) idle() time.Duration {
	d, _ := time.ParseDuration(c.Daemon.Idle) // checked when it was read
	return d
}

func (a *app) configCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Look at the configuration file",
		Long: `The file holds what would otherwise be flags or variables of the environment, which
count before it:

  socket: unix:/run/user/1000/jitos/jitos.sock
  server: https://build.example:7443#sha256:...   # instead of socket
  token_file: /home/ada/.config/jitos/token
  output: table
  daemon:
    data: /var/lib/jitos
    listen: unix:/run/jitos.sock
    copy: false
    tcp: 0.0.0.0:7443
    tcp_hosts: [build.example]
    tls_cert: /etc/jitos/cert.pem
    tls_key: /etc/jitos/key.pem
    idle: 30m
    traces: http://localhost:4318`,
		Example: "  jitos config path\n  jitos config check",
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "path", Short: "Print where the file is, or would be", Args: cobra.NoArgs, Example: "  jitos config path",
			RunE: func(*cobra.Command, []string) error {
				_, err := fmt.Fprintln(a.out, a.config.name)
				return err
			},
		},
		&cobra.Command{
			Use: "show", Short: "Print what the file says", Args: cobra.NoArgs, Example: "  jitos config show -o yaml",
			RunE: func(*cobra.Command, []string) error {
				if a.config.err != nil {
					return &usageError{a.config.err}
				}
				s := a.config.settings
				return a.show(s, func(w io.Writer) {
					row(w, "socket", s.Socket)
					row(w, "server", s.Server)
					row(w, "token_file", s.TokenFile)
					row(w, "output", s.Output)
					row(w, "daemon.data", s.Daemon.Data)
					row(w, "daemon.listen", s.Daemon.Listen)
					row(w, "daemon.copy", s.Daemon.Copy)
					row(w, "daemon.tcp", s.Daemon.TCP)
					row(w, "daemon.tcp_hosts", strings.Join(s.Daemon.TCPHosts, ", "))
					row(w, "daemon.tls_cert", s.Daemon.TLSCert)
					row(w, "daemon.tls_key", s.Daemon.TLSKey)
					row(w, "daemon.idle", s.Daemon.Idle)
					row(w, "daemon.traces", s.Daemon.Traces)
				})
			},
		},
		&cobra.Command{
			Use: "check [FILE]", Short: "Check the file, and say each fault's place", Args: cobra.MaximumNArgs(1), Example: "  jitos config check\n  jitos config check /etc/jitos.yaml",
			RunE: func(_ *cobra.Command, args []string) error {
				c := a.config
				if len(args) == 1 {
					if _, err := os.Stat(args[0]); err != nil {
						return err
					}
					c = readConfig(args[0])
				}
				if c.err != nil {
					return &usageError{c.err}
				}
				_, err := fmt.Fprintf(a.out, "%s is in order\n", c.name)
				return err
			},
		},
	)
	return cmd
}
