package jobqueue

import (
	"errors"
	"slices"
	"testing"
)

func drain(q *Queue) []string {
	var names []string
	for {
		j, ok := q.Pop()
		if !ok {
			return names
		}
		names = append(names, j.Name)
	}
}

func TestOrder(t *testing.T) {
	tests := []struct {
		name string
		jobs []Job
		want []string
	}{
		{"none", nil, nil},
		{"priority", []Job{{Name: "low", Priority: 1}, {Name: "high", Priority: 9}, {Name: "mid", Priority: 5}}, []string{"high", "mid", "low"}},
		{"as they came", []Job{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}, []string{"a", "b", "c", "d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := New()
			for _, j := range tt.jobs {
				if err := q.Push(j); err != nil {
					t.Fatal(err)
				}
			}
			if got := drain(q); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	tests := []struct {
		name    string
		retries int
		closed  bool
		waiting int
		dead    []string
	}{
		{"again", 2, false, 1, nil},
		{"given up", 0, false, 0, []string{"job"}},
		{"closed", 2, true, 0, []string{"job"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := New()
			if err := q.Push(Job{Name: "job", Retries: tt.retries}); err != nil {
				t.Fatal(err)
			}
			j, _ := q.Pop()
			if tt.closed {
				q.Close()
			}
			q.Failed(j)
			if q.Len() != tt.waiting || !slices.Equal(q.Dead(), tt.dead) {
				t.Errorf("%d waiting, dead %v, want %d and %v", q.Len(), q.Dead(), tt.waiting, tt.dead)
			}
		})
	}
}

func TestClose(t *testing.T) {
	q := New()
	if err := q.Push(Job{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	q.Close()
	if err := q.Push(Job{Name: "b"}); !errors.Is(err, ErrClosed) {
		t.Errorf("err = %v", err)
	}
	if got := drain(q); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v", got)
	}
}
