package bytesize

import (
	"errors"
	"testing"
)

func TestString(t *testing.T) {
	tests := []struct {
		size Size
		want string
	}{
		{0, "0B"},
		{1, "1B"},
		{1023, "1023B"},
		{KiB, "1KiB"},
		{1536, "1.5KiB"},
		{20 * MiB, "20MiB"},
		{-3 * GiB, "-3GiB"},
		{5 * TiB / 2, "2.5TiB"},
	}
	for _, tt := range tests {
		if got := tt.size.String(); got != tt.want {
			t.Errorf("Size(%d) = %s, want %s", int64(tt.size), got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want Size
	}{
		{"512", 512},
		{"7 b", 7},
		{"20k", 20 * KiB},
		{"3 MiB", 3 * MiB},
		{"1.5 GiB", 1536 * MiB},
		{"2t", 2 * TiB},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := Parse(tt.text); got != tt.want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestParseBad(t *testing.T) {
	for _, text := range []string{"", "k", "3 apples", "1.2.3k", "x1"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v", text, got)
		}
	}
}

func TestQuota(t *testing.T) {
	q := Quota{Limit: 10 * KiB}
	if err := q.Take(10 * KiB); err != nil {
		t.Fatal(err)
	}
	var full *FullError
	if err := q.Take(1); !errors.As(err, &full) || full.Free != 0 {
		t.Errorf("err = %v", err)
	}
	q.Give(20 * KiB)
	if q.Free() != 10*KiB {
		t.Errorf("free = %v", q.Free())
	}
}
