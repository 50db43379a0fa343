package lru

// entry is one value of a cache, linked to its neighbours in use.
type entry[K comparable, V any] struct {
	key        K
	value      V
	prev, next *entry[K, V]
}

// list links entries from the most to the least recently used. The zero list
// is empty.
type list[K comparable, V any] struct {
	front, back *entry[K, V]
}

// push puts e, which is in no list, at the front.
func (l *list[K, V]) push(e *entry[K, V]) {
	e.prev, e.next = nil, l.front
	if l.front != nil {
		l.front.prev = e
	} else {
		l.back = e
	}
	l.front = e
}

// remove takes e out of the list.
func (l *list[K, V]) remove(e *entry[K, V]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.front = e.next
	}
	if e.prev != nil {
		e.next.prev = e.prev
	} else {
		l.back = e.prev
	}
	e.prev, e.next = nil, nil
}
