package workers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
)

// Prove runs the gates of p, in order, and returns their evidence in that order.
// A gate that cannot be run is red, with the reason. It stops early when ctx
// ends, and after a run that left the folder other than it was or that may have
// written what the next one is built from: the evidence is then shorter than the
// gates, and the rest is to be run in another folder.
//
// The gates that are run in one folder share its scratch, and with it what was
// compiled: the folder and everything in it is theirs alone.
func (r *Runner) Prove(ctx context.Context, p work.Proof) ([]work.Evidence, error) {
	if p.Emit == nil {
		p.Emit = func(work.Event) {}
	}
	out := make([]work.Evidence, 0, len(p.Gates))
	for i, g := range p.Gates {
		e := work.Evidence{Gate: g.Name, Kind: g.Kind, Key: r.Key(p, g), Input: p.Input, Argv: g.Argv, Env: r.envKey(), Tools: r.tools(g)}
		began := time.Now()
		touched, err := r.watched(ctx, p, g, &e)
		e.Millis = time.Since(began).Milliseconds()
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err != nil {
			e.Green, e.Reason = false, err.Error()
			if e.Exit == 0 {
				e.Exit = -1
			}
		}
		e.OutputSum = hex.EncodeToString(e.Output.Sum[:])
		p.Emit(work.Event{Text: fmt.Sprintf("gate %s: %s", g.Name, e.Reason), Data: map[string]any{"gate": g.Name, "exit": e.Exit}})
		out = append(out, e)
		if (touched || r.writesCache(g)) && i < len(p.Gates)-1 {
			break
		}
	}
	return out, nil
}

// writesCache reports whether the code under test is run by a gate with the right
// to write in its scratch, where the go command keeps what it has built. The
// kernel's own test runs keep it from that, go build and vet do not run it, and
// of any other command nothing is known.
func (r *Runner) writesCache(g work.Gate) bool {
	switch {
	case g.Kind == work.GateFile:
		return false
	case g.Kind == work.GateTest && len(g.Argv) == 0:
		return r.tool == nil || r.tool.Self == "" || sandbox.InForce().Landlock == 0
	}
	return len(g.Argv) < 2 || g.Argv[0] != "go" || g.Argv[1] != "build" && g.Argv[1] != "vet"
}

// watched runs one gate and looks at what the run did to the folder. Code under
// test runs beside what judges it: tests that change while they are run, or that
// the run adds, prove nothing.
func (r *Runner) watched(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) (touched bool, err error) {
	if p.File == nil || g.Kind == work.GateFile {
		return false, r.prove(ctx, p, g, e)
	}
	before, err := look(p.Folder)
	if err != nil {
		return false, err
	}
	if err := r.prove(ctx, p, g, e); err != nil {
		return true, err // who knows how far it came
	}
	changed, made, err := before.since(p.Folder, p.File)
	if err != nil {
		return true, err
	}
	if g.Kind == work.GateHook {
		e.Fault = hookFault(changed)
	}
	if g.Kind == work.GateTest {
		e.Fault = faultOf(changed, made, p.Judges)
	}
	if e.Fault != "" {
		e.Green, e.Reason = false, e.Fault
	}
	return len(changed)+len(made) > 0, nil
}

// prove runs one gate. The error is for one that could not be run.
func (r *Runner) prove(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) error {
	switch g.Kind {
	case work.GateFile:
		e.Sandbox = work.Sandbox{Tier: "none", Network: "none (nothing is run)"}
		return proveFile(p, g, e)
	case work.GateTest:
		if len(g.Argv) > 0 {
			return r.proveReport(ctx, p, g, e)
		}
		return r.proveTests(ctx, p, g, e)
	case work.GateCommand:
		return r.proveCommand(ctx, p, g, e)
	case work.GateHook:
		return r.proveHook(ctx, p, g, e)
	}
	return fmt.Errorf("a gate of kind %q cannot be run", g.Kind)
}

func proveFile(p work.Proof, g work.Gate, e *work.Evidence) error {
	if !filepath.IsLocal(g.Pattern) {
		return fmt.Errorf("%q is no path inside the repository", g.Pattern)
	}
	st, err := os.Lstat(filepath.Join(p.Folder, filepath.FromSlash(g.Pattern)))
	switch {
	case err != nil:
		e.Exit, e.Reason = 1, g.Pattern+" is not there"
	case !st.Mode().IsRegular() || st.Size() == 0:
		e.Exit, e.Reason = 1, g.Pattern+" is empty, or no file"
	default:
		e.Green, e.Reason = true, fmt.Sprintf("%s has %d bytes", g.Pattern, st.Size())
	}
	return nil
}

func (r *Runner) place(p work.Proof, g work.Gate) gotool.Place {
	return gotool.Place{Folder: p.Folder, Scratch: p.Scratch, Module: g.Module, Own: p.Own}
}

