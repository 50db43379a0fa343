package sim

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
	"jitos.dev/workers"
	"jitos.dev/workers/gocache"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
	"jitos.dev/worktree"
)

// TestMain lets this binary be what the sandbox and the go command start.
func TestMain(m *testing.M) {
	sandbox.Main()
	if len(os.Args) == 4 && os.Args[1] == "gocacheprog" {
		if err := gocache.Serve(os.Stdin, os.Stdout, os.Args[2], os.Args[3]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "testexec" {
		write, env := gotool.Narrowed(os.Environ())
		os.Stderr.WriteString(sandbox.Narrow(write, os.Args[2:], env).Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

type blobStore struct{ journal.Blobs }

func (b blobStore) Put(r io.Reader) (rmg.Blob, error) {
	sum, size, err := b.Blobs.Put(r)
	return rmg.Blob{Sum: sum, Size: size}, err
}

func (b blobStore) Open(x rmg.Blob) (io.ReadSeekCloser, error) { return b.Blobs.Open(x.Sum) }

// outside is the real worktree as the kernel wants it.
type outside struct{ *worktree.Manager }

func (b outside) Locate(ctx context.Context, dir string) (kernel.Repo, error) {
	r, err := b.Manager.Locate(ctx, dir)
	return kernel.Repo{Top: r.Top, Origin: r.Origin, Name: r.Name, Branch: r.Branch, Head: r.Head}, err
}

func (b outside) AddFolder(ctx context.Context, dir string) (kernel.Repo, error) {
	r, err := b.Manager.AddFolder(ctx, dir)
	return kernel.Repo{Top: r.Top, Origin: r.Origin, Name: r.Name, Branch: r.Branch, Head: r.Head, Plain: r.Plain}, err
}

func (b outside) Log(ctx context.Context, top, branch string, max int) ([]kernel.Commit, error) {
	list, err := b.Manager.Log(ctx, top, branch, max)
	out := make([]kernel.Commit, len(list))
	for i, c := range list {
		out[i] = kernel.Commit(c)
	}
	return out, err
}

func (b outside) Blame(ctx context.Context, top, commit, name string, line int) (kernel.Commit, error) {
	c, err := b.Manager.Blame(ctx, top, commit, name, line)
	return kernel.Commit(c), err
}

func (b outside) Slot(ctx context.Context, name string, tree rmg.Graph, of kernel.Origin) (kernel.Folder, error) {
	return folder(b.Manager.Slot(ctx, name, tree, worktree.Origin(of)))
}

func (b outside) Fresh(ctx context.Context, name string, tree rmg.Graph) (kernel.Folder, error) {
	return folder(b.Manager.Fresh(ctx, name, tree))
}

func folder(f *worktree.Folder, err error) (kernel.Folder, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b outside) Hooks(ctx context.Context, top string) (kernel.Hooks, error) {
	h, err := b.Manager.Hooks(ctx, top)
	return kernel.Hooks(h), err
}

func (b outside) Staged(ctx context.Context, name string, base, tree rmg.Graph, of kernel.Origin, hooks kernel.Hooks) (kernel.Folder, []string, error) {
	f, reads, err := b.Manager.Staged(ctx, name, base, tree, worktree.Origin(of), worktree.Hooks(hooks))
	if err != nil {
		return nil, nil, err
	}
	return f, reads, nil
}

func (b outside) ToPush(
	ctx context.Context, name string, base, tree rmg.Graph, of kernel.Origin, hooks kernel.Hooks, p kernel.Pushing,
) (kernel.Folder, []string, string, error) {
	f, reads, commit, err := b.Manager.ToPush(ctx, name, base, tree, worktree.Origin(of), worktree.Hooks(hooks), worktree.Pushing(p))
	if err != nil {
		return nil, nil, "", err
	}
	return f, reads, commit, nil
}

func (b outside) Prepare(ctx context.Context, r kernel.LandRequest) ([]byte, string, error) {
	l, err := b.Manager.Prepare(ctx, worktree.LandRequest(r))
	if err != nil {
		return nil, "", err
	}
	data, err := json.Marshal(l)
	return data, l.Commit, err
}

func (b outside) Land(ctx context.Context, landing []byte) (kernel.LandOutcome, error) {
	return outcome(landing, func(l worktree.Landing) (worktree.Outcome, error) { return b.Manager.Land(ctx, l) })
}

func (b outside) Resume(ctx context.Context, landing []byte) (kernel.LandOutcome, error) {
	return outcome(landing, func(l worktree.Landing) (worktree.Outcome, error) { return b.Manager.Resume(ctx, l) })
}

func outcome(landing []byte, do func(worktree.Landing) (worktree.Outcome, error)) (kernel.LandOutcome, error) {
	l, err := prepared(landing)
	if err != nil {
		return kernel.LandOutcome{}, err
	}
	out, err := do(l)
	return kernel.LandOutcome{Result: string(out.Result), Paths: out.Paths, Kept: out.Kept}, err
}

func (b outside) Park(ctx context.Context, landing []byte, branch, was string) error {
	l, err := prepared(landing)
	if err != nil {
		return err
	}
	return b.Manager.Park(ctx, l, branch, was)
}

func (b outside) Target(ctx context.Context, top, branch, remote string, pull bool) (kernel.Target, error) {
	t, err := b.Manager.Target(ctx, top, branch, remote, pull)
	return kernel.Target(t), err
}

func (b outside) Patch(ctx context.Context, landing []byte) (rmg.Blob, error) {
	l, err := prepared(landing)
	if err != nil {
		return rmg.Blob{}, err
	}
	return b.Manager.Patch(ctx, l)
}

func (b outside) Push(ctx context.Context, landing []byte, to kernel.Target, branch, was string) error {
	l, err := prepared(landing)
	if err != nil {
		return err
	}
	return b.Manager.Push(ctx, l, worktree.Target(to), branch, was)
}

func (b outside) Pushed(ctx context.Context, landing []byte, to kernel.Target, branch string) bool {
	l, err := prepared(landing)
	return err == nil && b.Manager.Pushed(ctx, l, worktree.Target(to), branch)
}

func (b outside) Propose(ctx context.Context, landing []byte, to kernel.Target, branch, title, body string) (string, error) {
	l, err := prepared(landing)
	if err != nil {
		return "", err
	}
	return b.Manager.Propose(ctx, l, worktree.Target(to), branch, title, body)
}

// prepared is a landing as it was journalled.
func prepared(data []byte) (l worktree.Landing, err error) { return l, json.Unmarshal(data, &l) }

// machine is the real runner.
type machine struct{ *workers.Runner }

func (machine) Busy() time.Duration { return sandbox.Busy() }

// realRunner runs gates with the machine's Go, in the sandbox.
func realRunner(t *testing.T) machine {
	t.Helper()
	self := must(os.Executable())(t)
	tool := must(gotool.Detect(t.Context(), self))(t)
	return machine{must(workers.New(workers.Options{Workers: []work.Worker{workers.NewBuiltin(), workers.NewScript(tool)}, Go: tool}))(t)}
}

// place is a kernel on a folder and a git repository.
type place struct {
	*kernel.Kernel
	t     *testing.T
	store *journal.Store
	tree  outside
	app   string
}

// git runs git in the repository.
func (p *place) git(argv ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", argv...)
	cmd.Dir = p.app
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// newPlace makes a repository of files and a kernel beside it.
func newPlace(t *testing.T, files map[string]string, run kernel.Runner, library string) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, app: filepath.Join(dir, "app")}
	for name, text := range files {
		full := filepath.Join(p.app, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.git("init", "-q", "-b", "main")
	p.git("add", "-A")
	p.git("commit", "-qm", "first")
	p.store = must(journal.Open(filepath.Join(dir, "data"), journal.Options{}))(t)
	p.tree = outside{must(worktree.New(worktree.Options{Dir: filepath.Join(dir, "data", "work"), Blobs: blobStore{p.store.Blobs()}}))(t)}
	lib := must(tasks.Load(tasks.Source{Name: "sim.yaml", Data: []byte(library)}))(t)
	p.Kernel = must(kernel.Open(t.Context(), kernel.Options{
		Journal: p.store, Clock: &clock{now: time.Unix(1_700_000_000, 0).UTC()}, Worktree: p.tree, Runner: run, Library: lib,
	}))(t)
	t.Cleanup(sync.OnceFunc(p.shut))
	return p
}

func (p *place) shut() {
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
	if err := p.store.Close(); err != nil {
		p.t.Error(err)
	}
}
