package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// answering is the flags of answer.
type answering struct {
	comment            string
	reject, edit, file []string
}

func (a *app) answerCmd() *cobra.Command {
	var how answering
	cmd := &cobra.Command{
		Use: "answer ID approve|reject", Short: "Answer a question; what waits for it goes on", Args: cobra.ExactArgs(2),
		Long: `Answers a question of the inbox. An approval may leave out parts of the change and
edit files of it; what is left is proven again, and lands as yours where you wrote
it. jitos inbox ID shows the change with its hunks numbered.`,
		Example: `  jitos answer a57 approve
  jitos answer a57 reject -m 'not before the release'
  jitos answer a57 approve --reject num/num.go:2 --reject num/doc.go
  jitos answer a57 approve --edit num/num.go
  jitos answer a57 approve --file num/num.go=/tmp/num.go`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			req := wire.AnswerRequest{Answer: args[1], Comment: how.comment}
			if len(how.reject)+len(how.edit)+len(how.file) > 0 {
				if err := a.amend(cmd.Context(), c, args[0], how, &req); err != nil {
					return err
				}
			}
			q, err := c.Answer(cmd.Context(), args[0], req)
			if err != nil {
				return err
			}
			return a.show(q, func(w io.Writer) {
				fmt.Fprintf(w, "%s is %s\n", q.ID, q.State)
				if q.Amends != "" {
					fmt.Fprintf(w, "%s; it is proven again\n", printable(q.Amends))
				}
				if q.Process != "" {
					fmt.Fprintf(w, "jitos logs -f %s shows how it goes on\n", q.Process)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&how.comment, "comment", "m", "", "why; recorded with the answer")
	f.StringArrayVar(&how.reject, "reject", nil, "leave out a hunk of a file, FILE:N or FILE:N,N, or all of it, FILE")
	f.StringArrayVar(&how.edit, "edit", nil, "edit a file of the change in $VISUAL or $EDITOR")
	f.StringArrayVar(&how.file, "file", nil, "a file of the change as it is to be: FILE=PATH, - is standard input")
	return cmd
}

// amend reads from the flags what an answer changes.
func (a *app) amend(ctx context.Context, c *client.Client, id string, how answering, req *wire.AnswerRequest) error {
	q, err := c.Approval(ctx, id)
	if err != nil {
		return err
	}
	for _, arg := range how.reject {
		name, numbers := arg, ""
		if i := strings.LastIndexByte(arg, ':'); i > 0 && numbered(arg[i+1:]) {
			name, numbers = arg[:i], arg[i+1:]
		}
		f, err := changedFile(q, name)
		if err != nil {
			return err
		}
		if numbers == "" {
			req.Reject = append(req.Reject, wire.HunkRef{File: f.Path})
			continue
		}
		for _, text := range strings.Split(numbers, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return &usageError{fmt.Errorf("--reject %s: %q is no number of a hunk", arg, text)}
			}
			req.Reject = append(req.Reject, wire.HunkRef{File: f.Path, N: n})
		}
	}
	for _, name := range how.edit {
		f, err := changedFile(q, name)
		if err != nil {
			return err
		}
		text, err := a.edited(ctx, c, f)
		if err != nil {
			return err
		}
		req.Edit = append(req.Edit, wire.FileEdit{File: f.Path, Text: text})
	}
	for _, arg := range how.file {
		name, from, ok := strings.Cut(arg, "=")
		if !ok {
			return &usageError{fmt.Errorf("--file %s: FILE=PATH is needed", arg)}
		}
		f, err := changedFile(q, name)
		if err != nil {
			return err
		}
		data, err := readInput(a.in, from)
		if err != nil {
			return err
		}
		text, err := asText(from, data)
		if err != nil {
			return err
		}
		req.Edit = append(req.Edit, wire.FileEdit{File: f.Path, Text: text})
	}
	return nil
}

func numbered(s string) bool {
	return s != "" && strings.Trim(s, "0123456789,") == ""
}

// changedFile finds a file of a change by its name in the repository or its path.
func changedFile(q wire.Approval, name string) (wire.FileChange, error) {
	i := slices.IndexFunc(q.Changes, func(f wire.FileChange) bool { return f.Name == name || string(f.Path) == name })
	if i >= 0 {
		return q.Changes[i], nil
	}
	p := wire.NewProblem(rmg.NotFound, "%s does not change %s", q.ID, name).WithHint("jitos inbox %s shows what it changes", q.ID)
	for _, f := range q.Changes[:min(len(q.Changes), 5)] {
		p.Nearest = append(p.Nearest, f.Name)
	}
	return wire.FileChange{}, p
}

func asText(name string, data []byte) (string, error) {
	if !utf8.Valid(data) {
		return "", wire.NewProblem(rmg.Invalid, "%s is no text", name).WithHint("reject the file, and commit yours by hand")
	}
	return string(data), nil
}

// edited is a file of a change as a person leaves it in their editor.
func (a *app) edited(ctx context.Context, c *client.Client, f wire.FileChange) (string, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" || a.noInput {
		return "", wire.NewProblem(rmg.Invalid, "there is no editor for %s", f.Name).WithHint("set EDITOR, or hand in the file: --file %s=PATH", f.Name)
	}
	var data []byte
	if f.Now != "" {
		var err error
		if data, err = c.ReadBlob(ctx, f.Now); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp("", "jitos-edit-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, filepath.Base(f.Name))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return "", err
	}
	// EDITOR is a command with arguments, as in git.
	run := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", file)
	run.Stdin, run.Stdout, run.Stderr = a.in, a.err, a.err
	if err := run.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", wire.NewProblem(rmg.Invalid, "the editor ended with exit %d; nothing is answered", exit.ExitCode()).WithHint("answer again when the file is as it is to be")
		}
		return "", err
	}
	if data, err = os.ReadFile(file); err != nil {
		return "", err
	}
	return asText(f.Name, data)
}
