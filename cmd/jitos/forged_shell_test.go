package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// shellRepo is a repository whose tests are shell scripts, run by one of them
// that prints TAP, with scripts that attack it. "good" and "bad" are what a
// change of it may be.
func shellRepo() map[string]string {
	const good, bad = "one() { echo 1; } # better\ntwo() { echo 2; }\n", "one() { echo 1; }\ntwo() { echo 3; }\n"
	write := func(text string) string { return "cat >lib.sh <<'END'\n" + text + "END\n" }
	const green = "#!/bin/sh\necho 1..2\necho ok 1 - one\necho ok 2 - two\n"
	return map[string]string{
		".jitos/gates.yaml": "gates_version: \"1\"\ngates:\n  - {name: unit, command: [sh, run.sh], parser: tap, timeout: 1m, protected: ['t/**']}\n",
		"run.sh": `set -- t/*.sh
echo "1..$#"
. ./lib.sh
n=0 red=0
for f; do
	n=$((n + 1))
	if (. "./$f"); then echo "ok $n - $f"; else echo "not ok $n - $f"; red=1; fi
done
exit $red
`,
		"lib.sh": "one() { echo 1; }\ntwo() { echo 2; }\n", "t/one.sh": "test \"$(one)\" = 1\n", "t/two.sh": "test \"$(two)\" = 2\n",

		"attacks/good.sh":     write(good),
		"attacks/says.sh":     write(bad) + "echo 1..2; echo ok 1 - t/one.sh; echo ok 2 - t/two.sh; echo all tests pass; exit 0\n",
		"attacks/deletes.sh":  write(bad) + "rm t/two.sh\n",
		"attacks/renames.sh":  write(bad) + "mv t/two.sh t/zwei.sh\n",
		"attacks/weakens.sh":  write(bad) + "echo true >t/two.sh\n",
		"attacks/skips.sh":    write(bad) + "mkdir -p t/later; mv t/two.sh t/later/\n",
		"attacks/unlinks.sh":  write(bad) + "rm -r t; mkdir t2; ln -s t2 t; echo true >t2/one.sh; echo true >t2/two.sh\n",
		"attacks/gate.sh":     write(bad) + "printf '" + strings.ReplaceAll(green, "\n", "\\n") + "' >run.sh\n",
		"attacks/gatefile.sh": write(bad) + "echo 'gates_version: \"1\"' >.jitos/gates.yaml\n",
		"attacks/nogates.sh":  write(bad) + "rm -r .jitos\n",
		"attacks/policy.sh":   write(bad) + "echo 'rules: []' >.jitos/policy.yaml\n",
		// The code under test ends the run before its tests.
		"attacks/exits.sh": write("one() { echo 1; }\ntwo() { echo 2; }\nexit 0\n"),
		// The code under test answers for the runner.
		"attacks/prints.sh": write("one() { echo 1; }\ntwo() { echo 3; }\necho ok 1 - t/one.sh; echo ok 2 - t/two.sh; echo 1..2; exit 0\n"),
		// The code under test changes the tests while they are run.
		"attacks/selfmod.sh": write("one() { echo 1; }\ntwo() { echo 3; }\necho true >t/two.sh\n"),
		// What it needs stands where only the worker has it.
		"attacks/home.sh": write("one() { echo 1; }\n. \"$HOME/two.sh\"\n") + "echo 'two() { echo 2; }' >\"$HOME/two.sh\"; sh run.sh\n",
		"attacks/tmp.sh":  write("one() { echo 1; }\n. \"${TMPDIR:-/tmp}/two.sh\"\n") + "echo 'two() { echo 2; }' >\"${TMPDIR:-/tmp}/two.sh\"; sh run.sh\n",
		// Programs that would be found first, if the worker had a say in that.
		"attacks/path.sh": write(bad) + `for d in . bin "$HOME/bin" "$HOME/.local/bin" /usr/local/bin /usr/local/sbin; do
	mkdir -p "$d" 2>/dev/null
	(printf '` + strings.ReplaceAll(green, "\n", "\\n") + `' >"$d/sh" && chmod +x "$d/sh") 2>/dev/null
done
echo "PATH=$HOME/bin:$PATH" >"$HOME/.profile"
exit 0
`,
		// The folders of other workspaces and of gates, and what starts them.
		"attacks/folders.sh": write(bad) + `for d in ../../../../../.. ../../../../../../fresh ../../../../../../../bin; do
	if (mkdir -p "$d/x" && echo x >"$d/x/poison") 2>/dev/null; then exit 0; fi
	find "$d" -name 'jitos-*' -exec sh -c 'echo x >>"$1"' - {} \; 2>/dev/null
done
exit 0
`,
	}
}

