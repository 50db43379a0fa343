// Package gotool runs the go command on a materialised repository, in the
// sandbox, and reads what it says.
package gotool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/sandbox"
)

// Toolchain is the machine's Go.
type Toolchain struct {
	Go       string // path of the go program
	Root     string // GOROOT
	Version  string // "go1.26.8 linux/amd64"
	ModCache string // the person's GOMODCACHE, read-only to commands
	Cache    string // the person's GOCACHE, read-only to commands
	Self     string // path of a jitos program that serves GOCACHEPROG as `jitos gocacheprog LOWER UPPER`, and narrows test binaries as `jitos testexec`
	cgo      string // CGO_ENABLED as the person has it: the standard library in Cache was built so
}

// Detect asks the go program on PATH. NotFound if there is none.
func Detect(ctx context.Context, self string) (*Toolchain, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, &rmg.Error{Op: "go", Code: rmg.NotFound, Msg: "there is no go program on the PATH", Hint: "install Go: https://go.dev/dl"}
	}
	cmd := exec.CommandContext(ctx, path, "env", "-json", "GOROOT", "GOVERSION", "GOOS", "GOARCH", "GOMODCACHE", "GOCACHE", "CGO_ENABLED")
	cmd.Dir = "/" // no go.mod or go.work of the current folder has a say
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	t := &Toolchain{
		Go: filepath.Join(env["GOROOT"], "bin", "go"), Root: env["GOROOT"],
		Version:  fmt.Sprintf("%s %s/%s", env["GOVERSION"], env["GOOS"], env["GOARCH"]),
		ModCache: env["GOMODCACHE"], Cache: env["GOCACHE"], Self: self, cgo: env["CGO_ENABLED"],
	}
	if _, err := os.Stat(t.Go); err != nil {
		t.Go = path
	}
	return t, nil
}

// Place is where commands run: a folder and its scratch.
type Place struct {
	Folder  string // the repository's root
	Scratch string // caches, HOME, TMPDIR
	Module  string // folder of the module, relative to Folder; "" or "."
	Own     string // where commands see Folder, if that can be had; "" for where it is
}

// Outside is where a file stands that a command has named, which may see Folder at Own.
func (p Place) Outside(name string) string {
	if p.Own == "" {
		return name
	}
	if rest, ok := strings.CutPrefix(name, p.Own); ok && (rest == "" || rest[0] == '/') {
		return p.Folder + rest
	}
	return name
}

func (p Place) dir() string { return filepath.Join(p.Folder, filepath.FromSlash(p.Module)) }

// Outcome is how a go command ended.
type Outcome struct {
	Exit     int
	TimedOut bool
	Output   []byte // what a person would have seen, capped
	Took     time.Duration
	InForce  work.Sandbox
}

// Run runs argv (any program; "go" is the toolchain's) in the place.
func (t *Toolchain) Run(ctx context.Context, p Place, timeout time.Duration, argv ...string) (Outcome, error) {
	out, err := t.run(ctx, p, timeout, nil, argv)
	o := Outcome{Exit: out.Exit, TimedOut: out.TimedOut, Took: out.Took, InForce: out.InForce}
	o.Output = append(append(o.Output, out.Stdout...), out.Stderr...)
	return o, err
}

// Shell runs a script of many small commands in one sandbox.
func (t *Toolchain) Shell(ctx context.Context, p Place, timeout time.Duration, script string) (Outcome, error) {
	return t.Run(ctx, p, timeout, "sh", "-c", script)
}

// run is the sandboxed command, with stdout copied to w as it comes.
func (t *Toolchain) run(ctx context.Context, p Place, timeout time.Duration, w *eventWriter, argv []string) (sandbox.Outcome, error) {
	for _, d := range []string{"home", "tmp", "gotmp"} {
		if err := os.MkdirAll(filepath.Join(p.Scratch, d), 0o700); err != nil {
			return sandbox.Outcome{}, err
		}
	}
	c := sandbox.Command{
		Argv: argv, Dir: p.dir(), Env: t.Env(p), Timeout: timeout, Write: []string{p.Folder, p.Scratch},
		Read: t.Reads(), Own: p.Own,
	}
	if w != nil {
		c.Stdout = w
	}
	return sandbox.Run(ctx, c)
}

// Reads are what commands may read beside the system's own: the toolchain, the
// person's caches, and the program that serves them.
func (t *Toolchain) Reads() []string {
	return []string{t.Root, t.ModCache, t.Cache, t.Self}
}

// Env returns the environment that commands in p get; no secret of the daemon's
// is in it.
//
// The module cache is the person's and offline: what is not in it cannot be
// had. -trimpath is not given, since it would rebuild the standard library;
// paths are those of fixed places instead, which makes results comparable.
func (t *Toolchain) Env(p Place) []string {
	env := append(t.Fixed(),
		"HOME="+filepath.Join(p.Scratch, "home"), "TMPDIR="+filepath.Join(p.Scratch, "tmp"), "GOPATH="+filepath.Join(p.Scratch, "gopath"), "GOTMPDIR="+filepath.Join(p.Scratch, "gotmp"),
		"GOENV=off", "PWD="+p.dir(), folderEnv+"="+p.Folder)
	if t.Self == "" {
		return append(env, "GOCACHE="+filepath.Join(p.Scratch, "gocache"))
	}
	prog := fmt.Sprintf("%s gocacheprog %s %s", t.Self, t.Cache, filepath.Join(p.Scratch, "gocache"))
	return append(env, "GOCACHEPROG="+prog, "GOCACHE="+filepath.Join(p.Scratch, "gocache-own"))
}

// Fixed is the part of the environment that no place has a share in.
func (t *Toolchain) Fixed() []string {
	return []string{
		"PATH=" + filepath.Join(t.Root, "bin") + ":/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", "USER=jitos",
		"GOROOT=" + t.Root, "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOSUMDB=off", "GOTELEMETRY=off",
		"GOMODCACHE=" + t.ModCache, "CGO_ENABLED=" + t.cgo, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
	}
}

// EnvKey is the hash of the environment without what names the place, for keys.
func (t *Toolchain) EnvKey() string {
	sum := sha256.Sum256([]byte(strings.Join(t.Fixed(), "\x00")))
	return hex.EncodeToString(sum[:])
}

// ErrNoGo is returned when a place needs Go and the machine has none.
var ErrNoGo = errors.New("this machine has no Go: install it from https://go.dev/dl")
