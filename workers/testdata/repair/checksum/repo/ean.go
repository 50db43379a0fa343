package checksum

import "fmt"

// EAN13 reports whether the last digit of a 13-digit article number fits to
// the others.
func EAN13(text string) (bool, error) {
	ds, err := digits(text)
	if err != nil {
		return false, err
	}
	if len(ds) != 13 {
		return false, fmt.Errorf("checksum: %d digits, want 13", len(ds))
	}
	sum := 0
	for i, d := range ds {
		if i%2 == 1 {
			d *= 3
		}
		sum += d
	}
	return sum%10 == 0, nil
}

// Root is the digit that is left when digit sums are taken again and again.
func Root(n int) int {
	for n > 9 {
		n = DigitSum(n)
	}
	return n
}
