package bankers

// align gives both numbers the larger number of places.
func align(a, b Decimal) (Decimal, Decimal) {
	places := max(a.places, b.places)
	return a.Round(places), b.Round(places)
}

// Add is d+o, exactly.
func (d Decimal) Add(o Decimal) Decimal {
	a, b := align(d, o)
	return Decimal{a.units + b.units, a.places}
}

// Mul is d*o, rounded to the places of d.
func (d Decimal) Mul(o Decimal) Decimal {
	return Decimal{d.units * o.units, d.places + o.places}.Round(d.places)
}

// Cmp is -1, 0 or 1 when d is less than, equal to or greater than o.
func (d Decimal) Cmp(o Decimal) int {
	a, b := align(d, o)
	switch {
	case a.units < b.units:
		return -1
	case a.units > b.units:
		return 1
	}
	return 0
}

// Split divides d into n parts, n > 0, with the places of d. The parts add up
// to d exactly: the first ones take what does not divide evenly.
func (d Decimal) Split(n int) []Decimal {
	parts := make([]Decimal, n)
	each, rest := d.units/int64(n), d.units%int64(n)
	for i := range parts {
		units := each
		switch {
		case int64(i) < rest:
			units++
		case int64(i) < -rest:
			units--
		}
		parts[i] = Decimal{units, d.places}
	}
	return parts
}
