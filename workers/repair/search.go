package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// maxAgain is how many candidates that seemed to hang are tried once more, one at a
// time, when nothing else is a repair.
const maxAgain = 8

// alternatives is how many candidates after the one that is taken are tested too:
// a repair that is not the only one is no more than plausible, and whoever reads
// it is told what else would do.
const alternatives = 4

// implement makes candidates, tries them in order, and adopts the first that
// turns every test green. Changes of two places are tried when none of one does.
func (w *Worker) implement(ctx context.Context, a work.Assignment, l language) (work.Result, error) {
	failing := inputList(a, "failing")
	var suspects []suspect
	for _, text := range inputList(a, "suspects") {
		if s, ok := parseSuspect(text); ok {
			suspects = append(suspects, s)
		}
	}
	if len(failing) == 0 || len(suspects) == 0 {
		return failed("there is nothing to search: no failing test, or no suspicious line"), nil
	}
	list, err := l.propose(ctx, a, suspects)
	if err != nil {
		return work.Result{}, err
	}
	if len(list) == 0 {
		return failed("no small change of the suspicious lines compiles", "most suspicious: "+suspects[0].String()), nil
	}
	a.Emit(work.Event{Text: fmt.Sprintf("%s to try", plural(len(list), "candidate")), Data: map[string]any{"total": len(list)}})
	s := &search{
		w: w, a: a, list: list, failing: failing, packages: inputList(a, "packages"), limit: briefLimit, first: -1,
		greened: map[int]int{}, language: l,
	}
	for _, p := range a.Inputs {
		s.passing = max(s.passing, int(p.Int("passing")))
		s.limit = max(s.limit, time.Duration(p.Int("limit_ms"))*time.Millisecond)
		s.endless = s.endless || p.Bool("hangs")
	}
	if err := s.run(ctx, w.lanes); err != nil {
		return work.Result{}, err
	}
	if s.first < 0 {
		room := min(maxPairs, a.Budget.Candidates-len(s.list))
		two := pairs(s.list, s.greened, room, func() bool { return ctx.Err() != nil })
		a.Emit(work.Event{Text: fmt.Sprintf("none of one change is a repair; %s of two to try", plural(len(two), "candidate")), Data: map[string]any{"total": len(list) + len(two)}})
		s.list = append(s.list, two...)
		if err := s.run(ctx, w.lanes); err != nil {
			return work.Result{}, err
		}
	}
	if s.first < 0 && !s.endless {
		if err := s.again(ctx); err != nil {
			return work.Result{}, err
		}
	}
	return s.result(suspects), nil
}

// propose makes the candidates for the suspicious lines, in order, as many as
// the budget has: an eighth of it is left for changes of two places.
func (w *Worker) propose(ctx context.Context, a work.Assignment, suspects []suspect) ([]candidate, error) {
	f, err := a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := list(ctx, w.tool, placeOf(f, a))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	scores := map[string]map[int]float64{}
	for _, s := range suspects {
		names[s.file] = true
		if scores[s.file] == nil {
			scores[s.file] = map[int]float64{}
		}
		scores[s.file][s.line] = s.score
	}
	packages, err := load(all, f.Path(), names)
	if err != nil {
		return nil, fmt.Errorf("the packages could not be read: %w", err)
	}
	hint, _ := a.Args["hint"].(string)
	hangs := false
	for _, in := range a.Inputs {
		hangs = hangs || in.Bool("hangs")
	}
	var out []candidate
	for _, p := range packages {
		if hangs {
			spreadInLoops(p, scores)
		}
		spread(p, scores)
		for _, file := range p.files {
			if !file.editable || scores[file.name] == nil {
				continue
			}
			bonus := hintBonus(file.name, hint)
			out = append(out, candidates(p, file, suspects[0].score, func(line int) float64 { return scores[file.name][line] * bonus })...)
		}
	}
	order(out)
	return viable(out, a.Budget.Candidates-min(maxPairs, a.Budget.Candidates/8), func() bool { return ctx.Err() != nil }), ctx.Err()
}

// survivor is a candidate that turns every test green.
type survivor struct {
	index int
	space string
}

// search tries candidates side by side. Which one wins is decided by their
// order alone: a success ends the handing out of later ones, but for a few, and
// waits for the earlier.
type search struct {
	w        *Worker
	a        work.Assignment
	list     []candidate
	language language
	failing  []string // tests that have to turn green
	passing  int      // how many were green
	packages []string // those of failing
	limit    time.Duration
	endless  bool // the bug itself makes a test hang, and so do most candidates

	before struct {
		sync.Mutex // held while they are found out
		known      bool
		red        []string // tests of the whole module that are red without any change
		unbuilt    []string // packages that do not build without any change
	}
	mu      sync.Mutex // guards the fields below
	next    int
	first   int // lowest successful index so far; -1 if none
	winner  work.Workspace
	green   []survivor  // all that are, the winner among them
	greened map[int]int // how many of the failing tests a candidate turned green
	tried   int
	hung    []int // candidates that reached the time limit
	err     error
}

