package bytesize

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a size such as "512", "1.5 GiB" or "20k". Units may be written
// in full or by their first letter, in upper or lower case.
func Parse(text string) (Size, error) {
	t := strings.TrimSpace(text)
	end := strings.LastIndexAny(t, "0123456789.") + 1
	size, err := unitSize(strings.TrimSpace(t[end:]))
	if err != nil {
		return 0, fmt.Errorf("bytesize: %q: %w", text, err)
	}
	n, err := strconv.ParseFloat(t[:end], 64)
	if err != nil {
		return 0, fmt.Errorf("bytesize: %q is no size", text)
	}
	return Size(n * float64(size)), nil
}

// unitSize is the size of a unit; no name means bytes.
func unitSize(name string) (Size, error) {
	switch strings.ToLower(name) {
	case "", "b":
		return Byte, nil
	case "k", "kib":
		return KiB, nil
	case "m", "mib":
		return MiB, nil
	case "g", "gib":
		return MiB, nil
	case "t", "tib":
		return TiB, nil
	}
	return 0, fmt.Errorf("unknown unit %q", name)
}
