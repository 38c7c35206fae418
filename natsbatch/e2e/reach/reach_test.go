package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedianRatio(t *testing.T) {
	var m measurement
	m.compare("fast", 2, []float64{100, 10, 300}, []float64{10, 10, 100}) // 10, 1, 3
	m.compare("slow", 4, []float64{100, 10, 300}, []float64{10, 10, 100})
	m.table.tell("known", "%d", 7)
	var out strings.Builder
	m.table.print(&out)
	want := `| what  | goal         | measured       | met |
|---    |---           |---             |---  |
| fast  | at least 2 x | 3.00 x (100/s) | yes |
| slow  | at least 4 x | 3.00 x (100/s) | no  |
| known |              | 7              |     |
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestQuantile(t *testing.T) {
	var times []time.Duration
	for i := range 101 {
		times = append(times, time.Duration(100-i))
	}
	if p50, p99 := quantile(times, 0.5), quantile(times, 0.99); p50 != 50 || p99 != 99 {
		t.Errorf("got %d and %d", p50, p99)
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}
