package report_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/bench/report"
)

func TestNumbersAreReadable(t *testing.T) {
	tests := []struct{ got, want string }{
		{report.Digits(0), "0.00"},
		{report.Digits(1.234), "1.23"},
		{report.Digits(9.994), "9.99"},
		{report.Digits(9.996), "10.0"},
		{report.Digits(99.94), "99.9"},
		{report.Digits(99.96), "100"},
		{report.Digits(1234.5), "1234"},
		{report.Duration(12), "12.0 ns"},
		{report.Duration(1234), "1.23 µs"},
		{report.Duration(2_345_678), "2.35 ms"},
		{report.RoundTime(500), "500 ns"},
		{report.RoundTime(20_000), "20 µs"},
		{report.RoundTime(1e6), "1 ms"},
		{report.Grouped(7), "7"},
		{report.Grouped(1000), "1,000"},
		{report.Grouped(1_000_000), "1,000,000"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestAxesEndAtRoundSteps(t *testing.T) {
	tests := []struct{ v, below, above float64 }{
		{100, 100, 100},
		{130, 100, 200},
		{499, 200, 500},
		{501, 500, 1000},
		{7_000_000, 5_000_000, 10_000_000},
	}
	for _, test := range tests {
		if below, above := report.StepBelow(test.v), report.StepAbove(test.v); below != test.below || above != test.above {
			t.Errorf("%v: got %v and %v, want %v and %v", test.v, below, above, test.below, test.above)
		}
	}
	if got, want := report.TimeTicks(2e6, 1e7), []string{"2 ms", "5 ms", "10 ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := report.TimeTicks(2e6, 5e6), []string{"2 ms", "3 ms", "4 ms", "5 ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := report.TimeTicks(200, 2e6), []string{"1 µs", "10 µs", "100 µs", "1 ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
