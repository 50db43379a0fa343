package checksum

// luhnSum adds up digits, every second one doubled, where the last one is the
// check digit.
func luhnSum(ds []int) int {
	sum := 0
	for i, d := range ds {
		if (len(ds)-i)%2 == 0 {
			sum += DigitSum(2 * d)
		} else {
			sum += d
		}
	}
	return sum
}

// Luhn reports whether the last digit of a number, as of a credit card, fits
// to the others.
func Luhn(text string) (bool, error) {
	ds, err := digits(text)
	if err != nil {
		return false, err
	}
	return len(ds) > 1 && luhnSum(ds)%10 == 0, nil
}

// LuhnDigit is the digit to be put behind text.
func LuhnDigit(text string) (int, error) {
	ds, err := digits(text)
	if err != nil {
		return 0, err
	}
	return (10 - luhnSum(append(ds, 0))%10) % 10, nil
}
