// Right: each interval is put into a list that is merged already.
package intervals

import "slices"

type Interval struct {
	Start, End int
}

func (i Interval) holds(x int) bool { return x >= i.Start && x <= i.End }

func Merge(list []Interval) []Interval {
	merged := []Interval{}
	for _, next := range list {
		if next.Start > next.End {
			continue
		}
		others := []Interval{}
		for _, one := range merged {
			if one.holds(next.Start) || next.holds(one.Start) {
				next = Interval{min(one.Start, next.Start), max(one.End, next.End)}
			} else {
				others = append(others, one)
			}
		}
		place := 0
		for place < len(others) && others[place].Start < next.Start {
			place++
		}
		merged = slices.Insert(others, place, next)
	}
	return merged
}

func Contains(list []Interval, x int) bool {
	return slices.ContainsFunc(list, func(one Interval) bool { return one.holds(x) })
}
