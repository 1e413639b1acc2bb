package parquet

import (
	"container/list"
	"sync"
)

// Cache keeps decoded pages up to a number of bytes, those that were used last. It is safe for concurrent use, by several readers too.
type Cache struct {
	limit int64

	mu    sync.Mutex
	used  int64
	pages map[pageKey]*cached
	order list.List // of *cached; the one that was used last is in front
}

// NewCache is a cache of a number of bytes. The page that was read last is kept even if it is larger.
func NewCache(limit int64) *Cache { return &Cache{limit: limit, pages: map[pageKey]*cached{}} }

// pageKey is a page of a reader by its place in the file.
type pageKey struct {
	reader *Reader
	at     int64
}

type cached struct {
	key   pageKey
	place *list.Element
	size  int64 // 0 until it is loaded

	mu   sync.Mutex // held while it is loaded
	page *page
}

// get is a page, which load reads if the cache doesn't have it. Concurrent calls for the same page load it once.
func (c *Cache) get(key pageKey, load func() (*page, error)) (*page, error) {
	c.mu.Lock()
	e := c.pages[key]
	if e == nil {
		e = &cached{key: key}
		e.place = c.order.PushFront(e)
		c.pages[key] = e
	} else {
		c.order.MoveToFront(e.place)
	}
	c.mu.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.page != nil {
		return e.page, nil
	}
	p, err := load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.remove(e)
		return nil, err
	}
	e.page = p
	if c.pages[key] == e { // not removed meanwhile
		e.size = p.bytes()
		c.used += e.size
		c.shrink(e)
	}
	return p, nil
}

// has reports whether a page is here, or being loaded.
func (c *Cache) has(key pageKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[key] != nil
}

// shrink removes what was not used for the longest time, but not the one that was just loaded.
func (c *Cache) shrink(but *cached) {
	for at := c.order.Back(); at != nil && c.used > c.limit; {
		e := at.Value.(*cached)
		at = at.Prev()
		if e != but && e.size > 0 {
			c.remove(e)
		}
	}
}

func (c *Cache) remove(e *cached) {
	if c.pages[e.key] != e {
		return
	}
	delete(c.pages, e.key)
	c.order.Remove(e.place)
	c.used -= e.size
}

// forget removes the pages of a reader.
func (c *Cache) forget(r *Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.pages {
		if key.reader == r {
			c.remove(e)
		}
	}
}
