package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Methods that were added stand at /method/NAME, beside those that are shipped. One
// that a model wrote stands there too, as a proposal, which plans nothing until a
// person has approved it.
const (
	methodRoot   = rmg.Path("/method")
	kindMethod   = "Method"
	kindProposed = "ProposedMethod"

	propText  = "text"  // the file, in YAML
	propTests = "tests" // golden tests of it, in YAML; absent: none
)

// Of a text a model may write a method.
const (
	actionPropose  = "propose"
	maxProposals   = 3      // tries, each told what was wrong with the one before
	proposalTokens = 60_000 // that one method may cost
	maxMethodText  = 64 << 10
	sampleMethod   = "repair-by-tests" // shown to the model, if there is one of the name
)

// AddedMethod is a method at /method.
type AddedMethod struct {
	Name     string
	Text     string
	Tests    string
	Proposed bool
	By       string // who added or approved it; of a proposal who asked for it
	Words    string // that the model was given; empty if a person wrote it
	Model    string
	Digest   string // hex, of text and tests
	Tested   int    // golden tests that passed
}

// ownMethods keeps the library with what was added, for as long as nothing changes
// there.
type ownMethods struct {
	sync.Mutex // guards the fields below; held while a library is read
	of         rmg.Digest
	lib        *tasks.Library
	err        error
}

// library is the method library: what is shipped, and what was added. Invalid: what
// was added does not load with it.
func (k *Kernel) library() (*tasks.Library, error) {
	e, ok := k.now().world.Get(methodRoot)
	if !ok {
		return k.opt.Library, nil
	}
	k.added.Lock()
	defer k.added.Unlock()
	d := e.Graph.Digest()
	if k.added.lib != nil && k.added.of == d {
		return k.added.lib, k.added.err
	}
	var more []tasks.Source
	for p, m := range e.Graph.Walk(rmg.Root) {
		if m.Kind == kindMethod && len(p.Segments()) == 1 {
			more = append(more, tasks.Source{Name: string(methodRoot.Child(p.Base().ID)), Data: []byte(m.Props.String(propText))})
		}
	}
	slices.SortFunc(more, func(a, b tasks.Source) int { return strings.Compare(a.Name, b.Name) })
	lib, err := k.opt.Library.With(more...)
	if err != nil {
		lib = k.opt.Library
		err = &rmg.Error{Op: "method", Path: methodRoot, Code: rmg.Invalid, Msg: "what was added does not load: " + err.Error(), Hint: "jitos method remove NAME takes one away"}
	}
	k.added.of, k.added.lib, k.added.err = d, lib, err
	return lib, err
}

// AddMethod checks a file of methods with the library, runs its golden tests, and
// adds it by the name of its first method. Invalid: it does not load, or a test
// fails. Denied: /method is protected, which a person may change.
func (k *Kernel) AddMethod(ctx context.Context, c Caller, text, tests string) (AddedMethod, error) {
	lib, err := k.library()
	if err != nil {
		return AddedMethod{}, err
	}
	m, err := checkMethod(lib, text, tests, false)
	if err != nil {
		return AddedMethod{}, err
	}
	m.By = c.Name
	return m, k.putMethod(ctx, c, "add", m, kindMethod, nil)
}

// ProposeMethod has the model write a method for a text, holds it to the library and
// its own golden tests, and keeps it as a proposal. It asks again, with what is
// wrong, as often as maxProposals says. Unavailable: there is no model. Denied: the
// caller may not ask it.
func (k *Kernel) ProposeMethod(ctx context.Context, c Caller, text string) (AddedMethod, error) {
	if !k.modelDoes(actionPropose) {
		return AddedMethod{}, &rmg.Error{Op: "method", Code: rmg.Unavailable, Msg: "there is no model to write a method", Hint: "jitos daemon --model; or write one: docs/methods.md"}
	}
	asks := newSubject(c, processFacts{Owner: c.Name, Intent: text})
	if err := k.judgement(asks).may(VerbDispatch, workerRoot.Child(workerModel), kindWorker); err != nil {
		return AddedMethod{}, err
	}
	lib, err := k.library()
	if err != nil {
		return AddedMethod{}, err
	}
	args := map[string]any{"text": text, "tasks": taskLines(lib), "primitives": primitiveLines(lib), "sample": sampleOf(lib)}
	left := int64(proposalTokens)
	for range maxProposals {
		res, err := k.opt.Runner.Run(ctx, workerModel, work.Assignment{
			Task: "propose", Action: actionPropose, Args: args, Attempt: 1,
			Workspace: k.newScratch(k.now().world, "", work.Rights{}, "proposal"), Query: query{k: k},
			Budget: work.Budget{Tokens: left, OutputMax: defaultOutputMax}, Emit: func(work.Event) {},
		})
		k.recordCost(workerModel, costProposal, res.Spent)
		if err != nil {
			return AddedMethod{}, unasked(errors.New("no method is written"), err)
		}
		if !res.OK {
			return AddedMethod{}, &rmg.Error{Op: "method", Code: rmg.Invalid, Msg: "the model writes none: " + res.Summary, Hint: "jitos method list shows what there is"}
		}
		said, tests := res.Output.String("method"), res.Output.String("tests")
		m, err := checkMethod(lib, said, tests, true)
		if err == nil {
			m.Proposed, m.By, m.Words, m.Model = true, c.Name, text, res.Output.String("model")
			transcript, _ := res.Output.Get("transcript")
			return m, k.putMethod(ctx, c, "propose", m, kindProposed, map[string]rmg.Value{"transcript": transcript})
		}
		args["said"], args["fault"] = orText(strings.Join([]string{said, tests}, "\n---\n"), said), err.Error()
		if left -= res.Spent.Tokens; left <= 0 {
			break
		}
	}
	return AddedMethod{}, &rmg.Error{Op: "method", Code: rmg.Invalid, Msg: fmt.Sprintf("what the model writes is refused: %v", args["fault"]), Hint: "jitos method check FILE says the same of one of yours"}
}

