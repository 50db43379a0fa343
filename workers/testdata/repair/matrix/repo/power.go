package matrix

import "fmt"

// Power is m multiplied with itself n times, n >= 0; m must be square.
func (m *Matrix) Power(n int) (*Matrix, error) {
	if m.rows != m.cols {
		return nil, fmt.Errorf("%w: the power of %dx%d", ErrShape, m.rows, m.cols)
	}
	result, square := Identity(m.rows), m
	for n > 0 {
		var err error
		if n%2 == 1 {
			if result, err = result.Mul(square); err != nil {
				return nil, err
			}
		}
		if square, err = square.Mul(square); err != nil {
			return nil, err
		}
		n /= 2
	}
	return result, nil
}

// Trace is the sum along the diagonal; m must be square.
func (m *Matrix) Trace() (int, error) {
	if m.rows != m.cols {
		return 0, fmt.Errorf("%w: the trace of %dx%d", ErrShape, m.rows, m.cols)
	}
	sum := 0
	for i := range m.rows {
		sum += m.At(i, i)
	}
	return sum, nil
}
