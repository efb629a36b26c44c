// Wrong: all stacks share their values.
package stack

var shared []int

type Stack struct {
	values   []int
	capacity int
}

func New(capacity int) *Stack {
	if capacity < 0 {
		capacity = 0
	}
	return &Stack{capacity: capacity}
}

func (s *Stack) Push(v int) bool {
	if len(s.values) >= s.capacity {
		return false
	}
	shared = append(shared, v)
	s.values = shared
	return true
}

func (s *Stack) Pop() (int, bool) {
	if len(s.values) == 0 {
		return 0, false
	}
	v := s.values[len(s.values)-1]
	s.values = s.values[:len(s.values)-1]
	return v, true
}

func (s *Stack) Peek() (int, bool) {
	if len(s.values) == 0 {
		return 0, false
	}
	return s.values[len(s.values)-1], true
}

func (s *Stack) Len() int {
	return len(s.values)
}
