// Package money holds amounts in cents, so that nothing is lost to rounding
// where none is wanted.
package money

import "fmt"

// Cents is an amount; negative amounts are credits.
type Cents int64

// Percent is p percent of c, rounded half away from zero.
func (c Cents) Percent(p int) Cents {
	n := int64(c) * int64(p)
	if n < 0 {
		return -Cents((-n + 50) / 100)
	}
	return Cents((n + 50) / 100)
}

// String writes the amount with two decimals.
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
}
