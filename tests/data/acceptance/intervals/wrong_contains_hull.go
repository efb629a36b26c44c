// Wrong: looks at the whole range.
package intervals

import "sort"

type Interval struct{ Start, End int }

func Merge(list []Interval) []Interval {
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
	if len(list) == 0 {
		return false
	}
	merged := Merge(list)
	return len(merged) > 0 && merged[0].Start <= x && x <= merged[len(merged)-1].End
}
