package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// schemasAt is where the document keeps its schemas.
const schemasAt = "#/components/schemas/"

// documented is the OpenAPI document and the schemas that bodies are held to.
type documented struct {
	text   []byte
	bodies map[string]*schemas // by the call's id
}

// document makes the OpenAPI 3.1 document of the calls.
func document(calls []call, version string) (documented, error) {
	reg := huma.NewMapRegistry(schemasAt, schemaName)
	for from, to := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[rmg.Value]():    reflect.TypeFor[valueSchema](),
		reflect.TypeFor[rmg.ID]():       reflect.TypeFor[idSchema](),
		reflect.TypeFor[rmg.Props]():    reflect.TypeFor[propsSchema](),
		reflect.TypeFor[rmg.Digest]():   reflect.TypeFor[digestSchema](),
		reflect.TypeFor[rmg.Selector](): reflect.TypeFor[string](),
		reflect.TypeFor[rewrite.Op]():   reflect.TypeFor[opSchema](),
		reflect.TypeFor[wire.Time]():    reflect.TypeFor[time.Time](),
	} {
		reg.RegisterTypeAlias(from, to)
	}
	if version == "" {
		version = "0"
	}
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "JITOS", Version: version,
			Description: "A causal operating environment for work done by scripts, agents and people. Unknown fields and parameters are refused; answers may gain fields. Errors are problems (RFC 9457) with a closed list of codes.",
		},
		Components: &huma.Components{
			Schemas: reg,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"secret":  {Type: "http", Scheme: "bearer", Description: "the daemon's secret, made at each start"},
				"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "a web page's session; it may only read"},
			},
		},
	}
	out := documented{bodies: map[string]*schemas{}}
	requested := map[string]bool{}
	for i := range calls {
		c := &calls[i]
		doc.AddOperation(operationOf(c, reg))
		if c.body != nil {
			s := reg.Schema(reflect.TypeOf(c.body), true, c.id)
			out.bodies[c.id] = &schemas{registry: reg, schema: s}
			reach(reg, s, requested)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(reg.Map())) {
		if !requested[name] {
			reg.Map()[name].AdditionalProperties = nil // answers may gain fields
		}
	}
	var err error
	out.text, err = json.MarshalIndent(doc, "", "  ")
	return out, err
}

// operationOf describes one call.
func operationOf(c *call, reg huma.Registry) *huma.Operation {
	op := &huma.Operation{
		OperationID: c.id, Method: c.method, Path: c.path, Summary: c.summary, Description: c.about,
		Responses: map[string]*huma.Response{
			"default": {
				Description: "a problem",
				Content:     map[string]*huma.MediaType{wire.ProblemType: {Schema: reg.Schema(reflect.TypeFor[wire.Problem](), true, "")}},
			},
		},
		Security: []map[string][]string{{"secret": {}}},
	}
	switch {
	case c.open:
		op.Security = []map[string][]string{}
	case c.method == http.MethodGet:
		op.Security = append(op.Security, map[string][]string{"session": {}})
	}
	for _, p := range c.params {
		in := p.in
		if in == "" {
			in = "query"
		}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: p.name, In: in, Description: p.about, Required: p.required, Schema: &huma.Schema{Type: p.kind},
		})
	}
	if c.events != nil && c.method == http.MethodGet {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Last-Event-ID", In: "header", Description: "resume after this event", Schema: &huma.Schema{Type: "integer"},
		})
	}
	if c.once {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: wire.KeyHeader, In: "header", Description: "up to 255 printable ASCII characters, new for each request; one that is sent again under the same key, with the same body, is not done again and has the first answer",
			Schema: &huma.Schema{Type: "string"},
		})
	}
	switch {
	case c.rawBody:
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}
	case c.body != nil:
		op.RequestBody = &huma.RequestBody{Required: !c.maybe, Content: jsonContent(reg, c.body, c.id)}
	}
	if c.tagged {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "If-None-Match", In: "header", Description: "the ETag of an answer that the caller has; if it is still so the answer is a 304 without a body",
			Schema: &huma.Schema{Type: "string"},
		})
		op.Responses["304"] = &huma.Response{Description: http.StatusText(http.StatusNotModified)}
	}
	op.Responses["200"] = success(c, reg)
	for status, v := range c.also {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: jsonContent(reg, v, c.id)}
	}
	return op
}

func jsonContent(reg huma.Registry, v any, hint string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: reg.Schema(reflect.TypeOf(v), true, hint)}}
}

// success describes the answer of a call that went well.
func success(c *call, reg huma.Registry) *huma.Response {
	out := &huma.Response{Description: "it went well"}
	switch {
	case c.events != nil:
		// OpenAPI 3.1 has no words for a stream: each event's data is one of
		// these, told apart by the event's name.
		one := &huma.Schema{}
		var names []string
		for _, e := range c.events {
			s := reg.Schema(reflect.TypeOf(e.data), true, e.name)
			one.OneOf = append(one.OneOf, s)
			names = append(names, e.name+": "+path.Base(s.Ref))
		}
		out.Description = "server-sent events; the data of each, by the event's name: " + strings.Join(names, ", ")
		out.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: one}}
	case c.other != nil:
		one := &huma.Schema{}
		for _, v := range []any{c.answer, c.other} {
			one.OneOf = append(one.OneOf, reg.Schema(reflect.TypeOf(v), true, c.id))
		}
		out.Content = map[string]*huma.MediaType{"application/json": {Schema: one}}
	case c.answer != nil:
		out.Content = jsonContent(reg, c.answer, c.id)
	case c.media != "":
		out.Content = map[string]*huma.MediaType{c.media: {}}
	}
	return out
}

