package cron

import (
	"errors"
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	tm, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

// The first of January 2024 was a Monday.
func TestNext(t *testing.T) {
	tests := []struct {
		line, from, want string
	}{
		{"* * * * *", "2024-01-01 00:00", "2024-01-01 00:01"},
		{"30 * * * *", "2024-01-01 00:30", "2024-01-01 01:30"},
		{"*/15 9-17 * * *", "2024-01-01 17:50", "2024-01-02 09:00"},
		{"0 6 1 * *", "2024-01-01 07:00", "2024-02-01 06:00"},
		{"0 0 29 2 *", "2024-03-01 00:00", "2028-02-29 00:00"},
		{"0 8 * * 1-5", "2024-01-05 09:00", "2024-01-08 08:00"},
		{"0 12 13 * 5", "2024-01-01 00:00", "2024-09-13 12:00"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			s, err := Parse(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Next(at(t, tt.from))
			if err != nil {
				t.Fatal(err)
			}
			if want := at(t, tt.want); !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNever(t *testing.T) {
	s, err := Parse("0 0 30 2 *")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Next(at(t, "2024-01-01 00:00")); !errors.Is(err, ErrNever) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseBad(t *testing.T) {
	for _, line := range []string{"", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"} {
		if _, err := Parse(line); err == nil {
			t.Errorf("took %q", line)
		}
	}
}
