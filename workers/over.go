package workers

import "strings"

// MoreOf says what to do about a command that was killed because it took more than
// it may: over is what its sandbox said of it.
func MoreOf(over string) string {
	switch {
	case strings.HasPrefix(over, "disk_kept: "):
		return "make room on the disk: jitos gc --dry-run says what JITOS could give up"
	case strings.HasPrefix(over, "disk_max: "):
		return "a larger budget.scratch_bytes in the SLAPS document allows more"
	}
	return "a larger budget.memory_bytes in the SLAPS document allows more"
}
