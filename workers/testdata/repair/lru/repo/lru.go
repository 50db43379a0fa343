// Package lru is a cache of bounded size that forgets what was not used for
// the longest time.
package lru

import "iter"

// Cache maps keys to values. Not safe for concurrent use.
type Cache[K comparable, V any] struct {
	size    int
	entries map[K]*entry[K, V]
	used    list[K, V]
	stats   Stats

	// OnEvict, when set, is called with what the cache forgets for lack of
	// room; not with what is removed or replaced.
	OnEvict func(K, V)
}

// New returns a cache for up to size values; at least one.
func New[K comparable, V any](size int) *Cache[K, V] {
	return &Cache[K, V]{size: max(size, 1), entries: map[K]*entry[K, V]{}}
}

// Len is how many values are in the cache.
func (c *Cache[K, V]) Len() int { return len(c.entries) }

// Get returns the value of k, which becomes the most recently used.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	e, ok := c.entries[k]
	c.stats.count(ok)
	if !ok {
		var none V
		return none, false
	}
	c.used.remove(e)
	c.used.push(e)
	return e.value, true
}

// Put stores v under k, which becomes the most recently used.
func (c *Cache[K, V]) Put(k K, v V) {
	if e, ok := c.entries[k]; ok {
		e.value = v
		c.used.remove(e)
		c.used.push(e)
		return
	}
	if len(c.entries) >= c.size {
		c.evict()
	}
	e := &entry[K, V]{key: k, value: v}
	c.entries[k] = e
	c.used.push(e)
}

// Remove forgets k, and reports whether it was there.
func (c *Cache[K, V]) Remove(k K) bool {
	e, ok := c.entries[k]
	if !ok {
		return false
	}
	c.used.remove(e)
	delete(c.entries, k)
	return true
}

// Keys yields the keys, the most recently used first.
func (c *Cache[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		for e := c.used.front; e != nil; e = e.next {
			if !yield(e.key) {
				return
			}
		}
	}
}

// evict forgets the least recently used value. The cache must not be empty.
func (c *Cache[K, V]) evict() {
	e := c.used.back
	c.used.remove(e)
	delete(c.entries, e.key)
	if c.OnEvict != nil {
		c.OnEvict(e.key, e.value)
	}
}
