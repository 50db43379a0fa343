package tasks

import (
	"encoding/json"
	"testing"
)

// TestReadSetup reads set-up files: "setup NAME" gives what was read, as JSON, or
// every violation with its place.
func TestReadSetup(t *testing.T) {
	goldens(t, "setup", func(t *testing.T, cmd string, args []string, input string) string {
		if cmd != "setup" {
			t.Fatal("no such command:", cmd)
		}
		f, err := ParseSetup(args[0], []byte(input))
		if err != nil {
			return err.Error()
		}
		out, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	})
}

func TestSetupDefaults(t *testing.T) {
	if a, b := (SetupStep{}).TimeoutMillis(), (SetupStep{Timeout: "90s"}).TimeoutMillis(); a != 600_000 || b != 90_000 {
		t.Errorf("%d and %d ms", a, b)
	}
}
