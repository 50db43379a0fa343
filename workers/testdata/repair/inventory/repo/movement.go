package inventory

import (
	"fmt"
	"slices"
)

// Movement is one change of a store.
type Movement struct {
	Kind     string
	Article  string
	Quantity int
}

func (m Movement) String() string {
	return fmt.Sprintf("%s %d %s", m.Kind, m.Quantity, m.Article)
}

// Movements are all changes so far, the first one first.
func (s *Store) Movements() []Movement { return slices.Clone(s.log) }

func (s *Store) note(kind, article string, n int) {
	s.log = append(s.log, Movement{kind, article, n})
}
