package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The limits of a bisection.
const (
	maxBisectSteps   = 64        // versions that are looked at
	maxBisectRecords = 2_000_000 // records that touch the path
)

// The exit codes of a bisection's command that mean something of their own, as
// git bisect run has them.
const (
	exitSkip  = 125 // this version cannot be judged
	exitAbort = 128 // from here on: the command itself is broken
)

// BisectRequest asks which record made a condition false: an expression about
// what stands at Path, or a command that is run in the branch's files and ends
// with 0 where it holds.
type BisectRequest struct {
	Path     rmg.Path // only records at or below it come into question; of a command "" is the branch
	Expr     string
	Argv     []string
	From, To uint64 // a seq where it holds, and one where it does not; 0: the first that touches Path, and the last
}

// BisectStep is one version that was looked at.
type BisectStep struct {
	Seq  uint64
	Good bool
	Skip bool
	Note string // why, if there is more to say: the end of the command's output
}

// Bisection is what was found: the condition holds after Good, and no longer
// after Bad, which Record made.
type Bisection struct {
	Path       rmg.Path
	Good, Bad  uint64
	Record     Record   // without ops
	Suspects   []uint64 // with Bad: what could not be told from it, since versions between were skipped
	Candidates int      // records that came into question
	Steps      []BisectStep
	Changes    []rmg.Change // of Record, at and below Path
}

// Bisect looks for the record that made a condition false, in about log2 n
// steps for n records that touch the path. If the condition turns more than
// once it finds one of the turns.
//
// Invalid: it does not hold at From, or does at To. Limit: too many records or
// steps. seen is told of each version as it is judged.
func (k *Kernel) Bisect(ctx context.Context, c Caller, q BisectRequest, seen func(BisectStep)) (Bisection, error) {
	b := &bisect{k: k, seen: seen, out: Bisection{Path: q.Path}}
	if err := b.condition(c, q); err != nil {
		return b.out, err
	}
	if err := b.between(q); err != nil {
		return b.out, err
	}
	if err := b.ends(ctx); err != nil {
		return b.out, err
	}
	if err := b.search(ctx); err != nil {
		return b.out, err
	}
	return b.out, b.tell()
}

// bisect is one search.
type bisect struct {
	k      *Kernel
	judge  func(ctx context.Context, world rmg.Graph) (good, skip bool, note string, err error)
	seen   func(BisectStep)
	from   uint64
	to     uint64
	points []uint64 // seqs in (from, to] that touch the path, in order
	skips  map[int]bool
	out    Bisection

	world func(n uint64) (rmg.Graph, error) // what stands at a number; nil: after that record
	name  func(n uint64) string             // of a number, for who reads of it; nil if it is a seq
}

// condition makes the judge.
func (b *bisect) condition(c Caller, q BisectRequest) error {
	switch {
	case (q.Expr == "") == (len(q.Argv) == 0):
		return &rmg.Error{Op: "bisect", Code: rmg.Invalid, Msg: "give either an expression or a command", Hint: "jitos bisect --path /svc/a --expr 'element.props.v < 3', or --run 'go test ./...'"}
	case q.Expr != "":
		if q.Path == "" {
			return &rmg.Error{Op: "bisect", Code: rmg.Invalid, Msg: "an expression is about a path, and none is given"}
		}
		ask, err := ask(b.k.store, q.Path, q.Expr)
		if err != nil {
			return err
		}
		b.judge = func(_ context.Context, world rmg.Graph) (bool, bool, string, error) {
			yes, note, err := ask.holds(world)
			return yes, false, note, err
		}
		return nil
	}
	root, ok := branchOf(q.Path)
	if !ok {
		var err error
		now := b.k.now().world
		if root, err = execBranch(&space{base: now, now: head{world: now}}); err != nil {
			return err
		}
		if q.Path != "" && q.Path != rmg.Root {
			return &rmg.Error{Op: "bisect", Path: q.Path, Code: rmg.Invalid, Msg: "a command runs in a branch, and this path is in none", Hint: "use --expr, or a path below /repo/NAME/BRANCH"}
		}
		b.out.Path = root
	}
	b.judge = func(ctx context.Context, world rmg.Graph) (bool, bool, string, error) {
		return b.k.judgeByCommand(ctx, c, world, root, ".", q.Argv)
	}
	return nil
}

