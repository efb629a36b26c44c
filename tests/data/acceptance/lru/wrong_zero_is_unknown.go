// Wrong: takes a stored zero for an unknown key.
package lru

import "container/list"

type entry struct {
	key   string
	value int
}

type Cache struct {
	capacity int
	order    *list.List
	entries  map[string]*list.Element
}

func New(capacity int) *Cache {
	if capacity < 1 {
		capacity = 1
	}
	return &Cache{capacity, list.New(), map[string]*list.Element{}}
}

func (c *Cache) Get(key string) (int, bool) {
	found, ok := c.entries[key]
	if !ok {
		return 0, false
	}
	c.order.MoveToFront(found)
	value := found.Value.(*entry).value
	return value, value != 0
}

func (c *Cache) Put(key string, value int) {
	if found, ok := c.entries[key]; ok {
		found.Value.(*entry).value = value
		c.order.MoveToFront(found)
		return
	}
	if len(c.entries) >= c.capacity {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.entries, oldest.Value.(*entry).key)
	}
	c.entries[key] = c.order.PushFront(&entry{key, value})
}

func (c *Cache) Len() int { return len(c.entries) }
