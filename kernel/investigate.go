package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The actions of the kernel's own worker.
const (
	actionProve  = "prove"  // prove the workspace, collapse it, land it
	actionBisect = "bisect" // find the commit that broke something
	actionAnswer = "answer" // prove what was found, and end without a change
)

// propAnswer of a process is what it found, in a sentence: it ends in that and not in
// a change.
const propAnswer = "answer"

// maxHistory is how many commits a bisection looks back over.
const maxHistory = 10_000

// own does one of the kernel's own tasks.
func (k *Kernel) own(ctx context.Context, r *run, p Process, t tasks.Task, at rmg.Path, token string, seq uint64) error {
	var res work.Result
	var err error
	switch t.Action {
	case actionProve:
		return k.proveTask(ctx, r, p, t, at, token, seq)
	case actionBisect:
		res, err = k.bisectTask(ctx, r, p, t)
	case actionAnswer:
		if err = k.answerTask(ctx, r, p, t, at, token); err == nil {
			return nil
		}
	default:
		err = &rmg.Error{Op: t.ID, Code: rmg.NotFound, Msg: fmt.Sprintf("the kernel has no action %q", t.Action), Hint: "there are prove, bisect and answer"}
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !isLimit(cause) {
			return cause
		}
		res = work.Result{Summary: err.Error(), Reasons: []string{err.Error()}}
	}
	if _, rerr := k.endAttempt(p, t, at, token, res); rerr != nil {
		return orError(onlyLimit(err), rerr)
	}
	k.say(r, work.Event{Task: t.ID, Text: res.Summary, Data: map[string]any{"ok": res.OK}})
	return err
}

// checkOf is the command that a bisection asks: the one that is given, or else the
// tests of the target.
func (k *Kernel) checkOf(p Process, t tasks.Task) (argv []string, module string) {
	e, _ := k.now().ledger.Get(procPath(p.ID))
	module = orText(e.Props.String("module"), ".")
	if check, _ := t.Args["check"].(string); check != "" {
		return []string{"sh", "-c", check}, "."
	}
	target, _ := t.Args["target"].(string)
	return []string{"go", "test", testPattern(target, refOf(e.Props, "root"), module)}, module
}

// bisectTask finds the commit of a branch since which a command fails, where it holds
// in the commit before. Without a commit to begin with it looks for one in which the
// command holds, by steps that double. It runs the command in the files of some log2 n
// commits, in the sandbox and in a copy.
func (k *Kernel) bisectTask(ctx context.Context, r *run, p Process, t tasks.Task) (work.Result, error) {
	if t.TimeoutMillis > 0 {
		var stop context.CancelFunc
		late := &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: fmt.Sprintf("the task did not end within %d ms", t.TimeoutMillis)}
		ctx, stop = context.WithTimeoutCause(ctx, time.Duration(t.TimeoutMillis)*time.Millisecond, late)
		defer stop()
	}
	commits, err := k.opt.Worktree.Log(ctx, p.Top, p.Branch, maxHistory)
	if err != nil {
		return work.Result{}, err
	}
	at := slices.IndexFunc(commits, func(c Commit) bool { return c.ID == p.Base })
	if at < 0 {
		return work.Result{}, &rmg.Error{Op: t.ID, Code: rmg.NotFound, Msg: fmt.Sprintf("the branch has no commit %s any more", short(p.Base)), Hint: "jitos intent begins anew"}
	}
	commits = commits[at:]
	slices.Reverse(commits) // number n is commits[n-1]
	argv, module := k.checkOf(p, t)
	root := p.root()
	name := func(n uint64) string {
		c := commits[n-1]
		return fmt.Sprintf("commit %s (%s: %s)", short(c.ID), c.Author, firstLine(c.Subject))
	}
	b := &bisect{k: k, out: Bisection{Path: root}, to: uint64(len(commits)), name: name}
	b.world = func(n uint64) (rmg.Graph, error) { return k.worldAt(ctx, p, commits[n-1].ID) }
	b.judge = func(ctx context.Context, world rmg.Graph) (bool, bool, string, error) {
		return k.judgeByCommand(ctx, Caller{Name: p.Owner}, world, root, module, argv)
	}
	b.seen = func(s BisectStep) {
		verdict := "fails"
		if s.Skip {
			verdict = "cannot be judged"
		} else if s.Good {
			verdict = "holds"
		}
		k.say(r, work.Event{Task: t.ID, Text: name(s.Seq) + " " + verdict})
	}
	good, _ := t.Args["good"].(string)
	if err := b.begin(ctx, commits, good); err != nil {
		return work.Result{}, err
	}
	for n := b.from + 1; n <= b.to; n++ {
		b.points = append(b.points, n)
	}
	if err := b.search(ctx); err != nil {
		return work.Result{}, err
	}
	bad, before := commits[b.out.Bad-1], commits[b.out.Good-1]
	out := map[string]rmg.Value{
		"bad": rmg.String(bad.ID), "good": rmg.String(before.ID), "author": textValue(bad.Author), "subject": textValue(bad.Subject),
		"check": textList(argv), "module": rmg.String(module), "looked_at": rmg.Int(int64(len(b.out.Steps))), "commits": rmg.Int(int64(len(b.points))),
	}
	says := name(b.out.Bad) + " is the first that fails"
	if n := len(b.out.Suspects); n > 0 {
		var names []string
		for _, s := range b.out.Suspects {
			names = append(names, commits[s-1].ID)
		}
		out["suspects"] = textList(names)
		says = fmt.Sprintf("%s or one of the %s before it that cannot be judged is the first that fails", name(b.out.Bad), plural(n, "commit"))
	}
	return work.Result{OK: true, Summary: says, Output: rmg.PropsOf(out)}, nil
}

