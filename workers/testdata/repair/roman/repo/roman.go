// Package roman converts between integers and Roman numerals.
package roman

import (
	"fmt"
	"strings"
)

// Smallest and Largest bound what can be written.
const (
	Smallest = 1
	Largest  = 3999
)

// step is a numeral that Format writes whole, with its value.
type step struct {
	value int
	text  string
}

// steps go from the largest to the smallest.
var steps = []step{
	{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"},
	{100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"},
	{10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
}

// RangeError reports a number that has no Roman numeral.
type RangeError int

func (e RangeError) Error() string {
	return fmt.Sprintf("roman: %d is not in %d..%d", int(e), Smallest, Largest)
}

// Format writes n.
func Format(n int) (string, error) {
	if n < Smallest || n > Largest {
		return "", RangeError(n)
	}
	var b strings.Builder
	for _, s := range steps {
		for n >= s.value {
			b.WriteString(s.text)
			n -= s.value
		}
	}
	return b.String(), nil
}
