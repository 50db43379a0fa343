package retry

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

var errBusy = errors.New("busy")

// recorder is a Sleeper that only notes the pauses.
type recorder struct{ pauses []time.Duration }

func (r *recorder) sleep(_ context.Context, d time.Duration) error {
	r.pauses = append(r.pauses, d)
	return nil
}

func TestPause(t *testing.T) {
	tests := []struct {
		n    int
		want time.Duration
	}{
		{1, 100 * time.Millisecond},
		{2, 200 * time.Millisecond},
		{4, 800 * time.Millisecond},
		{5, time.Second},
		{40, time.Second},
	}
	for _, tt := range tests {
		if got := Default.Pause(tt.n); got != tt.want {
			t.Errorf("Pause(%d) = %v, want %v", tt.n, got, tt.want)
		}
	}
}

func TestDo(t *testing.T) {
	tests := []struct {
		name   string
		errs   []error // what the calls return; the last one goes on
		calls  int
		pauses int
		want   error
	}{
		{"at once", []error{nil}, 1, 0, nil},
		{"third time", []error{errBusy, errBusy, nil}, 3, 2, nil},
		{"never", []error{errBusy}, 4, 3, errBusy},
		{"permanent", []error{errBusy, Permanent(errBusy)}, 2, 1, errBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			calls := 0
			err := Do(t.Context(), Policy{Attempts: 4, Base: 1}, r.sleep, func(context.Context) error {
				calls++
				return tt.errs[min(calls, len(tt.errs))-1]
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
			if calls != tt.calls || len(r.pauses) != tt.pauses {
				t.Errorf("%d calls, %d pauses, want %d and %d", calls, len(r.pauses), tt.calls, tt.pauses)
			}
		})
	}
}

func TestExhausted(t *testing.T) {
	var r recorder
	err := Do(t.Context(), Policy{Attempts: 3, Base: 10, Max: 15}, r.sleep, func(context.Context) error { return errBusy })
	var ex *ExhaustedError
	if !errors.As(err, &ex) || ex.Attempts != 3 {
		t.Errorf("err = %v", err)
	}
	if want := []time.Duration{10, 15}; !slices.Equal(r.pauses, want) {
		t.Errorf("pauses = %v, want %v", r.pauses, want)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := Do(ctx, Policy{Attempts: 3, Base: time.Hour}, Sleep, func(context.Context) error {
		calls++
		cancel()
		return errBusy
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("err = %v after %d calls", err, calls)
	}
}

func TestValue(t *testing.T) {
	var r recorder
	v, err := Value(t.Context(), Default, r.sleep, func(context.Context) (string, error) { return "ok", nil })
	if v != "ok" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
}
