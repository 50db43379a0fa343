package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"jitos.dev/tasks/schema"
)

// one is a schema with each keyword in it.
const one = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://jitos.dev/schema/test.json", "type": "object",
	"required": ["a", "it's"], "additionalProperties": false,
	"properties": {
		"a": {"$ref": "#/$defs/short", "pattern": "^[a-c\"']*$"}, "it's": {"enum": ["x", 1, true, null]}, "n": {"type": ["integer", "null"], "minimum": -2, "maximum": 1500},
		"half": {"type": "number", "minimum": 0.5}, "only": {"const": "1"}, "one": {"enum": [2.5]},
		"list": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"$ref": "#/$defs/tree"}},
		"free": {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}}, "open": {"type": "object", "properties": {"a": {"type": "string"}}}
	},
	"$defs": {
		"short": {"type": "string", "minLength": 1, "maxLength": 4},
		"tree": {"type": "object", "additionalProperties": false, "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}, "name": {"$ref": "#/$defs/short"}}}
	}
}`

// other is the same schema in the library whose words the faults have.
type other struct{ *jsonschema.Schema }

func newOther(t testing.TB, data []byte) other {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	id := doc.(map[string]any)["$id"].(string)
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return other{s}
}

func (o other) faults(v any) []string {
	var ve *jsonschema.ValidationError
	if err := o.Validate(v); err == nil || !errors.As(err, &ve) {
		return nil
	}
	var out []string
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		at := "/" + strings.Join(e.InstanceLocation, "/")
		k, unknown := e.ErrorKind.(*kind.AdditionalProperties)
		switch {
		case len(e.Causes) > 0:
			for _, c := range e.Causes {
				walk(c)
			}
		case unknown:
			for _, name := range k.Properties {
				out = append(out, strings.TrimSuffix(at, "/")+"/"+name+fmt.Sprintf(": unknown field %q", name))
			}
		default:
			out = append(out, at+": "+e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
	}
	walk(ve)
	slices.Sort(out)
	return out
}

func mine(s *schema.Schema, v any) []string {
	var out []string
	for _, f := range s.Faults(v) {
		out = append(out, f.String())
	}
	slices.Sort(out)
	return out
}

// TestAnotherAgrees: on documents of every sort, a library that has all of JSON
// Schema finds the same faults in the same places, and has the same words for
// them, by the schemas that the program comes with.
func TestAnotherAgrees(t *testing.T) {
	schemas := map[string][]byte{"one": []byte(one)}
	for _, name := range []string{"slaps", "gates", "setup", "methods", "methodtests"} {
		data, err := os.ReadFile("../" + name + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = data
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, data := range schemas {
		s, err := schema.Compile(data)
		if err != nil {
			t.Fatal(err)
		}
		o := newOther(t, data)
		var src map[string]any
		if err := json.Unmarshal(data, &src); err != nil {
			t.Fatal(err)
		}
		good, kinds := 0, map[string]bool{}
		for range 3000 {
			v := grown(rng, src, src, 0)
			got, want := mine(s, v), o.faults(v)
			if !slices.Equal(got, want) {
				doc, _ := json.Marshal(v)
				t.Fatalf("%s: %s\nhere:  %q\nthere: %q", name, doc, got, want)
			}
			if len(got) == 0 {
				good++
			}
			for _, f := range got {
				_, text, _ := strings.Cut(f, ": ")
				kinds[strings.Join(strings.Fields(text)[:2], " ")] = true
			}
		}
		if good < 20 || len(kinds) < 8 {
			t.Errorf("%s: %d documents that are good, and faults of %d kinds, say little", name, good, len(kinds))
		}
	}
}

// grown makes a document that nearly fits a schema.
func grown(rng *rand.Rand, root, s map[string]any, depth int) any {
	if rng.IntN(40) == 0 {
		return []any{nil, true, 1.0, 2.5, -1e9, "", "it's \"so\"", []any{}, map[string]any{"a": 1.0}, strings.Repeat("é", rng.IntN(3000))}[rng.IntN(10)]
	}
	if ref, ok := s["$ref"].(string); ok {
		defs := root["$defs"].(map[string]any)
		return grown(rng, root, defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), depth)
	}
	if c, ok := s["const"]; ok {
		return c
	}
	if e, ok := s["enum"].([]any); ok {
		return e[rng.IntN(len(e))]
	}
	sort, _ := s["type"].(string)
	if list, ok := s["type"].([]any); ok {
		sort = list[rng.IntN(len(list))].(string)
	}
	switch sort {
	case "string":
		return []string{"a", "abc", "/a/b", "10m", "x.y", "Ä"}[rng.IntN(6)]
	case "integer", "number":
		return []float64{0, 1, 2, 100, 0.5, 1e7, -3}[rng.IntN(7)]
	case "boolean":
		return rng.IntN(2) == 0
	case "array":
		out := []any{}
		items, _ := s["items"].(map[string]any)
		for range rng.IntN(4) {
			if items != nil && depth < 6 {
				out = append(out, grown(rng, root, items, depth+1))
			}
		}
		return out
	case "object":
		out := map[string]any{}
		props, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		for _, name := range slices.Sorted(keys(props)) {
			if slices.Contains(required, any(name)) && rng.IntN(20) > 0 || depth < 6 && rng.IntN(4) == 0 {
				out[name] = grown(rng, root, props[name].(map[string]any), depth+1)
			}
		}
		if more, ok := s["additionalProperties"].(map[string]any); ok && rng.IntN(2) == 0 {
			out["more"] = grown(rng, root, more, depth+1)
		}
		if rng.IntN(30) == 0 {
			out["it's~/new"] = 1.0
		}
		return out
	}
	return nil
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestUnknownFieldsHaveNeighbours: who is told of a field that there is not is told
// of those that there are.
func TestUnknownFieldsHaveNeighbours(t *testing.T) {
	s, err := schema.Compile([]byte(`{"type":"object","additionalProperties":false,"properties":{"name":{},"age":{}}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := s.Faults(map[string]any{"nme": "x"})
	if len(f) != 1 || !f[0].Unknown || !slices.Equal(f[0].Known, []string{"age", "name"}) || !slices.Equal(f[0].Path, []string{"nme"}) {
		t.Errorf("%+v", f)
	}
}

// TestWhatIsNotKnownIsRefused: a schema that asks for more than is checked is
// none, at every depth.
func TestWhatIsNotKnownIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"uniqueItems":true}`, `{"properties":{"a":{"format":"date"}}}`, `{"additionalProperties":{"not":{}}}`, `{"$defs":{"a":{"oneOf":[]}}}`,
		`{"items":{"minimum":"1"}}`, `{"type":"text"}`, `{"type":["string","string"]}`, `{"pattern":"("}`, `{"$ref":"#/$defs/a"}`, `{"$ref":"other.json"}`,
		`{"enum":[[1]]}`, `{"const":{}}`, `{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, `{"minLength":1.5}`, `[]`, ``,
	} {
		if _, err := schema.Compile([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
