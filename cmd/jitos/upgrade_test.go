package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// layFold2 puts a data folder there that the last jitos of fold version 2 wrote: a
// repository whose workspaces were forked, forked from the past and from a head of
// another one, rebased, collapsed and landed, over two starts.
func layFold2(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open("testdata/fold2.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(at, 0o700)
		} else {
			var data []byte
			if data, err = io.ReadAll(tr); err == nil {
				err = os.WriteFile(at, data, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A data folder of an older version is upgraded when it is first used: the person is
// told where it stands as it was, its history reads as before, and every digest holds.
func TestAnOldFolderIsUpgraded(t *testing.T) {
	p := newPerson(t)
	data := filepath.Join(p.dir, ".data", "jitos")
	layFold2(t, data)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	said := p.run("app", "jitos", "sws", "new", "--from", "seq:8")
	if !strings.Contains(said, "is upgraded; as it was it stands in "+data+".fold2") {
		t.Errorf("the person is told %q", said)
	}
	for _, x := range []struct {
		argv, want string
	}{
		{"log", "collapse of w4"},
		{"replay", "every digest is the log's"},
		{"check", "is sound"},
		{"verify", "records in"},
		{"graph /svc/auth --view seq:8", "lang"},
		{"why /repo/app/main/b.txt", "landed as commit 8661b63da3"},
		{"sws show w6", "seq:3"},
		{"graph /repo/app/main/b.txt --view sws:w11 -o jsonl", `"size":4`},
	} {
		if out := p.run("app", append([]string{"jitos"}, strings.Fields(x.argv)...)...); !strings.Contains(out, x.want) {
			t.Errorf("%s: %s", x.argv, out)
		}
	}
	if b, err := journal.ReadBackup(data+".fold2", nil); err != nil || b.Seq != 18 {
		t.Errorf("the backup: %+v %v", b, err)
	}
}

// discard is a log that nobody reads.
var discard = slog.New(slog.DiscardHandler)

// foldOf is the fold version that a folder's log is of.
func foldOf(t *testing.T, data string) uint64 {
	t.Helper()
	s, err := openStore(data, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fold, err := kernel.FoldOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return fold
}

// What stands where the backup goes is not lost for it, half a backup is made anew,
// and one that is whole is taken.
func TestTheBackupBeforeAnUpgrade(t *testing.T) {
	for name, x := range map[string]struct {
		lay   func(to string) error
		code  rmg.Code // "": it is upgraded
		keeps string   // a file in it
	}{
		"nothing": {func(string) error { return nil }, "", "manifest"},
		"half a backup": {func(to string) error {
			return errors.Join(os.Mkdir(to, 0o700), os.WriteFile(to+"/manifest.tmp", nil, 0o600))
		}, "", "manifest"},
		"what is others": {func(to string) error { return errors.Join(os.Mkdir(to, 0o700), os.WriteFile(to+"/mine", nil, 0o600)) }, rmg.Unavailable, "mine"},
		"another backup": {func(to string) error {
			s, err := openStore(to+".other", discard)
			if err == nil {
				err = errors.Join(s.Backup(t.Context(), to), s.Close())
			}
			return err
		}, rmg.Exists, "manifest"},
		"this one": {func(to string) error {
			s, err := openStore(strings.TrimSuffix(to, ".fold2"), discard)
			if err == nil {
				err = errors.Join(s.Backup(t.Context(), to), os.WriteFile(to+"/kept", nil, 0o600), s.Close())
			}
			return err
		}, "", "kept"},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			layFold2(t, data)
			if err := x.lay(data + ".fold2"); err != nil {
				t.Fatal(err)
			}
			s, err := openData(t.Context(), data, discard)
			if err == nil {
				err = s.Close()
			}
			want := uint64(kernel.FoldVersion)
			if x.code != "" {
				want = 2
			}
			if code := codeOf(err); code != x.code || foldOf(t, data) != want {
				t.Errorf("%v; the log is of %d", err, foldOf(t, data))
			}
			if x.keeps == "" {
				return
			}
			if _, err := os.Stat(data + ".fold2/" + x.keeps); err != nil {
				t.Errorf("%s is lost: %v", x.keeps, err)
			}
		})
	}
}

func codeOf(err error) rmg.Code {
	var p *wire.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// A log of a newer version, or of one that is too old, is refused and left as it is.
func TestOtherVersionsAreRefused(t *testing.T) {
	for fold, want := range map[byte]string{1: "reads from 2 on", kernel.FoldVersion + 1: "a newer jitos"} {
		data := filepath.Join(t.TempDir(), "data")
		s, err := openStore(data, discard)
		if err != nil {
			t.Fatal(err)
		}
		// A map of two: the fold version, and what only its own program can read.
		payload := []byte{0xa2, 0x01, fold, 0x02, 0x63, 'n', 'e', 'w'}
		if err := errors.Join(s.Append(t.Context(), journal.Frame{Epoch: s.Epoch(), First: 1, Count: 1, Payload: payload}), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := openData(t.Context(), data, discard); codeOf(err) != rmg.Unavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("version %d: %v", fold, err)
		}
		if got := foldOf(t, data); got != uint64(fold) || len(backupsOf(data)) > 0 {
			t.Errorf("version %d: the log is of %d, backups %v", fold, got, backupsOf(data))
		}
	}
}

// Without room for the backup and the log once more nothing is begun.
func TestNoRoomToUpgrade(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	layFold2(t, data)
	s, err := openStore(data, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	for free, want := range map[int64]rmg.Code{all + upgradeMargin: rmg.Unavailable, 2*all + upgradeMargin: ""} {
		err := roomToUpgrade(s, data, data+".fold2", func(dir string) (int64, error) {
			if dir != filepath.Dir(data) {
				t.Errorf("asked of %s", dir)
			}
			return free, nil
		})
		if codeOf(err) != want {
			t.Errorf("%d bytes free: %v", free, err)
		}
	}
}
