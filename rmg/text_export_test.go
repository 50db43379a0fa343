package rmg

import "strings"

// DiffScript diffs two texts by lines and tells each line by one byte: " " for
// one that stayed, "-" for one that went, "+" for one that came.
func DiffScript(a, b []byte) string {
	names := map[string]int{}
	x, y := numbered(names, a), numbered(names, b)
	var out strings.Builder
	at := 0
	for _, h := range diffLines(x.ids, y.ids, len(names)) {
		out.WriteString(strings.Repeat(" ", h.old.from-at))
		out.WriteString(strings.Repeat("-", h.old.to-h.old.from))
		out.WriteString(strings.Repeat("+", h.now.to-h.now.from))
		at = h.old.to
	}
	return out.String() + strings.Repeat(" ", len(x.ids)-at)
}
