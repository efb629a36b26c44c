// Acceptance of specs/intervals.yaml, written from the spec alone. No agent, prompt or gate ever
// reads this file: it is copied beside a finished implementation to judge it from outside.
//
// Left out, because the spec does not settle it: whether Merge of nothing gives nil or an empty list.
package intervals

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// acceptanceMerge joins two intervals that share an integer, any two, until no two do.
func acceptanceMerge(list []Interval) []Interval {
	var found []Interval
	for _, one := range list {
		if one.Start <= one.End {
			found = append(found, one)
		}
	}
	for again := true; again; {
		again = false
		for i := 0; i < len(found) && !again; i++ {
			for j := i + 1; j < len(found) && !again; j++ {
				a, b := found[i], found[j]
				if max(a.Start, b.Start) <= min(a.End, b.End) {
					found[i] = Interval{min(a.Start, b.Start), max(a.End, b.End)}
					found = append(found[:j], found[j+1:]...)
					again = true
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b Interval) int { return a.Start - b.Start })
	return found
}

func acceptanceCheck(t *testing.T, list, want []Interval) {
	t.Helper()
	before := slices.Clone(list)
	got := Merge(list)
	if !slices.Equal(got, want) {
		t.Fatalf("Merge(%v) = %v; want %v", before, got, want)
	}
	if !slices.Equal(list, before) {
		t.Fatalf("Merge changed its list from %v to %v", before, list)
	}
}

func TestAcceptanceMerge(t *testing.T) {
	for _, row := range []struct{ list, want []Interval }{
		{nil, nil},
		{[]Interval{}, nil},
		{[]Interval{{1, 3}}, []Interval{{1, 3}}},
		{[]Interval{{2, 2}}, []Interval{{2, 2}}},
		{[]Interval{{0, 0}}, []Interval{{0, 0}}},
		{[]Interval{{1, 2}, {5, 6}}, []Interval{{1, 2}, {5, 6}}},
		{[]Interval{{5, 6}, {1, 2}}, []Interval{{1, 2}, {5, 6}}},
		{[]Interval{{1, 4}, {3, 6}}, []Interval{{1, 6}}},
		{[]Interval{{3, 6}, {1, 4}}, []Interval{{1, 6}}},
		{[]Interval{{1, 10}, {3, 4}}, []Interval{{1, 10}}},
		{[]Interval{{3, 4}, {1, 10}}, []Interval{{1, 10}}},
		{[]Interval{{1, 10}, {1, 4}}, []Interval{{1, 10}}},
		{[]Interval{{1, 4}, {1, 10}}, []Interval{{1, 10}}},
		{[]Interval{{1, 10}, {4, 10}}, []Interval{{1, 10}}},
		{[]Interval{{1, 10}, {2, 3}, {9, 12}}, []Interval{{1, 12}}},
		{[]Interval{{1, 10}, {2, 3}, {5, 6}, {11, 12}}, []Interval{{1, 10}, {11, 12}}},
		{[]Interval{{1, 3}, {3, 5}}, []Interval{{1, 5}}},
		{[]Interval{{3, 5}, {1, 3}}, []Interval{{1, 5}}},
		{[]Interval{{1, 3}, {3, 3}}, []Interval{{1, 3}}},
		{[]Interval{{1, 3}, {3, 5}, {5, 7}}, []Interval{{1, 7}}},
		// Neighbours have no integer in common.
		{[]Interval{{1, 2}, {3, 4}}, []Interval{{1, 2}, {3, 4}}},
		{[]Interval{{3, 4}, {1, 2}}, []Interval{{1, 2}, {3, 4}}},
		{[]Interval{{1, 1}, {2, 2}, {3, 3}}, []Interval{{1, 1}, {2, 2}, {3, 3}}},
		{[]Interval{{-1, -1}, {0, 0}}, []Interval{{-1, -1}, {0, 0}}},
		{[]Interval{{1, 3}, {1, 3}}, []Interval{{1, 3}}},
		{[]Interval{{2, 2}, {2, 2}, {2, 2}}, []Interval{{2, 2}}},
		{[]Interval{{-5, -3}, {-4, 0}}, []Interval{{-5, 0}}},
		{[]Interval{{-5, 5}, {-7, -6}}, []Interval{{-7, -6}, {-5, 5}}},
		{[]Interval{{8, 9}, {1, 2}, {4, 5}}, []Interval{{1, 2}, {4, 5}, {8, 9}}},
		{[]Interval{{1, 2}, {7, 9}, {2, 7}}, []Interval{{1, 9}}},
		{[]Interval{{6, 8}, {1, 9}, {2, 4}, {4, 7}}, []Interval{{1, 9}}},
		// Intervals that hold nothing.
		{[]Interval{{3, 1}}, nil},
		{[]Interval{{1, 0}}, nil},
		{[]Interval{{5, 2}, {9, 1}}, nil},
		{[]Interval{{1, 2}, {5, 4}}, []Interval{{1, 2}}},
		{[]Interval{{5, 1}, {2, 3}}, []Interval{{2, 3}}},
		{[]Interval{{1, 5}, {4, 2}, {7, 8}}, []Interval{{1, 5}, {7, 8}}},
		{[]Interval{{0, -1}, {0, 1}}, []Interval{{0, 1}}},
		{[]Interval{{1, 2}, {3, 0}, {4, 5}}, []Interval{{1, 2}, {4, 5}}},
		{[]Interval{{1, 3}, {9, 2}, {8, 10}}, []Interval{{1, 3}, {8, 10}}},
	} {
		acceptanceCheck(t, row.list, row.want)
	}
}

func TestAcceptanceMergeExtremes(t *testing.T) {
	const low, high = math.MinInt, math.MaxInt
	for _, row := range []struct{ list, want []Interval }{
		{[]Interval{{low, high}}, []Interval{{low, high}}},
		{[]Interval{{0, 0}, {low, high}}, []Interval{{low, high}}},
		{[]Interval{{high, high}, {low, low}}, []Interval{{low, low}, {high, high}}},
		{[]Interval{{high, low}}, nil},
		{[]Interval{{0, high}, {low, -1}}, []Interval{{low, -1}, {0, high}}},
		{[]Interval{{0, high}, {low, 0}}, []Interval{{low, high}}},
		{[]Interval{{1, high}, {high, high}}, []Interval{{1, high}}},
		{[]Interval{{high - 1, high - 1}, {high, high}}, []Interval{{high - 1, high - 1}, {high, high}}},
	} {
		acceptanceCheck(t, row.list, row.want)
	}
}

// Every list of up to three intervals with ends from 0 to 4.
func TestAcceptanceMergeEveryShortList(t *testing.T) {
	var all []Interval
	for start := range 5 {
		for end := range 5 {
			all = append(all, Interval{start, end})
		}
	}
	for _, a := range all {
		for _, b := range all {
			acceptanceCheck(t, []Interval{a, b}, acceptanceMerge([]Interval{a, b}))
			for _, c := range all {
				acceptanceCheck(t, []Interval{a, b, c}, acceptanceMerge([]Interval{a, b, c}))
			}
		}
	}
}

func acceptanceRandom(random *rand.Rand, width int) []Interval {
	list := make([]Interval, random.Intn(12))
	for i := range list {
		start := random.Intn(width) - width/2
		list[i] = Interval{start, start + random.Intn(width/5) - 2}
	}
	return list
}

func TestAcceptanceMergeRandom(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 3000 {
		list := acceptanceRandom(random, 20+random.Intn(40))
		acceptanceCheck(t, list, acceptanceMerge(list))
	}
}

func acceptanceHolds(t *testing.T, list []Interval, x int, want bool) {
	t.Helper()
	if got := Contains(list, x); got != want {
		t.Fatalf("Contains(%v, %d) = %v; want %v", list, x, got, want)
	}
}

func TestAcceptanceContains(t *testing.T) {
	for _, row := range []struct {
		list []Interval
		x    int
		want bool
	}{
		{nil, 0, false},
		{[]Interval{}, 1, false},
		{[]Interval{{1, 5}}, 3, true},
		{[]Interval{{1, 5}}, 1, true},
		{[]Interval{{1, 5}}, 5, true},
		{[]Interval{{1, 5}}, 0, false},
		{[]Interval{{1, 5}}, 6, false},
		{[]Interval{{2, 2}}, 2, true},
		{[]Interval{{0, 0}}, 0, true},
		{[]Interval{{1, 2}, {8, 9}}, 5, false},
		{[]Interval{{1, 2}, {8, 9}}, 9, true},
		{[]Interval{{8, 9}, {1, 2}}, 1, true},
		{[]Interval{{8, 9}, {1, 2}, {4, 5}}, 4, true},
		{[]Interval{{8, 9}, {1, 2}, {4, 5}}, 3, false},
		{[]Interval{{-5, -2}}, -2, true},
		{[]Interval{{-5, -2}}, -1, false},
		{[]Interval{{5, 1}}, 3, false},
		{[]Interval{{5, 1}}, 5, false},
		{[]Interval{{5, 1}}, 1, false},
		{[]Interval{{5, 1}, {3, 3}}, 3, true},
		{[]Interval{{9, 0}, {3, 4}}, 5, false},
		{[]Interval{{math.MinInt, math.MaxInt}}, math.MinInt, true},
		{[]Interval{{math.MinInt, math.MaxInt}}, math.MaxInt, true},
		{[]Interval{{math.MinInt, -1}, {1, math.MaxInt}}, 0, false},
	} {
		acceptanceHolds(t, row.list, row.x, row.want)
	}
}

// What holds an integer before merging holds it after, and nothing else does; the list stays as it was.
func TestAcceptanceContainsRandom(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	for range 1000 {
		list := acceptanceRandom(random, 30)
		before := slices.Clone(list)
		for x := -25; x <= 25; x++ {
			want := false
			for _, one := range before {
				for y := one.Start; y <= one.End; y++ {
					want = want || y == x
				}
			}
			acceptanceHolds(t, list, x, want)
			acceptanceHolds(t, acceptanceMerge(before), x, want)
		}
		if !slices.Equal(list, before) {
			t.Fatalf("Contains changed its list from %v to %v", before, list)
		}
	}
}
