package lru

// Cache is emptied: every honest test of it fails.
type Cache struct{}

// New is emptied.
func New(capacity int) *Cache { return &Cache{} }

// Get is emptied.
func (c *Cache) Get(key string) (int, bool) { return 0, false }

// Put is emptied.
func (c *Cache) Put(key string, value int) {}

// Len is emptied.
func (c *Cache) Len() int { return 0 }
