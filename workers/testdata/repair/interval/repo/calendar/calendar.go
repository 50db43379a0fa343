// Package calendar books rooms by the minute of the day.
package calendar

import (
	"errors"
	"fmt"

	"example.com/interval"
)

// ErrTaken reports a booking that clashes with another one.
var ErrTaken = errors.New("calendar: the room is taken")

// Day is when rooms may be booked: 08:00 to 18:00.
var Day = interval.Interval{Lo: 8 * 60, Hi: 18 * 60}

// Room is one room on one day. The zero Room is free all day.
type Room struct {
	booked []interval.Interval
}

// Book takes the room from minute lo up to minute hi.
func (r *Room) Book(lo, hi int) error {
	want := interval.Interval{Lo: lo, Hi: hi}
	if want.Empty() || want.Intersect(Day) != want {
		return fmt.Errorf("calendar: %v is not within the day %v", want, Day)
	}
	for _, b := range r.booked {
		if b.Overlaps(want) {
			return fmt.Errorf("%w: %v clashes with %v", ErrTaken, want, b)
		}
	}
	r.booked = append(r.booked, want)
	return nil
}

// Free are the stretches of the day that nobody booked.
func (r *Room) Free() interval.Set {
	return interval.NewSet(r.booked...).Gaps(Day)
}
