package bytesize

import "fmt"

// Quota bounds how much may be stored.
type Quota struct {
	Limit Size
	used  Size
}

// FullError reports that a quota has no room left.
type FullError struct {
	Want, Free Size
}

func (e *FullError) Error() string {
	return fmt.Sprintf("bytesize: %v wanted, %v free", e.Want, e.Free)
}

// Free is how much can still be stored.
func (q *Quota) Free() Size { return q.Limit - q.used }

// Take uses up n bytes, or none with an error.
func (q *Quota) Take(n Size) error {
	if n > q.Free() {
		return &FullError{Want: n, Free: q.Free()}
	}
	q.used += n
	return nil
}

// Give returns n bytes; never more than were taken.
func (q *Quota) Give(n Size) {
	q.used = max(q.used-n, 0)
}
