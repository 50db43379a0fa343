package bankers

// pow10 is 10^n, n >= 0.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// divEven is n/d, d > 0, rounded to the nearest integer, and to the even one
// when two are equally near.
func divEven(n, d int64) int64 {
	if n < 0 {
		return -divEven(-n, d)
	}
	q, rest := n/d, n%d
	switch {
	case 2*rest > d:
		return q + 1
	case 2*rest == d && q%2 == 0:
		return q + 1
	}
	return q
}

// Round changes the number of places. More places only add zeros.
func (d Decimal) Round(places int) Decimal {
	if places >= d.places {
		return Decimal{d.units * pow10(places-d.places), places}
	}
	return Decimal{divEven(d.units, pow10(d.places-places)), places}
}
