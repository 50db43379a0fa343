package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// Problem is an error as it travels (RFC 9457), with the contract's code. It is
// also a Go error: the client returns *Problem and nothing else.
type Problem struct {
	Type   string   `json:"type" doc:"urn:jitos:problem: followed by the code"`
	Title  string   `json:"title" doc:"the code in words"`
	Status int      `json:"status" doc:"HTTP status"`
	Detail string   `json:"detail" doc:"what happened, and why"`
	Code   rmg.Code `json:"code" enum:"invalid,not_found,exists,conflict,stale,denied,gate_failed,limit,unavailable,internal" doc:"closed, append-only list"`

	Hint       string            `json:"hint,omitempty" doc:"what to do next"`
	Path       rmg.Path          `json:"path,omitempty" doc:"the element concerned"`
	Conflicts  []Conflict        `json:"conflicts,omitempty" doc:"of a merge that could not be made"`
	Evidence   []work.Evidence   `json:"evidence,omitempty" doc:"of gates that ended red"`
	Violations []tasks.Violation `json:"violations,omitempty" doc:"every fault of a document"`
	Nearest    []string          `json:"nearest,omitempty" doc:"what may have been meant, nearest first"`
	RetryAfter int               `json:"retry_after,omitempty" doc:"of a limit that passes by itself: seconds after which to try again, as the header says"`
	Request    string            `json:"request,omitempty" doc:"names the request, as the daemon's log does"`
	Reference  string            `json:"reference,omitempty" doc:"of an internal error: where to look in the daemon's log"`
}

// Conflict is a place where both sides of a merge changed incompatibly. A side
// on which the prop is absent has no value. What is about an element as a whole
// has refs to where the sides have it.
type Conflict struct {
	Path        rmg.Path         `json:"path"`
	Prop        string           `json:"prop,omitempty" doc:"absent: the element itself"`
	Kind        rmg.ConflictKind `json:"kind" enum:"both_changed,unmergeable,manual,both_retyped,ends,both_added,both_moved,delete_modify,dangling_edge,stale_read"`
	Reason      string           `json:"reason" doc:"for people"`
	Base        rmg.Value        `json:"base,omitzero"`
	System      rmg.Value        `json:"system,omitzero"`
	Workspace   rmg.Value        `json:"workspace,omitzero"`
	SystemBy    string           `json:"system_by,omitempty" doc:"who wrote the system's side, if known"`
	WorkspaceBy string           `json:"workspace_by,omitempty"`
}

// codeFacts is the contract's table of codes.
var codeFacts = map[rmg.Code]struct {
	status, exit int
	title        string
}{
	rmg.Invalid:     {http.StatusBadRequest, 2, "the request is not valid"},
	rmg.NotFound:    {http.StatusNotFound, 4, "not found"},
	rmg.Exists:      {http.StatusConflict, 5, "exists already"},
	rmg.Conflict:    {http.StatusConflict, 5, "conflict"},
	rmg.Stale:       {http.StatusPreconditionFailed, 5, "stale expectation"},
	rmg.Denied:      {http.StatusForbidden, 6, "denied"},
	rmg.GateFailed:  {http.StatusUnprocessableEntity, 7, "a task or gate failed"},
	rmg.Limit:       {http.StatusTooManyRequests, 1, "a limit is reached"},
	rmg.Unavailable: {http.StatusServiceUnavailable, 3, "unavailable"},
	rmg.Internal:    {http.StatusInternalServerError, 1, "internal error"},
}

// Codes lists the contract's codes in its order.
func Codes() []rmg.Code {
	return []rmg.Code{
		rmg.Invalid, rmg.NotFound, rmg.Exists, rmg.Conflict, rmg.Stale, rmg.Denied,
		rmg.GateFailed, rmg.Limit, rmg.Unavailable, rmg.Internal,
	}
}

// ExitOf returns the command line's exit code of a code; 1 for one that is not
// known.
func ExitOf(c rmg.Code) int {
	if f, ok := codeFacts[c]; ok {
		return f.exit
	}
	return 1
}

