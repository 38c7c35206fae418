package stat_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/bench/stat"
)

func TestPercentileIsNearestRank(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	tests := []struct {
		name   string
		sorted []int
		p      float64
		want   int
	}{
		{"none", nil, 50, 0},
		{"one", []int{7}, 99, 7},
		{"a tiny share of one", []int{7}, 0.001, 7},
		{"half of an even number", []int{1, 2, 3, 4}, 50, 2},
		{"half of an odd number", []int{1, 2, 3}, 50, 2},
		{"99 of 100", hundred, 99, 99},
		{"all of 100", hundred, 100, 100},
		{"99 of 4", []int{1, 2, 3, 4}, 99, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := stat.Percentile(test.sorted, test.p); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{3}, 3},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{4, 1, 2, 100}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.values)
			if got := stat.Median(test.values); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if !slices.Equal(before, test.values) {
				t.Errorf("values were reordered: %v", test.values)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{3}, 0},
		{"all zero", []float64{0, 0}, 0},
		{"a tenth", []float64{100, 105, 95}, 0.1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := stat.Spread(test.values); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
