package tasks

import "testing"

// TestReadSetup reads set-up files: "setup NAME" gives what was read, as JSON, or
// every violation with its place.
func TestReadSetup(t *testing.T) {
	goldenFiles(t, "setup", ParseSetup)
}

func TestSetupDefaults(t *testing.T) {
	if a, b := (SetupStep{}).TimeoutMillis(), (SetupStep{Timeout: "90s"}).TimeoutMillis(); a != 600_000 || b != 90_000 {
		t.Errorf("%d and %d ms", a, b)
	}
}
