package invoice

import (
	"fmt"
	"strings"

	"example.com/invoice/money"
)

// Render writes the invoice as plain text, amounts flush right.
func Render(inv *Invoice) (string, error) {
	t, err := inv.Totals()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Invoice for %s\n", inv.Customer)
	for _, l := range inv.Lines {
		amount(&b, fmt.Sprintf("%d x %s", l.Quantity, l.Article), l.Price*money.Cents(l.Quantity))
	}
	if t.Discount != 0 {
		amount(&b, "discount", -t.Discount)
	}
	if t.Shipping != 0 {
		amount(&b, "shipping", t.Shipping)
	}
	amount(&b, "tax", t.Tax)
	amount(&b, "total", t.Gross)
	return b.String(), nil
}

func amount(b *strings.Builder, what string, c money.Cents) {
	fmt.Fprintf(b, "  %-20s%10s\n", what, c)
}
