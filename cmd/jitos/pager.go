package main

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// pager is a terminal that is written to through a program that shows a screen at a
// time, once there is more than one screen.
type pager struct {
	out   *os.File
	lines int // of the screen
	held  bytes.Buffer
	cmd   *exec.Cmd
	to    io.WriteCloser
	plain bool // no program is to be had: what comes goes to the terminal
}

// defaultPager is what shows long output if PAGER does not say; lessFlags, if LESS
// does not: colours as they are, and what is shown stays on the screen.
const (
	defaultPager = "less"
	lessFlags    = "FRX"
)

// pagedVerbs are those that only read, and may have much to say. One that follows is
// not among them.
func pagedVerbs() map[string]bool {
	out := map[string]bool{}
	for _, verb := range []string{
		"log", "diff", "why", "graph", "show", "sws diff", "sws show", "sws list", "ps", "inbox", "plan", "gates show",
		"method list", "method show", "policy show", "rule list", "token list",
	} {
		out[verb] = true
	}
	return out
}

// page has a verb that reads shown a screen at a time.
func (a *app) page(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.page(sub)
	}
	if !pagedVerbs()[strings.TrimPrefix(c.CommandPath(), "jitos ")] || c.RunE == nil {
		return
	}
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		p := a.newPager(cmd)
		if p == nil {
			return run(cmd, args)
		}
		a.out = p
		err := run(cmd, args)
		a.out = p.out
		return p.end(err)
	}
}

// newPager is what pages a verb's output; nil where nothing is to: off a terminal,
// for programs, with --no-pager, or if the verb follows.
func (a *app) newPager(cmd *cobra.Command) *pager {
	if follow := cmd.Flags().Lookup("follow"); a.noPager || a.machine() || follow != nil && follow.Value.String() == "true" {
		return nil
	}
	program, named := os.LookupEnv("PAGER")
	if named && (program == "" || program == "cat") {
		return nil
	}
	_, lines, ok := screenOf(a.out)
	if !ok {
		return nil
	}
	p := &pager{out: a.out.(*os.File), lines: lines}
	program = cmp.Or(program, defaultPager)
	first, _, _ := strings.Cut(program, " ")
	if _, err := exec.LookPath(first); err != nil {
		if named {
			a.note("the pager %s is not there; PAGER names another, --no-pager uses none", first)
		}
		return nil
	}
	p.cmd = exec.Command("sh", "-c", program)
	p.cmd.Stdout, p.cmd.Stderr = p.out, os.Stderr
	if p.cmd.Env = os.Environ(); os.Getenv("LESS") == "" {
		p.cmd.Env = append(p.cmd.Env, "LESS="+lessFlags)
	}
	return p
}

// Write holds back what fits on the screen.
func (p *pager) Write(b []byte) (int, error) {
	switch {
	case p.to != nil:
		return p.to.Write(b)
	case p.plain:
		return p.out.Write(b)
	}
	p.held.Write(b)
	if bytes.Count(p.held.Bytes(), []byte("\n")) < p.lines {
		return len(b), nil
	}
	to, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.plain = true
		to = p.out
	} else {
		p.to = to
	}
	if _, err := to.Write(p.held.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// end shows what was held back, or waits until the person has seen enough, and
// returns how the verb ended. One that could not write on because they had has ended
// well.
func (p *pager) end(err error) error {
	if p.to == nil {
		if !p.plain {
			_, failed := p.out.Write(p.held.Bytes())
			return errors.Join(err, failed)
		}
		return err
	}
	if errors.Is(err, syscall.EPIPE) {
		err = nil
	}
	_ = p.to.Close() // the program may have ended before
	_ = p.cmd.Wait() // how it ended is between it and the person
	return err
}
