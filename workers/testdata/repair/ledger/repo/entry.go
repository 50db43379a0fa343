package ledger

import "fmt"

// Entry is one movement of money. A deposit has no From.
type Entry struct {
	From, To string
	Amount   int64
}

func (e Entry) String() string {
	from := e.From
	if from == "" {
		from = "outside"
	}
	return fmt.Sprintf("%s -> %s: %d.%02d", from, e.To, e.Amount/100, e.Amount%100)
}

// Statement are the entries that touch owner, the oldest first.
func (l *Ledger) Statement(owner string) []Entry {
	var out []Entry
	for _, e := range l.entries {
		if e.From == owner || e.To == owner {
			out = append(out, e)
		}
	}
	return out
}

// Total is the money in all accounts.
func (l *Ledger) Total() int64 {
	var sum int64
	for _, a := range l.accounts {
		sum += a.balance
	}
	return sum
}
