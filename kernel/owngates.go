package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// maxGateFile is how large a gate file may be, in bytes.
const maxGateFile = 256 << 10

// ownGates is what a tree demands of every change of it.
type ownGates struct {
	there     bool // it has a gate file
	specs     []tasks.GateSpec
	setup     []tasks.SetupStep
	protected []string // globs, the gate file itself among them
}

// ownGates reads the gate file of a tree. Which tree that is decides everything:
// the head that a change merges with, never the change. Invalid: what stands
// there is no gate file, so that nobody knows what it demands.
func (k *Kernel) ownGates(tree rmg.Graph) (ownGates, error) {
	setup, err := k.setupFile(tree)
	if err != nil {
		return ownGates{}, err
	}
	by := []string{tasks.SetupPath}
	for _, s := range setup.Steps {
		by = append(by, namedIn(tree, s.Dir, s.Command)...)
	}
	doc := headFile{op: "gates", path: tasks.GatesPath, check: "jitos gates check"}
	data, ok, err := k.readHeadFile(tree, doc)
	switch {
	case err != nil:
		return ownGates{}, err
	case !ok:
		// To bring the first one is to change it.
		return ownGates{setup: setup.Steps, protected: append([]string{tasks.GatesPath}, by...)}, nil
	}
	f, err := tasks.ParseGates(tasks.GatesPath, data)
	if err != nil {
		return ownGates{}, doc.bad(err.Error())
	}
	own := ownGates{there: true, specs: f.Gates, setup: setup.Steps, protected: append([]string{tasks.GatesPath}, f.Protected...)}
	for _, s := range f.Gates {
		own.protected = append(own.protected, s.Protected...)
		own.protected = append(own.protected, namedIn(tree, s.Dir, s.Command)...)
	}
	own.protected = append(own.protected, by...)
	return own, nil
}

// namedIn lists the files of the tree that a command names: a script that judges a
// change, or that sets up where it is judged, must not be changed by it.
func namedIn(tree rmg.Graph, dir string, command []string) []string {
	var out []string
	for _, arg := range command {
		name := path.Join(dir, arg)
		if path.IsAbs(arg) || strings.HasPrefix(name, "../") || strings.ContainsAny(name, "*?") {
			continue
		}
		if _, ok := fileOf(tree, name); ok {
			out = append(out, name)
		}
	}
	return out
}

// commandHash is what a person approves a gate's command by: what is run, where,
// and how its report is read. Its name, its inputs, its time and what it protects
// are no part of it.
func commandHash(root rmg.Path, s tasks.GateSpec) string {
	data, err := json.Marshal(struct {
		Repository          rmg.Path
		Command             []string
		Dir, Parser, Report string
		Reruns              int
	}{root.Parent(), s.Command, path.Clean(orText(s.Dir, ".")), s.Parser, s.Report, s.Reruns()})
	if err != nil {
		panic("plain strings can be marshalled: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte("jitos gate command 1\x00"), data...))
	return hex.EncodeToString(sum[:])
}

// gateOf is a gate of a repository as it is run.
func gateOf(root rmg.Path, s tasks.GateSpec) work.Gate {
	g := work.Gate{
		Name: s.Name, Kind: work.GateCommand, Argv: s.Command, Module: orText(s.Dir, "."), Parser: s.Parser, Report: s.Report, Reruns: s.Reruns(),
		Inputs: s.Inputs, TimeoutMillis: s.TimeoutMillis(), Approval: commandHash(root, s),
	}
	if g.Parser != "" {
		g.Kind = work.GateTest
	}
	return g
}

// gatesOn are the gates of a collapse on a candidate: the criteria of its intent,
// and what the branch demands that it merges with. In place of those of its
// language, which stand in for a change made by hand, a repository has its own.
// What a gate file says that cannot be read is a fault of its own (see
// judgeBranch).
func (k *Kernel) gatesOn(c *collapse, cand candidate) []work.Gate {
	own, err := k.ownGates(cand.base)
	hooks := k.hookGates(c, cand)
	if err != nil || len(own.specs) == 0 {
		return slices.Concat(c.gates, hooks)
	}
	var out []work.Gate
	if !c.byHand {
		out = slices.Clone(c.gates)
	}
	for _, s := range own.specs {
		g := gateOf(c.root, s)
		if slices.ContainsFunc(out, func(x work.Gate) bool { return x.Name == g.Name }) {
			g.Name += " (repository)"
		}
		out = append(out, g)
	}
	return append(out, hooks...)
}

// judgesOf says which files, were they there, would have a say in how the gates
// of a proof end: what is protected, and Go code, which is compiled if it is
// found.
func (k *Kernel) judgesOf(p proof) func(string) bool {
	pol, root := k.policyOf(p.head), p.root
	if root == "" {
		root = repoRoot.Join("-", "-")
	}
	own, err := k.ownGates(p.base)
	return func(name string) bool {
		_, protected := pol.isProtected(root.Join(split(name)...))
		return protected || path.Ext(name) == ".go" || err == nil && matchAny(own.protected, name)
	}
}

// mayGrant lets an intent be about what is protected, so many times, only if its
// caller may change that: by default a person.
func (k *Kernel) mayGrant(c Caller, intent string, root rmg.Path, times int) error {
	if times == 0 {
		return nil
	}
	j := k.judgement(newSubject(c, processFacts{Owner: c.Name, Intent: intent}))
	if d := j.policy.decide(j.subject, VerbProtected, root, rewrite.KindFile); d.Effect != Allow {
		return j.denied(d, VerbProtected, root)
	}
	return nil
}

// headFile is a file by which a branch's head says how the branch is worked on.
type headFile struct{ op, path, check string }

// bad says that the file is none: Invalid.
func (f headFile) bad(msg string) error {
	return &rmg.Error{Op: f.op, Code: rmg.Invalid, Msg: msg, Hint: f.check + " says what is wrong; mend it and commit it with git"}
}

// readHeadFile reads it in a head's tree, and reports whether it is there.
func (k *Kernel) readHeadFile(tree rmg.Graph, f headFile) (data []byte, there bool, err error) {
	e, ok := tree.Get(rmg.Root.Join(split(f.path)...))
	if !ok {
		return nil, false, nil
	}
	b := e.Props.Blob(rewrite.PropBlob)
	switch {
	case e.Kind != rewrite.KindFile:
		return nil, true, f.bad(f.path + " is no file")
	case b.Size > maxGateFile:
		return nil, true, f.bad(fmt.Sprintf("%s has %d bytes; the limit is %d", f.path, b.Size, maxGateFile))
	}
	data, err = readBlob(k.store, b)
	return data, true, err
}
