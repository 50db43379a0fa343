package csvq

import "strings"

// String writes the table in the form that Read takes.
func (t *Table) String() string {
	var b strings.Builder
	writeRow(&b, t.Header)
	for _, row := range t.Rows {
		writeRow(&b, row)
	}
	return b.String()
}

func writeRow(b *strings.Builder, row []string) {
	for i, field := range row {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.ContainsAny(field, ",\"") {
			field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
		}
		b.WriteString(field)
	}
	b.WriteByte('\n')
}
