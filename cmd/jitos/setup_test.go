package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// What setup sets it can take out again, and what was there is there as it was.
func TestSetMember(t *testing.T) {
	const value = `{"command": "jitos", "args": ["mcp"]}`
	for name, old := range map[string]string{
		"none":        "",
		"empty":       "{}\n",
		"others":      "{\n    \"theme\": \"dark\",\n    \"z\": [1, 2]\n}\n",
		"container":   "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}, \"b\": 1}",
		"no servers":  "{\n\t\"mcpServers\": {}\n}",
		"a tricky \\": `{"a\\\"": "}", "mcpServers": {"x\\": {"k": "\\\"{"}}}`,
	} {
		set, err := setMember(old, "mcpServers", "jitos", value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var doc struct {
			MCPServers map[string]json.RawMessage `json:"mcpServers"`
		}
		if err := json.Unmarshal([]byte(set), &doc); err != nil || string(doc.MCPServers["jitos"]) != value {
			t.Errorf("%s: %v in %s", name, err, set)
		}
		if again, err := setMember(set, "mcpServers", "jitos", value); err != nil || again != set {
			t.Errorf("%s: the second time: %v\n%s", name, err, again)
		}
		if other, err := setMember(set, "mcpServers", "jitos", `{"command": "y"}`); err != nil || strings.Count(other, `"jitos"`) != 1 {
			t.Errorf("%s: another value: %v\n%s", name, err, other)
		}
		back, err := setMember(set, "mcpServers", "jitos", "")
		// What says nothing is as good as not there.
		if want := strings.TrimSpace(old); err != nil || back != old && want != "{}" && want != "{\n\t\"mcpServers\": {}\n}" {
			t.Errorf("%s: taken back: %v\n%s", name, err, back)
		}
	}
	for _, old := range []string{"[]", "{\n  // mine\n}", "{", `{"mcpServers": []}`} {
		if out, err := setMember(old, "mcpServers", "jitos", value); err == nil || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("%s: %v %s", old, err, out)
		}
	}
}

func TestSetBlock(t *testing.T) {
	for _, old := range []string{"", "# A\n", "# A\n\nb", "# A\n\n"} {
		set, err := setBlock(old, "<begin>", "<end>", "text\n")
		if err != nil || !strings.HasPrefix(set, old) || !strings.HasSuffix(set, "<begin>\ntext\n<end>\n") {
			t.Errorf("%q: %v %q", old, err, set)
		}
		if again, err := setBlock(set, "<begin>", "<end>", "text\n"); err != nil || again != set {
			t.Errorf("%q: the second time: %v %q", old, err, again)
		}
		if back, err := setBlock(set, "<begin>", "<end>", ""); err != nil || strings.TrimRight(back, "\n") != strings.TrimRight(old, "\n") {
			t.Errorf("%q: taken back: %v %q", old, err, back)
		}
		if moved, err := setBlock(set+"more\n", "<begin>", "<end>", "new\n"); err != nil || !strings.HasSuffix(moved, "<begin>\nnew\n<end>\nmore\n") {
			t.Errorf("%q: another text: %v %q", old, err, moved)
		}
	}
	if _, err := setBlock("a\n<begin>\n", "<begin>", "<end>", "x"); err == nil {
		t.Error("half a block is no fault")
	}
}
