package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The limits of reading an intent's targets and of its work.
const (
	maxSymbolFiles    = 5000
	maxTargets        = 200_000
	defaultCandidates = 400
	defaultWallMillis = 20 * 60 * 1000
	defaultOutputMax  = 4 << 20
)

// Intent plans an intent and starts a process on it. It returns when the
// process is in the ledger; the rest goes on by itself.
func (k *Kernel) Intent(ctx context.Context, c Caller, r IntentRequest) (Process, error) {
	once, err := onceOf(c, "intent", r)
	if err != nil {
		return Process{}, err
	}
	if r, done, err := k.answered(once); err != nil {
		return Process{}, err
	} else if done {
		return k.Process(processID(r.Seq))
	}
	return k.intend(ctx, c, once, r)
}

// intend is Intent for a request that is not a resend of one known to readers.
func (k *Kernel) intend(ctx context.Context, c Caller, once Once, r IntentRequest) (Process, error) {
	r.Land = orText(r.Land, landCommit)
	switch r.Approve {
	case "", approveAuto, approveAsk:
	default:
		return Process{}, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("cannot approve by %q", r.Approve), Hint: "use auto or ask"}
	}
	if (r.Text == "") == (r.SLAPS == nil) {
		return Process{}, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: "give either a text or a SLAPS document", Hint: `jitos intent "Fix the failing test in ./pkg"`}
	}
	if r.SLAPS != nil {
		if err := r.SLAPS.Validate(); err != nil {
			return Process{}, err
		}
	} else if err := k.readable(r.Text); err != nil {
		return Process{}, err
	}
	repo, root, err := k.sync(ctx, r.Dir)
	if err == nil {
		err = k.mayLand(ctx, c, r.Land, repo.Top, repo.Branch)
	}
	if err != nil {
		return Process{}, err
	}
	tree, err := treeAt(k.now().world, root)
	if err != nil {
		return Process{}, err
	}
	s, target, err := k.understand(ctx, c, r, root, tree)
	if err != nil {
		return Process{}, err
	}
	if r.Race < 0 || r.Race > maxRace {
		return Process{}, &rmg.Error{Op: "intent", Code: rmg.Limit, Msg: fmt.Sprintf("%d attempts cannot race", r.Race), Hint: fmt.Sprintf("up to %d do", maxRace)}
	}
	isolation, err := isolationOf(r.Isolation, s.Constraints)
	if err != nil {
		return Process{}, err
	}
	if err := k.may(c, CapIntent, VerbIntent, root, kindProcess, processFacts{Owner: c.Name, Intent: s.Intent}); err != nil {
		return Process{}, err
	}
	if s, err = r.widened(s); err != nil {
		return Process{}, err
	}
	if err := k.mayGrant(c, s.Intent, root, len(s.Scope.Protected)+len(s.Scope.DropTests)+len(s.Scope.Adds)); err != nil {
		return Process{}, err
	}
	if s.Scope.Network, err = k.mayConnect(c, s.Scope.Network, processFacts{Owner: c.Name, Intent: s.Intent}); err != nil {
		return Process{}, err
	}
	own, err := k.ownGates(tree)
	if err == nil && !r.PlanOnly {
		err = k.allApproved(root, own)
	}
	if err != nil {
		return Process{}, err
	}
	lib, err := k.library()
	if err != nil {
		return Process{}, err
	}
	plan, err := lib.Plan(s, k.facts(tree))
	if err != nil {
		return Process{}, err
	}
	if err := k.canTravel(s, plan); err != nil {
		return Process{}, err
	}
	p := Process{
		Status: "planned", Text: orText(r.Text, s.Intent), SLAPS: s, Plan: plan, Owner: c.Name,
		Repo: root.Segments()[1].ID, Branch: repo.Branch, Top: repo.Top, Base: repo.Head, Land: r.Land, ask: r.Approve == approveAsk,
		Isolation: isolation, Rights: rightsOf(s, plan, slices.Concat(k.policyOf(k.now().world).Protected, own.protected)),
	}
	if err := k.mayGrant(c, s.Intent, root, len(p.Rights.Adds)); err != nil {
		return Process{}, err
	}
	if r.Dirty {
		p.Rights.Adds = nil // a file that is not committed is there, and no version says so
	}
	p.ask = p.ask || len(wordsOf(p.criteria())) > 0
	if _, err := criteriaGates(p.criteria(), root, "."); err != nil {
		return Process{}, err
	}
	p.Rights.Capabilities = capabilitiesOf(c, s)
	for _, t := range plan.All() {
		if err := mayBegin(p.Rights, t); err != nil {
			return Process{}, err
		}
	}
	if r.PlanOnly {
		return p, nil
	}
	if p.Plan, err = plan.Race(r.Race); err != nil {
		return Process{}, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: err.Error(), Hint: "without --race"}
	}
	if p.Dirty, err = k.opt.Worktree.Dirty(ctx, repo.Top); err != nil {
		return Process{}, err
	}
	var seen dirtyState
	if r.Dirty {
		if seen, err = k.uncommitted(ctx, repo, root); err != nil {
			return Process{}, err
		}
	}
	return k.start(ctx, once, p, root, moduleOf(tree, target.file), target, seen)
}

