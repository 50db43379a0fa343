// Package invoice adds up invoices: lines, a discount, tax and shipping.
package invoice

import (
	"errors"
	"fmt"

	"example.com/invoice/money"
)

// FreeShippingFrom is the net amount from which shipping costs nothing.
const FreeShippingFrom money.Cents = 50_00

// ErrInvalid reports an invoice that cannot be added up.
var ErrInvalid = errors.New("invoice: invalid")

// Line is one article on an invoice.
type Line struct {
	Article  string
	Price    money.Cents // of one piece, without tax
	Quantity int
}

// Invoice is what is billed to a customer.
type Invoice struct {
	Customer string
	Lines    []Line
	Discount int // percent off the sum of the lines
	TaxRate  int // percent on top of the net amount
	Shipping money.Cents
}

// Totals are the amounts at the foot of an invoice.
type Totals struct {
	Sum      money.Cents // of all lines
	Discount money.Cents
	Shipping money.Cents
	Net      money.Cents // sum without discount, with shipping
	Tax      money.Cents
	Gross    money.Cents
}

// Check reports what is wrong with the invoice, if anything.
func (inv *Invoice) Check() error {
	if inv.Discount < 0 || inv.Discount > 100 {
		return fmt.Errorf("%w: a discount of %d%%", ErrInvalid, inv.Discount)
	}
	for i, l := range inv.Lines {
		if l.Quantity <= 0 {
			return fmt.Errorf("%w: line %d: quantity %d", ErrInvalid, i+1, l.Quantity)
		}
	}
	return nil
}

// Totals adds up the invoice.
func (inv *Invoice) Totals() (Totals, error) {
	if err := inv.Check(); err != nil {
		return Totals{}, err
	}
	var t Totals
	for _, l := range inv.Lines {
		t.Sum += l.Price * money.Cents(l.Quantity)
	}
	t.Discount = t.Sum.Percent(inv.Discount)
	goods := t.Sum + t.Discount
	if goods < FreeShippingFrom {
		t.Shipping = inv.Shipping
	}
	t.Net = goods + t.Shipping
	t.Tax = t.Net.Percent(inv.TaxRate)
	t.Gross = t.Net + t.Tax
	return t, nil
}