func (s *search) run(ctx context.Context, lanes int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for lane := range lanes {
		wg.Go(func() {
			if err := s.lane(ctx, lane); err != nil {
				s.mu.Lock()
				if s.err == nil {
					s.err = err
				}
				s.mu.Unlock()
				stop()
			}
		})
	}
	wg.Wait()
	return s.err
}

// again tries those that reached the time limit once more, with a longer one and
// nothing of this search beside them: a machine that stood still for a while makes
// any test hang.
func (s *search) again(ctx context.Context) error {
	if s.limit = s.longer(s.limit); s.limit == 0 || len(s.hung) == 0 {
		return nil
	}
	slices.Sort(s.hung)
	list := slices.Clone(s.hung[:min(maxAgain, len(s.hung))])
	s.a.Emit(work.Event{Text: fmt.Sprintf("none is a repair; %s that reached the time limit once more, with %v", plural(len(list), "candidate"), s.limit)})
	f, err := s.a.Workspace.Materialise(ctx, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	s.tried -= len(list)
	for _, i := range list {
		if err := s.try(ctx, f, i); err != nil || s.first >= 0 {
			return err
		}
	}
	return nil
}

// longer is the next time limit, 0 for the longest.
func (s *search) longer(limit time.Duration) time.Duration {
	switch {
	case limit < quickLimit:
		return quickLimit
	case limit < againLimit:
		return againLimit
	}
	return 0
}

// take hands out the next candidate, -1 when there is none to try.
func (s *search) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next >= len(s.list) || s.first >= 0 && s.next > s.first+alternatives {
		return -1
	}
	s.next++
	return s.next - 1
}

func (s *search) lane(ctx context.Context, lane int) error {
	f, err := s.a.Workspace.Materialise(ctx, lane)
	if err != nil {
		return err
	}
	defer f.Close()
	for i := s.take(); i >= 0; i = s.take() {
		if err := s.try(ctx, f, i); err != nil {
			return err
		}
	}
	return nil
}

// try tests one candidate in a workspace of its own.
func (s *search) try(ctx context.Context, f work.Folder, i int) error {
	c := s.list[i]
	var ops []rewrite.Op
	for _, t := range c.texts() {
		blob, err := s.a.Workspace.PutBlob(t.src)
		if err != nil {
			return err
		}
		ops = append(ops, rewrite.Op{Op: rewrite.Write, Path: s.a.Repo.Root.Join(strings.Split(t.file.name, "/")...), Blob: blob})
	}
	child, err := s.a.Workspace.Fork(ctx, fmt.Sprintf("candidate %d: %s", i+1, c), ops)
	var e *rmg.Error
	if errors.As(err, &e) && e.Code == rmg.Denied {
		s.note(i, c, "not allowed: "+e.Msg)
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Update(ctx, child); err != nil {
		return err
	}
	why, err := s.language.judge(ctx, s, f, i)
	if err != nil {
		return err
	}
	s.note(i, c, why)
	if why == "" {
		return s.won(ctx, i, child)
	}
	return child.Discard(ctx, why)
}

// judge runs the tests of Go: the failing ones, those of their packages, then all. why
// is empty for a repair.
func (s *search) judge(ctx context.Context, f work.Folder, i int) (why string, err error) {
	place := placeOf(f, s.a)
	run, err := s.w.tool.Test(ctx, place, gotool.TestOptions{
		Patterns: s.packages, Run: topLevel(s.failing), FailFast: len(s.failing) == 1, NoVet: true, Timeout: s.limit,
	})
	if err != nil {
		return "", err
	}
	if run.Exit != 0 {
		s.learn(i, run)
		return s.red(i, run), nil
	}
	// A cheap look at what the change may have made hang, before the long one.
	if run, err = s.w.tool.Test(ctx, place, gotool.TestOptions{Patterns: s.packages, NoVet: true, Timeout: s.limit}); err != nil {
		return "", err
	}
	if hung(run) {
		return s.red(i, run), nil
	}
	// Elsewhere tests may be slow, and red ones none of this intent's business.
	if run, err = s.w.tool.Test(ctx, place, gotool.TestOptions{Patterns: []string{"./..."}, NoVet: true, Timeout: longLimit}); err != nil {
		return "", err
	}
	if missing := s.notGreen(run); missing != "" {
		return missing + " is not green", nil
	}
	if run.Exit == 0 {
		return "", nil
	}
	if err := s.lookBefore(ctx, f); err != nil {
		return "", err
	}
	for _, p := range run.BuildFailed {
		if !slices.Contains(s.before.unbuilt, p) {
			return "package " + p + " does not build any more", nil
		}
	}
	for _, t := range run.Failed() {
		if !slices.Contains(s.before.red, t) {
			return s.red(i, run), nil
		}
	}
	return "", nil
}

// lookBefore finds out, once, what is red without any change. The folder is left
// with another content.
func (s *search) lookBefore(ctx context.Context, f work.Folder) error {
	s.before.Lock()
	defer s.before.Unlock()
	if s.before.known {
		return nil
	}
	if err := f.Update(ctx, s.a.Workspace); err != nil {
		return err
	}
	run, err := s.w.tool.Test(ctx, placeOf(f, s.a), gotool.TestOptions{Patterns: []string{"./..."}, NoVet: true, Timeout: longLimit})
	if err != nil {
		return err
	}
	s.before.known, s.before.red, s.before.unbuilt = true, run.Failed(), run.BuildFailed
	return nil
}

// red says which test of a candidate is.
func (s *search) red(i int, run gotool.TestRun) string {
	if hung(run) {
		s.hangs(i)
		return fmt.Sprintf("a test hangs (%v)", s.limit)
	}
	if list := leaves(run.Failed()); len(list) > 0 {
		return "red: " + some(list)
	}
	return run.Summary()
}

// hangs notes that a candidate reached the time limit.
func (s *search) hangs(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.hung, i) {
		s.hung = append(s.hung, i)
	}
}

