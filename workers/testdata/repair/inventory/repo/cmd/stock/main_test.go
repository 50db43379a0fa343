package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	err := run(strings.NewReader("receive nut 3\nreceive bolt 5\nreserve bolt 2\nship bolt 1\n"), &out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "bolt 3\nnut 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := run(strings.NewReader("burn bolt 1\n"), &out); err == nil {
		t.Error("burnt a bolt")
	}
}
