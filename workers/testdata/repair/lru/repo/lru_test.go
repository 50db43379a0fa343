package lru

import (
	"slices"
	"testing"
)

func keys(c *Cache[string, int]) []string { return slices.Collect(c.Keys()) }

func TestPutGet(t *testing.T) {
	c := New[string, int](3)
	c.Put("a", 1)
	c.Put("b", 2)
	c.Put("a", 3)
	tests := []struct {
		key  string
		want int
		ok   bool
	}{
		{"a", 3, true},
		{"b", 2, true},
		{"z", 0, false},
	}
	for _, tt := range tests {
		if got, ok := c.Get(tt.key); got != tt.want || ok != tt.ok {
			t.Errorf("Get(%q) = %d, %v, want %d, %v", tt.key, got, ok, tt.want, tt.ok)
		}
	}
	if c.Len() != 2 {
		t.Errorf("len = %d", c.Len())
	}
}

func TestEvict(t *testing.T) {
	c := New[string, int](2)
	var evicted []string
	c.OnEvict = func(k string, _ int) { evicted = append(evicted, k) }
	c.Put("a", 1)
	c.Put("b", 2)
	c.Get("a")
	c.Put("c", 3)
	if got, want := keys(c), []string{"c", "a"}; !slices.Equal(got, want) {
		t.Errorf("keys = %v, want %v", got, want)
	}
	if want := []string{"b"}; !slices.Equal(evicted, want) {
		t.Errorf("evicted %v, want %v", evicted, want)
	}
}

func TestRemove(t *testing.T) {
	tests := []struct {
		name   string
		remove string
		ok     bool
		want   []string
	}{
		{"newest", "c", true, []string{"b", "a"}},
		{"in the middle", "b", true, []string{"c", "a"}},
		{"unknown", "z", false, []string{"c", "b", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New[string, int](3)
			for i, k := range []string{"a", "b", "c"} {
				c.Put(k, i)
			}
			if ok := c.Remove(tt.remove); ok != tt.ok {
				t.Errorf("Remove = %v", ok)
			}
			if got := keys(c); !slices.Equal(got, tt.want) {
				t.Errorf("keys = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestStats(t *testing.T) {
	c := New[string, int](1)
	if r := c.Stats().Ratio(); r != 0 {
		t.Errorf("ratio = %v", r)
	}
	c.Get("a")
	c.Put("a", 1)
	c.Get("a")
	if got, want := c.Stats(), (Stats{Hits: 1, Misses: 1}); got != want {
		t.Errorf("stats = %+v, want %+v", got, want)
	}
}
