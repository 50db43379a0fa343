package invoice

import (
	"errors"
	"strings"
	"testing"

	"example.com/invoice/money"
)

func TestTotals(t *testing.T) {
	tests := []struct {
		name string
		inv  Invoice
		want Totals
	}{
		{"empty", Invoice{TaxRate: 20}, Totals{}},
		{
			"one line",
			Invoice{Lines: []Line{{"pen", 150, 2}}, TaxRate: 20},
			Totals{Sum: 300, Net: 300, Tax: 60, Gross: 360},
		},
		{
			"discount",
			Invoice{Lines: []Line{{"desk", 200_00, 1}, {"lamp", 40_00, 2}}, Discount: 10, TaxRate: 20, Shipping: 590},
			Totals{Sum: 280_00, Discount: 28_00, Net: 252_00, Tax: 50_40, Gross: 302_40},
		},
		{
			"shipping is taxed",
			Invoice{Lines: []Line{{"pen", 10_00, 1}}, TaxRate: 10, Shipping: 500},
			Totals{Sum: 10_00, Shipping: 5_00, Net: 15_00, Tax: 1_50, Gross: 16_50},
		},
		{
			"just free shipping",
			Invoice{Lines: []Line{{"box", 25_00, 2}}, Shipping: 500},
			Totals{Sum: 50_00, Net: 50_00, Gross: 50_00},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.inv.Totals()
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, inv := range []Invoice{
		{Discount: 101},
		{Discount: -1},
		{Lines: []Line{{"pen", 150, 0}}},
	} {
		if _, err := inv.Totals(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: err = %v", inv, err)
		}
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		c    money.Cents
		p    int
		want money.Cents
	}{
		{100, 19, 19}, {50, 19, 10}, {10, 4, 0}, {10, 5, 1}, {-10, 5, -1}, {-10, 4, 0},
	}
	for _, tt := range tests {
		if got := tt.c.Percent(tt.p); got != tt.want {
			t.Errorf("%d%% of %v = %v, want %v", tt.p, tt.c, got, tt.want)
		}
	}
}

func TestRender(t *testing.T) {
	inv := Invoice{Customer: "Ada", Lines: []Line{{"pen", 150, 2}}, TaxRate: 20}
	got, err := Render(&inv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Invoice for Ada\n", "2 x pen", "3.00\n", "0.60\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
