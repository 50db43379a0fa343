package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// propSpent is the prop of a process that holds what it spent.
const propSpent = "spent"

// spending counts what a process uses while it is driven, and refuses what goes
// beyond its budget. A nil one counts nothing.
type spending struct {
	budget tasks.Budget

	mu   sync.Mutex // guards the fields below
	used Spent
	over error // the first refusal
}

// overBudget is the error of a budget that is used up; it names the budget.
func overBudget(name, msg string) error {
	return &rmg.Error{Op: "budget", Code: rmg.Limit, Msg: fmt.Sprintf("the budget %s is used up: %s", name, msg), Hint: "a larger budget." + name + " in the SLAPS document allows more"}
}

func isLimit(err error) bool {
	var e *rmg.Error
	return errors.As(err, &e) && e.Code == rmg.Limit
}

// onlyLimit passes on an error that is a limit.
func onlyLimit(err error) error {
	if isLimit(err) {
		return err
	}
	return nil
}

// withWall bounds the time that a process is driven.
func withWall(ctx context.Context, b tasks.Budget) (context.Context, context.CancelFunc) {
	if b.WallMillis <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, time.Duration(b.WallMillis)*time.Millisecond, overBudget("wall_ms", fmt.Sprintf("the process ran for %d ms", b.WallMillis)))
}

// write counts a rewrite, or refuses it.
func (s *spending) write(ops []rewrite.Op) error {
	if s == nil {
		return nil
	}
	size := int64(0)
	for _, op := range ops {
		size += op.Blob.Size + int64(len(op.Text))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.budget
	switch {
	case s.over != nil:
		return s.over
	case b.Records > 0 && s.used.Records >= int64(b.Records):
		s.over = overBudget("records", fmt.Sprintf("%d rewrites", b.Records))
	case b.DiskBytes > 0 && s.used.Bytes+size > b.DiskBytes:
		s.over = overBudget("disk_bytes", fmt.Sprintf("%d bytes written, %d more asked for, %d allowed", s.used.Bytes, size, b.DiskBytes))
	default:
		s.used.Records++
		s.used.Bytes += size
	}
	return s.over
}

// report counts what a worker says that it used, and returns what was refused
// so far. What is beyond the budget is spent already; it ends the process.
func (s *spending) report(w work.Spent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used.Tokens += max(0, w.Tokens)
	s.used.MoneyMicros += max(0, w.MoneyMicros)
	b := s.budget
	switch {
	case s.over != nil:
	case b.Tokens > 0 && w.Tokens > 0 && s.used.Tokens > b.Tokens:
		s.over = overBudget("tokens", fmt.Sprintf("%d of %d", s.used.Tokens, b.Tokens))
	case b.MoneyMicros > 0 && w.MoneyMicros > 0 && s.used.MoneyMicros > b.MoneyMicros:
		s.over = overBudget("money_micros", fmt.Sprintf("%d of %d", s.used.MoneyMicros, b.MoneyMicros))
	}
	return s.over
}

// goOn forgets that something was refused, not what was used: what needs more of
// it is refused anew.
func (s *spending) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = nil
}

// left is a budget less what is spent of it by now. What is used up is one, not
// nothing: nothing would be any amount.
func (s *spending) left(b work.Budget) work.Budget {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Tokens > 0 {
		b.Tokens = max(1, b.Tokens-s.used.Tokens)
	}
	if b.MoneyMicros > 0 {
		b.MoneyMicros = max(1, b.MoneyMicros-s.used.MoneyMicros)
	}
	return b
}

func (s *spending) total() Spent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func (s Spent) value() rmg.Value {
	return rmg.Map(map[string]rmg.Value{
		"records": rmg.Int(s.Records), "bytes": rmg.Int(s.Bytes), "tokens": rmg.Int(s.Tokens), "money_micros": rmg.Int(s.MoneyMicros),
	})
}

func readSpent(p rmg.Props) Spent {
	v, _ := p.Get(propSpent)
	m, _ := v.AsMap()
	return Spent{Records: m.Int("records"), Bytes: m.Int("bytes"), Tokens: m.Int("tokens"), MoneyMicros: m.Int("money_micros")}
}