func (r *Runner) proveTests(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) error {
	if r.tool == nil {
		return gotool.ErrNoGo
	}
	run, err := r.tool.Test(ctx, r.place(p, g), gotool.TestOptions{
		Patterns: strings.Fields(g.Pattern), NoVet: true, Narrow: true, Timeout: time.Duration(g.TimeoutMillis) * time.Millisecond,
	})
	if err != nil {
		return err
	}
	e.Argv = append([]string{"go", "test", "-json", "-count=1"}, strings.Fields(g.Pattern)...)
	e.Exit, e.TimedOut, e.Tests, e.Sandbox = run.Exit, run.TimedOut, run.Tests, run.InForce
	for _, s := range run.Stacks {
		e.TimedOut = e.TimedOut || strings.HasPrefix(s, "panic: test timed out")
	}
	e.Green, e.Reason = run.Exit == 0 && len(run.Tests) > 0, run.Summary()
	if run.Exit == 0 && len(run.Tests) == 0 {
		e.Reason = "no test ran"
	}
	e.Output, err = p.PutBlob(run.Output)
	return err
}

func (r *Runner) proveCommand(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) error {
	timeout := time.Duration(g.TimeoutMillis) * time.Millisecond
	c, err := CommandIn(r.tool, r.place(p, g), timeout, g.Argv)
	if err != nil {
		return err
	}
	out, err := sandbox.Run(ctx, c)
	if err != nil {
		return err
	}
	all := ended(e, out, timeout)
	e.Output, err = p.PutBlob(all)
	return err
}

// ended says in e how a command ended, and returns all that it printed.
func ended(e *work.Evidence, out sandbox.Outcome, timeout time.Duration) []byte {
	e.Exit, e.TimedOut, e.Sandbox = out.Exit, out.TimedOut, out.InForce
	all := append(bytes.Clone(out.Stdout), out.Stderr...)
	switch {
	case out.Over != "":
		e.Reason = "killed, limit " + out.Over
	case out.TimedOut:
		e.Reason = fmt.Sprintf("still running after %v", timeout)
	case out.Exit != 0:
		e.Reason = fmt.Sprintf("exit %d: %s", out.Exit, gotool.FirstLine(all))
	default:
		e.Green, e.Reason = true, "exit 0"
	}
	return all
}

// streamed runs a command and passes on what it prints, line by line.
func streamed(ctx context.Context, c sandbox.Command, emit func(stream, line string)) (sandbox.Outcome, error) {
	stdout, stderr := &lines{stream: "stdout", emit: emit}, &lines{stream: "stderr", emit: emit}
	c.Stdout, c.Stderr = stdout, stderr
	out, err := sandbox.Run(ctx, c)
	stdout.flush()
	stderr.flush()
	return out, err
}

// CommandIn is a command in a materialised repository, with the toolchain's
// environment if there is one: what every worker that runs programs begins with.
func CommandIn(tool *gotool.Toolchain, p gotool.Place, timeout time.Duration, argv []string) (sandbox.Command, error) {
	c := sandbox.Command{
		Argv: argv, Dir: filepath.Join(p.Folder, filepath.FromSlash(p.Module)), Timeout: timeout, Write: []string{p.Folder, p.Scratch}, Own: p.Own,
	}
	for _, d := range []string{"home", "tmp", "gotmp"} {
		if err := os.MkdirAll(filepath.Join(p.Scratch, d), 0o700); err != nil {
			return c, err
		}
	}
	if tool != nil {
		c.Env, c.Read = tool.Env(p), tool.Reads()
		return c, nil
	}
	c.Env = append(plainEnv(), "HOME="+filepath.Join(p.Scratch, "home"), "TMPDIR="+filepath.Join(p.Scratch, "tmp"))
	return c, nil
}

// plainEnv is the environment of commands where there is no Go, without what
// names the place.
func plainEnv() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "USER=jitos"}
}

// maxLine is how long a line of output may get before it is cut in two.
const maxLine = 16 << 10

// lines passes output on line by line.
type lines struct {
	stream string
	emit   func(stream, line string)
	part   []byte
}

func (l *lines) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' || len(l.part) == maxLine {
			l.emit(l.stream, string(l.part))
			l.part = l.part[:0]
		}
		if b != '\n' {
			l.part = append(l.part, b)
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	if len(l.part) > 0 {
		l.emit(l.stream, string(l.part))
	}
}

// Key returns what a gate's evidence is keyed by: the hash of input tree, gate,
// tool versions, environment and sandbox tier. A gate's time limit is no part
// of it: it decides whether there is a result, not which.
func (r *Runner) Key(p work.Proof, g work.Gate) string {
	g.Name, g.NewTest, g.RedBefore, g.TimeoutMillis = "", false, false, 0
	is := sandbox.InForce()
	data, err := json.Marshal(struct {
		Input      rmg.Digest
		Gate       work.Gate
		Tools, Env string
		Tier, Net  string
		Landlock   int
		Made       []string `json:",omitempty"`
	}{p.Input, g, r.tools(g), r.envKey(), is.Tier, is.Network, is.Landlock, p.Made})
	if err != nil {
		panic(errors.Join(errors.New("a gate cannot be marshalled"), err)) // plain strings and numbers always can
	}
	sum := sha256.Sum256(append([]byte("jitos gate 2\n"), data...))
	return hex.EncodeToString(sum[:])
}

func (r *Runner) version() string {
	if r.tool == nil {
		return ""
	}
	return r.tool.Version
}

func (r *Runner) envKey() string {
	if r.tool == nil {
		sum := sha256.Sum256([]byte(strings.Join(plainEnv(), "\x00")))
		return hex.EncodeToString(sum[:])
	}
	return r.tool.EnvKey()
}
