package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// compatDoc is as much of a document as compatibility is about.
type compatDoc struct {
	Paths      map[string]map[string]compatCall `json:"paths"`
	Components struct {
		Schemas map[string]*compatSchema `json:"schemas"`
	} `json:"components"`
}

type compatCall struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Name, In string
		Required bool
		Schema   *compatSchema
	} `json:"parameters"`
	Body *struct {
		Required bool                   `json:"required"`
		Content  map[string]compatMedia `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]compatMedia `json:"content"`
	} `json:"responses"`
}

type compatMedia struct {
	Schema *compatSchema `json:"schema"`
}

type compatSchema struct {
	Ref        string                   `json:"$ref"`
	Type       any                      `json:"type"`
	Properties map[string]*compatSchema `json:"properties"`
	Required   []string                 `json:"required"`
	Items      *compatSchema            `json:"items"`
	OneOf      []*compatSchema          `json:"oneOf"`
	Enum       []any                    `json:"enum"`
}

// A program written against the first release's document works with today's: a
// change of the contract adds and takes nothing away.
func TestDocumentOnlyGrows(t *testing.T) {
	s, _ := newServer(t, newFake(0), nil)
	old, now := readCompat(t, "testdata/openapi-0.1.json", nil), readCompat(t, "", s.openapi)
	for _, fault := range compareDocs(old, now) {
		t.Error(fault)
	}
	// The test sees what it is for.
	for name, c := range map[string]struct{ from, to string }{
		"a call":             {`"/why":{`, `"/whence":{`},
		"a parameter":        {`"name":"line"`, `"name":"row"`},
		"a required one":     {`"name":"prop"`, `"required":true,"name":"prop"`},
		"a field":            {`"chain":{`, `"links":{`},
		"a field's type":     {`"tick":{"format":"int64","minimum":0,"type":"integer"}`, `"tick":{"type":"string"}`},
		"what is demanded":   {`"required":["ops"]`, `"required":["ops","reason"]`},
		"what is promised":   {`"required":["seq","tick","digest"]`, `"required":["seq"]`},
		"a value that is ok": {`"enum":["auto","ask"]`, `"enum":["auto"]`},
	} {
		var compact any
		if err := json.Unmarshal(s.openapi, &compact); err != nil {
			t.Fatal(err)
		}
		whole, err := json.Marshal(compact)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(whole), c.from, c.to, 1)
		if text == string(whole) {
			// Members are sorted when they are written anew; required and enum are not.
			t.Errorf("%s: %s does not stand in the document", name, c.from)
			continue
		}
		if len(compareDocs(old, readCompat(t, "", []byte(text)))) == 0 {
			t.Errorf("%s can go unseen", name)
		}
	}
}

func readCompat(t *testing.T, file string, data []byte) compatDoc {
	t.Helper()
	var err error
	if file != "" {
		if data, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	var doc compatDoc
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// compareDocs lists what a program of the old document would stumble over.
func compareDocs(old, now compatDoc) []string {
	c := comparison{old: old.Components.Schemas, now: now.Components.Schemas, seen: map[string]bool{}}
	for _, at := range slices.Sorted(maps.Keys(old.Paths)) {
		for method, was := range old.Paths[at] {
			is, ok := now.Paths[at][method]
			where := strings.ToUpper(method) + " " + at
			if !ok {
				c.fault(where, "is gone")
				continue
			}
			if was.ID != is.ID {
				c.fault(where, "is called "+is.ID)
			}
			c.params(where, was, is)
			c.call(where, was, is)
		}
	}
	return c.faults
}

type comparison struct {
	old, now map[string]*compatSchema
	seen     map[string]bool
	faults   []string
}

func (c *comparison) fault(where, what string) { c.faults = append(c.faults, where+" "+what) }

func (c *comparison) params(where string, was, is compatCall) {
	have := map[string]bool{}
	for _, p := range was.Parameters {
		have[p.In+" "+p.Name] = true
		found := false
		for _, q := range is.Parameters {
			if p.Name == q.Name && p.In == q.In {
				found = true
				c.schema(where+" "+p.Name, p.Schema, q.Schema, true)
				if q.Required && !p.Required {
					c.fault(where, "demands "+p.Name)
				}
			}
		}
		if !found {
			c.fault(where, "takes no "+p.Name)
		}
	}
	for _, q := range is.Parameters {
		if q.Required && !have[q.In+" "+q.Name] {
			c.fault(where, "demands "+q.Name)
		}
	}
}

func (c *comparison) call(where string, was, is compatCall) {
	switch {
	case was.Body == nil && is.Body != nil && is.Body.Required, was.Body != nil && is.Body != nil && is.Body.Required && !was.Body.Required:
		c.fault(where, "demands a body")
	case was.Body != nil && is.Body == nil:
		c.fault(where, "takes no body")
	case was.Body != nil:
		c.content(where+" body", was.Body.Content, is.Body.Content, true)
	}
	for status, r := range was.Responses {
		q, ok := is.Responses[status]
		if !ok {
			c.fault(where, "answers no "+status)
			continue
		}
		c.content(where+" "+status, r.Content, q.Content, false)
	}
}

func (c *comparison) content(where string, was, is map[string]compatMedia, in bool) {
	for media, m := range was {
		n, ok := is[media]
		if !ok {
			c.fault(where, "is no "+media)
			continue
		}
		c.schema(where, m.Schema, n.Schema, in)
	}
}

// schema compares what goes in, or comes out.
func (c *comparison) schema(where string, was, is *compatSchema, in bool) {
	if was == nil || is == nil {
		if was != nil {
			c.fault(where, "is not described any more")
		}
		return
	}
	if was.Ref != "" {
		name := path.Base(was.Ref)
		key := fmt.Sprint(name, " ", path.Base(is.Ref), in)
		if c.seen[key] {
			return
		}
		c.seen[key] = true
		where, was = name, c.old[name]
	}
	if is.Ref != "" {
		is = c.now[path.Base(is.Ref)]
	}
	if was == nil || is == nil {
		c.fault(where, "leads nowhere")
		return
	}
	if fmt.Sprint(was.Type) != fmt.Sprint(is.Type) {
		c.fault(where, fmt.Sprintf("was %v and is %v", was.Type, is.Type))
	}
	for i, one := range was.OneOf {
		if i >= len(is.OneOf) {
			c.fault(where, "is one of fewer")
			break
		}
		c.schema(where, one, is.OneOf[i], in)
	}
	for _, name := range slices.Sorted(maps.Keys(was.Properties)) {
		if p := is.Properties[name]; p != nil {
			c.schema(where+"."+name, was.Properties[name], p, in)
		} else {
			c.fault(where, "has no "+name)
		}
	}
	less, more := was.Required, is.Required // a request must not demand more
	if !in {
		less, more = more, less // and an answer not promise less
	}
	for _, name := range more {
		if !slices.Contains(less, name) && (in || is.Properties[name] != nil) {
			c.fault(where, "changed whether "+name+" has to be there")
		}
	}
	if in {
		for _, v := range was.Enum {
			if len(is.Enum) > 0 && !slices.Contains(is.Enum, v) {
				c.fault(where, fmt.Sprintf("takes no %v", v))
			}
		}
	}
	if was.Items != nil {
		c.schema(where+"[]", was.Items, is.Items, in)
	}
}
