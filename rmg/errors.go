package rmg

import "strings"

// Code says what sort of failure an [Error] is. The list is closed and only
// ever grows at its end; it is the same one that the wire and the exit codes
// of the command line show.
type Code string

// The codes of the contract.
const (
	Invalid     Code = "invalid"     // the request itself is wrong
	NotFound    Code = "not_found"   // something it names does not exist
	Exists      Code = "exists"      // something it would add is there already
	Conflict    Code = "conflict"    // both sides changed incompatibly
	Stale       Code = "stale"       // an expectation no longer holds
	Denied      Code = "denied"      // the caller has no right to it
	GateFailed  Code = "gate_failed" // a task or a gate ended red
	Limit       Code = "limit"       // a named limit is reached
	Unavailable Code = "unavailable" // not now: stopped, read-only, no disk
	Internal    Code = "internal"    // a defect of ours
)

// Error is a failure with its code, where it happened, and what to do next.
type Error struct {
	Op   string // what was attempted: "add_node", "collapse"
	Path Path   // the element concerned; empty if there is none
	Code Code
	Msg  string // what is wrong, lower case, no full stop
	Hint string // what to do next; may be empty
	Err  error  // the cause; may be nil
}

// Error prints "op path: msg: cause".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
	}
	if e.Path != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(e.Path))
	}
	for _, s := range []string{e.Msg, errText(e.Err)} {
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(s)
	}
	if b.Len() == 0 {
		return string(e.Code)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches by code: errors.Is(err, &Error{Code: NotFound}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Op == "" && t.Path == "" && t.Msg == "" && t.Err == nil && t.Code == e.Code
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
