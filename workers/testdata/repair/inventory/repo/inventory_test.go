package inventory_test

import (
	"errors"
	"testing"

	"example.com/inventory"
)

// filled is a store with 10 bolts, of which 4 are reserved.
func filled(t *testing.T) *inventory.Store {
	t.Helper()
	s := inventory.New()
	if err := s.Receive("bolt", 10); err != nil {
		t.Fatal(err)
	}
	if err := s.Reserve("bolt", 4); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReserve(t *testing.T) {
	tests := []struct {
		name    string
		article string
		n       int
		err     error
		left    int
	}{
		{"some", "bolt", 2, nil, 4},
		{"all that is free", "bolt", 6, nil, 0},
		{"too many", "bolt", 7, inventory.ErrShort, 6},
		{"none", "bolt", 0, inventory.ErrQuantity, 6},
		{"less than none", "bolt", -3, inventory.ErrQuantity, 6},
		{"unknown", "nut", 1, inventory.ErrUnknown, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := filled(t)
			if err := s.Reserve(tt.article, tt.n); !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
			if got := s.Available("bolt"); got != tt.left {
				t.Errorf("%d left, want %d", got, tt.left)
			}
		})
	}
}

func TestShip(t *testing.T) {
	tests := []struct {
		n   int
		err error
	}{
		{1, nil},
		{4, nil},
		{5, inventory.ErrShort},
	}
	for _, tt := range tests {
		s := filled(t)
		if err := s.Ship("bolt", tt.n); !errors.Is(err, tt.err) {
			t.Errorf("Ship(%d): err = %v, want %v", tt.n, err, tt.err)
		}
		if got := s.Available("bolt"); got != 6 {
			t.Errorf("Ship(%d): %d available, want 6", tt.n, got)
		}
	}
}

func TestMovements(t *testing.T) {
	s := filled(t)
	got := s.Movements()
	if len(got) != 2 || got[1].String() != "reserve 4 bolt" {
		t.Errorf("movements = %v", got)
	}
}
