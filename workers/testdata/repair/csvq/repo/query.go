package csvq

import (
	"fmt"
	"slices"
	"strconv"
)

// column is the place of a column in every row.
func (t *Table) column(name string) (int, error) {
	i := slices.Index(t.Header, name)
	if i < 0 {
		return 0, fmt.Errorf("csvq: no column %q", name)
	}
	return i, nil
}

// Where keeps the rows whose column equals value.
func (t *Table) Where(column, value string) (*Table, error) {
	i, err := t.column(column)
	if err != nil {
		return nil, err
	}
	out := &Table{Header: t.Header}
	for _, row := range t.Rows {
		if row[i] == value {
			out.Rows = append(out.Rows, row)
		}
	}
	return out, nil
}

// Sum adds up a column of integers; an empty field counts as 0.
func (t *Table) Sum(column string) (int, error) {
	i, err := t.column(column)
	if err != nil {
		return 0, err
	}
	sum := 0
	for n, row := range t.Rows {
		if row[i] == "" {
			continue
		}
		v, err := strconv.Atoi(row[i])
		if err != nil {
			return 0, fmt.Errorf("csvq: row %d: %q in column %s is no integer", n+1, row[i], column)
		}
		sum += v
	}
	return sum, nil
}
