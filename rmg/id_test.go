package rmg_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// TestIDSurvivesJSON: whatever bytes an id has.
func TestIDSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rmg.ID(rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "id"))
		text, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var back rmg.ID
		if err := json.Unmarshal(text, &back); err != nil || back != id {
			t.Fatalf("%q is written as %s and read as %q, %v", id, text, back, err)
		}
	})
	for _, bad := range []string{`1`, `{"$bytes":"%"}`, `{"$ref":"/a"}`, `[]`, `null`} {
		var id rmg.ID
		if err := id.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is read as %q", bad, id)
		}
	}
}
