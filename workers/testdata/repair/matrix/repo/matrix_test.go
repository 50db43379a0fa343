package matrix

import (
	"errors"
	"testing"
)

func must(t *testing.T, rows ...[]int) *Matrix {
	t.Helper()
	m, err := FromRows(rows...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMul(t *testing.T) {
	tests := []struct {
		name       string
		a, b, want [][]int
	}{
		{"empty", nil, nil, nil},
		{"single numbers", [][]int{{3}}, [][]int{{4}}, [][]int{{12}}},
		{"identity", [][]int{{1, 2}, {3, 4}}, [][]int{{1, 0}, {0, 1}}, [][]int{{1, 2}, {3, 4}}},
		{"square", [][]int{{1, 2}, {3, 4}}, [][]int{{5, 6}, {7, 8}}, [][]int{{19, 22}, {43, 50}}},
		{"row by column", [][]int{{1, 2, 3}}, [][]int{{4}, {5}, {6}}, [][]int{{32}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := must(t, tt.a...).Mul(must(t, tt.b...))
			if err != nil {
				t.Fatal(err)
			}
			if want := must(t, tt.want...); !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	if _, err := FromRows([]int{1, 2}, []int{3}); !errors.Is(err, ErrShape) {
		t.Errorf("FromRows: err = %v", err)
	}
	if _, err := New(2, 3).Mul(New(2, 3)); !errors.Is(err, ErrShape) {
		t.Errorf("Mul: err = %v", err)
	}
	if _, err := New(2, 3).Power(2); !errors.Is(err, ErrShape) {
		t.Errorf("Power: err = %v", err)
	}
	if _, err := New(2, 3).Trace(); !errors.Is(err, ErrShape) {
		t.Errorf("Trace: err = %v", err)
	}
}

func TestTranspose(t *testing.T) {
	got := must(t, []int{1, 2, 3}, []int{4, 5, 6}).Transpose()
	if want := must(t, []int{1, 4}, []int{2, 5}, []int{3, 6}); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPower(t *testing.T) {
	fib := must(t, []int{1, 1}, []int{1, 0})
	for n, want := range []int{0, 1, 1, 2, 3, 5, 8, 13} {
		p, err := fib.Power(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.At(0, 1); got != want {
			t.Errorf("fib(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestTrace(t *testing.T) {
	if got, err := must(t, []int{1, 9}, []int{9, 4}).Trace(); got != 5 || err != nil {
		t.Errorf("trace = %d, %v", got, err)
	}
}