// begin makes sure that the last commit fails, and finds one before it that holds.
func (b *bisect) begin(ctx context.Context, commits []Commit, good string) error {
	wrong := func(msg, hint string) error {
		return &rmg.Error{Op: "bisect", Path: b.out.Path, Code: rmg.GateFailed, Msg: msg, Hint: hint}
	}
	s, err := b.step(ctx, b.to)
	switch {
	case err != nil:
		return err
	case s.Good:
		return wrong("nothing is broken: the check holds in "+b.name(b.to), "say by which check it is: jitos intent 'bisect . by \"COMMAND\"'")
	case s.Skip:
		return wrong(b.name(b.to)+" cannot be judged: "+s.Note, "a check ends with 0 where it holds and with 1 to 124 where it does not")
	}
	if good != "" {
		i := slices.IndexFunc(commits, func(c Commit) bool { return len(good) >= 7 && len(c.ID) >= len(good) && c.ID[:len(good)] == good })
		if i < 0 || uint64(i+1) >= b.to {
			return wrong(fmt.Sprintf("%q is no earlier commit of the branch", good), "seven digits of its id or more")
		}
		if s, err = b.step(ctx, uint64(i+1)); err != nil || s.Good {
			b.from = uint64(i + 1)
			return err
		}
		return wrong("the check does not hold in "+b.name(uint64(i+1))+", where it should", "")
	}
	for back := uint64(1); ; back *= 2 {
		n := uint64(1)
		if b.to > back {
			n = b.to - back
		}
		if n == b.to {
			return wrong("there is one commit, and the check fails in it", "")
		}
		if s, err = b.step(ctx, n); err != nil {
			return err
		}
		if s.Good {
			b.from = n
			return nil
		}
		if n == 1 {
			return wrong("the check holds in none of the commits that were tried, back to "+b.name(1), "name one in which it does: the parameter good")
		}
		if !s.Skip {
			b.to = n // it fails there already
		}
	}
}

// worldAt is the world with a branch as it was at a commit.
func (k *Kernel) worldAt(ctx context.Context, p Process, commit string) (rmg.Graph, error) {
	tree, err := k.opt.Worktree.Tree(ctx, p.Top, commit)
	if err != nil {
		return rmg.Graph{}, err
	}
	world := k.now().world
	here, err := treeAt(world, p.root())
	if err != nil {
		return rmg.Graph{}, err
	}
	o := rmg.NewOverlay(world)
	if err := rewrite.Apply(o, branchOps(p.root(), here, tree)); err != nil {
		return rmg.Graph{}, err
	}
	return o.Graph(), nil
}

