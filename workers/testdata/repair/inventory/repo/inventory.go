// Package inventory counts what lies in a store and what is promised to
// orders.
package inventory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// What a store may answer.
var (
	ErrUnknown  = errors.New("inventory: unknown article")
	ErrQuantity = errors.New("inventory: the quantity must be positive")
	ErrShort    = errors.New("inventory: not enough in stock")
)

// level is the stock of one article.
type level struct {
	onHand   int
	reserved int // part of onHand
}

// Store is the stock of all articles. Not safe for concurrent use.
type Store struct {
	levels map[string]*level
	log    []Movement
}

// New returns an empty store.
func New() *Store {
	return &Store{levels: map[string]*level{}}
}

// Receive adds n pieces, of an article that may be new.
func (s *Store) Receive(article string, n int) error {
	if n <= 0 {
		return ErrQuantity
	}
	l := s.levels[article]
	if l == nil {
		l = &level{}
		s.levels[article] = l
	}
	l.onHand += n
	s.note("receive", article, n)
	return nil
}

// Available is how many pieces can still be reserved.
func (s *Store) Available(article string) int {
	l := s.levels[article]
	if l == nil {
		return 0
	}
	return l.onHand - l.reserved
}

// Articles are the names of all articles, sorted.
func (s *Store) Articles() []string {
	return slices.Sorted(maps.Keys(s.levels))
}

func (s *Store) find(article string) (*level, error) {
	l := s.levels[article]
	if l == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, article)
	}
	return l, nil
}
