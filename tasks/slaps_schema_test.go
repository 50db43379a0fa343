package tasks

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	second "github.com/google/jsonschema-go/jsonschema"
)

// schemaNode is what TestSchemaHoldsTheTypes reads of a schema.
type schemaNode struct {
	Type       any                    `json:"type"`
	Ref        string                 `json:"$ref"`
	Properties map[string]*schemaNode `json:"properties"`
	Items      *schemaNode            `json:"items"`
	Additional any                    `json:"additionalProperties"`
	Defs       map[string]*schemaNode `json:"$defs"`
}

// TestSchemaHoldsTheTypes: the published schema and the Go types have the same
// fields, of the same sort, everywhere.
func TestSchemaHoldsTheTypes(t *testing.T) {
	var root schemaNode
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	fields := 0
	var walk func(at string, n *schemaNode, typ reflect.Type)
	walk = func(at string, n *schemaNode, typ reflect.Type) {
		if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
			n = root.Defs[name]
		}
		sorts := map[reflect.Kind]string{
			reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer",
			reflect.Slice: "array", reflect.Struct: "object", reflect.Map: "object",
		}
		if n.Type != nil && n.Type != any(sorts[typ.Kind()]) {
			t.Errorf("%s is a %v in Go, and %v in the schema", at, typ, n.Type)
		}
		switch typ.Kind() {
		case reflect.Slice:
			walk(at+"/0", n.Items, typ.Elem())
		case reflect.Struct:
			if n.Additional != false {
				t.Errorf("%s takes fields that nobody knows", at)
			}
			var have []string
			for f := range typ.Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				have = append(have, name)
				if n.Properties[name] == nil {
					t.Errorf("the schema has no %s/%s", at, name)
					continue
				}
				fields++
				walk(at+"/"+name, n.Properties[name], f.Type)
			}
			for name := range n.Properties {
				if !slices.Contains(have, name) {
					t.Errorf("there is no field in Go for %s/%s", at, name)
				}
			}
		}
	}
	walk("", &root, reflect.TypeFor[SLAPS]())
	if fields < 30 {
		t.Errorf("only %d fields were seen", fields)
	}
}

// TestASecondValidator holds the schema to another implementation of JSON Schema:
// both take the same documents, of all that the goldens have.
func TestASecondValidator(t *testing.T) {
	var schema second.Schema
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	other, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	taken, refused := 0, 0
	for _, file := range []string{"testdata/slaps/read.txt", "testdata/slaps/violations.txt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\nslaps ") {
			doc, _, _ := strings.Cut(part, "\n----\n")
			name, doc, _ := strings.Cut(doc, "\n")
			d, err := parseDocument(name, []byte(doc))
			if err != nil {
				continue
			}
			// Every document, and every document without one of its fields.
			for _, v := range withOneLess(d.value) {
				mine, theirs := len((&document{value: v}).validate(slapsCompiled())) == 0, other.Validate(v) == nil
				if mine != theirs {
					data, _ := json.Marshal(v)
					t.Errorf("%s: valid is %v here, and %v by the other\n%s", name, mine, theirs, data)
				}
				if mine {
					taken++
				} else {
					refused++
				}
			}
		}
	}
	if taken < 20 || refused < 20 {
		t.Errorf("%d documents that are valid and %d that are not say little", taken, refused)
	}
}

// withOneLess lists a value, and it without each of its members, at all depths.
func withOneLess(v any) []any {
	out := []any{v}
	m, ok := v.(map[string]any)
	if !ok {
		return out
	}
	for _, k := range keys(m) {
		for i, x := range withOneLess(m[k]) {
			less := map[string]any{}
			for name, y := range m {
				less[name] = y
			}
			if less[k] = x; i == 0 {
				delete(less, k)
			}
			out = append(out, less)
		}
	}
	return out
}

// TestDrafts: what the library drafts is valid once what its task cannot do without is
// filled in, and holds all that the task takes.
func TestDrafts(t *testing.T) {
	l := shipped(t)
	if len(l.Tasks()) < 3 {
		t.Fatal(l.Tasks())
	}
	for _, task := range l.Tasks() {
		s, err := l.Draft(task.Name, "./pkg")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range l.tasks[task.Name].Required {
			if v, err := l.Check("draft.json", []byte(jsonText(s))); err == nil {
				t.Errorf("%s: %s is empty, and that is taken: %v", task.Name, name, v)
			}
			s.Parameters[name] = "x"
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Check("draft.json", data); err != nil {
			t.Errorf("%s: %v", task.Name, err)
		}
		if len(s.Parameters) != len(task.Params)-1 {
			t.Errorf("%s: %v of %v", task.Name, s.Parameters, task.Params)
		}
	}
	if _, err := l.Draft("FixBgu", "."); err == nil || !strings.Contains(err.Error(), `did you mean "FixBug"`) {
		t.Error(err)
	}
}
