package matrix

import "fmt"

// Identity is the n x n matrix that changes nothing it is multiplied with.
func Identity(n int) *Matrix {
	m := New(n, n)
	for i := range n {
		m.Set(i, i, 1)
	}
	return m
}

// Transpose swaps rows and columns.
func (m *Matrix) Transpose() *Matrix {
	out := New(m.cols, m.rows)
	for r := range m.rows {
		for c := range m.cols {
			out.Set(c, r, m.At(r, c))
		}
	}
	return out
}

// Mul is the product m*o; m must have as many columns as o has rows.
func (m *Matrix) Mul(o *Matrix) (*Matrix, error) {
	if m.cols != o.rows {
		return nil, fmt.Errorf("%w: %dx%d times %dx%d", ErrShape, m.rows, m.cols, o.rows, o.cols)
	}
	out := New(m.rows, o.cols)
	for r := range m.rows {
		for c := range o.cols {
			sum := 0
			for k := range m.cols {
				sum += m.At(r, k) * o.At(r, c)
			}
			out.Set(r, c, sum)
		}
	}
	return out, nil
}