// reach notes the names of the schemas that s is made of.
func reach(reg huma.Registry, s *huma.Schema, seen map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := path.Base(s.Ref)
		if !seen[name] {
			seen[name] = true
			reach(reg, reg.Map()[name], seen)
		}
		return
	}
	reach(reg, s.Items, seen)
	for _, p := range s.Properties {
		reach(reg, p, seen)
	}
}

// schemaName names a type in the document: those of the wire by their own
// names, those of other packages with the package's in front.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pkg := t.PkgPath()
	if t.Name() == "" || pkg == "" || strings.HasSuffix(pkg, "/net/wire") {
		return huma.DefaultSchemaNamer(t, hint)
	}
	base := path.Base(pkg)
	return string(unicode.ToUpper(rune(base[0]))) + base[1:] + t.Name()
}

// The schemas of types that write their own JSON. huma writes such schemas out
// wherever they stand, so those that stand often are named by hand.
type (
	valueSchema  struct{}
	propsSchema  struct{}
	idSchema     struct{}
	digestSchema struct{}
	opSchema     struct{}
)

const valueAbout = `a value: bool, string, number without fraction (int64; {"$int":"..."} beyond 2^53), number with a fraction (float64), list, map, {"$bytes":"base64"}, {"$ref":"/path"}, {"$blob":"sha256","size":n}`

// Schema describes rmg.Value.
func (valueSchema) Schema(reg huma.Registry) *huma.Schema {
	return named(reg, "Value", func() *huma.Schema { return &huma.Schema{Description: valueAbout} })
}

// named refers to a schema of the document, making it when it is not there yet.
func named(reg huma.Registry, name string, make func() *huma.Schema) *huma.Schema {
	if reg.Map()[name] == nil {
		reg.Map()[name] = make()
	}
	return &huma.Schema{Ref: schemasAt + name}
}

// Schema describes rmg.Props.
func (propsSchema) Schema(reg huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Description: "values by name", AdditionalProperties: valueSchema{}.Schema(reg)}
}

// Schema describes rmg.ID.
func (idSchema) Schema(reg huma.Registry) *huma.Schema {
	return named(reg, "ID", func() *huma.Schema {
		bytes := &huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"$bytes"},
			Properties: map[string]*huma.Schema{"$bytes": {Type: huma.TypeString, ContentEncoding: "base64"}},
		}
		bytes.PrecomputeMessages()
		return &huma.Schema{
			OneOf:       []*huma.Schema{{Type: huma.TypeString}, bytes},
			Description: `an element's id: a string, or {"$bytes":"base64"} if it is not UTF-8`,
		}
	})
}

// Schema describes rmg.Digest.
func (digestSchema) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$", Description: "SHA-256 of a graph's content, in hex"}
	s.PrecomputeMessages()
	return s
}

// Schema describes rewrite.Op: which fields count depends on op.
func (opSchema) Schema(reg huma.Registry) *huma.Schema {
	return named(reg, "Op", func() *huma.Schema { return describeOp(reg) })
}

func describeOp(reg huma.Registry) *huma.Schema {
	text := func(about string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: about} }
	value, id := valueSchema{}.Schema(reg), idSchema{}.Schema(reg)
	s := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"op", "path"},
		Description: "one primitive change; which fields count depends on op",
		Properties: map[string]*huma.Schema{
			"op": {Type: huma.TypeString, Enum: []any{
				string(rewrite.AddNode), string(rewrite.AddEdge), string(rewrite.Set), string(rewrite.Retype), string(rewrite.Inc),
				string(rewrite.SetAdd), string(rewrite.SetRemove), string(rewrite.Move), string(rewrite.Remove), string(rewrite.Write),
			}},
			"path": text("where; an edge's last segment begins with ~"), "kind": text("add_node, add_edge, retype"),
			"from":  {AllOf: []*huma.Schema{id}, Description: "add_edge: id of a node beside it"},
			"to":    {AllOf: []*huma.Schema{id}, Description: "add_edge: id of a node beside it; move: the new path"},
			"props": {Type: huma.TypeObject, AdditionalProperties: value, Description: "add_node, add_edge, set; null in set removes"},
			"prop":  text("inc, set_add, set_remove"), "by": {Type: huma.TypeInteger, Description: "inc"},
			"value": value, "cascade": {Type: huma.TypeBoolean, Description: "remove: its edges too"},
			"text": text("write: content"), "base64": text("write: content"), "blob": text("write: SHA-256 of content stored before, in hex"),
			"mode": text("write: 0644 or 0755; absent keeps it"), "size": {Type: huma.TypeInteger, Description: "of the blob, in records"},
		},
	}
	for _, p := range s.Properties {
		p.PrecomputeMessages()
	}
	s.PrecomputeMessages()
	return s
}
