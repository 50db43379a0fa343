package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jitos.dev/journal"
	"jitos.dev/kernel"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// forgeMethods let a worker run a script of the repository, as an intent's only
// work; what comes after it is the kernel's, but for a look by somebody who may
// meddle.
const forgeMethods = `
tasks:
  - {name: Shell, summary: run a script, params: {target: target, script: text}}
  - {name: Gopher, summary: run a script in a Go repository, params: {target: target, script: text}}
  - {name: Declares, summary: run a script that says what it reads, params: {target: target, script: text, inputs: text}}
methods:
  - {name: shell, task: Shell, summary: run it, steps: [{do: act, with: {script: $script}}, {do: meddle}, {do: verify}]}
  - {name: declares, task: Declares, summary: run it, steps: [{do: act-on, with: {script: $script, inputs: $inputs}}, {do: meddle}, {do: verify}]}
  - name: gopher
    task: Gopher
    summary: run it
    steps: [{do: act, with: {script: $script}}, {do: verify}]
    success_criteria: [{type: test, name: all tests, value: "./..."}]
primitives:
  - {name: act, summary: run the script, params: {script: text}, worker: script, action: run, args: {argv: $script}, writes: ["**"]}
  - {name: act-on, summary: run the script, params: {script: text, inputs: text}, worker: script, action: run, args: {argv: $script, inputs: $inputs}, writes: ["**"]}
  - {name: meddle, summary: change files where no worker should be any more, worker: meddler, action: meddle}
  - {name: verify, summary: prove it, worker: kernel, action: prove}
`

// meddler is what a process would be that outlived its sandbox: it writes in the
// folder of the workspace after that was scanned.
type meddler struct {
	slot  string // the folder; empty: it lets it be
	meet  func() // done between a script's end and the proof, once; may be nil
	reads *work.Reads
}

func (*meddler) Describe() work.Description {
	return work.Description{Name: "meddler", Summary: "meddles", Actions: []string{"meddle"}}
}

func (m *meddler) Run(context.Context, work.Assignment) (work.Result, error) {
	if meet := m.meet; meet != nil {
		m.meet = nil // what it does may come here too
		meet()
	}
	if m.slot == "" {
		return work.Result{OK: true, Reads: m.reads}, nil
	}
	name := filepath.Join(m.slot, "lib.sh")
	if _, err := os.Stat(name); err != nil {
		return work.Result{}, fmt.Errorf("the slot is not where it was thought to be: %w", err)
	}
	return work.Result{OK: true}, os.WriteFile(name, []byte("exit 1\n"), 0o644)
}

// forge is a kernel with real folders, sandboxes and git, in this process, whose
// worker does as an attacker would.
type forge struct {
	*person
	k    *kernel.Kernel
	med  *meddler
	data string
	repo string // the repository's folder
}

// newForge makes a repository of files, at dir, and a kernel.
func newForge(t *testing.T, dir string, files map[string]string) *forge {
	t.Helper()
	f := &forge{person: newPerson(t), med: &meddler{}, repo: dir}
	for name, text := range files {
		f.write(dir+"/"+name, text)
	}
	f.person.repo(dir)
	f.data = filepath.Join(f.dir, "data")
	store, err := journal.Open(f.data, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lib, err := tasks.Load(tasks.Source{Name: "forge.yaml", Data: []byte(forgeMethods)})
	if err != nil {
		t.Fatal(err)
	}
	opt := daemonOptions{data: f.data, lib: lib, workers: []work.Worker{f.med}}
	f.k, err = newKernel(t.Context(), store, opt, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.k.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *forge) top() string { return filepath.Join(f.dir, f.repo) }

// ada is whose daemon it is.
func (f *forge) ada() kernel.Caller { return kernel.Caller{Name: "ada@host"} }

// approve lets the repository's gates run.
func (f *forge) approve(names ...string) {
	f.Helper()
	if _, err := f.k.ApproveGates(context.Background(), f.ada(), f.top(), names); err != nil {
		f.Fatal(err)
	}
}

// attack lets the worker run a script of the repository and returns how its
// process ended.
func (f *forge) attack(task, script string) kernel.Process {
	f.Helper()
	return f.intent("", task, map[string]any{"script": "sh attacks/" + script})
}

// intent has a task done under an isolation, and returns how its process ended.
func (f *forge) intent(isolation, task string, params map[string]any) kernel.Process {
	f.Helper()
	s := &tasks.SLAPS{Version: "1", Intent: task, Target: tasks.TargetRef{Name: f.repo}, Parameters: params}
	p, err := f.k.Intent(context.Background(), f.ada(), kernel.IntentRequest{SLAPS: s, Dir: f.top(), Isolation: isolation})
	if err != nil {
		f.Fatal(err)
	}
	if p, err = f.k.Wait(context.Background(), p.ID); err != nil {
		f.Fatal(err)
	}
	return p
}

// told is everything that is said of how a process ended.
func told(p kernel.Process) string {
	lines := []string{p.Status + ": " + p.Reason}
	for _, t := range p.Tasks {
		lines = append(lines, t.ID+": "+t.State+": "+t.Summary)
	}
	for _, e := range p.Evidence {
		lines = append(lines, gateVerdict(e))
	}
	return strings.Join(lines, "\n")
}

func gateVerdict(e work.Evidence) string { return verdictOf(e) + " " + e.Gate + ": " + e.Reason }

// caught runs an attack that must come to nothing: the process failed, with such
// a reason, and the repository is as it was.
func (f *forge) caught(task, script, reason string) {
	f.Helper()
	head := f.run(f.repo, "git", "rev-parse", "HEAD")
	p := f.attack(task, script)
	if p.Status != "failed" || !strings.Contains(told(p), reason) {
		f.Errorf("%s is not caught as %q:\n%s", script, reason, told(p))
	}
	if now := f.run(f.repo, "git", "rev-parse", "HEAD"); now != head {
		f.Errorf("%s landed:\n%s", script, f.run(f.repo, "git", "show"))
	}
	if s := f.run(f.repo, "git", "status", "--porcelain", "--ignored"); s != "" {
		f.Errorf("%s left something:\n%s", script, s)
	}
}

// allCaught is caught for each script, in order of their names.
func (f *forge) allCaught(task string, reasons map[string]string) {
	f.Helper()
	for _, script := range slices.Sorted(maps.Keys(reasons)) {
		f.caught(task, script, reasons[script])
	}
}

// lands runs what must land although somebody meddles, and returns the process.
func (f *forge) lands(task, script string) kernel.Process {
	f.Helper()
	p := f.attack(task, script)
	if p.Status != "landed" {
		f.Errorf("%s did not land:\n%s", script, told(p))
	}
	return p
}