// minMethodDigest is how many digits of a digest name a proposal, at least.
const minMethodDigest = 12

// digest names what a person approves: text and golden tests.
func (m AddedMethod) digest() string {
	h := sha256.New()
	for _, text := range []string{"jitos method 1", m.Text, m.Tests} {
		fmt.Fprintf(h, "%d\n%s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Proposals lists the methods that wait for a person, in order of their names.
func (k *Kernel) Proposals() []AddedMethod {
	e, ok := k.now().world.Get(methodRoot)
	if !ok {
		return nil
	}
	var out []AddedMethod
	for n := range e.Graph.Nodes("") {
		if n.Kind == kindProposed {
			out = append(out, proposalOf(n))
		}
	}
	return out
}

func proposalOf(e rmg.Element) AddedMethod {
	p := e.Props
	m := AddedMethod{
		Name: e.ID, Text: p.String(propText), Tests: p.String(propTests), Proposed: true, By: p.String("by"), Words: p.String("words"), Model: p.String("model"),
	}
	m.Digest = m.digest()
	return m
}

// ApproveMethod adds a proposal to the library, checked once more with what it is now.
// Only a person does, and for what they have seen: digest, or its beginning, is that
// of the proposal. NotFound: there is no such proposal. Stale: it is another one now.
func (k *Kernel) ApproveMethod(ctx context.Context, c Caller, name, digest string) (AddedMethod, error) {
	at := methodRoot.Child(name)
	if c.kind() != KindPerson {
		return AddedMethod{}, &rmg.Error{Op: "method", Path: at, Code: rmg.Denied, Msg: "only a person approves a method", Hint: "jitos method show " + name + " is for them to read"}
	}
	once, err := onceOf(c, "approve-method", []any{name, digest})
	if err != nil {
		return AddedMethod{}, err
	}
	e, ok := k.now().world.Get(at)
	if _, done, err := k.answered(once); done || err != nil {
		m := proposalOf(e)
		m.Proposed = false
		return m, err
	}
	switch {
	case !ok || e.Kind != kindProposed:
		return AddedMethod{}, &rmg.Error{Op: "method", Path: at, Code: rmg.NotFound, Msg: fmt.Sprintf("there is no proposed method %q", name), Hint: "jitos method propose WORDS"}
	case len(digest) < minMethodDigest:
		return AddedMethod{}, &rmg.Error{Op: "method", Path: at, Code: rmg.Invalid, Msg: fmt.Sprintf("an approval names what was seen, by %d digits of its digest or more", minMethodDigest), Hint: "jitos method show " + name}
	}
	seen := proposalOf(e)
	if !strings.HasPrefix(seen.Digest, digest) {
		return AddedMethod{}, otherProposal(at, name)
	}
	lib, err := k.library()
	if err != nil {
		return AddedMethod{}, err
	}
	m, err := checkMethod(lib, seen.Text, seen.Tests, true)
	if err != nil {
		return AddedMethod{}, err
	}
	m.By, m.Words, m.Model, m.Digest = c.Name, seen.Words, seen.Model, seen.Digest
	rw := rewrite.Rewrite{Reason: "method " + name + " approved", Ops: []rewrite.Op{
		{Op: rewrite.Retype, Path: at, Kind: kindMethod},
		{Op: rewrite.Set, Path: at, Props: map[string]rmg.Value{"approved_by": rmg.String(c.Name), "approved": rmg.String(seen.Digest)}},
	}}
	judged := k.now().world
	if err := k.mayRewrite(c, Version{}, rw.Ops); err != nil {
		return m, err
	}
	_, err = k.rewriteIf(ctx, once, c.Name, c.Process, Version{}, rw, func(f *fold) error {
		if now, ok := f.main.get(at); !ok || now.Kind != kindProposed || proposalOf(now).Digest != seen.Digest {
			return otherProposal(at, name)
		}
		return f.policyIs(judged)
	})
	return m, err
}

func otherProposal(at rmg.Path, name string) error {
	return &rmg.Error{Op: "method", Path: at, Code: rmg.Stale, Msg: fmt.Sprintf("the proposal %q is not what was seen", name), Hint: "jitos method show " + name + " has what it is now, and its digest"}
}

// putMethod records one at /method.
func (k *Kernel) putMethod(ctx context.Context, c Caller, verb string, m AddedMethod, kind string, more map[string]rmg.Value) error {
	once, err := onceOf(c, verb+"-method", []any{m.Text, m.Tests, m.Words})
	if err != nil {
		return err
	}
	if _, done, err := k.answered(once); done || err != nil {
		return err
	}
	at := methodRoot.Child(m.Name)
	if _, ok := k.now().world.Get(at); ok {
		return &rmg.Error{Op: "method", Path: at, Code: rmg.Conflict, Msg: fmt.Sprintf("%q stands there already", m.Name), Hint: "jitos method remove " + m.Name}
	}
	props := map[string]rmg.Value{propText: rmg.String(m.Text), "by": rmg.String(m.By)}
	for name, text := range map[string]string{propTests: m.Tests, "words": m.Words, "model": m.Model} {
		if text != "" {
			props[name] = rmg.String(text)
		}
	}
	maps.Copy(props, more)
	var ops []rewrite.Op
	if _, ok := k.now().world.Get(methodRoot); !ok {
		ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: methodRoot, Kind: rewrite.KindDir})
	}
	ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: at, Kind: kind, Props: props})
	_, err = k.rewriteOnce(ctx, once, c, Version{}, rewrite.Rewrite{Ops: ops, Reason: "method " + m.Name + ", " + verb})
	return err
}

