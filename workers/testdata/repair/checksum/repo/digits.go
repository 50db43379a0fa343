// Package checksum computes the check digits that guard numbers against slips
// of the pen.
package checksum

import (
	"errors"
	"fmt"
)

// ErrDigit reports a character that is no digit.
var ErrDigit = errors.New("checksum: not a digit")

// digits are the digits of text, which may have spaces and hyphens in it.
func digits(text string) ([]int, error) {
	var out []int
	for i, c := range text {
		switch {
		case c == ' ' || c == '-':
		case '0' <= c && c <= '9':
			out = append(out, int(c-'0'))
		default:
			return nil, fmt.Errorf("%w: %q at offset %d", ErrDigit, c, i)
		}
	}
	return out, nil
}

// DigitSum adds up the decimal digits of n; a sign does not count.
func DigitSum(n int) int {
	if n < 0 {
		n = -n
	}
	sum := 0
	for n > 0 {
		sum += n % 10
		n %= 10
	}
	return sum
}
