package workers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jitos.dev/work"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
)

// proveReport runs a command that reports its tests, and reads the report: from
// the file that it names, which the run has to have written, or else from what it
// prints.
func (r *Runner) proveReport(ctx context.Context, p work.Proof, g work.Gate, e *work.Evidence) error {
	if err := noReport(p.Folder, g.Report); err != nil {
		return err
	}
	timeout := time.Duration(g.TimeoutMillis) * time.Millisecond
	c, err := CommandIn(r.tool, r.place(p, g), timeout, g.Argv)
	if err != nil {
		return err
	}
	c.OutputMax = maxReport + sandbox.DefaultOutputMax
	out, err := sandbox.Run(ctx, c)
	if err != nil {
		return err
	}
	e.Exit, e.TimedOut, e.Sandbox = out.Exit, out.TimedOut, out.InForce
	all := append(bytes.Clone(out.Stdout), out.Stderr...)
	if e.Output, err = p.PutBlob(all[:min(len(all), sandbox.DefaultOutputMax)]); err != nil {
		return err
	}
	report := out.Stdout
	switch {
	case out.TimedOut:
		e.Reason = fmt.Sprintf("still running after %v", timeout)
		return nil
	case g.Report != "":
		if report, err = takeReport(p.Folder, g.Report); err != nil {
			e.Reason = exitNote(out.Exit, all) + err.Error()
			return nil
		}
		sum := sha256.Sum256(report)
		e.Report = hex.EncodeToString(sum[:])
		if _, err := p.PutBlob(report); err != nil {
			return err
		}
	case out.Truncated:
		e.Reason = fmt.Sprintf("it prints more than the %d bytes that are read of a report", c.OutputMax)
		return nil
	}
	e.Tests, err = readReport(g.Parser, report)
	if err != nil {
		e.Tests = nil
		e.Reason = exitNote(out.Exit, all) + "its report cannot be read as " + g.Parser + ": " + err.Error()
		return nil
	}
	e.Green, e.Reason = out.Exit == 0 && len(e.Tests) > 0, gotool.TestRun{Tests: e.Tests, Outcome: gotool.Outcome{Exit: out.Exit, Output: all}}.Summary()
	if out.Exit == 0 && len(e.Tests) == 0 {
		e.Reason = "no test ran"
	}
	return nil
}

// exitNote says how a command ended, if not well: that is why there is no report.
func exitNote(exit int, output []byte) string {
	if exit == 0 {
		return ""
	}
	return fmt.Sprintf("exit %d: %s; ", exit, gotool.FirstLine(output))
}

// noReport refuses a report that stands there before the run.
func noReport(folder, name string) error {
	if name == "" {
		return nil
	}
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%q is no path inside the repository", name)
	}
	_, err := os.Lstat(filepath.Join(folder, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the report %s stands in the repository; it is for the run to write", name)
}

// takeReport reads a report that a run has written, and takes it out of the
// folder: what a run is asked to write does not count as something it did to it.
// Links do not lead out.
func takeReport(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	st, err := root.Lstat(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the run wrote no report %s", name)
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("the report %s is no file", name)
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReport+1))
	return data, errors.Join(err, root.Remove(filepath.FromSlash(name)))
}
