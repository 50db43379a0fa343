package kernel

import (
	"context"
	"fmt"
	"path"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// gateMillis is how long a gate may take unless it says otherwise.
const gateMillis = 10 * 60 * 1000

// headMillisMin is how long it may take, at least, at the head of the branch.
const headMillisMin = 10 * 1000

// criteriaGates compiles success criteria into gates.
func criteriaGates(list []tasks.Criterion, root rmg.Path, module string) ([]work.Gate, error) {
	var out []work.Gate
	for i, c := range list {
		g := work.Gate{Name: c.Name, Module: module, NewTest: c.NewTest, RedBefore: c.RedBefore, Inputs: c.Inputs, TimeoutMillis: gateMillis}
		if g.Name == "" {
			g.Name = fmt.Sprintf("%s %d", c.Type, i+1)
		}
		switch c.Type {
		case "command":
			g.Kind, g.Argv = work.GateCommand, strings.Fields(c.Value)
			if len(g.Argv) == 0 {
				return nil, &rmg.Error{Op: "gates", Code: rmg.Invalid, Msg: fmt.Sprintf("success criterion %d names no command", i)}
			}
		case "test":
			g.Kind, g.Pattern = work.GateTest, testPattern(c.Value, root, module)
		case "file":
			g.Kind, g.Pattern = work.GateFile, c.Value
		case "query":
			if _, _, err := queryOf(c.Value); err != nil {
				return nil, &rmg.Error{
					Op: "gates", Code: rmg.Invalid, Msg: fmt.Sprintf("success criterion %d: %v", i, err),
					Hint: "a query is a selector below the repository, as /internal/**[kind=Folder], or ! and one that nothing may match",
				}
			}
			g.Kind, g.Pattern = work.GateQuery, c.Value
		case "human":
			continue // is asked before the collapse: see wordsOf
		default:
			return nil, &rmg.Error{
				Op: "gates", Code: rmg.Invalid, Msg: fmt.Sprintf("success criterion %d has type %q", i, c.Type),
				Hint: "there are test, command, file, query and human",
			}
		}
		out = append(out, g)
	}
	return out, nil
}

// testPattern turns a graph path into a package pattern relative to the
// module; other values are patterns already.
func testPattern(value string, root rmg.Path, module string) string {
	rel, ok := relTo(root, rmg.Path(value))
	if !strings.HasPrefix(value, "/") || !ok {
		return value
	}
	if strings.Contains(path.Base(rel), ".") {
		rel = path.Dir(rel) // a file: its package
	}
	if module != "." && module != "" {
		rel = strings.TrimPrefix(strings.TrimPrefix(rel, module), "/")
	}
	if rel == "" || rel == "." {
		return "./..."
	}
	return "./" + rel + "/..."
}

// repoGates are the gates of a change made by hand: those of its language.
func repoGates(tree rmg.Graph, changed []string) []work.Gate {
	module := "."
	if len(changed) > 0 {
		module = moduleOf(tree, changed[0])
	}
	if facts(tree)["language"] != "go" {
		return nil
	}
	return []work.Gate{
		{Name: "build", Kind: work.GateCommand, Argv: []string{"go", "build", "./..."}, Module: module, TimeoutMillis: gateMillis},
		{Name: "vet", Kind: work.GateCommand, Argv: []string{"go", "vet", "./..."}, Module: module, TimeoutMillis: gateMillis},
		{Name: "all tests", Kind: work.GateTest, Pattern: "./...", Module: module, TimeoutMillis: gateMillis},
	}
}

// proof is what gates are judged on.
type proof struct {
	name    string    // of the place it runs in: "AuthService/main"
	base    rmg.Graph // the branch at the head it merges with
	next    rmg.Graph // the branch after the collapse: exactly the candidate's bytes
	gates   []work.Gate
	rights  work.Rights
	byHand  bool      // a person's own change: protected paths are theirs to change
	head    rmg.Graph // the world that it merges with, whose policy counts
	root    rmg.Path  // where the branch stands
	who     *subject  // who collapses
	top     string    // the repository's place
	strict  bool      // what process read in space counts, and is told
	space   string
	process string
	hooks   Hooks             // of the gates
	judges  func(string) bool // whether a file has a say in how gates end; nil: not looked at
	emit    func(work.Event)
}

// prove runs the gates on the candidate and judges them. All of them are run,
// so that a red one does not hide another. Tests, and commands that are red, are
// run at the head it merges with too: what was green there must still be, by
// name, and what was red there is not this change's doing.
//
// A gate whose command nobody has approved is not run at all.
func (k *Kernel) prove(ctx context.Context, p proof) ([]work.Evidence, error) {
	p.judges = k.judgesOf(p)
	may, ran, err := k.runApproved(ctx, p)
	if err != nil {
		return nil, err
	}
	var atHead []work.Gate
	for i, g := range p.gates {
		if may[i] && (g.Kind == work.GateTest || g.Kind == work.GateCommand && !ran[i].Green && !ran[i].TimedOut) {
			g.TimeoutMillis = headMillis(ran[i].Millis)
			atHead = append(atHead, g)
		}
	}
	head, err := k.run(ctx, p, p.base, atHead)
	if err != nil {
		return nil, err
	}
	out := []work.Evidence{k.policyEvidence(p)}
	if p.strict {
		out = append(out, k.isolationEvidence(p))
	}
	for i, g := range p.gates {
		e := ran[i]
		switch {
		case !may[i]:
		case g.Kind == work.GateTest:
			judgeTests(&e, head[0], g, p.rights.DropTests)
			head = head[1:]
		case g.Kind == work.GateCommand && !e.Green && !e.TimedOut:
			k.judgeCommand(&e, head[0])
			head = head[1:]
		}
		if n := len(e.Tries); e.Green && n > 0 {
			e.Reason += fmt.Sprintf("; %s before it red, and the gate may be flaky", plural(n, "run"))
		}
		out = append(out, e)
	}
	return out, nil
}

// runApproved runs on the candidate those gates that may be run, and says of the
// others what to type.
func (k *Kernel) runApproved(ctx context.Context, p proof) (may []bool, out []work.Evidence, err error) {
	var open []work.Gate
	out, may = make([]work.Evidence, len(p.gates)), make([]bool, len(p.gates))
	for i, g := range p.gates {
		if g.Kind == work.GateQuery {
			out[i] = queryEvidence(p, g)
			continue
		}
		if may[i] = g.Approval == "" || k.isApproved(g.Approval); may[i] {
			open = append(open, g)
			continue
		}
		out[i] = work.Evidence{
			Gate: g.Name, Kind: g.Kind, Argv: g.Argv, Input: p.next.Digest(), Demanded: true, Reason: unapproved(g),
			Sandbox: work.Sandbox{Tier: "none", Network: "none (nothing is run)"},
		}
	}
	ran, err := k.run(ctx, p, p.next, open)
	if err != nil {
		return nil, nil, err
	}
	for i, g := range p.gates {
		if may[i] {
			out[i], ran = ran[0], ran[1:]
			out[i].Demanded = g.Approval != ""
		}
	}
	return may, out, nil
}

// headMillis is how long a gate may take at the head, given how long it took on
// the candidate: what a candidate mends may be a hang, which need not be waited
// out for as long as a slow test.
func headMillis(candidate int64) int64 {
	return min(gateMillis, max(headMillisMin, 10*candidate))
}

// recallProofs reads what earlier epochs proved, by its key: of commands that are
// red, so that they stay it, and what was green as it ran. What came of a
// comparison is not what came of the run, and what needed a second try is tried
// again. Under one key red comes before green.
func (k *Kernel) recallProofs() {
	e, ok := k.now().ledger.Get(procRoot)
	if !ok {
		return
	}
	var green []work.Evidence
	for p := range e.Graph.Nodes("") {
		for _, ev := range readEvidence(p.Graph) {
			switch {
			case ev.TimedOut:
			case ev.Kind == work.GateCommand && !ev.Green:
				k.proofs.keep(ev.Key, ev)
			case ev.Green && ev.Exit == 0 && ev.Fault == "" && len(ev.Tries) == 0:
				green = append(green, ev)
			}
		}
	}
	for _, ev := range green {
		k.proofs.keep(ev.Key, ev)
	}
}

// judgeCommand lets a red command pass only if the head it merges with is red
// in the same lines and the change adds none.
func (k *Kernel) judgeCommand(e *work.Evidence, base work.Evidence) {
	if base.Green || base.TimedOut || base.Exit != e.Exit || len(e.Argv) < 2 || e.Argv[1] != "vet" {
		return
	}
	was := map[string]int{}
	for _, l := range k.findings(base.Output) {
		was[l]++
	}
	found := k.findings(e.Output)
	for _, l := range found {
		if was[l] == 0 {
			return
		}
		was[l]--
	}
	if len(found) == 0 {
		return
	}
	e.Green = true
	e.Reason = "red at the head too, and nothing added by this change"
}

// findings are an output's lines without their line numbers.
func (k *Kernel) findings(b rmg.Blob) []string {
	data, err := readBlob(k.store, b)
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 4)
		if len(parts) == 4 {
			line = parts[0] + ":" + parts[3]
		}
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// some lists the first few names.
func some(names []string) string {
	if len(names) > 4 {
		return strings.Join(names[:4], ", ") + fmt.Sprintf(" and %d more", len(names)-4)
	}
	return strings.Join(names, ", ")
}

// changedFiles lists the files that differ between two trees, relative, sorted.
func changedFiles(base, next rmg.Graph) []string {
	var out []string
	for c := range rmg.Diff(base, next) {
		kind := c.New.Kind
		if c.Kind == rmg.Removed {
			kind = c.Old.Kind
		}
		if kind == rewrite.KindDir && c.Old.Kind == c.New.Kind {
			continue
		}
		if kind == rewrite.KindDir && (c.Kind == rmg.Added || c.Kind == rmg.Removed) {
			continue
		}
		if rel, ok := relTo(rmg.Root, c.Path); ok {
			out = append(out, rel)
		}
	}
	return out
}
