// Package gotool runs the go command on a materialised repository, in the
// sandbox, and reads what it says.
package gotool

import (
	"context"
	"time"

	"jitos.dev/work"
)

// Toolchain is the machine's Go.
type Toolchain struct {
	Go       string // path of the go program
	Root     string // GOROOT
	Version  string // "go1.26.8 linux/amd64"
	ModCache string // the person's GOMODCACHE, read-only to commands
	Cache    string // the person's GOCACHE, read-only to commands
	Self     string // path of a jitos program that serves GOCACHEPROG as `jitos gocacheprog LOWER UPPER`
}

// Detect asks the go program on PATH. NotFound if there is none.
func Detect(ctx context.Context, self string) (*Toolchain, error) { panic("stub") }

// Place is where commands run: a folder and its scratch.
type Place struct {
	Folder  string // the repository's root
	Scratch string // caches, HOME, TMPDIR
	Module  string // folder of the module, relative to Folder; "" or "."
}

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
	panic("stub")
}

// Env returns the environment that commands in p get; no secret of the daemon's
// is in it. EnvKey is the same without what names the place, for keys.
func (t *Toolchain) Env(p Place) []string { panic("stub") }
func (t *Toolchain) EnvKey() string       { panic("stub") }

// TestOptions says which tests to run, and how.
type TestOptions struct {
	Patterns []string // "./...", "./pkg"
	Run      string   // -run regexp; "" for all
	Cover    string   // file to write a coverage profile to, in Scratch; "" for none
	CoverPkg string   // -coverpkg; "" for none
	FailFast bool
	NoVet    bool
	Timeout  time.Duration // of the whole command; each test binary gets the same as -timeout minus a grace, so that a hang leaves its stack trace
}

// TestRun is what came of them.
type TestRun struct {
	Outcome
	Tests       []work.Test       // sorted by package, name; those that hang or panic are TestFail
	BuildFailed []string          // packages that do not build
	Packages    map[string]string // package -> "pass", "fail", "skip" (no test files)
	Stacks      []string          // stack traces of panics and time-outs, for localisation
	TestOutput  map[string]string // "package.TestName" -> its output, capped
}

// Test runs `go test -json` and reads its events. A test binary that dies without saying
// which test failed makes every test that was still running fail.
func (t *Toolchain) Test(ctx context.Context, p Place, o TestOptions) (TestRun, error) { panic("stub") }
