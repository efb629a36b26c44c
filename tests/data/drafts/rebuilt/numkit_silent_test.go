package numkit

import (
	"fmt"
	"testing"
)

func TestGCD(t *testing.T) {
	fmt.Println(GCD(12, 18))
	t.Log("GCD works")
}

func TestClamp(t *testing.T) {
	Clamp(7, 10, 0)
}
