package journal

// Hold says that content is going to be named, as a Put of it would, and reports
// whether it is there: from then on no Sweep removes it before the store is
// closed. What is not there is not held.
func (s *Store) Hold(sum [32]byte) bool {
	b := s.blobs
	b.mu.Lock()
	defer b.mu.Unlock()
	there, err := b.claim(sum)
	if err != nil || !there {
		delete(b.held, sum)
		return false
	}
	return true
}

// Held reports whether content was put since the store was opened, or asked for
// with Hold. What is named by nothing yet and not held was put before that, by
// a process that is gone.
func (s *Store) Held(sum [32]byte) bool {
	s.blobs.mu.RLock()
	defer s.blobs.mu.RUnlock()
	return s.blobs.held[sum]
}
