package graphwalk

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCycle reports a graph that cannot be put in order.
var ErrCycle = errors.New("graphwalk: cycle")

// Sort puts the nodes in an order in which every edge points forward. Of the
// nodes that could come next, the one that sorts first does.
func (g *Graph) Sort() ([]string, error) {
	waits := map[string]int{} // how many edges point to a node from unsorted nodes
	for _, to := range g.out {
		for _, n := range to {
			waits[n]++
		}
	}
	left := g.Nodes()
	var order []string
	for len(left) > 0 {
		i := firstFree(left, waits)
		if i < 0 {
			return nil, fmt.Errorf("%w among %s", ErrCycle, strings.Join(left, ", "))
		}
		name := left[i]
		left = append(left[:i], left[i+1:]...)
		order = append(order, name)
		for _, n := range g.out[name] {
			waits[n]--
		}
	}
	return order, nil
}

// firstFree is the place of the first name that waits for nothing, or -1.
func firstFree(names []string, waits map[string]int) int {
	for i, name := range names {
		if waits[name] == 0 {
			return i
		}
	}
	return -1
}
