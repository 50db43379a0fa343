package worktree

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestLandInAPlainFolder changes exactly what the landing names, on whatever file
// system the folder stands, and leaves rights as they are.
func TestLandInAPlainFolder(t *testing.T) {
	elsewhere, err := os.MkdirTemp("/dev/shm", "jt")
	if err != nil {
		elsewhere = t.TempDir() // then it is the same file system
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere) })
	for _, data := range []string{t.TempDir(), elsewhere} {
		b := plainWith(t, Options{Dir: filepath.Join(data, "work"), Data: data})
		_, err := b.m.AddFolder(context.Background(), b.top)
		b.must(err)
		b.write("mine.txt", "not seen yet\n")
		old, _ := b.looked()
		b.write("later.txt", "written since\n")
		l := b.several()
		if l.Tip == old {
			t.Error("the landing stands on what was before")
		}
		out, err := b.m.Land(context.Background(), l)
		b.must(err)
		if out.Result != Landed {
			t.Fatalf("%+v", out)
		}
		b.arrived(l)
		if st, err := os.Stat(filepath.Join(b.top, "a.txt")); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("a.txt has the rights %v (%v)", st.Mode(), err)
		}
	}
}

// few changes a file of each kind of change.
func (b *bench) few() Landing {
	return b.change(b.op("a.txt", "ONE\n", "0644"), b.op("new/c.txt", "three\n", "0644"), remove("gone"))
}

// arrived checks that a landing is what the folder holds, by looking at it.
func (b *bench) arrived(l Landing) {
	b.Helper()
	if head, names := b.looked(); head != l.Commit || b.read("a.txt") != "ONE\n" {
		b.Errorf("the folder holds %s, not the landed commit; a.txt is %q", names, b.read("a.txt"))
	}
	b.whole()
}

// TestAPersonWritesWhereALandingGoes: what they wrote is the head then, so that the
// change is merged with it and proven again; what is left out of the head is in the
// way.
func TestAPersonWritesWhereALandingGoes(t *testing.T) {
	ctx := context.Background()
	b := newPlain(t, nil)
	l := b.change(b.op("a.txt", "ONE\n", "0644"))
	b.write("a.txt", "the person's\n")
	out, err := b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Moved || b.read("a.txt") != "the person's\n" || b.text("a.txt") != "the person's\n" {
		t.Fatalf("%+v: %q", out, b.read("a.txt"))
	}
	b.whole()
	l = b.change(b.op("a.txt", "ONE\n", "0644"))
	b.write("dir/b.txt", "meanwhile elsewhere\n")
	out, err = b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Landed || b.read("a.txt") != "ONE\n" || b.read("dir/b.txt") != "meanwhile elsewhere\n" {
		t.Fatalf("%+v", out)
	}
	b.write(".jitosignore", "kept.txt\n")
	b.write("kept.txt", "left out\n")
	l = b.change(b.op("kept.txt", "landed\n", "0644"))
	out, err = b.m.Land(ctx, l)
	b.must(err)
	if out.Result != Blocked || len(out.Paths) != 1 || out.Paths[0] != "kept.txt" || b.read("kept.txt") != "left out\n" {
		t.Fatalf("%+v", out)
	}
	b.whole()
}

// TestNoByteInAPlainFolderIsLost edits a landed file at each step of the landing,
// in the ways editors write. What was typed stands there, and is the head.
func TestNoByteInAPlainFolderIsLost(t *testing.T) {
	const mine = "what the person typed meanwhile\n"
	for n := 0; ; n++ {
		inPlace := n%2 == 0
		steps, armed := 0, false
		var b *bench
		b = newPlain(t, func(string) {
			if !armed {
				return
			}
			if steps++; steps != n+1 {
				return
			}
			file := filepath.Join(b.top, "a.txt")
			if inPlace {
				b.must(os.WriteFile(file, []byte(mine), 0o644))
				return
			}
			b.must(os.WriteFile(file+"~", []byte(mine), 0o644))
			b.must(os.Rename(file+"~", file))
		})
		l := b.few()
		armed = true
		out, err := b.m.Land(context.Background(), l)
		b.must(err)
		armed = false
		if steps <= n {
			if n < 8 {
				t.Fatalf("only %d steps", n)
			}
			break
		}
		if got := b.read("a.txt"); got != mine || b.text("a.txt") != mine {
			t.Errorf("edited before step %d: the file holds %q (%+v)", n, got, out)
		}
	}
}

// TestAPlainLandingDies at each step: it is finished or taken back, by who asks for
// it or, if nobody does, by the next look at the folder.
func TestAPlainLandingDies(t *testing.T) {
	ctx := context.Background()
	for _, resumed := range []bool{true, false} {
		for n := 0; ; n++ {
			if resumed && n%3 != 0 {
				continue // the next look resumes by the same code, at every step
			}
			steps, died := -1, ""
			b := newPlain(t, func(s string) {
				if steps >= 0 && steps == n {
					died = s
					panic(errKilled)
				}
				if steps >= 0 {
					steps++
				}
			})
			before := snapshot(t, b.top)
			l := b.few()
			steps = 0
			landOrDie(b, l)
			steps = -1
			if died == "" {
				if n < 8 {
					t.Fatalf("only %d steps", n)
				}
				b.arrived(l)
				break
			}
			b.again()
			for range 2 { // and again: settling is idempotent
				landed := false
				if resumed {
					out, err := b.m.Resume(ctx, l)
					b.must(err)
					landed = out.Result == Landed
				} else {
					head, _ := b.looked()
					landed = head == l.Commit
				}
				if landed {
					b.arrived(l)
				} else if head, _ := b.looked(); head != l.Tip || snapshot(t, b.top) != before {
					t.Errorf("dead at %s: taken back, but the folder holds %s\n%s", died, head, snapshot(t, b.top))
				}
				b.whole()
			}
		}
	}
}

// landOrDie lands, or is killed on the way.
func landOrDie(b *bench, l Landing) {
	b.Helper()
	defer func() {
		if r := recover(); r != nil && r != errKilled {
			panic(r)
		}
	}()
	_, err := b.m.Land(context.Background(), l)
	b.must(err)
}

// TestALookDies at each of its steps: the next one sees what the folder holds.
func TestALookDies(t *testing.T) {
	for n := 0; ; n++ {
		steps, died := 0, false
		b := newPlain(t, func(string) {
			if steps++; steps == n+1 {
				died = true
				panic(errKilled)
			}
		})
		b.write("a.txt", "changed\n")
		func() {
			defer func() { _ = recover() }()
			_, err := b.m.Head(context.Background(), b.top, plainBranch)
			b.must(err)
		}()
		if !died {
			if n < 2 {
				t.Fatalf("only %d steps", n)
			}
			return
		}
		b.again()
		if got := b.text("a.txt"); got != "changed\n" {
			t.Errorf("dead at step %d: the head has %q", n, got)
		}
		b.whole()
		l := b.several()
		out, err := b.m.Land(context.Background(), l)
		b.must(err)
		if out.Result != Landed {
			t.Errorf("dead at step %d: %+v", n, out)
		}
		b.arrived(l)
	}
}
