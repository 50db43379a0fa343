package roman

import (
	"fmt"
	"strings"
)

// SyntaxError reports a text that is no Roman numeral.
type SyntaxError struct {
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("roman: %q is no numeral", e.Text) }

// digit is the value of a single letter; 0 when it has none.
func digit(c byte) int {
	for _, s := range steps {
		if len(s.text) == 1 && s.text[0] == c {
			return s.value
		}
	}
	return 0
}

// Parse reads a numeral, in upper or lower case. Only the form that Format
// writes is taken: "IIII" and "IM" are errors.
func Parse(text string) (int, error) {
	upper := strings.ToUpper(text)
	n := 0
	for i := range len(upper) {
		v := digit(upper[i])
		if v == 0 {
			return 0, &SyntaxError{text}
		}
		// A smaller digit in front of a larger one is taken off.
		if i+1 < len(upper) && v <= digit(upper[i+1]) {
			n -= v
		} else {
			n += v
		}
	}
	if canon, err := Format(n); err != nil || canon != upper {
		return 0, &SyntaxError{text}
	}
	return n, nil
}
