package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

//go:embed demo/authservice.txtar
var demoRepository []byte

// demoIntent is what the demo asks for, in the words of a person.
const demoIntent = "Fix the auth bug in AuthService"

func (a *app) demoCmd() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use: "demo", Short: "The whole story on a throw-away repository", Args: cobra.NoArgs,
		Example: "  jitos demo",
		Long: `Makes a small git repository with a failing test, starts a daemon of its own,
and lets an intent find the bug, prove the fix and land it. Needs Go and git;
no key, no network. Nothing outside a temporary folder is touched.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{app: a, keep: keep}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the repository, the data and the daemon, and print commands to try")
	return cmd
}

// demo is one run of the story.
type demo struct {
	*app
	keep   bool
	dir    string // all of it stands below
	daemon *os.Process
	client *client.Client
	begun  time.Time
	line   string // the changed one, "FILE:LINE"
}

func (d *demo) repo() string     { return filepath.Join(d.dir, "AuthService") }
func (d *demo) socketAt() string { return filepath.Join(d.dir, "jitos.sock") }

func (d *demo) run(ctx context.Context) (err error) {
	for _, tool := range []string{"git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			return wire.NewProblem("unavailable", "the demo needs %s, which is not on PATH", tool).WithHint("install it and run jitos demo again")
		}
	}
	d.begun = time.Now()
	if d.dir, err = os.MkdirTemp("", "jitos-demo-"); err != nil {
		return err
	}
	if d.dir, err = filepath.EvalSymlinks(d.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.end(err)) }()
	d.step("a git repository AuthService, with one failing test")
	if err := d.makeRepository(ctx); err != nil {
		return err
	}
	d.step("a daemon of its own, spoken to over its socket")
	if err := d.startDaemon(ctx); err != nil {
		return err
	}
	d.step(fmt.Sprintf("jitos intent '%s'", demoIntent))
	ans, err := d.client.Intent(ctx, wire.IntentRequest{Text: demoIntent, Repo: d.repo()})
	if err != nil {
		return err
	}
	d.printPlan(ans)
	if err := d.follow(ctx, d.client, ans.Process, true); err != nil {
		return err
	}
	p, err := d.client.Process(ctx, ans.Process)
	if err != nil {
		return err
	}
	if p.Status != "landed" {
		return endOf(p)
	}
	return d.tell(ctx, p)
}

// step prints a heading.
func (d *demo) step(text string) { fmt.Fprintf(d.out, "\n== %s\n", text) }

// makeRepository writes the files and commits them, as a person would have.
func (d *demo) makeRepository(ctx context.Context) error {
	for _, f := range txtar.Parse(demoRepository).Files {
		name := filepath.Join(d.repo(), filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "."},
		{"-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "Issue and verify tokens"},
	} {
		if _, err := d.git(ctx, args...); err != nil {
			return err
		}
	}
	out, err := d.git(ctx, "ls-files")
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "   %s: %d files, branch main\n", d.repo(), strings.Count(out, "\n"))
	return nil
}

func (d *demo) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = d.repo()
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// startDaemon starts this program as a daemon and connects to it.
func (d *demo) startDaemon(ctx context.Context) (err error) {
	d.daemon, err = startDaemon(ctx, d.socketAt(), filepath.Join(d.dir, "data"), filepath.Join(d.dir, "daemon.log"))
	if err != nil {
		return err
	}
	if d.client, err = client.New(client.Options{Socket: d.socketAt(), Caller: caller()}); err != nil {
		return err
	}
	_, err = d.client.Status(ctx)
	return err
}

// tell prints what happened.
func (d *demo) tell(ctx context.Context, p wire.Process) error {
	d.step("what changed")
	diff, err := d.processDiff(ctx, d.client, p)
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, strings.TrimRight(diff, "\n"))
	d.step("attempts")
	if err := d.attempts(ctx, p); err != nil {
		return err
	}
	d.step("gates, run by the kernel on exactly these bytes")
	d.printEvidence(p)
	file, line := changedLine(diff)
	d.line = fmt.Sprintf("%s:%d", file, line)
	d.step(fmt.Sprintf("jitos why %s:%d", file, line))
	why, err := d.client.Why(ctx, client.WhyQuery{Path: "file:" + filepath.Join(d.repo(), file), Line: line})
	if err != nil {
		return err
	}
	printWhy(d.out, why)
	d.step("jitos log -n 6")
	log, err := d.client.Log(ctx, client.LogQuery{Limit: 6, Ops: 1})
	if err != nil {
		return err
	}
	for i := len(log.Records) - 1; i >= 0; i-- {
		printRecord(d.out, log.Records[i])
	}
	d.step("the repository")
	out, err := d.git(ctx, "log", "-2", "--format=   %h %an: %s")
	if err != nil {
		return err
	}
	fmt.Fprint(d.out, out)
	status, err := d.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if status == "" {
		status = "clean\n"
	}
	fmt.Fprintf(d.out, "   git status: %s", status)
	whole := time.Since(d.begun)
	tools := time.Duration(p.ToolMillis) * time.Millisecond
	fmt.Fprintf(d.out, "\n%s landed in %s, of which %s is JITOS itself and the rest the Go tool chain.\n",
		p.ID, whole.Round(100*time.Millisecond), (whole - tools).Round(10*time.Millisecond))
	return nil
}

// attempts lists the candidates: how many were tried, which one won.
func (d *demo) attempts(ctx context.Context, p wire.Process) error {
	var tried, shown int
	for s, err := range d.client.Workspaces(ctx, client.WorkspaceQuery{Process: p.ID}) {
		if err != nil {
			return err
		}
		if s.ID == p.SWS {
			continue
		}
		tried++
		won := s.State == "collapsed"
		if !won && shown >= 4 {
			continue
		}
		mark := "     "
		if won {
			mark = "won  "
		} else {
			shown++
		}
		fmt.Fprintf(d.out, "   %s%-5s %s", mark, s.ID, cut(s.Reason, 70))
		if !won {
			fmt.Fprintf(d.out, " (%s)", cut(s.Outcome, 40))
		}
		fmt.Fprintln(d.out)
	}
	for _, t := range p.Tasks {
		if t.ID == "implement" && t.Outcome != "" {
			fmt.Fprintf(d.out, "   %s\n", t.Outcome)
		}
	}
	if tried > shown+1 {
		fmt.Fprintf(d.out, "   %d workspaces in all; those dropped are kept: jitos sws list --all, jitos sws restore ID\n", tried)
	}
	return nil
}

// changedLine finds the first line that a unified diff adds.
func changedLine(diff string) (string, int) {
	file, line := "", 0
	for l := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(l, "+++ b/"):
			file = strings.TrimSpace(l[len("+++ b/"):])
		case strings.HasPrefix(l, "@@"):
			if _, plus, ok := strings.Cut(l, "+"); ok {
				fmt.Sscanf(plus, "%d", &line)
			}
		case strings.HasPrefix(l, "+"):
			return file, line
		case strings.HasPrefix(l, " "):
			line++
		}
	}
	return file, max(line, 1)
}

// end stops the daemon and removes everything, or keeps it and says how to go
// on.
func (d *demo) end(failed error) error {
	if d.keep && d.client != nil {
		self, err := keepSelf(filepath.Join(d.dir, "data"))
		if err != nil {
			return err
		}
		bin := filepath.Join(d.dir, "jitos")
		if err := os.Symlink(self, bin); err != nil {
			return err
		}
		fmt.Fprintf(d.out, `
== kept; try
   cd %s
   export JITOS_SOCKET=%s
   %s ps
   %s why %s
   %s log -n 20
   %s sws list --all
   git show
   kill %d && rm -r %s     # when done
`, d.repo(), d.socketAt(), bin, bin, d.line, bin, bin, d.daemon.Pid, d.dir)
		return nil
	}
	if d.daemon != nil {
		d.daemon.Signal(syscall.SIGTERM)
		// It is a child of this program, which startDaemon waits for; what is
		// left to know is when it has let go of its folder.
		for range 500 {
			if d.daemon.Signal(syscall.Signal(0)) != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if failed != nil {
		if log, err := os.ReadFile(filepath.Join(d.dir, "daemon.log")); err == nil && len(log) > 0 {
			fmt.Fprintf(d.err, "the daemon's log:\n%s", log)
		}
	}
	return os.RemoveAll(d.dir)
}
