package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// bodyTimeout is how long a JSON body may take to arrive.
const bodyTimeout = time.Minute

// read reads the JSON body into out. Unknown fields and whatever follows the
// document are refused, by name.
func (x *exchange) read(out any) error {
	most := x.s.opt.Limits.Body
	if x.call.large {
		most = x.s.opt.Limits.Rewrite
	}
	data, err := x.readAll(most)
	if err != nil {
		return err
	}
	switch out := out.(type) {
	case *wire.RewriteRequest:
		if in, ok := rewriteOf(data, true); ok {
			*out = in
			return nil
		}
	case *wire.SpaceRewriteRequest:
		if in, ok := rewriteOf(data, false); ok {
			*out = wire.SpaceRewriteRequest{Ops: in.Ops, Reason: in.Reason}
			return nil
		}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		if x.call.maybe {
			return nil
		}
		return wire.NewProblem(rmg.Invalid, "the body is empty").WithHint("send a JSON object; GET /openapi.json describes it")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return explain(x.call.schema, data, err)
	}
	if rest := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return violated(locate(tasks.Violation{Message: "something follows the JSON document"}, data, int64(len(data)-len(rest)+1)))
	}
	return nil
}

// readAll reads a body of at most so many bytes.
func (x *exchange) readAll(most int64) ([]byte, error) {
	if b, ok := x.r.Body.(*wholeBody); ok && int64(len(b.text)) <= most {
		return b.text, nil
	}
	// Not every ResponseWriter has a connection (tests have none).
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(bodyTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, err
	case err != nil:
		return nil, wire.NewProblem(rmg.Invalid, "the body did not arrive whole: %s", err)
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	return data, nil
}

// explain says what is wrong with a body that could not be decoded: every fault
// by its pointer, as far as the schema tells, else what the decoder met first.
func explain(s *schemas, data []byte, cause error) error {
	var syntax *json.SyntaxError
	if errors.As(cause, &syntax) {
		return violated(locate(tasks.Violation{Message: "not JSON: " + syntax.Error()}, data, syntax.Offset))
	}
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		return violated(locate(tasks.Violation{Message: "not JSON: it ends too soon"}, data, int64(len(data))))
	}
	var doc any
	if s != nil && json.Unmarshal(data, &doc) == nil {
		if found := s.violations(doc); len(found) > 0 {
			return violated(found...)
		}
	}
	var coded *rmg.Error
	if errors.As(cause, &coded) {
		return cause
	}
	return violated(tasks.Violation{Message: strings.TrimPrefix(cause.Error(), "json: ")})
}

// violations checks a decoded document against the schema.
func (s *schemas) violations(doc any) []tasks.Violation {
	var res huma.ValidateResult
	huma.Validate(s.registry, s.schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, doc, &res)
	var found []tasks.Violation
	for _, err := range res.Errors {
		v := tasks.Violation{Message: err.Error()}
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			v.Pointer, v.Message = pointer(d.Location), d.Message
			if d.Message == "unexpected property" {
				v.Message = fmt.Sprintf(wire.UnknownField+" %q", v.Pointer[strings.LastIndexByte(v.Pointer, '/')+1:])
			}
		}
		found = append(found, v)
	}
	return found
}

// violated makes the problem of a document's faults.
func violated(found ...tasks.Violation) *wire.Problem {
	p := wire.NewProblem(rmg.Invalid, "the body is not valid: %s", strings.ReplaceAll(tasks.Violations(found).Error(), "\n", "; "))
	p.Violations = found
	return p
}

// locate notes the line and column of the byte before an offset into data, which
// is how encoding/json tells where it stopped.
func locate(v tasks.Violation, data []byte, offset int64) tasks.Violation {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	v.Line = 1 + bytes.Count(before, []byte("\n"))
	v.Column = len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return v
}

// pointer turns huma's "ops[0].path" into the JSON pointer "/ops/0/path".
func pointer(location string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(location, func(r rune) bool { return r == '.' || r == '[' }) {
		if n, err := strconv.Atoi(strings.TrimSuffix(part, "]")); err == nil && strings.HasSuffix(part, "]") {
			part = strconv.Itoa(n)
		}
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	return b.String()
}