// canTravel refuses a plan that asks for other machines for what none of them does,
// before anything of it begins.
func (k *Kernel) canTravel(s tasks.SLAPS, plan *tasks.Plan) error {
	known := map[string]work.Description{}
	for _, d := range k.opt.Runner.Describe() {
		known[d.Name] = d
	}
	for _, t := range plan.All() {
		if err := known[t.Worker].NotAway(labelsOf(s, t)); err != nil {
			return err
		}
	}
	return nil
}

// widened is what was understood with what the request lets the intent do besides.
func (r IntentRequest) widened(s tasks.SLAPS) (tasks.SLAPS, error) {
	if len(r.Protected)+len(r.DropTests)+len(r.Network)+len(r.Labels) == 0 {
		return s, nil
	}
	s.Scope.Protected = slices.Concat(s.Scope.Protected, r.Protected)
	s.Scope.DropTests = slices.Concat(s.Scope.DropTests, r.DropTests)
	s.Scope.Network = slices.Concat(s.Scope.Network, r.Network)
	s.Scope.Labels = slices.Concat(s.Scope.Labels, r.Labels)
	return s, s.Validate()
}

// readable refuses text that fits no phrase, and that nobody can read, before any
// repository is touched.
func (k *Kernel) readable(text string) error {
	lib, err := k.library()
	if err != nil {
		return err
	}
	var not *tasks.NotUnderstood
	if _, err := lib.Understand(text, nil); errors.As(err, &not) && !k.canRead() {
		return err
	}
	return nil
}

// target is what an intent is about, relative to the repository.
type target struct {
	file   string // file or folder, "." for the whole
	symbol string
}

// understand turns the request into SLAPS with a resolved target. Symbols are
// looked for only when nothing else has the name: they cost parsing.
func (k *Kernel) understand(ctx context.Context, c Caller, r IntentRequest, root rmg.Path, tree rmg.Graph) (tasks.SLAPS, target, error) {
	list, err := fileTargets(root, tree)
	if err != nil {
		return tasks.SLAPS{}, target{}, err
	}
	var s tasks.SLAPS
	if r.SLAPS != nil {
		s = *r.SLAPS
		if s.Target.Ref == "" {
			list = append(list, k.symbolTargets(root, tree)...)
			s.Target, err = tasks.ResolveTarget(s.Target.Name, list)
		}
	} else {
		var none *tasks.NoTarget
		lib, lerr := k.library()
		if lerr != nil {
			return tasks.SLAPS{}, target{}, lerr
		}
		s, err = lib.Understand(r.Text, list)
		if errors.As(err, &none) && len(none.Ambiguous) == 0 {
			s, err = lib.Understand(r.Text, append(list, k.symbolTargets(root, tree)...))
		}
		if not := (*tasks.NotUnderstood)(nil); errors.As(err, &not) && k.canRead() {
			s, err = k.meant(ctx, c, r, root, tree, err)
		}
	}
	if err != nil {
		return s, target{}, err
	}
	rel, ok := relTo(root, rmg.Path(s.Target.Ref))
	if _, exists := planted(root, tree).Get(rmg.Path(s.Target.Ref)); !ok || !exists {
		return s, target{}, &rmg.Error{
			Op: "intent", Path: rmg.Path(s.Target.Ref), Code: rmg.NotFound, Msg: fmt.Sprintf("the target %q is not in this repository", s.Target.Name),
			Hint: "jitos graph " + string(root) + " shows what is",
		}
	}
	t := target{file: rel}
	if rel == "" {
		t.file = "."
	}
	if s.Target.Type == "symbol" {
		t.symbol = s.Target.Name
	}
	return s, t, nil
}

// fileTargets lists the repository, its folders and its files.
func fileTargets(root rmg.Path, tree rmg.Graph) ([]tasks.Target, error) {
	out := []tasks.Target{{Name: root.Segments()[1].ID, Type: "repository", Ref: string(root), File: "."}}
	for p, e := range planted(root, tree).Walk(root) {
		rel, ok := relTo(root, p)
		if !ok || rel == "" {
			continue
		}
		typ := "file"
		if e.Kind == rewrite.KindDir {
			typ = "folder"
		}
		out = append(out, tasks.Target{Name: rel, Type: typ, Ref: string(p), File: rel})
		if len(out) > maxTargets {
			return nil, &rmg.Error{Op: "intent", Code: rmg.Limit, Msg: fmt.Sprintf("the repository has more than %d files", maxTargets)}
		}
	}
	return out, nil
}

