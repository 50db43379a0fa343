package worktree

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// make has a step run that writes files; ran says whether it was.
func (b *bench) make(key string, tree rmg.Graph, before []string, files map[string]string) (ran bool, err error) {
	err = b.m.Make(context.Background(), key, tree, before, func(name string) bool { return strings.HasPrefix(name, "deps/") }, func(f *Folder) error {
		ran = true
		for name, text := range files {
			full := filepath.Join(f.Path(), filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o755)); err != nil {
				return err
			}
		}
		return nil
	})
	return ran, err
}

// TestWhatStepsMakeIsThere: once for a key, for workspaces and for gates, without
// what is not to be kept; nothing is written through, and nothing comes back.
func TestWhatStepsMakeIsThere(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		ctx := context.Background()
		b := benchWith(t, Options{Mount: mount})
		tree := b.head()
		if ran, err := b.make("one", tree, nil, map[string]string{"deps/x/a": "a\n", "rest": "r\n", "a.txt": "changed\n"}); err != nil || !ran {
			t.Fatalf("%v %v", ran, err)
		}
		if ran, err := b.make("two", tree, []string{"one"}, map[string]string{"deps/b": "b\n", "deps/x/a": "another\n"}); err != nil || !ran {
			t.Fatalf("%v %v", ran, err)
		}
		if ran, err := b.make("one", tree, nil, nil); err != nil || ran {
			t.Errorf("made again: %v %v", ran, err)
		}
		if _, err := b.make("none", tree, nil, map[string]string{"rest": "r\n"}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
			t.Errorf("a step that makes nothing: %v", err)
		}
		needs := Needs{Made: []string{"one", "two"}}
		for range 2 {
			f, err := b.m.SlotWith(ctx, "s/0", tree, Origin{}, needs)
			b.must(err)
			for name, want := range map[string]string{"deps/x/a": "a\n", "deps/b": "b\n", "a.txt": "one\n"} {
				full := filepath.Join(f.Path(), name)
				if got, err := os.ReadFile(full); err != nil || string(got) != want {
					t.Errorf("%s is %q, %v", name, got, err)
				}
				if name != "a.txt" {
					b.must(os.WriteFile(full, []byte("the worker's\n"), 0o755))
				}
			}
			if st, err := os.Stat(filepath.Join(f.Path(), "deps/b")); err != nil || st.Mode().Perm() != 0o755 || b.exists(f.Path(), "rest") {
				t.Errorf("%v %v", st, err)
			}
			if ops, err := f.Scan(ctx, root); err != nil || len(ops) != 0 {
				t.Errorf("came back: %v %v", ops, err)
			}
			b.must(f.Close())
		}
		g, err := b.m.FreshWith(ctx, "g", tree, needs.Made)
		b.must(err)
		if got, err := os.ReadFile(filepath.Join(g.Path(), "deps/b")); err != nil || string(got) != "b\n" {
			t.Errorf("a gate sees %q, %v", got, err)
		}
		b.must(g.Close())
		// A slot without it has nothing of it.
		f := b.slot("s/0", tree)
		if b.exists(f.Path(), "deps") {
			t.Error("it is there although nobody needs it")
		}
		b.must(f.Close())
	})
}

// TestAHalfMadeStepIsNotKept, whether the daemon died in the step or while what it
// made was copied: the next start has nothing of it, and runs it again.
func TestAHalfMadeStepIsNotKept(t *testing.T) {
	mechanisms(t, func(t *testing.T, mount bool) {
		for _, at := range []string{"run", "first", "last"} {
			ctx := context.Background()
			b := benchWith(t, Options{Mount: mount})
			tree, seen := b.head(), 0
			half := func(f *Folder) error {
				in := &bench{T: t, top: f.Path()}
				in.write("deps/a", "half\n")
				if at == "run" {
					panic(errKilled)
				}
				in.write("deps/b", "half\n")
				return nil
			}
			keep := func(string) bool {
				if seen++; at == "first" && seen == 1 || at == "last" && seen == 2 {
					panic(errKilled)
				}
				return true
			}
			dir := filepath.Join(b.m.opt.Dir, "setup")
			func() {
				defer func() {
					if r := recover(); r != nil && r != errKilled {
						panic(r)
					}
				}()
				t.Errorf("dead at %s: it ends with %v", at, b.m.Make(ctx, "one", tree, nil, keep, half))
			}()
			again, err := New(Options{Dir: b.m.opt.Dir, Blobs: b.blobs, Mount: mount})
			b.must(err)
			b.m = again
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("dead at %s: %v is kept", at, left)
			}
			ran, err := b.make("one", tree, nil, map[string]string{"deps/a": "whole\n"})
			b.must(err)
			f, err := b.m.SlotWith(ctx, "s/0", tree, Origin{}, Needs{Made: []string{"one"}})
			b.must(err)
			in := &bench{T: t, top: f.Path()}
			if !ran || in.read("deps/a") != "whole\n" || in.read("deps/b") != "absent" {
				t.Errorf("dead at %s: run again %v, it has a %q and b %q", at, ran, in.read("deps/a"), in.read("deps/b"))
			}
			b.must(f.Close())
		}
	})
}

