package graphwalk

import "slices"

// Reachable are the nodes that can be reached from start, itself included, in
// the order of a breadth-first walk.
func (g *Graph) Reachable(start string) []string {
	if _, ok := g.out[start]; !ok {
		return nil
	}
	order := []string{start}
	seen := map[string]bool{start: true}
	for i := 0; i < len(order); i++ {
		for _, n := range g.Next(order[i]) {
			if !seen[n] {
				continue
			}
			seen[n] = true
			order = append(order, n)
		}
	}
	return order
}

// Path is a shortest way from one node to another, both included; nil when
// there is none.
func (g *Graph) Path(from, to string) []string {
	parent := map[string]string{from: from}
	queue := []string{from}
	for len(queue) > 0 && queue[0] != to {
		at := queue[0]
		queue = queue[1:]
		for _, n := range g.Next(at) {
			if _, ok := parent[n]; !ok {
				parent[n] = at
				queue = append(queue, n)
			}
		}
	}
	if len(queue) == 0 {
		return nil
	}
	path := []string{to}
	for at := to; at != from; at = parent[at] {
		path = append(path, parent[at])
	}
	slices.Reverse(path)
	return path
}
