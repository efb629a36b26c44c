package stack

// Stack is emptied: every honest test of it fails.
type Stack struct{}

// New is emptied.
func New(capacity int) *Stack { return &Stack{} }

// Push is emptied.
func (s *Stack) Push(v int) bool { return false }

// Pop is emptied.
func (s *Stack) Pop() (int, bool) { return 0, false }

// Peek is emptied.
func (s *Stack) Peek() (int, bool) { return 0, false }

// Len is emptied.
func (s *Stack) Len() int { return 0 }
