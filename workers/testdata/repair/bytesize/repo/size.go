// Package bytesize writes and reads amounts of bytes for people.
package bytesize

import (
	"fmt"
	"strconv"
)

// Size is an amount of bytes.
type Size int64

// The units, each 1024 times the one before.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
	TiB       = 1024 * GiB
)

// unit is a name for a power of 1024.
type unit struct {
	name string
	size Size
}

// units go from the largest to the smallest.
var units = []unit{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", Byte}}

// String writes the size with up to one decimal, in the largest unit of which
// it holds at least one.
func (s Size) String() string {
	if s < 0 {
		return "-" + (-s).String()
	}
	for _, u := range units {
		if s >= u.size && s%u.size == 0 {
			return fmt.Sprintf("%d%s", s/u.size, u.name)
		}
		if s >= u.size {
			return strconv.FormatFloat(float64(s)/float64(u.size), 'f', 1, 64) + u.name
		}
	}
	return "0B"
}