// judgeByCommand runs a command, sandboxed, in a version's files; what it
// changes there is thrown away. A version without the branch is skipped.
func (k *Kernel) judgeByCommand(ctx context.Context, c Caller, world rmg.Graph, root rmg.Path, module string, argv []string) (good, skip bool, note string, err error) {
	if _, ok := world.Get(root); !ok {
		return false, true, "the branch is not there yet", nil
	}
	segs := root.Segments()
	rights := work.Rights{Workers: []string{"script"}, Write: []string{"**"}, Network: "none"}
	args := make([]any, len(argv))
	for i, a := range argv {
		args[i] = a
	}
	last := ""
	res, err := k.opt.Runner.Run(ctx, "script", work.Assignment{
		Task: "bisect", Action: "run", Args: map[string]any{"argv": args, "allow_fail": true}, Attempt: 1,
		Repo:   work.Repo{Name: segs[1].ID, Branch: segs[2].ID, Root: root, Module: module, Target: "."},
		Rights: rights, Budget: budgetOf(tasks.Budget{}), Query: query{k: k},
		Workspace: k.newScratch(world, root, rights, "bisect"),
		Emit: func(ev work.Event) {
			if t := strings.TrimSpace(ev.Text); t != "" {
				last = t
			}
		},
	})
	if err != nil {
		return false, false, "", err
	}
	exit := int(res.Output.Int("exit"))
	switch {
	case !res.OK && exit == 0:
		return false, true, orText(res.Summary, "the command did not run"), nil
	case exit == 0:
		return true, false, "", nil
	case exit == exitSkip:
		return false, true, last, nil
	case exit >= exitAbort || exit < 0:
		return false, false, "", &rmg.Error{
			Op: "bisect", Code: rmg.GateFailed, Msg: fmt.Sprintf("%s ended with exit %d: %s", argv[0], exit, last),
			Hint: "exit 0 says good, 125 skip, 1 to 127 bad; anything else ends the search",
		}
	}
	return false, false, last, nil
}

// between finds the records that come into question.
func (b *bisect) between(q BisectRequest) error {
	now := b.k.now().seq
	b.from, b.to = q.From, q.To
	if b.to == 0 {
		b.to = now
	}
	if b.to > now {
		return noVersion(Version{Seq: b.to})
	}
	if b.from > b.to {
		return &rmg.Error{Op: "bisect", Code: rmg.Invalid, Msg: fmt.Sprintf("from %d comes after to %d", b.from, b.to)}
	}
	for r, err := range b.k.Records(b.from+1, b.to) {
		if err != nil {
			return err
		}
		if r.View != "system" || !slices.ContainsFunc(r.Ops, func(op rewrite.Op) bool { return concerns(op, b.out.Path) }) {
			continue
		}
		if b.from == 0 {
			b.from = r.Seq
			continue
		}
		if b.points = append(b.points, r.Seq); len(b.points) > maxBisectRecords {
			return &rmg.Error{Op: "bisect", Code: rmg.Limit, Msg: fmt.Sprintf("more than %d records touch %s", maxBisectRecords, b.out.Path), Hint: "narrow it: --from, --to, a path further down"}
		}
	}
	b.out.Candidates = len(b.points)
	return nil
}

// concerns reports whether an op changes the element at a path, or anything
// below it.
func concerns(op rewrite.Op, at rmg.Path) bool {
	return at.Has(op.Path) || op.Op == rewrite.Move && at.Has(op.Dest) || reaches(op, at, "")
}

