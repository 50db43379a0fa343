package eventlog

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// sample has an event each minute from noon on.
func sample() *Log {
	l := New(10)
	for i, e := range []Event{
		{Level: Info, Who: "ada", What: "Logged in"},
		{Level: Debug, Who: "bob", What: "ping"},
		{Level: Error, Who: "bob", What: "Login refused"},
		{Level: Warn, Who: "ada", What: "disk is nearly full"},
		{Level: Info, Who: "eve", What: "logged out"},
	} {
		e.At = noon.Add(time.Duration(i) * time.Minute)
		l.Add(e)
	}
	return l
}

// minutes are the minutes after noon at which the events were.
func minutes(es []Event) []int {
	var out []int
	for _, e := range es {
		out = append(out, int(e.At.Sub(noon)/time.Minute))
	}
	return out
}

func TestFind(t *testing.T) {
	tests := []struct {
		name   string
		filter Filter
		want   []int
	}{
		{"all", Filter{}, []int{0, 1, 2, 3, 4}},
		{"level", Filter{Level: Warn}, []int{2, 3}},
		{"who", Filter{Who: "ada"}, []int{0, 3}},
		{"who and level", Filter{Who: "bob", Level: Info}, []int{2}},
		{"text", Filter{Text: "LOG"}, []int{0, 2, 4}},
		{"since", Filter{Since: noon.Add(3 * time.Minute)}, []int{3, 4}},
		{"nobody", Filter{Who: "mal"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := minutes(sample().Find(tt.filter)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTop(t *testing.T) {
	got := sample().Top(2, Filter{})
	if want := []Count{{"ada", 2}, {"bob", 2}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := sample().Top(9, Filter{Level: Error}); !slices.Equal(got, []Count{{"bob", 1}}) {
		t.Errorf("got %v", got)
	}
}

func TestAddForgets(t *testing.T) {
	l := New(2)
	for i := range 4 {
		l.Add(Event{At: noon.Add(time.Duration(i) * time.Minute)})
	}
	if got := minutes(l.All()); !slices.Equal(got, []int{2, 3}) {
		t.Errorf("kept %v", got)
	}
}
