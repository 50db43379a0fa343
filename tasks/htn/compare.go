package htn

import "slices"

// Difference is a task that two plans do in different ways.
type Difference struct {
	Task string `json:"task"`
	A    Choice `json:"a"`
	B    Choice `json:"b"`
}

// Choice is how a plan does a task: by which method, of which steps.
type Choice struct {
	Method string   `json:"method"`
	Steps  []string `json:"steps"`
}

// Compare lists where two plans of one problem choose differently, from above: below a
// task that is done in different ways nothing else is compared. order says that the
// same is chosen everywhere, and done in another order.
func Compare(a, b *Plan) (list []Difference, order bool) {
	choice := func(p *Plan, method string, kids []int) Choice {
		c := Choice{Method: method, Steps: []string{}}
		for _, k := range kids {
			c.Steps = append(c.Steps, p.Nodes[k].String())
		}
		return c
	}
	type pair struct{ a, b int }
	var todo []pair
	one := func(task, methodA, methodB string, kidsA, kidsB []int) {
		x, y := choice(a, methodA, kidsA), choice(b, methodB, kidsB)
		if x.Method != y.Method || !slices.Equal(x.Steps, y.Steps) {
			list = append(list, Difference{task, x, y})
			return
		}
		for i := range kidsA {
			todo = append(todo, pair{kidsA[i], kidsB[i]})
		}
	}
	one("", "", "", a.Roots, b.Roots)
	for len(todo) > 0 {
		t := todo[0]
		todo = todo[1:]
		x, y := a.Nodes[t.a], b.Nodes[t.b]
		order = order || t.a < a.Actions && t.b < b.Actions && t.a != t.b
		one(x.String(), x.Method, y.Method, x.Kids, y.Kids)
	}
	return list, order && len(list) == 0
}
