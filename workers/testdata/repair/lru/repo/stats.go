package lru

// Stats counts what a cache was asked for.
type Stats struct {
	Hits, Misses int
}

// Ratio is the share of hits, from 0 to 1; 0 when nothing was asked.
func (s Stats) Ratio() float64 {
	total := s.Hits + s.Misses
	if total == 0 {
		return 0
	}
	return float64(s.Hits) / float64(total)
}

func (s *Stats) count(hit bool) {
	if hit {
		s.Hits++
	} else {
		s.Misses++
	}
}

// Stats returns the counts so far.
func (c *Cache[K, V]) Stats() Stats { return c.stats }
