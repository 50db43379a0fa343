package ledger

import (
	"errors"
	"testing"
)

// opened is a ledger where ada has 100 and bob nothing but a credit of 20.
func opened(t *testing.T) *Ledger {
	t.Helper()
	l := New()
	for owner, credit := range map[string]int64{"ada": 0, "bob": 20} {
		if err := l.Open(owner, credit); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Deposit("ada", 100); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTransfer(t *testing.T) {
	tests := []struct {
		name     string
		from, to string
		n        int64
		err      error
		ada      int64
	}{
		{"some", "ada", "bob", 30, nil, 70},
		{"all", "ada", "bob", 100, nil, 0},
		{"too much", "ada", "bob", 101, ErrFunds, 100},
		{"on credit", "bob", "ada", 20, nil, 120},
		{"over the credit", "bob", "ada", 21, ErrFunds, 100},
		{"nothing", "ada", "bob", 0, ErrAmount, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := opened(t)
			if err := l.Transfer(tt.from, tt.to, tt.n); !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
			if got, err := l.Balance("ada"); got != tt.ada || err != nil {
				t.Errorf("ada has %d, %v, want %d", got, err, tt.ada)
			}
			if got := l.Total(); got != 100 {
				t.Errorf("total = %d", got)
			}
		})
	}
}

func TestTransferUnknown(t *testing.T) {
	tests := []struct{ from, to string }{
		{"ada", "eve"},
		{"eve", "ada"},
	}
	for _, tt := range tests {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			l := opened(t)
			if err := l.Transfer(tt.from, tt.to, 1); !errors.Is(err, ErrNoAccount) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestOpenTwice(t *testing.T) {
	if err := opened(t).Open("ada", 5); !errors.Is(err, ErrExists) {
		t.Errorf("err = %v", err)
	}
}

func TestDepositBad(t *testing.T) {
	l := opened(t)
	if err := l.Deposit("ada", -1); !errors.Is(err, ErrAmount) {
		t.Errorf("err = %v", err)
	}
	if err := l.Deposit("eve", 1); !errors.Is(err, ErrNoAccount) {
		t.Errorf("err = %v", err)
	}
}

func TestStatement(t *testing.T) {
	l := opened(t)
	if err := l.Transfer("ada", "bob", 25); err != nil {
		t.Fatal(err)
	}
	got := l.Statement("ada")
	if len(got) != 2 || got[0].String() != "outside -> ada: 1.00" || got[1].String() != "ada -> bob: 0.25" {
		t.Errorf("statement = %v", got)
	}
}