// answerTask ends a process in what a task before it found, once that is proven: the
// command is run again, as gates are, in folders that nothing has ever been in. It has
// to hold in the commit before and to fail in the one that was found; and what the
// intent's own criteria want of the branch has to be so.
func (k *Kernel) answerTask(ctx context.Context, r *run, p Process, t tasks.Task, at rmg.Path, token string) error {
	i := slices.IndexFunc(p.Tasks, func(x TaskState) bool {
		return x.Worker == workerKernel && x.Action == actionBisect && x.State == resultOK
	})
	if i < 0 {
		return &rmg.Error{Op: t.ID, Code: rmg.Invalid, Msg: "no task before it has found anything"}
	}
	found := p.Tasks[i].Output
	bad, before := found.String("bad"), found.String("good")
	argv := texts(found, "check")
	e, _ := k.now().ledger.Get(procPath(p.ID))
	root := refOf(e.Props, "root")
	lane, free, err := k.queueOf(root).lane(ctx)
	if err != nil {
		return err
	}
	defer free()
	pr := proof{name: gatePlace(root, lane), root: root, top: p.Top, emit: func(ev work.Event) { ev.Task = t.ID; k.say(r, ev) }}
	judge := func(commit, name string, want bool) (work.Evidence, error) {
		world, err := k.worldAt(ctx, p, commit)
		if err != nil {
			return work.Evidence{}, err
		}
		tree, err := treeAt(world, root)
		if err != nil {
			return work.Evidence{}, err
		}
		pr.base, pr.next = tree, tree
		g := work.Gate{Name: name, Kind: work.GateCommand, Argv: argv, Module: found.String("module"), TimeoutMillis: gateMillis}
		list, err := k.run(ctx, pr, tree, []work.Gate{g})
		if err != nil {
			return work.Evidence{}, err
		}
		ev := list[0]
		if ev.TimedOut || ev.Fault != "" || ev.Green != want {
			return ev, &rmg.Error{Op: t.ID, Code: rmg.GateFailed, Msg: fmt.Sprintf("what was found does not hold: %s, and it ended with %d: %s", name, ev.Exit, ev.Reason), Hint: "a check that ends otherwise each time cannot be looked for"}
		}
		ev.Green = true // what the gate says of it is so
		return ev, nil
	}
	var all []work.Evidence
	for _, x := range []struct {
		commit, name string
		want         bool
	}{{before, "holds in " + short(before), true}, {bad, "fails in " + short(bad), false}} {
		ev, err := judge(x.commit, x.name, x.want)
		if err != nil {
			return err
		}
		all = append(all, ev)
	}
	own, err := k.criteriaHold(ctx, p, pr, root, e.Props.String("module"))
	if err != nil {
		return err
	}
	return k.recordAnswer(p, at, token, p.Tasks[i].Summary, append(all, own...))
}

// criteriaHold judges the criteria of an intent that changes nothing, on the branch as
// it is.
func (k *Kernel) criteriaHold(ctx context.Context, p Process, pr proof, root rmg.Path, module string) ([]work.Evidence, error) {
	gates, err := criteriaGates(p.criteria(), root, module)
	if err != nil || len(gates) == 0 {
		return nil, err
	}
	tree, err := treeAt(k.now().world, root)
	if err != nil {
		return nil, err
	}
	pr.base, pr.next = tree, tree
	list, err := k.run(ctx, pr, tree, gates)
	if err != nil {
		return nil, err
	}
	for _, ev := range list {
		if !ev.Green {
			return nil, &rmg.Error{Op: "answer", Code: rmg.GateFailed, Msg: fmt.Sprintf("%s is red: %s", ev.Gate, ev.Reason)}
		}
	}
	return list, nil
}

// recordAnswer ends a process in what it found, with the evidence, in one record.
func (k *Kernel) recordAnswer(p Process, at rmg.Path, token, answer string, list []work.Evidence) error {
	_, err := k.systemWith(context.WithoutCancel(k.ctx), "kernel", p.ID, "answered: "+answer, func(f *fold, _ uint64) ([]rewrite.Op, error) {
		if err := f.fence(at, token); err != nil {
			return nil, err
		}
		e, ok := f.ledger.Get(procPath(p.ID))
		if !ok {
			return nil, errors.New("the process is gone")
		}
		ops := []rewrite.Op{
			setOp(at, map[string]rmg.Value{"result": rmg.String(resultOK), "summary": rmg.String("it holds before and fails there, in files of their own")}),
			setOp(procPath(p.ID), map[string]rmg.Value{"done": rmg.Bool(true), "why": textValue(answer), propAnswer: textValue(answer)}),
		}
		more, err := evidenceOps(procPath(p.ID), e.Graph, list)
		if err != nil {
			return nil, err
		}
		ops = append(ops, more...)
		return append(ops, f.leftovers(p.ID, "answered")...), nil
	})
	return err
}
