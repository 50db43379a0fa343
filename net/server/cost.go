package server

import "jitos.dev/net/wire"

// cost tells what was spent, by day and by process. The kernel tells it in order of
// days, so that a process stands where it first spent something.
func (x *exchange) cost() (any, error) {
	list, err := x.s.opt.Kernel.Costs(x.text("since"))
	if err != nil {
		return nil, err
	}
	out := wire.CostAnswer{Days: []wire.Cost{}, Processes: []wire.Cost{}, Costs: []wire.Cost{}}
	days, processes := map[string]int{}, map[string]int{}
	sum := func(in []wire.Cost, at map[string]int, key string, named, c wire.Cost) []wire.Cost {
		i, ok := at[key]
		if !ok {
			i, in = len(in), append(in, named)
			at[key] = i
		}
		add(&in[i], c)
		return in
	}
	for _, k := range list {
		c := wire.Cost{Day: k.Day, For: k.For, Worker: k.Worker, Calls: k.Calls, Tokens: k.Tokens, MoneyMicros: k.MoneyMicros}
		out.Costs = append(out.Costs, c)
		add(&out.Total, c)
		out.Days = sum(out.Days, days, c.Day, wire.Cost{Day: c.Day}, c)
		out.Processes = sum(out.Processes, processes, c.For, wire.Cost{For: c.For}, c)
	}
	return out, nil
}

func add(to *wire.Cost, c wire.Cost) {
	to.Calls, to.Tokens, to.MoneyMicros = to.Calls+c.Calls, to.Tokens+c.Tokens, to.MoneyMicros+c.MoneyMicros
}
