// Wrong: removes a key also when the stored key is there.
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
	return found.Value.(*entry).value, true
}

func (c *Cache) Put(key string, value int) {
	if len(c.entries) >= c.capacity {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.entries, oldest.Value.(*entry).key)
	}
	if found, ok := c.entries[key]; ok {
		c.order.Remove(found)
	}
	c.entries[key] = c.order.PushFront(&entry{key, value})
}

func (c *Cache) Len() int { return len(c.entries) }
