package ledger

// Deposit pays n into an account, from outside.
func (l *Ledger) Deposit(owner string, n int64) error {
	if n <= 0 {
		return ErrAmount
	}
	a, err := l.find(owner)
	if err != nil {
		return err
	}
	a.balance += n
	l.entries = append(l.entries, Entry{To: owner, Amount: n})
	return nil
}

// Transfer moves n from one account to another. With an error nothing moves.
func (l *Ledger) Transfer(from, to string, n int64) error {
	if n <= 0 {
		return ErrAmount
	}
	src, err := l.find(from)
	dst, err := l.find(to)
	if err != nil {
		return err
	}
	if err := src.check(n); err != nil {
		return err
	}
	src.balance -= n
	dst.balance += n
	l.entries = append(l.entries, Entry{From: from, To: to, Amount: n})
	return nil
}
