package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

func (a *app) whyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "why PATH[:LINE|#PROP]", Short: "Explain why a file, a line, an element or a prop is as it is", Args: cobra.ExactArgs(1),
		Long: `Tells which record wrote it, in which workspace, task and attempt, what was proven,
who let it in, where it landed, and what was asked for. What came in from git is
traced to its commit.`,
		Example: "  jitos why token/signer.go:74\n  jitos why /repo/AuthService/main/go.mod\n  jitos why '/svc/auth#version'",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			q := whyOf(args[0])
			if !strings.HasPrefix(q.Path, "/") {
				file, err := filepath.Abs(q.Path)
				if err != nil {
					return err
				}
				if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
					file = filepath.Join(dir, filepath.Base(file))
				}
				q.Path = "file:" + file
			}
			ans, err := c.Why(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.show(ans, func(w io.Writer) { printWhy(w, ans) })
		},
	}
}

// whyOf reads PATH, PATH:LINE or PATH#PROP. A file whose own name ends like that
// is meant as it is.
func whyOf(arg string) client.WhyQuery {
	if !strings.HasPrefix(arg, "/") && exists(arg) {
		return client.WhyQuery{Path: arg}
	}
	if i := strings.LastIndexByte(arg, '#'); i > 0 && i < len(arg)-1 {
		return client.WhyQuery{Path: arg[:i], Prop: arg[i+1:]}
	}
	path, line := splitLine(arg)
	return client.WhyQuery{Path: path, Line: line}
}

// splitLine splits PATH:LINE.
func splitLine(arg string) (string, int) {
	if i := strings.LastIndexByte(arg, ':'); i > 0 {
		if n, err := strconv.Atoi(arg[i+1:]); err == nil && n > 0 {
			return arg[:i], n
		}
	}
	return arg, 0
}

func printWhy(w io.Writer, ans wire.WhyAnswer) {
	where := string(ans.Path)
	switch {
	case ans.Line > 0:
		where += fmt.Sprintf(":%d", ans.Line)
	case ans.Prop != "":
		where += "#" + ans.Prop
	}
	fmt.Fprintln(w, where)
	if ans.Text != "" {
		fmt.Fprintf(w, "  %s\n", printable(strings.TrimSpace(ans.Text)))
	}
	for _, r := range ans.Chain {
		lead := "  "
		if r.Seq != 0 {
			lead += fmt.Sprintf("seq %d: ", r.Seq)
		}
		fmt.Fprintf(w, "%s%s\n", lead, printable(r.Text))
		for _, e := range r.Evidence {
			fmt.Fprintf(w, "      %s %s: %s\n", verdictOf(e), e.Gate, printable(e.Reason))
		}
	}
}
