package demo

import (
	"fmt"
	"io"
	"slices"
)

// table prints a line for each second, with the two sides side by side.
type table struct{ out io.Writer }

const columns = "%6s | %10s %9s %9s | %10s %9s %10s %9s %9s\n"

func (t table) head() {
	fmt.Fprintf(t.out, "%6s | %-30s | %s\n", "", "without the gateway", "with the gateway")
	fmt.Fprintf(t.out, columns, "second", "requests/s", "p50", "p99", "requests/s", "calls/s", "mean batch", "p50", "p99")
}

func (t table) row(second int, without, with figures) error {
	_, err := fmt.Fprintf(t.out, columns, fmt.Sprint(second),
		whole(without.rate(float64(without.requests))), milliseconds(without.quantile(.5)), milliseconds(without.quantile(.99)),
		whole(with.rate(float64(with.requests))), whole(with.rate(float64(with.calls))), fmt.Sprintf("%.1f", with.meanBatch()),
		milliseconds(with.quantile(.5)), milliseconds(with.quantile(.99)))
	return err
}

func whole(f float64) string { return fmt.Sprintf("%.0f", f) }

// summary prints the results of the whole run.
func (t table) summary(without, with figures) {
	slices.Sort(without.took)
	slices.Sort(with.took)
	fmt.Fprintf(t.out, "\nIn %.0f seconds %d requests were answered without the gateway and %d with it", with.over.Seconds(), without.requests, with.requests)
	if without.requests > 0 {
		fmt.Fprintf(t.out, ": %.1f times as many", float64(with.requests)/float64(without.requests))
	}
	fmt.Fprintf(t.out, ".\nThe upstream was called %d times without the gateway and %d times with it, for %.1f items on average.\n",
		without.calls, with.calls, with.meanBatch())
	fmt.Fprintf(t.out, "Half of the requests took up to %s without the gateway and %s with it; 99%% took up to %s and %s.\n",
		milliseconds(without.quantile(.5)), milliseconds(with.quantile(.5)), milliseconds(without.quantile(.99)), milliseconds(with.quantile(.99)))
	fmt.Fprintf(t.out, "Every answer was checked: %d of %d were wrong or missing.\n",
		without.failed+with.failed, without.requests+with.requests+without.failed+with.failed)
	for _, f := range []figures{without, with} {
		if f.err != nil {
			fmt.Fprintf(t.out, "One of these: %v\n", f.err)
		}
	}
}