// symbolTargets lists the top-level names that Go files declare.
func (k *Kernel) symbolTargets(root rmg.Path, tree rmg.Graph) []tasks.Target {
	var out []tasks.Target
	files := 0
	for p, e := range planted(root, tree).Walk(root) {
		if e.Kind != rewrite.KindFile || path.Ext(e.ID) != ".go" || files >= maxSymbolFiles {
			continue
		}
		files++
		src, err := readBlob(k.store, e.Props.Blob(rewrite.PropBlob))
		if err != nil {
			continue
		}
		f, _ := parser.ParseFile(token.NewFileSet(), e.ID, src, parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		rel, _ := relTo(root, p)
		for _, name := range declared(f) {
			out = append(out, tasks.Target{Name: name, Type: "symbol", Ref: string(p), File: rel})
		}
	}
	return out
}

// declared lists the functions, methods and types that a file declares.
func declared(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					names = append(names, t.Name.Name)
				}
			}
		}
	}
	return names
}

// facts is what the planner is told: of a tree, and which workers there are.
func (k *Kernel) facts(tree rmg.Graph) tasks.Facts {
	f := facts(tree)
	if f["language"] == "python" && k.usesPytest(tree) {
		f["pytest"], f["has_tests"] = true, true
	}
	for _, d := range k.opt.Runner.Describe() {
		f["worker_"+d.Name] = true
	}
	return f
}

// facts is what the planner is told of a tree.
func facts(tree rmg.Graph) tasks.Facts {
	f := tasks.Facts{"language": "", "has_tests": false, "has_deploy": true, "files": float64(0)}
	for _, name := range []string{"install", "health", "rollback"} {
		if e, ok := tree.Get(rmg.Root.Join("deploy", name)); !ok || e.Kind != rewrite.KindFile {
			f["has_deploy"] = false
		}
	}
	files, python, pythonTests := 0, false, false
	for _, e := range tree.Walk(rmg.Root) {
		if e.Kind != rewrite.KindFile {
			continue
		}
		files++
		if e.ID == "go.mod" {
			f["language"] = "go"
		}
		if strings.HasSuffix(e.ID, "_test.go") {
			f["has_tests"] = true
		}
		if path.Ext(e.ID) == ".py" {
			python, pythonTests = true, pythonTests || strings.HasPrefix(e.ID, "test")
		}
	}
	if f["language"] == "" && python {
		f["language"], f["has_tests"] = "python", pythonTests
	}
	f["files"] = float64(files)
	return f
}

// moduleOf returns the folder of the Go module that a file or folder belongs
// to: the nearest go.mod upwards, or else the only or the shallowest one.
func moduleOf(tree rmg.Graph, file string) string {
	has := func(dir string) bool {
		p := rmg.Root
		if dir != "." {
			p = p.Join(strings.Split(dir, "/")...)
		}
		_, ok := tree.Get(p.Child("go.mod"))
		return ok
	}
	for dir := path.Clean(file); ; dir = path.Dir(dir) {
		if has(dir) {
			return dir
		}
		if dir == "." {
			break
		}
	}
	best := "."
	depth := 1 << 30
	for p, e := range tree.Walk(rmg.Root) {
		if e.ID == "go.mod" && len(p.Segments()) < depth {
			rel, _ := relTo(rmg.Root, p)
			depth, best = len(p.Segments()), path.Dir(rel)
		}
	}
	return best
}

// rightsOf derives a process's capabilities from its intent and plan.
func rightsOf(s tasks.SLAPS, plan *tasks.Plan, protected []string) work.Rights {
	r := work.Rights{Network: networkOf(s.Scope.Network), Hosts: s.Scope.Network, Write: s.Scope.Include, Granted: s.Scope.Protected, Adds: s.Scope.Adds, DropTests: s.Scope.DropTests}
	for _, g := range protected {
		if !strings.HasPrefix(g, "/") {
			r.Protected = append(r.Protected, g)
		}
	}
	r.Protected, r.Excluded = append(r.Protected, s.Scope.Exclude...), s.Scope.Exclude
	seen := map[string]bool{}
	all := plan.All()
	for _, t := range all {
		if !seen[t.Worker] {
			seen[t.Worker] = true
			r.Workers = append(r.Workers, t.Worker)
		}
		for _, g := range t.Adds {
			if !slices.Contains(r.Adds, g) {
				r.Adds = append(slices.Clip(r.Adds), g)
			}
		}
	}
	if len(r.Write) == 0 {
		for _, t := range all {
			r.Write = append(r.Write, t.Writes...)
		}
	}
	if len(r.Write) == 0 {
		r.Write = []string{"**"}
	}
	return r
}

