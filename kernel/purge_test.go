package kernel

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// onDisk reports whether any file below a folder has the bytes.
func onDisk(t *testing.T, dir, secret string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		found = found || bytes.Contains(data, []byte(secret))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What a secret's bytes were is gone from the disk, its hash stays: the past
// has its digests, the log verifies, and who reads is told who purged it and why.
func TestPurge(t *testing.T) {
	dir := t.TempDir()
	git, run := &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{}
	b := openStage(t, dir, git, run)
	root := b.repo(map[string]string{"a.txt": "one\n"})
	// It does not look like what compresses or repeats.
	secret := fmt.Sprintf("%x", sha256.Sum256([]byte("the deploy key")))
	env := root.Child(".env")
	w := b.fork()
	b.write("sws:"+w, writeText(env, secret))
	b.write("sws:"+w, rewrite.Op{Op: rewrite.Write, Path: root.Child("b.bin"), Bytes: []byte(secret), HasBytes: true})
	first := b.collapsed(w)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	if !onDisk(t, dir, secret) {
		t.Fatal("the secret is nowhere to begin with")
	}
	for frame, err := range b.store.Read(1) {
		b.must(err)
		if bytes.Contains(frame.Payload, []byte(secret)) {
			t.Fatalf("the frame at seq %d holds content", frame.First)
		}
	}
	then, err := b.View(fmt.Sprintf("seq:%d", first))
	b.must(err)

	// Not while it stands somewhere.
	_, err = b.Purge(b.ctx(), ada, PurgeRequest{What: sum, Reason: "leaked"})
	if code(err) != rmg.Conflict || !strings.Contains(err.Error(), "still stands in 2 places: "+string(env)) {
		t.Errorf("while it stands: %v", err)
	}
	late := b.fork()
	b.write("sws:"+late, addOp("/mark", "K", nil))
	w = b.fork()
	b.write("sws:"+w, rewrite.Op{Op: rewrite.Remove, Path: env}, rewrite.Op{Op: rewrite.Remove, Path: root.Child("b.bin")})
	b.collapsed(w)
	if _, err = b.Purge(b.ctx(), ada, PurgeRequest{What: string(env), Reason: "leaked"}); code(err) != rmg.Conflict || !strings.Contains(err.Error(), late+":") {
		t.Errorf("while a workspace has it: %v", err)
	}
	_, err = b.Discard(b.ctx(), ada, late, "")
	b.must(err)

	got, err := b.Purge(b.ctx(), ada, PurgeRequest{What: string(env), Reason: "the key leaked"})
	b.must(err)
	if len(got.Sums) != 1 || len(got.Left) == 0 || onDisk(t, dir, secret) {
		t.Errorf("%+v; on disk: %v", got, onDisk(t, dir, secret))
	}
	want := fmt.Sprintf("purged by ada@host at seq %d because: the key leaked", got.Seq)
	if _, _, err := b.BlobBySum([32]byte(got.Sums[0].Sum)); code(err) != rmg.Denied || !strings.Contains(err.Error(), want) {
		t.Errorf("reading: %v, want %q", err, want)
	}
	if _, err := b.PutBlob(strings.NewReader(secret)); code(err) != rmg.Denied {
		t.Errorf("putting it again: %v", err)
	}
	if _, err := b.Rewrite(b.ctx(), ada, "sws:"+b.fork(), rewrite.Rewrite{Ops: []rewrite.Op{writeText(env, secret)}}); code(err) != rmg.Denied {
		t.Errorf("writing it again: %v", err)
	}
	if v, err := b.View(fmt.Sprintf("seq:%d", first)); err != nil || v.Digest() != then.Digest() {
		t.Errorf("the past has another digest: %v", err)
	}
	if v, err := b.Verify(b.ctx()); err != nil || len(v.Problems) > 0 {
		t.Errorf("verify: %v %v", v.Problems, err)
	}
	if again, err := b.Purge(b.ctx(), ada, PurgeRequest{What: sum, Reason: "again"}); err != nil || again.Seq != 0 {
		t.Errorf("again: %+v %v", again, err)
	}
	b.end()
	re := openStage(t, dir, git, run)
	if f, _, err := re.BlobBySum([32]byte(got.Sums[0].Sum)); code(err) != rmg.Denied || !strings.Contains(err.Error(), want) {
		t.Errorf("after a restart: %v %v", f, err)
	}
}

func TestPurgeRefuses(t *testing.T) {
	b := newStage(t)
	b.write("system", addOp("/n", "K", nil))
	// Many ops make a body that stands in a blob.
	var ops []rewrite.Op
	for i := range 4000 {
		ops = append(ops, addOp(rmg.Path(fmt.Sprintf("/n/a-name-that-takes-some-room-in-the-record-%d", i)), "K", map[string]rmg.Value{"why": rmg.String("so that the body is large")}))
	}
	seq := b.write("system", ops...)
	r, err := b.record(seq)
	b.must(err)
	if r.body.Size == 0 {
		t.Fatal("the body is inline")
	}
	loose, err := b.PutBlob(strings.NewReader("loose"))
	b.must(err)
	for name, c := range map[string]struct {
		who  Caller
		q    PurgeRequest
		code rmg.Code
	}{
		"a record's body": {ada, PurgeRequest{What: sumText(r.body), Reason: "x"}, rmg.Invalid},
		"no reason":       {ada, PurgeRequest{What: sumText(loose)}, rmg.Invalid},
		"a worker":        {Caller{Name: "w", Process: "p1"}, PurgeRequest{What: sumText(loose), Reason: "x"}, rmg.Denied},
		"not there":       {ada, PurgeRequest{What: strings.Repeat("ab", 32), Reason: "x"}, rmg.NotFound},
		"no content ever": {ada, PurgeRequest{What: "/n", Reason: "x"}, rmg.NotFound},
		"neither":         {ada, PurgeRequest{What: "secret", Reason: "x"}, rmg.Invalid},
	} {
		if _, err := b.Purge(b.ctx(), c.who, c.q); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Rewrite(b.ctx(), ada, "system", rewrite.Rewrite{Ops: []rewrite.Op{addOp("/purge/x", "K", nil)}}); code(err) != rmg.Denied {
		t.Errorf("writing the entry by hand: %v", err)
	}
}

// A purge that was recorded and cut off is done at the next start.
func TestPurgeGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	git, run := &memGit{trees: map[string]rmg.Graph{}, heads: map[string]string{}}, &toldRunner{}
	b := openStage(t, dir, git, run)
	blob, err := b.PutBlob(strings.NewReader("secret"))
	b.must(err)
	_, err = b.recordPurge(b.ctx(), ada, []rmg.Blob{blob}, "leaked")
	b.must(err)
	if !b.store.Blobs().Has(blob.Sum) {
		t.Fatal("gone already")
	}
	b.end()
	re := openStage(t, dir, git, run)
	if re.store.Blobs().Has(blob.Sum) {
		t.Error("it is still there")
	}
}
