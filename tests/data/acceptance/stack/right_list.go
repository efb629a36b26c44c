// Right: linked nodes and a count.
package stack

type node struct {
	value int
	below *node
}

type Stack struct {
	top   *node
	count int
	room  int
}

func New(capacity int) *Stack {
	return &Stack{room: max(0, capacity)}
}

func (s *Stack) Push(v int) bool {
	if s.room == 0 {
		return false
	}
	s.top = &node{v, s.top}
	s.count++
	s.room--
	return true
}

func (s *Stack) Pop() (int, bool) {
	v, ok := s.Peek()
	if ok {
		s.top = s.top.below
		s.count--
		s.room++
	}
	return v, ok
}

func (s *Stack) Peek() (int, bool) {
	if s.top == nil {
		return 0, false
	}
	return s.top.value, true
}

func (s *Stack) Len() int { return s.count }