// TestWhatStepsMadeIsNotTrusted: a gate has none of it that somebody touched; it
// outlives a restart of the daemon, and not one of the machine.
func TestWhatStepsMadeIsNotTrusted(t *testing.T) {
	ctx := context.Background()
	b := benchWith(t, Options{})
	tree := b.head()
	if _, err := b.make("one", tree, nil, map[string]string{"deps/a": "a\n"}); err != nil {
		t.Fatal(err)
	}
	again := func() *Manager {
		m, err := New(b.m.opt)
		b.must(err)
		return m
	}
	b.m = again()
	if ran, err := b.make("one", tree, nil, nil); err != nil || ran {
		t.Errorf("made again after a restart: %v %v", ran, err)
	}
	in, err := b.m.setups.hold("one", false)
	b.must(err)
	user, err := os.Open(in.files())
	b.must(err)
	defer user.Close()
	file := filepath.Join(b.m.opt.Dir, "setup", "one", "files", "deps", "a")
	b.must(os.WriteFile(file, []byte("b\n"), 0o755))
	if _, err := b.m.FreshWith(ctx, "g", tree, []string{"one"}); !errors.Is(err, &rmg.Error{Code: rmg.Stale}) {
		t.Fatalf("a gate trusts it: %v", err)
	}
	if ran, err := b.make("one", tree, nil, map[string]string{"deps/a": "a\n"}); err != nil || !ran {
		t.Errorf("not made anew: %v %v", ran, err)
	}
	if list, err := user.ReadDir(-1); err != nil || len(list) != 1 {
		t.Errorf("taken from under who is in it: %v %v", list, err)
	}
	g, err := b.m.FreshWith(ctx, "g", tree, []string{"one"})
	b.must(err)
	b.must(g.Close())
	meta := filepath.Join(b.m.opt.Dir, "setup", "one", "meta")
	data, err := os.ReadFile(meta)
	b.must(err)
	b.must(os.WriteFile(meta, []byte(strings.Replace(string(data), b.m.setups.boot, "another boot", 1)), 0o600))
	if b.m = again(); b.exists(b.m.opt.Dir, "setup/one") {
		t.Error("it is trusted after a restart of the machine")
	}
}

// TestFewThingsMadeAreKept: those used last, and those in use.
func TestFewThingsMadeAreKept(t *testing.T) {
	b := benchWith(t, Options{})
	tree := b.head()
	key := func(i int) string { return "k" + string(rune('a'+i)) }
	if _, err := b.make(key(0), tree, nil, map[string]string{"deps/a": "a\n"}); err != nil {
		t.Fatal(err)
	}
	f, err := b.m.SlotWith(context.Background(), "s/0", tree, Origin{}, Needs{Made: []string{key(0)}})
	b.must(err)
	for i := 1; i <= maxMade+1; i++ {
		if _, err := b.make(key(i), tree, nil, map[string]string{"deps/a": "a\n"}); err != nil {
			t.Fatal(err)
		}
	}
	b.must(f.Close())
	for i, want := range map[int]bool{0: true, 1: false, 2: true, maxMade + 1: true} {
		if b.exists(b.m.opt.Dir, "setup/"+key(i)) != want {
			t.Errorf("%d is kept: %v", i, !want)
		}
	}
}
