// Right: each key has the tick of its last use, and the lowest goes.
package lru

type Cache struct {
	capacity int
	tick     int
	values   map[string]int
	used     map[string]int
}

func New(capacity int) *Cache {
	return &Cache{max(1, capacity), 0, map[string]int{}, map[string]int{}}
}

func (c *Cache) touch(key string) {
	c.tick++
	c.used[key] = c.tick
}

func (c *Cache) Get(key string) (int, bool) {
	value, ok := c.values[key]
	if ok {
		c.touch(key)
	}
	return value, ok
}

func (c *Cache) Put(key string, value int) {
	if _, ok := c.values[key]; !ok && len(c.values) == c.capacity {
		oldest, tick := "", c.tick+1
		for candidate, at := range c.used {
			if at < tick {
				oldest, tick = candidate, at
			}
		}
		delete(c.values, oldest)
		delete(c.used, oldest)
	}
	c.values[key] = value
	c.touch(key)
}

func (c *Cache) Len() int { return len(c.values) }