// checkMethod holds a file to the library and its golden tests. A proposed one brings
// no primitives: what runs commands is a person's to write.
func checkMethod(lib *tasks.Library, text, tests string, proposed bool) (AddedMethod, error) {
	invalid := func(format string, args ...any) (AddedMethod, error) {
		return AddedMethod{}, &rmg.Error{Op: "method", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...), Hint: "docs/methods.md says how one is written"}
	}
	if len(text)+len(tests) > maxMethodText {
		return AddedMethod{}, &rmg.Error{Op: "method", Code: rmg.Limit, Msg: fmt.Sprintf("%d bytes; a method and its tests have up to %d", len(text)+len(tests), maxMethodText)}
	}
	next, err := lib.With(tasks.Source{Name: "method.yaml", Data: []byte(text)})
	if err != nil {
		return invalid("%v", err)
	}
	m := AddedMethod{Text: text, Tests: tests}
	m.Digest = m.digest()
	for info := range next.Methods() {
		if _, ok := lib.Show(info.Name); !ok && m.Name == "" {
			m.Name = info.Name
		}
	}
	if m.Name == "" {
		return invalid("it defines no method")
	}
	if proposed && len(next.Primitives()) > len(lib.Primitives()) {
		return invalid("it defines a primitive; a proposed method uses those that there are")
	}
	if tests == "" {
		return m, nil
	}
	list, err := next.Test(tasks.Source{Name: "tests.yaml", Data: []byte(tests)})
	if err != nil {
		return invalid("its tests: %v", err)
	}
	for _, t := range list {
		if len(t.Faults) > 0 {
			return invalid("its test %q fails: %v", t.Name, t.Faults)
		}
		m.Tested++
	}
	return m, nil
}

func primitiveLines(lib *tasks.Library) []any {
	var out []any
	for _, p := range lib.Primitives() {
		out = append(out, line(p.Name, p.Summary+" (by "+p.Worker+")", p.Params))
	}
	return out
}

// sampleOf is a method that a model is shown.
func sampleOf(lib *tasks.Library) string {
	if m, ok := lib.Show(sampleMethod); ok {
		return m.Source
	}
	for m := range lib.Methods() {
		whole, _ := lib.Show(m.Name)
		return whole.Source
	}
	return ""
}
