package checksum

import (
	"errors"
	"testing"
)

func TestEAN13(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"4006381333931", true},
		{"978-3-16-148410-0", true},
		{"4006381333932", false},
	}
	for _, tt := range tests {
		if got, err := EAN13(tt.text); got != tt.want || err != nil {
			t.Errorf("EAN13(%q) = %v, %v", tt.text, got, err)
		}
	}
	if _, err := EAN13("123"); err == nil {
		t.Error("took three digits")
	}
}

func TestBadDigits(t *testing.T) {
	for _, text := range []string{"12x4", "١٢"} {
		if _, err := Luhn(text); !errors.Is(err, ErrDigit) {
			t.Errorf("Luhn(%q): err = %v", text, err)
		}
	}
}

func TestLuhnShort(t *testing.T) {
	for _, text := range []string{"", "0", " - "} {
		if ok, err := Luhn(text); ok || err != nil {
			t.Errorf("Luhn(%q) = %v, %v", text, ok, err)
		}
	}
}

func TestLuhn(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"4539 1488 0343 6467", true},
		{"8273 1232 7352 0569", false},
		{"00", true},
		{"59", true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := Luhn(tt.text); got != tt.want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestLuhnDigit(t *testing.T) {
	if got, err := LuhnDigit("7992739871"); got != 3 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestRoot(t *testing.T) {
	for n, want := range map[int]int{0: 0, 7: 7, 942: 6, 132189: 6} {
		if got := Root(n); got != want {
			t.Errorf("Root(%d) = %d, want %d", n, got, want)
		}
	}
}