// notGreen names a test that should have turned green and was not seen to.
func (s *search) notGreen(run gotool.TestRun) string {
	green := map[string]bool{}
	for _, t := range run.Tests {
		if t.Status == work.TestPass {
			green[t.Package+"."+t.Name] = true
		}
	}
	for _, t := range s.failing {
		if !green[t] && !strings.Contains(t, "\uFFFD") {
			return t
		}
	}
	return ""
}

// topLevel is the -run pattern of the tests that hold the ones named, which are
// "package.Name/sub".
func topLevel(tests []string) string {
	var names []string
	for _, t := range tests {
		m := testName.FindStringSubmatch(t)
		if m == nil {
			continue
		}
		if name := regexp.QuoteMeta(m[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// testName finds the function: the package's path may hold dots, and a
// subtest's name anything.
var testName = regexp.MustCompile(`^[^ ]*?\.((?:Test|Fuzz|Example)[^/.]*)(?:/|$)`)

func (s *search) note(i int, c candidate, why string) {
	s.mu.Lock()
	s.tried++
	tried := s.tried
	s.mu.Unlock()
	verdict := why
	if verdict == "" {
		verdict = "every test is green"
	}
	s.a.Emit(work.Event{
		Text: fmt.Sprintf("tried %d of %d: %s: %s", tried, len(s.list), c, verdict),
		Data: map[string]any{"tried": tried, "total": len(s.list), "candidate": i + 1, "green": why == ""},
	})
}

// learn notes how many of the failing tests a candidate turned green that is no
// repair: it may be half of one.
func (s *search) learn(i int, run gotool.TestRun) {
	n := 0
	for _, t := range run.Tests {
		if t.Status == work.TestPass && slices.Contains(s.failing, t.Package+"."+t.Name) {
			n++
		}
	}
	s.mu.Lock()
	s.greened[i] = n
	s.mu.Unlock()
}

// won notes a success; of two the earlier candidate stays.
func (s *search) won(ctx context.Context, i int, child work.Workspace) error {
	s.mu.Lock()
	s.green = append(s.green, survivor{i, child.ID()})
	loser := child
	if s.first < 0 || i < s.first {
		s.first, loser, s.winner = i, s.winner, child
	}
	s.mu.Unlock()
	if loser == nil {
		return nil
	}
	return loser.Discard(ctx, "green, but an earlier candidate is too")
}

func (s *search) result(suspects []suspect) work.Result {
	if s.winner == nil {
		res := failed(fmt.Sprintf("not repaired: %s tried, none turns every test green", plural(s.tried, "candidate")))
		for _, x := range suspects[:min(5, len(suspects))] {
			res.Reasons = append(res.Reasons, fmt.Sprintf("suspicious: %s (%.2f)", x, x.score))
		}
		if len(s.hung) > 0 {
			res.Reasons = append(res.Reasons, fmt.Sprintf("%s made a test hang", plural(len(s.hung), "candidate")))
		}
		res.Reasons = append(res.Reasons, "give a larger budget.candidates, or fix it by hand: the workspaces are kept")
		return res
	}
	c := s.list[s.first]
	res := work.Result{
		OK: true, Adopt: s.winner.ID(), Summary: fmt.Sprintf("%d tried, candidate %d turns every test green: %s", s.tried, s.first+1, c),
	}
	others := s.others()
	if len(others) > 0 {
		res.Summary += fmt.Sprintf(" (plausible; %s as well)", plural(len(others), "other")+" would do")
	}
	res.Output = rmg.PropsOf(map[string]rmg.Value{
		"tried": rmg.Int(int64(s.tried)), "candidates": rmg.Int(int64(len(s.list))), "winner": rmg.Int(int64(s.first + 1)),
		"operator": rmg.String(c.operators()), "file": rmg.String(c.file.name), "line": rmg.Int(int64(c.line)), "change": rmg.String(c.String()),
		"alternatives": texts(others),
	})
	return res
}

// others are the candidates after the winner that turn every test green too, as
// far as they were tested, which does not depend on how many ran side by side.
func (s *search) others() []string {
	slices.SortFunc(s.green, func(a, b survivor) int { return cmp.Compare(a.index, b.index) })
	var out []string
	for _, g := range s.green {
		if g.index > s.first && g.index <= s.first+alternatives {
			out = append(out, fmt.Sprintf("%s: %s", g.space, s.list[g.index]))
		}
	}
	return out
}
