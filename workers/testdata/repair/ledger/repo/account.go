// Package ledger moves money between accounts, in cents.
package ledger

import (
	"errors"
	"fmt"
)

// What a ledger may answer.
var (
	ErrNoAccount = errors.New("ledger: no such account")
	ErrExists    = errors.New("ledger: the account exists")
	ErrAmount    = errors.New("ledger: the amount must be positive")
	ErrFunds     = errors.New("ledger: not enough money")
)

// account is what one owner has.
type account struct {
	owner   string
	balance int64
	credit  int64 // how far the balance may fall below zero
}

// check reports whether the account can give n; nil means that it can.
func (a *account) check(n int64) error {
	if a.balance+a.credit < n {
		return fmt.Errorf("%w: %s has %d, and %d of credit", ErrFunds, a.owner, a.balance, a.credit)
	}
	return nil
}

// Ledger holds accounts. Not safe for concurrent use.
type Ledger struct {
	accounts map[string]*account
	entries  []Entry
}

// New returns a ledger without accounts.
func New() *Ledger { return &Ledger{accounts: map[string]*account{}} }

// Open adds an account with a balance of zero.
func (l *Ledger) Open(owner string, credit int64) error {
	if l.accounts[owner] != nil {
		return fmt.Errorf("%w: %s", ErrExists, owner)
	}
	l.accounts[owner] = &account{owner: owner, credit: credit}
	return nil
}

// find looks up an account. With an error the account is nil.
func (l *Ledger) find(owner string) (*account, error) {
	a := l.accounts[owner]
	if a == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoAccount, owner)
	}
	return a, nil
}

// Balance is what owner has.
func (l *Ledger) Balance(owner string) (int64, error) {
	a, err := l.find(owner)
	if err != nil {
		return 0, err
	}
	return a.balance, nil
}
