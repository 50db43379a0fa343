package inventory

import "fmt"

// Reserve promises n pieces to an order.
func (s *Store) Reserve(article string, n int) error {
	l, err := s.find(article)
	if err != nil {
		return err
	}
	if free := l.onHand - l.reserved; free < n {
		return fmt.Errorf("%w: %d of %s wanted, %d free", ErrShort, n, article, free)
	}
	l.reserved += n
	s.note("reserve", article, n)
	return nil
}

// Ship takes n reserved pieces out of the store.
func (s *Store) Ship(article string, n int) error {
	if n <= 0 {
		return ErrQuantity
	}
	l, err := s.find(article)
	if err != nil {
		return err
	}
	if l.reserved < n {
		return fmt.Errorf("%w: %d of %s to ship, %d reserved", ErrShort, n, article, l.reserved)
	}
	l.reserved -= n
	l.onHand -= n
	s.note("ship", article, n)
	return nil
}
