// Package stat holds the few statistics the benchmarks report.
package stat

import (
	"cmp"
	"math"
	"slices"
)

// Percentile returns the smallest value of sorted that at least p percent of them do not exceed (nearest rank), and the zero value of an empty slice.
// p is in (0, 100].
func Percentile[T cmp.Ordered](sorted []T, p float64) T {
	if len(sorted) == 0 {
		var zero T
		return zero
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// Median returns the middle of values, the mean of the two middle ones where their number is even, and 0 for none. It leaves values as they are.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Spread returns the distance between the smallest and the largest of values, as a share of the median: 0.1 is 10 %. It is 0 if the median is 0.
func Spread(values []float64) float64 {
	median := Median(values)
	if median == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / median
}
