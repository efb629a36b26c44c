// Wrong: sorts the list it was given.
package intervals

import "sort"

type Interval struct{ Start, End int }

func Merge(list []Interval) []Interval {
	sort.Slice(list, func(i, j int) bool { return list[i].Start < list[j].Start })
	var kept []Interval
	for _, one := range list {
		if one.End >= one.Start {
			kept = append(kept, one)
		}
	}
	sort.Slice(kept, func(i, j int) bool { return kept[i].Start < kept[j].Start })
	var merged []Interval
	for _, one := range kept {
		if len(merged) == 0 || one.Start > merged[len(merged)-1].End {
			merged = append(merged, one)
			continue
		}
		last := &merged[len(merged)-1]
		if one.End > last.End {
			last.End = one.End
		}
	}
	return merged
}

func Contains(list []Interval, x int) bool {
	for _, one := range list {
		if one.Start <= x && x <= one.End {
			return true
		}
	}
	return false
}