// NewProblem makes a problem of a code, with type, title and status filled in.
func NewProblem(c rmg.Code, format string, args ...any) *Problem {
	p := &Problem{Code: c, Detail: fmt.Sprintf(format, args...)}
	p.complete()
	return p
}

// complete fills in what follows from the code.
func (p *Problem) complete() {
	if _, ok := codeFacts[p.Code]; !ok {
		p.Code = rmg.Internal
	}
	p.Type = "urn:jitos:problem:" + string(p.Code)
	p.Title = codeFacts[p.Code].title
	if p.Status == 0 {
		p.Status = codeFacts[p.Code].status
	}
	if p.Detail == "" {
		p.Detail = p.Title
	}
}

// WithHint says what to do next, and returns p.
func (p *Problem) WithHint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Error says what happened. Hint, conflicts and the like are for the caller to
// show.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return string(p.Code)
}

// Exit is the exit code of a command that ends with this problem.
func (p *Problem) Exit() int { return ExitOf(p.Code) }

// Is matches by code, as rmg.Error does: errors.Is(err, &rmg.Error{Code:
// rmg.NotFound}), or a *Problem that has nothing but a code.
func (p *Problem) Is(target error) bool {
	switch t := target.(type) {
	case *rmg.Error:
		return t.Op == "" && t.Path == "" && t.Msg == "" && t.Err == nil && t.Code == p.Code
	case *Problem:
		return t.Detail == "" && t.Status == 0 && t.Code == p.Code
	}
	return false
}

// ProblemOf turns an error of the kernel or its parts into a problem. known is
// false for an error without a code, which is internal: its text is for the
// log, not for a client, and is not in the problem.
func ProblemOf(err error) (p *Problem, known bool) {
	var (
		problem    *Problem
		violations tasks.Violations
		unread     *tasks.NotUnderstood
		target     *tasks.NoTarget
		plan       *tasks.NoPlan
		coded      *rmg.Error
		tooLarge   *http.MaxBytesError
	)
	switch {
	case errors.As(err, &problem):
		return problem, true
	case errors.As(err, &violations):
		p = NewProblem(rmg.Invalid, "%s", err)
		p.Violations = violations
	case errors.As(err, &unread):
		p = NewProblem(rmg.Invalid, "%s", err).WithHint("jitos method list shows what is understood")
		p.Nearest = unread.Nearest
	case errors.As(err, &target):
		p = noTarget(err, target)
	case errors.As(err, &plan):
		p = NewProblem(rmg.Invalid, "%s", err).WithHint("jitos method list shows the methods and their conditions")
	case errors.As(err, &coded):
		if _, ok := codeFacts[coded.Code]; !ok || coded.Code == rmg.Internal {
			return NewProblem(rmg.Internal, ""), false
		}
		p = NewProblem(coded.Code, "%s", err)
		p.Hint, p.Path = coded.Hint, coded.Path
	case errors.As(err, &tooLarge):
		p = NewProblem(rmg.Limit, "the body is larger than the limit of %d bytes", tooLarge.Limit)
		p.Status = http.StatusRequestEntityTooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = NewProblem(rmg.Unavailable, "it was stopped before it ended: %s", err)
	default:
		return NewProblem(rmg.Internal, ""), false
	}
	return p, true
}

func noTarget(err error, t *tasks.NoTarget) *Problem {
	if len(t.Ambiguous) == 0 {
		p := NewProblem(rmg.NotFound, "%s", err)
		p.Nearest = t.Nearest
		return p
	}
	p := NewProblem(rmg.Invalid, "%s", err)
	for _, a := range t.Ambiguous {
		p.Nearest = append(p.Nearest, strings.TrimSpace(a.Type+" "+a.File+" "+a.Name))
	}
	return p.WithHint("name it by its path: ./%s", strings.TrimPrefix(t.Ambiguous[0].File, "./"))
}
