package cron

import "time"

// dayDue reports whether the schedule runs on the day of t. All of month, day
// and weekday must match.
func (s *Schedule) dayDue(t time.Time) bool {
	return s.month.Has(int(t.Month())) && s.day.Has(t.Day())
}

// Due reports whether the schedule runs in the minute of t.
func (s *Schedule) Due(t time.Time) bool {
	return s.dayDue(t) && s.hour.Has(t.Hour()) && s.minute.Has(t.Minute())
}

// Next is the first minute after t in which the schedule runs.
func (s *Schedule) Next(t time.Time) (time.Time, error) {
	end := t.Add(horizon)
	t = t.Truncate(time.Minute).Add(time.Minute)
	for t.Before(end) {
		switch {
		case !s.dayDue(t):
			y, m, d := t.Date()
			t = time.Date(y, m, d+1, 0, 0, 0, 0, t.Location())
		case !s.hour.Has(t.Hour()):
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !s.minute.Has(t.Minute()):
			t = t.Add(time.Minute)
		default:
			return t, nil
		}
	}
	return time.Time{}, ErrNever
}
