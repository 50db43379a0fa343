// Package matrix is dense matrices of integers.
package matrix

import (
	"errors"
	"fmt"
	"slices"
)

// ErrShape reports operands whose shapes do not fit together.
var ErrShape = errors.New("matrix: shapes do not fit")

// Matrix has rows x cols numbers, kept row by row.
type Matrix struct {
	rows, cols int
	data       []int
}

// New returns a matrix of zeros.
func New(rows, cols int) *Matrix {
	return &Matrix{rows: rows, cols: cols, data: make([]int, rows*cols)}
}

// FromRows copies rows, which must all be of one length, into a matrix.
func FromRows(rows ...[]int) (*Matrix, error) {
	if len(rows) == 0 {
		return New(0, 0), nil
	}
	m := New(len(rows), len(rows[0]))
	for r, row := range rows {
		if len(row) != m.cols {
			return nil, fmt.Errorf("%w: row %d has %d numbers, not %d", ErrShape, r, len(row), m.cols)
		}
		copy(m.data[r*m.cols:], row)
	}
	return m, nil
}

// Shape is the number of rows and of columns.
func (m *Matrix) Shape() (rows, cols int) { return m.rows, m.cols }

// At is the number in row r and column c, both counted from 0.
func (m *Matrix) At(r, c int) int { return m.data[r*m.cols+c] }

// Set puts v into row r and column c.
func (m *Matrix) Set(r, c, v int) { m.data[r*m.cols+c] = v }

// Row is a copy of row r.
func (m *Matrix) Row(r int) []int {
	return slices.Clone(m.data[r*m.cols : (r+1)*m.cols])
}

// Equal reports whether both have one shape and the same numbers.
func (m *Matrix) Equal(o *Matrix) bool {
	return m.rows == o.rows && m.cols == o.cols && slices.Equal(m.data, o.data)
}
