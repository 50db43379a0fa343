// Package bankers is decimal numbers with a fixed number of places, rounded
// half to even.
package bankers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxPlaces is the most places behind the point that a Decimal may have.
const MaxPlaces = 9

// Decimal is units / 10^places.
type Decimal struct {
	units  int64
	places int
}

// New returns units / 10^places.
func New(units int64, places int) Decimal {
	return Decimal{units, places}
}

// ErrSyntax reports a text that is no decimal number.
var ErrSyntax = errors.New("bankers: not a decimal number")

// Parse reads a number like "-12.50"; it keeps as many places as are written.
func Parse(text string) (Decimal, error) {
	whole, frac, _ := strings.Cut(text, ".")
	if len(frac) > MaxPlaces || strings.ContainsAny(frac, "+-") {
		return Decimal{}, fmt.Errorf("%w: %q", ErrSyntax, text)
	}
	units, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %q", ErrSyntax, text)
	}
	return Decimal{units, len(frac)}, nil
}

// String writes the number with all its places.
func (d Decimal) String() string {
	sign, units := "", d.units
	if units < 0 {
		sign, units = "-", -units
	}
	digits := fmt.Sprintf("%0*d", d.places+1, units)
	if d.places == 0 {
		return sign + digits
	}
	point := len(digits) - d.places
	return sign + digits[:point] + "." + digits[point:]
}
