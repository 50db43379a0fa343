package calendar

import (
	"errors"
	"slices"
	"testing"

	"example.com/interval"
)

func TestFree(t *testing.T) {
	tests := []struct {
		name   string
		booked []interval.Interval
		want   interval.Set
	}{
		{"nothing booked", nil, interval.Set{Day}},
		{"all day", []interval.Interval{Day}, nil},
		{"around noon", []interval.Interval{{Lo: 720, Hi: 780}}, interval.Set{{Lo: 480, Hi: 720}, {Lo: 780, Hi: 1080}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Room{booked: tt.booked}
			if got := r.Free(); !slices.Equal(got, tt.want) {
				t.Errorf("free = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBook(t *testing.T) {
	var r Room
	if err := r.Book(540, 600); err != nil {
		t.Fatal(err)
	}
	if err := r.Book(570, 630); !errors.Is(err, ErrTaken) {
		t.Errorf("clash: err = %v", err)
	}
	if err := r.Book(600, 660); err != nil {
		t.Errorf("right after another: %v", err)
	}
	if err := r.Book(400, 500); err == nil {
		t.Error("booked before the day begins")
	}
}
