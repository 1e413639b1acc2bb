package serve

import (
	"container/list"
	"sync"
)

// lru keeps values by name up to a number of bytes in all. Whatever was not used for the longest time goes first. One value larger than
// all that is kept alone.
type lru[V any] struct {
	mu    sync.Mutex
	limit int
	bytes int
	order *list.List // of *entry[V], the last used first
	at    map[string]*list.Element
}

type entry[V any] struct {
	name  string
	value V
	bytes int
}

func newLRU[V any](limit int) *lru[V] {
	return &lru[V]{limit: limit, order: list.New(), at: map[string]*list.Element{}}
}

func (l *lru[V]) get(name string) (v V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at[name]
	if e == nil {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*entry[V]).value, true
}

func (l *lru[V]) put(name string, v V, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.at[name]; old != nil {
		l.drop(old)
	}
	l.at[name] = l.order.PushFront(&entry[V]{name, v, bytes})
	for l.bytes += bytes; l.bytes > l.limit && l.order.Len() > 1; {
		l.drop(l.order.Back())
	}
}

func (l *lru[V]) drop(e *list.Element) {
	old := l.order.Remove(e).(*entry[V])
	l.bytes -= old.bytes
	delete(l.at, old.name)
}