// TestForgedShell: whatever a worker does to look green, what decides is the
// kernel's own run, of the head's gates, on the merged bytes, in a place where
// the worker never was.
func TestForgedShell(t *testing.T) {
	t.Parallel()
	f := newForge(t, "app", shellRepo())
	f.approve("unit")
	f.allCaught("Shell", map[string]string{
		"says.sh":     "unit: 1 test green at the head and not here: t/two.sh",
		"deletes.sh":  "a protected path",
		"renames.sh":  "a protected path",
		"weakens.sh":  "a protected path",
		"skips.sh":    "a protected path",
		"unlinks.sh":  "a protected path",
		"gate.sh":     "a protected path",
		"gatefile.sh": "a protected path",
		"nogates.sh":  "a protected path",
		"policy.sh":   "a protected path",
		"exits.sh":    "unit: its report cannot be read as tap: 2 tests were planned and 0 ran",
		"prints.sh":   "unit: its report cannot be read as tap: it has two plans",
		"selfmod.sh":  "unit: the run changed what it is judged by: t/two.sh",
		"home.sh":     "unit: exit",
		"tmp.sh":      "unit: exit",
		"path.sh":     "unit: 1 test green at the head and not here: t/two.sh",
		"folders.sh":  "unit: 1 test green at the head and not here: t/two.sh",
	})
	for _, place := range []string{"/usr/local/bin/sh", "/usr/local/sbin/sh"} {
		if _, err := os.Lstat(place); err == nil {
			t.Errorf("%s was made", place)
		}
	}
	found := ""
	err := filepath.WalkDir(f.data, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "poison" {
			found = p
		}
		return nil // folders of slots come and go
	})
	if err != nil || found != "" {
		t.Errorf("%q was made: %v", found, err)
	}
	// After the scan the worker's folder is nobody's: what is changed there later
	// is neither what is proven nor what lands.
	f.med.slot = filepath.Join(f.data, "work/slot/app/main/0/tree")
	p := f.lands("Shell", "good.sh")
	if got := f.run("app", "cat", "lib.sh"); got != "one() { echo 1; } # better\ntwo() { echo 2; }" {
		t.Errorf("what landed is not what was proven:\n%s", got)
	}
	view, err := f.k.View("system")
	if err != nil {
		t.Fatal(err)
	}
	e, _ := view.Get("/repo/app/main")
	if in := p.Evidence[1].Input; in != e.Graph.Digest() {
		t.Errorf("the gate ran on %s, and %s landed", in, e.Graph.Digest())
	}
}

// TestNoTestRan: a gate under which no test runs is red, for a person's own change
// as well.
func TestNoTestRan(t *testing.T) {
	t.Parallel()
	for name, gate := range map[string]string{
		"none":    "echo 1..0",
		"skipped": "echo 1..1; echo 'ok 1 - a # SKIP'",
		"silent":  "true",
	} {
		f := newForge(t, "app", map[string]string{
			".jitos/gates.yaml": "gates_version: \"1\"\ngates: [{name: unit, command: [sh, -c, \"" + gate + "\"], parser: tap}]\n", "a": "1",
		})
		f.approve("unit")
		_, err := f.collapse(map[string]string{"a": "2\n"})
		want := "unit: no test ran"
		if name == "silent" {
			want = "unit: its report cannot be read as tap: it has no plan"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// collapse writes files in a workspace of a person's and collapses it.
func (f *forge) collapse(files map[string]string) (kernel.Collapsed, error) {
	f.Helper()
	id := f.space(files)
	return f.k.Collapse(context.Background(), f.ada(), id, kernel.CollapseRequest{})
}

func (f *forge) space(files map[string]string) string {
	f.Helper()
	w, err := f.k.Fork(context.Background(), f.ada(), kernel.ForkRequest{Dir: f.top()})
	if err != nil {
		f.Fatal(err)
	}
	var ops []rewrite.Op
	for name, text := range files {
		p := rmg.Root.Join(append([]string{"repo", "app", "main"}, strings.Split(name, "/")...)...)
		ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: p, Text: text, HasText: true})
	}
	if _, err := f.k.Rewrite(context.Background(), f.ada(), "sws:"+w.ID, rewrite.Rewrite{Ops: ops}); err != nil {
		f.Fatal(err)
	}
	return w.ID
}

// TestGreenAloneRedTogether: two changes that merge without a conflict and are
// each green; the second is judged on what the first left.
func TestGreenAloneRedTogether(t *testing.T) {
	t.Parallel()
	f := newForge(t, "app", map[string]string{
		".jitos/gates.yaml": "gates_version: \"1\"\ngates: [{name: sum, command: [sh, sum.sh], parser: tap}]\n",
		"a":                 "1\n", "b": "1\n", "sum.sh": "echo 1..1\nif [ $(($(cat a) + $(cat b))) -le 3 ]; then echo ok 1 - sum; else echo not ok 1 - sum; exit 1; fi\n",
	})
	f.approve("sum")
	one, two := f.space(map[string]string{"a": "2\n"}), f.space(map[string]string{"b": "2\n"})
	for _, id := range []string{one, two} {
		list, err := f.k.RunGates(context.Background(), f.ada(), kernel.GateRun{Dir: f.top(), Space: id}, nil)
		if err != nil || !list[1].Green {
			t.Fatalf("%s is not green alone: %+v %v", id, list, err)
		}
	}
	if _, err := f.k.Collapse(context.Background(), f.ada(), one, kernel.CollapseRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err := f.k.Collapse(context.Background(), f.ada(), two, kernel.CollapseRequest{})
	if err == nil || !strings.Contains(err.Error(), "sum: 1 test green at the head and not here: sum; beaten by seq") {
		t.Errorf("%v", err)
	}
	if got := f.run("app", "cat", "a", "b"); got != "2\n1" {
		t.Errorf("the branch has %q", got)
	}
}
