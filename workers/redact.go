package workers

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// redacted stands where a secret was.
const redacted = "[secret]"

// minSecret is how long a secret must be to be looked for: a shorter one would
// be found in ordinary words.
const minSecret = 8

// secretForms are what keys and tokens of services look like.
func secretForms() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`),
		regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{16,}`),
		regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{20,}`),
		regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{20,}`),
		regexp.MustCompile(`\bAKIA[0-9A-Z]{16}\b`),
		regexp.MustCompile(`\bxox[abpr]-[A-Za-z0-9-]{10,}`),
		regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`),
	}
}

// redactor takes secrets out of what is said: those it was given, and what has
// the form of one. It is a help against slips, no proof: a secret that is spelled
// otherwise passes.
type redactor struct {
	known *strings.Replacer
	forms []*regexp.Regexp
}

// newRedactor makes one. Secrets that are too short are left out.
func newRedactor(secrets []string) *redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	// The longest first: one may begin as another does.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, redacted)
	}
	return &redactor{strings.NewReplacer(pairs...), secretForms()}
}

func (r *redactor) text(s string) string {
	s = r.known.Replace(s)
	for _, f := range r.forms {
		s = f.ReplaceAllString(s, redacted)
	}
	return s
}

func (r *redactor) any(v any) any {
	switch v := v.(type) {
	case string:
		return r.text(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = r.text(s)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = r.any(x)
		}
		return out
	case map[string]any:
		return r.data(v)
	}
	return v
}

func (r *redactor) data(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = r.any(v)
	}
	return out
}

func (r *redactor) value(v rmg.Value) rmg.Value {
	if s, ok := v.AsString(); ok {
		return rmg.String(r.text(s))
	}
	if list, ok := v.AsList(); ok {
		out := make([]rmg.Value, len(list))
		for i, x := range list {
			out[i] = r.value(x)
		}
		return rmg.List(out...)
	}
	if m, ok := v.AsMap(); ok {
		out := map[string]rmg.Value{}
		for name, x := range m.All() {
			out[name] = r.value(x)
		}
		return rmg.Map(out)
	}
	return v
}

// error is an error without secrets; its code and place stay.
func (r *redactor) error(err error) error {
	if err == nil || r.text(err.Error()) == err.Error() {
		return err
	}
	var coded *rmg.Error
	if !errors.As(err, &coded) {
		return errors.New(r.text(err.Error()))
	}
	out := *coded
	out.Msg, out.Hint = r.text(out.Msg), r.text(out.Hint)
	return &out
}

// result is a worker's result without secrets.
func (r *redactor) result(res work.Result) work.Result {
	res.Summary = r.text(res.Summary)
	res.Reasons, _ = r.any(res.Reasons).([]string)
	if res.Output.Len() > 0 {
		out := map[string]rmg.Value{}
		for name, v := range res.Output.All() {
			out[name] = r.value(v)
		}
		res.Output = rmg.PropsOf(out)
	}
	return res
}

// voice is what the listeners of one assignment hear: one line at a time, no
// secrets, and no more than so many bytes.
type voice struct {
	emit func(work.Event)
	red  *redactor
	max  int64

	mu   sync.Mutex // guards the fields below, and is held while emit runs
	said int64
	full bool
}

// say passes a line on. The first one that there is no room for is replaced by a
// line that says so, and those after it by nothing.
func (v *voice) say(e work.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full || v.emit == nil {
		return
	}
	e.Text, e.Data = v.red.text(e.Text), v.red.data(e.Data)
	if v.said += int64(len(e.Text)); v.max > 0 && v.said > v.max {
		v.full = true
		e = work.Event{Task: e.Task, Text: fmt.Sprintf("what it says beyond %d bytes is left out", v.max)}
	}
	v.emit(e)
}
