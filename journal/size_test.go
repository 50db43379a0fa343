package journal_test

import (
	"bytes"
	"context"
	"testing"

	"jitos.dev/journal"
)

// What is put and appended is what the size grows by, at least.
func TestSize(t *testing.T) {
	s, err := journal.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	if _, _, err := s.Blobs().Put(bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	frame := journal.Frame{Epoch: s.Epoch(), First: 1, Count: 1, Payload: bytes.Repeat([]byte("x"), 1000)}
	if err := s.Append(context.Background(), frame); err != nil {
		t.Fatal(err)
	}
	after, err := s.Size()
	if grown := after - before; err != nil || grown < int64(len(content))+1000 || grown > int64(2*len(content))+journal.RoomAhead {
		t.Errorf("it grew by %d bytes, %v", grown, err)
	}
}
