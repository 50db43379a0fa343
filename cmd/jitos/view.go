package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func (a *app) viewCmd() *cobra.Command {
	var look bool
	cmd := &cobra.Command{
		Use: "view", Short: "Show the web page, until interrupted", Args: cobra.NoArgs,
		Example: "  jitos view\n  jitos view --read-only",
		Long: `Browsers do not open unix sockets: this command listens on a port of this
machine alone and passes what comes on to the daemon. The address it prints
works once, and begins a session that may do what you may (with JITOS_TOKEN:
what that token may); with --read-only one that only looks.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Session(cmd.Context(), wire.SessionRequest{Act: !look})
			if err != nil {
				return err
			}
			socket, isUnix := strings.CutPrefix(c.Socket(), "unix:")
			if !isUnix && strings.HasPrefix(socket, "tcp:") {
				return a.showView("http://"+strings.TrimPrefix(socket, "tcp:")+s.Path, nil)
			}
			if strings.HasPrefix(socket, "https:") {
				address, _, _ := strings.Cut(socket, "#")
				return a.showView(strings.TrimSuffix(address, "/")+s.Path, nil)
			}
			return a.serveView(cmd.Context(), socket, s.Path)
		},
	}
	cmd.Flags().BoolVar(&look, "read-only", false, "a page that shows everything and changes nothing")
	return cmd
}

// showView prints the address, and then waits as told.
func (a *app) showView(address string, wait func() error) error {
	if a.machine() {
		if err := a.json(map[string]string{"url": address}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.out, address)
	}
	if wait == nil {
		return nil
	}
	fmt.Fprintln(a.err, "open it in a browser of this machine; interrupt (Ctrl-C) ends it")
	return wait()
}

// serveView passes requests on to the daemon's socket. It adds nothing to them:
// without the session's cookie the daemon refuses them.
func (a *app) serveView(ctx context.Context, socket, path string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return wire.NewProblem(rmg.Unavailable, "no port to listen on: %v", err)
	}
	host := ln.Addr().String()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: host})
			r.Out.Header.Del("Authorization")
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
		FlushInterval: -1, // events go on as they come
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page elsewhere whose name was pointed here is not let through.
		if r.Host != host {
			http.Error(w, "this address serves "+host+" only", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	return a.showView("http://"+host+path, func() error {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		err := srv.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
}