// ends makes sure that the condition holds at one end and not at the other.
func (b *bisect) ends(ctx context.Context) error {
	wrong := func(s BisectStep, format string, args ...any) error {
		msg := fmt.Sprintf(format, args...)
		if s.Note != "" {
			msg += ": " + s.Note
		}
		return &rmg.Error{Op: "bisect", Path: b.out.Path, Code: rmg.Invalid, Msg: msg, Hint: "--from is a seq where it holds, --to one where it does not; jitos log --path " + string(b.out.Path) + " lists them"}
	}
	if b.from == 0 {
		return &rmg.Error{Op: "bisect", Path: b.out.Path, Code: rmg.NotFound, Msg: fmt.Sprintf("no record up to %d touches it", b.to)}
	}
	s, err := b.step(ctx, b.from)
	if err != nil {
		return err
	}
	if !s.Good {
		return wrong(s, "it does not hold at seq %d, where it should", b.from)
	}
	if s, err = b.step(ctx, b.to); err != nil {
		return err
	}
	if s.Good || s.Skip {
		return wrong(s, "it still holds at seq %d, or cannot be judged there", b.to)
	}
	if len(b.points) == 0 {
		return wrong(s, "no record between %d and %d touches the path", b.from, b.to)
	}
	return nil
}

// step judges the world after one record.
func (b *bisect) step(ctx context.Context, seq uint64) (BisectStep, error) {
	s := BisectStep{Seq: seq}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	if len(b.out.Steps) == maxBisectSteps {
		return s, &rmg.Error{Op: "bisect", Code: rmg.Limit, Msg: fmt.Sprintf("not found in %d steps: too many versions cannot be judged", maxBisectSteps), Hint: "narrow it: --from, --to"}
	}
	find := b.world
	if find == nil {
		find = b.k.worldAfter
	}
	world, err := find(seq)
	if err != nil {
		return s, err
	}
	if s.Good, s.Skip, s.Note, err = b.judge(ctx, world); err != nil {
		return s, err
	}
	b.out.Steps = append(b.out.Steps, s)
	if b.seen != nil {
		b.seen(s)
	}
	return s, nil
}

// search halves. It holds before points[lo+1] and no longer after points[hi].
func (b *bisect) search(ctx context.Context) error {
	b.skips = map[int]bool{}
	lo, hi := -1, len(b.points)-1
	for {
		mid, ok := b.next(lo, hi)
		if !ok {
			break
		}
		s, err := b.step(ctx, b.points[mid])
		switch {
		case err != nil:
			return err
		case s.Skip:
			b.skips[mid] = true
		case s.Good:
			lo = mid
		default:
			hi = mid
		}
	}
	b.out.Good, b.out.Bad = b.from, b.points[hi]
	if lo >= 0 {
		b.out.Good = b.points[lo]
	}
	for i := lo + 1; i < hi; i++ {
		b.out.Suspects = append(b.out.Suspects, b.points[i])
	}
	return nil
}

// next is the version nearest to the middle that was not skipped.
func (b *bisect) next(lo, hi int) (int, bool) {
	mid := lo + (hi-lo)/2
	for d := 0; mid-d > lo || mid+d < hi; d++ {
		for _, i := range []int{mid - d, mid + d} {
			if i > lo && i < hi && !b.skips[i] {
				return i, true
			}
		}
	}
	return 0, false
}

// tell reads the record that was found, and what it changed there.
func (b *bisect) tell() error {
	r, err := b.k.record(b.out.Bad)
	if err != nil {
		return err
	}
	r.Ops = nil
	b.out.Record = r
	before, after, err := b.k.around(b.out.Bad)
	if err != nil {
		return err
	}
	for c := range rmg.Diff(before, after) {
		if b.out.Path.Has(c.Path) || c.Path.Has(b.out.Path) {
			b.out.Changes = append(b.out.Changes, c)
		}
	}
	return nil
}
