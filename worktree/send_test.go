package worktree

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// in is the bench seen from another repository.
func (b *bench) in(top string) *bench {
	other := *b
	other.top = top
	return &other
}

// remote makes a bare repository with what there is, under a name.
func (b *bench) remote(name string) *bench {
	b.Helper()
	dir := filepath.Join(b.TempDir(), name+".git")
	b.git("clone", "-q", "--bare", b.top, dir)
	b.git("remote", "add", name, dir)
	return b.in(dir)
}

// commitOn makes somebody else's commit on a branch, and moves nothing.
func (b *bench) commitOn(branch string) string {
	b.Helper()
	return b.git("-c", "user.name=O", "-c", "user.email=o@example.com", "commit-tree", branch+"^{tree}", "-p", branch, "-m", "theirs")
}

func (b *bench) target(pull bool) Target {
	b.Helper()
	t, err := b.m.Target(context.Background(), b.top, "main", "", pull)
	b.must(err)
	return t
}

func codeOf(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// What git makes of a patch is the landed tree, bit for bit, whatever the person
// has configured.
func TestPatch(t *testing.T) {
	b := newBench(t, nil)
	b.git("config", "diff.noprefix", "true")
	b.git("config", "format.signature", "me")
	b.git("config", "diff.renames", "copies")
	b.git("config", "format.attach", "true")
	b.git("config", "color.ui", "always")
	l := b.change(
		b.op("a.txt", "ONE\n", "0644"), b.op("dir/b.txt", "two\n", "0755"), b.op("bin", "\x00\x01\xff", "0644"), b.op("crlf", "a\r\nb\r\n", "0644"),
		b.op("no newline", "x", "0644"), b.op("empty", "", "0644"), b.op("ümlaut \"q\"\t", "n\n", "0644"), remove("gone"), remove("link"), b.op("link/now-a-folder", "yes\n", "0644"),
	)
	blob, err := b.m.Patch(context.Background(), l)
	b.must(err)
	again, err := b.m.Patch(context.Background(), l)
	b.must(err)
	if again != blob {
		t.Error("the same landing gives two patches")
	}
	f, err := b.blobs.Open(blob)
	b.must(err)
	data, err := io.ReadAll(f)
	b.must(err)
	file := filepath.Join(t.TempDir(), "x.patch")
	b.must(os.WriteFile(file, data, 0o644))
	tree := b.git("rev-parse", l.Commit+"^{tree}")

	b.git("am", "-q", "--keep-cr", file)
	if got := b.git("rev-parse", "HEAD^{tree}"); got != tree {
		t.Errorf("git am gives another tree:\n%s\n%s", b.git("diff", l.Commit, "HEAD"), data)
	}
	if got, want := b.git("log", "-1", "--format=%an %ae %at %B"), "JITOS jitos@localhost 1700000000 change\n\nJitos-Process: p1\nJitos-Seq: 2\n"; got != strings.TrimRight(want, "\n") {
		t.Errorf("git am gives %q, not %q", got, want)
	}
	b.git("reset", "-q", "--hard", "HEAD~1")
	b.git("apply", "--index", file)
	if got := b.git("write-tree"); got != tree {
		t.Error("git apply gives another tree")
	}
}

func TestPush(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	if _, err := b.m.Target(ctx, b.top, "main", "", false); codeOf(err) != rmg.Invalid {
		t.Errorf("a push to nowhere: %v", err)
	}
	hub := b.remote("hub")
	to := b.target(false)
	if to != (Target{Remote: "hub", Base: "main", URL: hub.top}) {
		t.Errorf("%+v", to)
	}
	l := b.several()
	before, refs := snapshot(t, b.top), b.git("for-each-ref", "refs/heads")
	if b.m.Pushed(ctx, l, to, "main") {
		t.Error("pushed before it was")
	}
	b.must(b.m.Push(ctx, l, to, "main", ""))
	b.must(b.m.Push(ctx, l, to, "main", "")) // once more changes nothing
	if got := hub.git("rev-parse", "main"); got != l.Commit {
		t.Errorf("the remote is at %s", got)
	}
	if !b.m.Pushed(ctx, l, to, "main") || b.target(false).At != l.Commit {
		t.Error("git does not remember")
	}
	if snapshot(t, b.top) != before || b.git("for-each-ref", "refs/heads") != refs || b.git("status", "--porcelain") != "" {
		t.Error("a push changed the repository")
	}

	// Somebody else was faster: nothing there is lost, and the code says so.
	hub.git("update-ref", "refs/heads/main", hub.commitOn("main"))
	theirs := hub.git("rev-parse", "main")
	if err := b.m.Push(ctx, l, to, "main", ""); codeOf(err) != rmg.Conflict {
		t.Errorf("a push that is no fast-forward: %v", err)
	}
	if hub.git("rev-parse", "main") != theirs {
		t.Error("what was there is gone")
	}

	// A branch of our own goes on from what we left there, and from nothing else.
	b.must(b.m.Push(ctx, l, to, "jitos/p1", ""))
	next := b.change(b.op("a.txt", "again\n", "0644"))
	if err := b.m.Push(ctx, next, to, "jitos/p1", theirs); codeOf(err) != rmg.Conflict {
		t.Errorf("a push over what somebody put there: %v", err)
	}
	b.must(b.m.Push(ctx, next, to, "jitos/p1", l.Commit))
	if hub.git("rev-parse", "jitos/p1") != next.Commit {
		t.Error("our own branch did not go on")
	}

	hook := filepath.Join(hub.top, "hooks", "pre-receive")
	b.must(os.WriteFile(hook, []byte("#!/bin/sh\necho not today\nexit 1\n"), 0o755))
	err := b.m.Push(ctx, next, to, "jitos/p2", "")
	if codeOf(err) != rmg.Denied || !strings.Contains(err.Error(), "not today") {
		t.Errorf("a push that the remote does not take: %v", err)
	}
	b.must(os.RemoveAll(hub.top))
	if err := b.m.Push(ctx, next, to, "jitos/p2", ""); codeOf(err) != rmg.Unavailable {
		t.Errorf("a push to what is not there: %v", err)
	}
}

// platformProgram puts a program on the PATH that notes its arguments, says
// something and ends with a status. Like the real ones it takes no flag that its
// manual does not have, and asks nothing where it was told that nobody answers.
func platformProgram(t *testing.T, name, says string, status string) (args string) {
	t.Helper()
	manual := map[string]string{
		"gh":   "pr create: --assignee --base --body --body-file --draft --fill --head --label --milestone --project --reviewer --title --web",
		"glab": "mr create: --assignee --description --draft --fill --label --milestone --no-editor --push --remove-source-branch --reviewer --source-branch --squash-before-merge --target-branch --title --web --yes",
	}[name]
	dir := t.TempDir()
	args = filepath.Join(dir, "args")
	script := `#!/bin/sh
manual='` + manual + `'
test "$1 $2" = "${manual%%:*}" || { echo "unknown command $1 $2"; exit 64; }
printf '%s\n' "$@" > ` + args + `
shift 2
for a; do
	case "${manual#*:} " in *" ${a%%=*} "*) ;; *) echo "unknown flag: $a"; exit 65 ;; esac
done
test "$GH_PROMPT_DISABLED$NO_PROMPT" = 11 || { echo 'would ask'; exit 66; }
cat <<'END'
` + says + `
END
exit ` + status + `
`
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return args
}

func TestPropose(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	b.git("remote", "add", "origin", "git@github.example.com:me/app.git")
	if _, err := b.m.Target(ctx, b.top, "main", "", true); codeOf(err) != rmg.Unavailable {
		t.Errorf("a pull request without a program: %v", err)
	}
	args := platformProgram(t, "gh", "Creating pull request\nhttps://github.example.com/me/app/pull/7", "0")
	b.git("config", "branch.main.remote", "origin")
	b.git("config", "branch.main.merge", "refs/heads/trunk")
	to := b.target(true)
	if to != (Target{Remote: "origin", Base: "trunk", Program: "gh", URL: "git@github.example.com:me/app.git"}) {
		t.Errorf("%+v", to)
	}
	b.git("remote", "set-url", "--push", "origin", "https://me:secret@github.example.com/me/app.git")
	if at := b.target(true).URL; at != "https://me@github.example.com/me/app.git" {
		t.Errorf("a hook is told of %s", at)
	}
	l := b.several()
	at, err := b.m.Propose(ctx, l, to, "jitos/p1", "--title", "body\nof two lines")
	b.must(err)
	if at != "https://github.example.com/me/app/pull/7" {
		t.Errorf("it stands at %q", at)
	}
	data, err := os.ReadFile(args)
	b.must(err)
	if want := "pr\ncreate\n--head=jitos/p1\n--base=trunk\n--title=--title\n--body=body\nof two lines\n"; string(data) != want {
		t.Errorf("gh was asked\n%s", data)
	}
	platformProgram(t, "gh", "a pull request already exists:\nhttps://github.example.com/me/app/pull/7", "1")
	if at, err := b.m.Propose(ctx, l, to, "jitos/p1", "t", "b"); err != nil || !strings.HasSuffix(at, "/7") {
		t.Errorf("one that is there: %q %v", at, err)
	}
	platformProgram(t, "gh", "gh auth login first", "4")
	if _, err := b.m.Propose(ctx, l, to, "jitos/p1", "t", "b"); codeOf(err) != rmg.Unavailable || !strings.Contains(err.Error(), "auth login") {
		t.Errorf("one that was not made: %v", err)
	}

	b.git("remote", "set-url", "origin", "https://gitlab.example.com/me/app.git")
	args = platformProgram(t, "glab", "!3 change\nhttps://gitlab.example.com/me/app/-/merge_requests/3", "0")
	to = b.target(true)
	at, err = b.m.Propose(ctx, l, to, "jitos/p1", "--title", "body\nof two lines")
	if err != nil || to.Program != "glab" || !strings.HasSuffix(at, "/3") {
		t.Errorf("%+v %q %v", to, at, err)
	}
	want := "mr\ncreate\n--source-branch=jitos/p1\n--target-branch=trunk\n--title=--title\n--description=body\nof two lines\n--yes\n"
	if data, _ := os.ReadFile(args); string(data) != want {
		t.Errorf("glab was asked\n%s", data)
	}
}

// The person's configuration says whether commits are signed, and with what.
func TestSigned(t *testing.T) {
	b := newBench(t, nil)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	b.must(err)
	signers := filepath.Join(dir, "signers")
	b.must(os.WriteFile(signers, []byte("t@example.com "+string(public)), 0o644))
	b.git("config", "gpg.format", "ssh")
	b.git("config", "user.signingKey", key+".pub")
	b.git("config", "gpg.ssh.allowedSignersFile", signers)
	b.git("config", "commit.gpgSign", "true")
	l := b.several()
	b.git("verify-commit", l.Commit)
	if got := b.git("log", "-1", "--format=%G? %GS %an %s", l.Commit); got != "G t@example.com JITOS change" {
		t.Errorf("git says %q", got)
	}
	out, err := b.m.Land(context.Background(), l)
	b.must(err)
	if out.Result != Landed {
		t.Fatalf("%+v", out)
	}
	b.landed(l)

	b.must(os.Remove(key))
	tip, err := b.m.Head(context.Background(), b.top, "main")
	b.must(err)
	tree, err := b.m.Tree(context.Background(), b.top, tip)
	b.must(err)
	_, err = b.m.Prepare(context.Background(), LandRequest{
		ID: "p1-3", Top: b.top, Branch: "main", Tip: tip, Old: tree, New: b.apply(tree, nil), Message: "m", Author: "JITOS <jitos@localhost>", AtUnix: 1,
	})
	if codeOf(err) != rmg.Denied {
		t.Errorf("a commit without its key: %v", err)
	}
	b.git("config", "commit.gpgSign", "false")
	unsigned := b.change(b.op("a.txt", "2\n", "0644"))
	if got := b.git("log", "-1", "--format=%G?", unsigned.Commit); got != "N" {
		t.Errorf("signed though nobody asked: %q", got)
	}
}

// A branch that an earlier try left is moved on; one of the person's is not.
func TestParkAgain(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, nil)
	first, second := b.several(), b.change(b.op("a.txt", "2\n", "0644"))
	b.must(b.m.Park(ctx, first, "jitos/p1", ""))
	b.must(b.m.Park(ctx, first, "jitos/p1", ""))
	if err := b.m.Park(ctx, second, "jitos/p1", ""); codeOf(err) != rmg.Exists {
		t.Errorf("over another commit: %v", err)
	}
	b.must(b.m.Park(ctx, second, "jitos/p1", first.Commit))
	if got := b.git("rev-parse", "jitos/p1"); got != second.Commit {
		t.Errorf("it stands at %s", got)
	}
}