// start puts the process into the ledger, with its plan and its workspace, in
// one record, and begins to drive it.
func (k *Kernel) start(ctx context.Context, once Once, p Process, root rmg.Path, module string, t target, seen dirtyState) (Process, error) {
	slaps, err := json.Marshal(p.SLAPS)
	if err != nil {
		return Process{}, err
	}
	plan, err := json.Marshal(p.Plan)
	if err != nil {
		return Process{}, err
	}
	rights, err := json.Marshal(p.Rights)
	if err != nil {
		return Process{}, err
	}
	tree, err := json.Marshal(p.Plan.Tree)
	if err != nil {
		return Process{}, err
	}
	dirty := make([]rmg.Value, len(p.Dirty))
	for i, d := range p.Dirty {
		dirty[i] = textValue(d)
	}
	fresh := false
	rec, err := k.systemOnce(ctx, once, p.Owner, "intent", p.Text, func(f *fold, seq uint64) ([]rewrite.Op, error) {
		fresh = true
		id := processID(seq)
		sws := spaceID(seq)
		props := map[string]rmg.Value{
			"text": rmg.String(p.Text), "owner": rmg.String(p.Owner), "slaps": rmg.String(string(slaps)), "plan": rmg.String(string(plan)),
			"rights": rmg.String(string(rights)), "root": rmg.Ref(root), "top": rmg.String(p.Top), "branch": rmg.String(p.Branch),
			"base": rmg.String(p.Base), "sws": rmg.Ref(swsPath(sws)), "land": rmg.String(p.Land), "module": rmg.String(module),
			"target": rmg.String(t.file), "isolation": rmg.String(p.Isolation), "epoch": rmg.Int(int64(k.epoch)), "started_ms": rmg.Int(k.lastAt.UnixMilli()),
		}
		if r := lanesOf(p.Plan); r > 0 {
			props["lanes"] = rmg.Int(int64(r))
		} else {
			props[propTree] = rmg.String(string(tree))
		}
		if p.ask {
			props["approve"] = rmg.String(approveAsk)
		}
		if t.symbol != "" {
			props["symbol"] = rmg.String(t.symbol)
		}
		if len(dirty) > 0 {
			props["dirty"] = rmg.List(dirty...)
		}
		ops := []rewrite.Op{addOp(procPath(id), kindProcess, props)}
		ops = append(ops, planOps(procPath(id), p.Plan)...)
		for lane := 1; lane <= max(1, lanesOf(p.Plan)); lane++ {
			why := "workspace of " + id
			if lane > 1 {
				why = fmt.Sprintf("%s, lane %d", why, lane)
			}
			spec := forkSpec{from: "system", owner: p.Owner, process: id, reason: why}
			ops = append(ops, forkOp(laneID(id, lane), f.seq, spec, k.lastAt))
		}
		return ops, nil
	})
	if err != nil {
		return Process{}, err
	}
	id := processID(rec.Seq)
	if fresh {
		for lane := 1; lane <= max(1, lanesOf(p.Plan)); lane++ {
			if err := k.bringIn(ctx, seen, laneID(id, lane)); err != nil {
				return Process{}, orError(k.recordFailure(id, err, 0), err)
			}
		}
		k.launch(id)
	}
	return k.Process(id)
}

func processID(seq uint64) string { return fmt.Sprintf("p%d", seq) }

// planOps puts a plan into a process's inner graph: tasks, their needs, and the
// tasks that are done in the end or undo them.
func planOps(at rmg.Path, plan *tasks.Plan) []rewrite.Op {
	var ops []rewrite.Op
	for _, t := range plan.All() {
		ops = append(ops, addOp(at.Child(t.ID), kindTask, map[string]rmg.Value{
			"name": rmg.String(t.Name), "worker": rmg.String(t.Worker), "action": rmg.String(t.Action),
		}))
	}
	for _, t := range slices.Concat(plan.Tasks, plan.Finally) {
		for _, n := range t.Needs {
			ops = append(ops, rewrite.Op{Op: rewrite.AddEdge, Path: at.EdgeChild(t.ID + " needs " + n), Kind: kindNeeds, From: t.ID, To: n})
		}
	}
	return ops
}

// textValue is a string, or bytes where it is not UTF-8.
func textValue(s string) rmg.Value {
	if strings.ToValidUTF8(s, "") != s {
		return rmg.Bytes([]byte(s))
	}
	return rmg.String(s)
}
