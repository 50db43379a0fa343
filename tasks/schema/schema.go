// Package schema holds JSON documents to the JSON Schemas (2020-12) that this
// program comes with. It knows the keywords that those use and no others, tells
// every fault of a document with its place, and does nothing at the start of a
// program.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Schema is one that was compiled. It may be used from any goroutine.
type Schema struct {
	types  []string // in the order of sorts; nil for any
	values []any    // what it may be; nil for anything
	is     bool     // values is of const, and not of enum

	minLength, maxLength *int
	pattern              *regexp.Regexp
	minimum, maximum     *float64
	minItems, maxItems   *int
	items                *Schema

	required   []string
	properties map[string]*Schema
	closed     bool    // has the properties named and no other
	others     *Schema // of properties that are not named; may be nil

	ref *Schema
}

// sorts are the types of JSON, in the order in which they are told.
func sorts() []string {
	return []string{"null", "boolean", "number", "integer", "string", "array", "object"}
}

// source is a schema as it is written. What a person alone reads of it is here so
// that it is known, and not looked at.
type source struct {
	Schema      string             `json:"$schema"`
	ID          string             `json:"$id"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Defs        map[string]*source `json:"$defs"`
	Ref         string             `json:"$ref"`
	Type        json.RawMessage    `json:"type"`
	Const       *any               `json:"const"`
	Enum        []any              `json:"enum"`
	MinLength   *int               `json:"minLength"`
	MaxLength   *int               `json:"maxLength"`
	Pattern     *string            `json:"pattern"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	MinItems    *int               `json:"minItems"`
	MaxItems    *int               `json:"maxItems"`
	Items       *source            `json:"items"`
	Required    []string           `json:"required"`
	Properties  map[string]*source `json:"properties"`
	Additional  json.RawMessage    `json:"additionalProperties"`
}

// Compile reads a schema. A keyword that is not known is an error: one that was
// passed over would let documents through.
func Compile(data []byte) (*Schema, error) {
	src, err := parse(data)
	if err != nil {
		return nil, err
	}
	c := compiler{defs: map[string]*Schema{}}
	for name := range src.Defs {
		c.defs["#/$defs/"+name] = &Schema{}
	}
	for name, d := range src.Defs {
		if err := c.fill(c.defs["#/$defs/"+name], d); err != nil {
			return nil, fmt.Errorf("$defs/%s: %w", name, err)
		}
	}
	for name, d := range c.defs {
		for n := 0; d != nil; n++ {
			if n > len(c.defs) {
				return nil, fmt.Errorf("%s refers to itself and to nothing else", name)
			}
			d = d.ref
		}
	}
	return c.schema(src)
}

func parse(data []byte) (*source, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s source
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("no schema: %w", err)
	}
	return &s, nil
}

type compiler struct{ defs map[string]*Schema }

// schema compiles one below the root; nil for none.
func (c compiler) schema(src *source) (*Schema, error) {
	if src == nil {
		return nil, nil
	}
	s := &Schema{}
	return s, c.fill(s, src)
}

func (c compiler) fill(s *Schema, src *source) (err error) {
	s.minLength, s.maxLength, s.minimum, s.maximum = src.MinLength, src.MaxLength, src.Minimum, src.Maximum
	s.minItems, s.maxItems, s.required = src.MinItems, src.MaxItems, src.Required
	if s.values = src.Enum; src.Const != nil {
		s.values, s.is = []any{*src.Const}, true
	}
	for _, v := range s.values {
		switch v.(type) {
		case []any, map[string]any:
			return errors.New("a value of an enum or const is no text, number or truth")
		}
	}
	if s.types, err = readTypes(src.Type); err != nil {
		return err
	}
	if src.Pattern != nil {
		if s.pattern, err = regexp.Compile(*src.Pattern); err != nil {
			return err
		}
	}
	if src.Ref != "" {
		ok := false
		if s.ref, ok = c.defs[src.Ref]; !ok {
			return fmt.Errorf("$ref %q leads nowhere", src.Ref)
		}
	}
	if s.items, err = c.schema(src.Items); err != nil {
		return fmt.Errorf("items: %w", err)
	}
	if src.Properties != nil {
		s.properties = map[string]*Schema{}
	}
	for name, p := range src.Properties {
		if s.properties[name], err = c.schema(p); err != nil {
			return fmt.Errorf("properties/%s: %w", name, err)
		}
	}
	switch string(src.Additional) {
	case "", "true":
		return nil
	case "false":
		s.closed = true
		return nil
	}
	others, err := parse(src.Additional)
	if err == nil {
		s.others, err = c.schema(others)
	}
	return err
}

// readTypes reads one type or a list, into the order of sorts.
func readTypes(data json.RawMessage) ([]string, error) {
	if len(data) == 0 {
		return nil, nil
	}
	var list []string
	if data[0] == '"' {
		data = append(append(json.RawMessage{'['}, data...), ']')
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("type: %w", err)
	}
	var out []string
	for _, s := range sorts() {
		if slices.Contains(list, s) {
			out = append(out, s)
		}
	}
	if len(out) != len(list) {
		return nil, fmt.Errorf("type: %s is none, or stands twice", strings.Join(list, ", "))
	}
	return out, nil
}
