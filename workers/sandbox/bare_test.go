package sandbox

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"jitos.dev/rmg"
)

// Where nothing confines a command, what it is given is still what was asked for,
// and its outcome says that it was not confined.
func TestBareKeepsWhatItCan(t *testing.T) {
	t.Setenv("JITOS_OF_THE_DAEMON", "secret")
	dir := t.TempDir()
	c := Command{Argv: []string{"sh", "-c", "pwd; echo ${JITOS_OF_THE_DAEMON-none}; echo $GIVEN >&2; exit 3"}, Dir: dir, Env: []string{"PATH=/usr/bin:/bin", "GIVEN=yes"}}
	out, err := bare(t.Context(), c)
	if err != nil || out.Exit != 3 || string(out.Stdout) != dir+"\nnone\n" || string(out.Stderr) != "yes\n" {
		t.Errorf("%d %q %q %v", out.Exit, out.Stdout, out.Stderr, err)
	}
	if out.InForce.Tier != "none" || out.InForce.Network != "open" || len(out.InForce.Lacks) == 0 {
		t.Errorf("%+v", out.InForce)
	}
	c = Command{Argv: []string{"sh", "-c", "echo 0123456789"}, Dir: dir, Env: c.Env, OutputMax: 4, Hosts: []string{"example.com:443"}}
	out, err = bare(t.Context(), c)
	if err != nil || string(out.Stdout) != "0123" || !out.Truncated || !strings.Contains(strings.Join(out.InForce.Lacks, " "), "example.com:443") {
		t.Errorf("%q %+v %v", out.Stdout, out.InForce, err)
	}
	for what, argv := range map[string][]string{"none": nil, "not on PATH": {"none-such"}, "not there": {"./none"}} {
		_, err := bare(t.Context(), Command{Argv: argv, Dir: dir, Env: c.Env})
		var e *rmg.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A command whose time is over ends with all that it started.
func TestBareEndsItsGroup(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// The child holds the pipe open for as long as it lives.
	c := Command{Argv: []string{"sh", "-c", "sleep 1000 & sleep 1000"}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}, Timeout: 50 * time.Millisecond, Stdin: w}
	out, err := bare(t.Context(), c)
	if err != nil || !out.TimedOut || out.Exit != 128+9 {
		t.Errorf("%+v %v", out, err)
	}
	w.Close()
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("something was written")
	} // ends only when nobody has the other end

	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := bare(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
