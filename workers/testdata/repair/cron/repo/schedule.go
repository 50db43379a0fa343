// Package cron finds out when the next run of a crontab line is due.
package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/cron/field"
)

// ErrNever reports a schedule that matches no time in the next years, such as
// the 30th of February.
var ErrNever = errors.New("cron: the schedule is never due")

// horizon bounds how far ahead Next looks.
const horizon = 5 * 366 * 24 * time.Hour

// Schedule is a parsed line "minute hour day month weekday".
type Schedule struct {
	minute, hour, day, month, weekday field.Set
}

// Parse reads the five fields of a line. Weekdays go from 0, Sunday, to 6.
func Parse(line string) (*Schedule, error) {
	var s Schedule
	fields := []struct {
		name   string
		lo, hi int
		to     *field.Set
	}{
		{"minute", 0, 59, &s.minute},
		{"hour", 0, 23, &s.hour},
		{"day", 1, 31, &s.day},
		{"month", 1, 12, &s.month},
		{"weekday", 0, 6, &s.weekday},
	}
	texts := strings.Fields(line)
	if len(texts) != len(fields) {
		return nil, fmt.Errorf("cron: %d fields in %q, want %d", len(texts), line, len(fields))
	}
	for i, f := range fields {
		set, err := field.Parse(texts[i], f.lo, f.hi)
		if err != nil {
			return nil, fmt.Errorf("cron: %s: %w", f.name, err)
		}
		*f.to = set
	}
	return &s, nil
}
