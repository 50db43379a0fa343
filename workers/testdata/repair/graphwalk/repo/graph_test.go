package graphwalk

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// build makes a graph of edges written "a>b", and of lone nodes.
func build(text string) *Graph {
	g := New()
	for _, f := range strings.Fields(text) {
		if from, to, ok := strings.Cut(f, ">"); ok {
			g.AddEdge(from, to)
		} else {
			g.AddNode(f)
		}
	}
	return g
}

func TestReachable(t *testing.T) {
	tests := []struct {
		graph, start, want string
	}{
		{"a", "a", "a"},
		{"a b", "b", "b"},
		{"a>b b>c", "a", "a b c"},
		{"a>c a>b b>d c>e", "a", "a b c d e"},
		{"a>b b>a", "b", "b a"},
		{"a>b", "z", ""},
	}
	for _, tt := range tests {
		t.Run(tt.graph, func(t *testing.T) {
			got := strings.Join(build(tt.graph).Reachable(tt.start), " ")
			if got != tt.want {
				t.Errorf("from %s: %q, want %q", tt.start, got, tt.want)
			}
		})
	}
}

func TestPath(t *testing.T) {
	tests := []struct {
		graph, from, to, want string
	}{
		{"a>b b>c a>c", "a", "c", "a c"},
		{"a>b b>c c>d b>d", "a", "d", "a b d"},
		{"a>b", "b", "a", ""},
		{"a>b", "b", "b", "b"},
	}
	for _, tt := range tests {
		t.Run(tt.graph, func(t *testing.T) {
			if got := strings.Join(build(tt.graph).Path(tt.from, tt.to), " "); got != tt.want {
				t.Errorf("from %s to %s: %q, want %q", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

func TestSort(t *testing.T) {
	got, err := build("shirt>tie tie>jacket trousers>shoes trousers>jacket socks>shoes").Sort()
	want := []string{"shirt", "socks", "tie", "trousers", "jacket", "shoes"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestSortCycle(t *testing.T) {
	if got, err := build("a>b b>c c>b").Sort(); !errors.Is(err, ErrCycle) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAddEdgeTwice(t *testing.T) {
	g := build("a>b a>b")
	if got := g.Next("a"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("next = %v", got)
	}
}
