package server

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"jitos.dev/kernel"
	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// call is one call of the contract: how it is reached, what goes in and comes
// out, and what does it.
type call struct {
	method, path string // as http.ServeMux reads them
	id           string // its name in the OpenAPI document
	summary      string
	about        string // more, where the summary leaves something open

	params  []param
	body    any // a zero value of the JSON body's type; nil for none
	maybe   bool
	rawBody bool // the body is content, not JSON
	large   bool // bounded by Limits.Rewrite instead of Limits.Body

	answer any         // a zero value of the JSON answer's type; nil for none
	other  any         // one of the answer that other parameters have; nil for none
	also   map[int]any // answers under other statuses
	media  string      // of an answer that is not JSON
	events []event     // of an answer that is a stream

	open     bool // needs no identity
	once     bool // takes an idempotency key
	tagged   bool // answers with an ETag
	terminal bool // not for web sessions
	working  bool // for who does tasks and nothing else, too
	quick    bool // answered soon and at once, by a path with no parameter but one {id}: the front may do it
	// do answers by what it returns or, returning nil and nil, has answered.
	do func(x *exchange) (any, error)

	schema *schemas // of the body; set by New
	known  []string // parameters of the query; set by New
}

// param is a parameter of a call's path or query.
type param struct {
	name, kind, about string // kind: "string", "integer", "boolean"
	in                string // "path", or the query
	required          bool
}

// event is one sort of event of a stream.
type event struct {
	name string
	data any // a zero value of its type
}

// pathParam and the like declare parameters.
func pathParam(name, about string) param {
	return param{name: name, kind: "string", about: about, in: "path", required: true}
}

func textParam(name, about string) param  { return param{name: name, kind: "string", about: about} }
func countParam(name, about string) param { return param{name: name, kind: "integer", about: about} }

func flagParam(name, about string) param { return param{name: name, kind: "boolean", about: about} }

// schemas is what is needed to say what is wrong with a body.
type schemas struct {
	registry huma.Registry
	schema   *huma.Schema
}

// exchange is one request being answered.
type exchange struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	call   *call
	caller kernel.Caller
	looks  bool // it is a web session that only looks
	query  url.Values
}

// serve checks a request against its call and does it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c *call) {
	x := &exchange{s: s, w: w, r: r, call: c}
	if !c.open {
		who, err := s.identify(r)
		if err == nil {
			err = c.mayAct(r, who)
		}
		if err == nil {
			err = c.mayWork(who.caller)
		}
		if err == nil {
			err = s.mayNow(who.caller)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		x.caller, x.looks = who.caller, who.looks
	}
	if key := r.Header.Get(wire.KeyHeader); key != "" {
		if !c.once {
			s.refuse(w, r, wire.NewProblem(rmg.Invalid, "%s %s takes no %s", c.method, c.path, wire.KeyHeader).
				WithHint("leave it out; GET /openapi.json says which calls take one"))
			return
		}
		x.caller.Key = key
	}
	if err := x.readQuery(); err != nil {
		s.refuse(w, r, err)
		return
	}
	if c.events == nil && !c.open { // streams have a limit of their own
		if n := s.busy.Add(1); n > int64(s.opt.Limits.Requests) {
			s.busy.Add(-1)
			s.refuse(w, r, again(time.Second, "%d requests are being answered, which is the limit", n-1))
			return
		}
		defer s.busy.Add(-1)
	}
	v, err := x.do()
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if v != nil {
		x.answer(v)
	}
}

// do does the call. A stored graph that cannot be read is an error like others,
// unless the answer has begun.
func (x *exchange) do() (v any, err error) {
	failed := rmg.Protect(func() { v, err = x.call.do(x) })
	if t, ok := x.w.(*tracked); ok && t.status != 0 && failed != nil {
		panic(failed)
	}
	if failed != nil {
		return nil, failed
	}
	return v, err
}

// readQuery parses the query and refuses parameters that the call does not
// have, or has once.
func (x *exchange) readQuery() error {
	if x.r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return wire.NewProblem(rmg.Invalid, "the query cannot be read: %s", err)
	}
	for name, values := range q {
		if !slices.Contains(x.call.known, name) || len(values) > 1 || !utf8.ValidString(values[0]) {
			return x.queryFault(q)
		}
	}
	x.query = q
	return nil
}

// queryFault is the first fault of a query, by the names of parameters.
func (x *exchange) queryFault(q url.Values) error {
	known := x.call.known
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch {
		case !slices.Contains(known, name):
			p := wire.NewProblem(rmg.Invalid, wire.UnknownParameter+" %q", name)
			if len(known) > 0 {
				p.WithHint("%s %s takes %s", x.call.method, x.call.path, strings.Join(known, ", "))
			}
			return p
		case len(q[name]) > 1:
			return wire.NewProblem(rmg.Invalid, "parameter %q is given %d times", name, len(q[name]))
		case !utf8.ValidString(q[name][0]):
			return wire.NewProblem(rmg.Invalid, "parameter %q is not UTF-8", name)
		}
	}
	return nil
}

// id is the {id} of the path.
func (x *exchange) id() string { return x.r.PathValue("id") }

// text returns a parameter of the query; "" if it is absent.
func (x *exchange) text(name string) string { return x.query.Get(name) }

// seq returns a parameter that is a seq, and whether it is there.
func (x *exchange) seq(name string) (uint64, bool, error) {
	v := x.query.Get(name)
	if v == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, false, wire.NewProblem(rmg.Invalid, "parameter %q is %q, not a number from 0", name, v)
	}
	return n, true, nil
}

// count returns a parameter between least and most, or other if it is absent.
func (x *exchange) count(name string, other, least, most int) (int, error) {
	v := x.query.Get(name)
	if v == "" {
		return other, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, wire.NewProblem(rmg.Invalid, "parameter %q is %q, not a number from %d to %d", name, v, least, most)
	}
	return n, nil
}

// flag returns a parameter that is true or false, or other if it is absent.
func (x *exchange) flag(name string, other bool) (bool, error) {
	switch v := x.query.Get(name); v {
	case "":
		return other, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, wire.NewProblem(rmg.Invalid, "parameter %q is %q, not true or false", name, v)
	}
}

// place returns a parameter that is a path of the graph; other if it is absent.
func (x *exchange) place(name string, other rmg.Path) (rmg.Path, error) {
	v := x.query.Get(name)
	if v == "" {
		return other, nil
	}
	p, err := rmg.ParsePath(v)
	if err != nil {
		return "", fmt.Errorf("parameter %q: %w", name, err)
	}
	return p, nil
}

// The bounds of wait=.
const (
	defaultWait = 30 * time.Second
	maxWait     = 10 * time.Minute
)

// wait returns how long the caller will wait.
func (x *exchange) wait(other time.Duration) (time.Duration, error) {
	v := x.query.Get("wait")
	if v == "" {
		return other, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 || d > maxWait {
		return 0, wire.NewProblem(rmg.Invalid, "parameter \"wait\" is %q, not a time from 0s to %s", v, maxWait).WithHint("for example wait=30s")
	}
	return d, nil
}
