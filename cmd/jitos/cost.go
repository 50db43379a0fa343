package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
)

func (a *app) costCmd() *cobra.Command {
	var since, by string
	cmd := &cobra.Command{
		Use: "cost [PROCESS]", Short: "Show what models and agents spent, by day or by process", Args: cobra.MaximumNArgs(1),
		Long: `Sums tokens and money as the workers said them: by day (in UTC), by process, or of one
process by worker. reading is what a model took to understand words, proposal what
it took to write methods.`,
		Example: "  jitos cost\n  jitos cost --by process --since 2026-11-01\n  jitos cost p12\n  jitos cost -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if by != "day" && by != "process" {
				return &usageError{fmt.Errorf("--by %s: there are day and process", by)}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Cost(cmd.Context(), since)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.show(all, func(w io.Writer) { printCost(w, all, by) })
			}
			if _, err := c.Process(cmd.Context(), args[0]); err != nil && args[0] != "reading" && args[0] != "proposal" {
				return err
			}
			one := []wire.Cost{}
			for _, x := range all.Costs {
				if x.For == args[0] {
					one = append(one, x)
				}
			}
			return a.show(one, func(w io.Writer) {
				row(w, "DAY", "WORKER", "CALLS", "TOKENS", "MONEY")
				for _, x := range one {
					row(w, x.Day, x.Worker, x.Calls, x.Tokens, money(x.MoneyMicros))
				}
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "a day in UTC: 2026-11-27")
	cmd.Flags().StringVar(&by, "by", "day", "day or process")
	return cmd
}

func printCost(w io.Writer, all wire.CostAnswer, by string) {
	list, head := all.Days, "DAY"
	if by == "process" {
		list, head = all.Processes, "FOR"
	}
	row(w, head, "CALLS", "TOKENS", "MONEY")
	for _, x := range list {
		row(w, x.Day+x.For, x.Calls, x.Tokens, money(x.MoneyMicros))
	}
	row(w, "total", all.Total.Calls, all.Total.Tokens, money(all.Total.MoneyMicros))
}

// money is an amount of millionths, with as many digits as are cents of something.
func money(micros int64) string {
	return fmt.Sprintf("%d.%06d", micros/1_000_000, micros%1_000_000)
}
