package tasks

import (
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed slaps.schema.json
var slapsSchema []byte

var slapsCompiled = sync.OnceValue(func() *jsonschema.Schema { return compileSchema("https://jitos.dev/schema/slaps-1.json", slapsSchema) })

// ParseSLAPS reads JSON or YAML and validates it against the published schema.
// The error is Violations.
func ParseSLAPS(name string, data []byte) (SLAPS, error) {
	d, err := parseDocument(name, data)
	if err != nil {
		return SLAPS{}, err
	}
	if v := d.validate(slapsCompiled()); len(v) > 0 {
		return SLAPS{}, v
	}
	var s SLAPS
	if err := d.decode(&s); err != nil {
		return SLAPS{}, Violations{{File: name, Message: err.Error()}}
	}
	return s, nil
}

// Schema returns the JSON Schema (2020-12) of SLAPS documents.
func Schema() []byte { return append([]byte(nil), slapsSchema...) }

// Validate reports every fault of s as Violations, or nil. They have pointers
// and no lines: s may never have been text.
func (s SLAPS) Validate() error {
	data, err := json.Marshal(s)
	if err != nil {
		return Violations{{Message: err.Error()}}
	}
	var d document
	if err := json.Unmarshal(data, &d.value); err != nil {
		return Violations{{Message: err.Error()}}
	}
	if v := d.validate(slapsCompiled()); len(v) > 0 {
		return v
	}
	return nil
}
