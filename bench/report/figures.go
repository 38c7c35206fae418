package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/workload"
)

// tables returns one table for each workload of one size.
func (s Set) tables() []table {
	var tables []table
	for _, g := range s.groups() {
		t := table{title: g.title(), left: 1, columns: g.columns()}
		for _, c := range s.members(g) {
			t.rows = append(t.rows, s.row(c))
		}
		tables = append(tables, t)
	}
	return tables
}

func (g group) title() string {
	size := grouped(g.size)
	switch g.workload {
	case workload.Do:
		if g.size == 1 {
			return "do: one caller in a loop of blocking calls"
		}
		return fmt.Sprintf("do: %s callers, each in a loop of blocking calls", size)
	case workload.Burst:
		return fmt.Sprintf("burst: one goroutine submits %s requests and collects all", size)
	case workload.Open:
		return fmt.Sprintf("open: %s requests a second arrive, Func sleeps %v", size, workload.FuncTime)
	case workload.Keys:
		return fmt.Sprintf("keys: one request for each of %s keys", size)
	case workload.Load:
		return fmt.Sprintf("load: one caller loads %s new keys", size)
	default:
		return fmt.Sprintf("%s: %s requests pending behind a busy slot", g.workload, size)
	}
}

func (g group) columns() []string {
	switch g.workload {
	case workload.Do:
		return []string{"subject", "ns/request", "spread", "p50", "p99", "mean batch", "allocs/request", "B/request"}
	case workload.Open:
		return []string{"subject", "p50", "spread", "p99", "spread", "mean batch"}
	case workload.Keys:
		return []string{"subject", "ns/key", "spread", "ns/key in the first pass", "B/key pending", "B/key after"}
	default:
		return []string{"subject", "ns/request", "spread", "mean batch", "allocs/request", "B/request"}
	}
}

func (s Set) row(c workload.Cell) []string {
	mid := func(of figure) float64 { return s.median(c, of) }
	spread := func(of figure) string {
		return fmt.Sprintf("±%.0f %%", 50*stat.Spread(s.values(c, of)))
	}
	perRequest := []string{digits(mid(batch)), fmt.Sprintf("%.2f", mid(allocs)), fmt.Sprintf("%.0f", mid(allocBytes))}
	switch c.Workload {
	case workload.Do:
		return append([]string{c.Subject, digits(mid(ns)), spread(ns), duration(mid(p50)), duration(mid(p99))}, perRequest...)
	case workload.Open:
		return []string{c.Subject, duration(mid(p50)), spread(p50), duration(mid(p99)), spread(p99), digits(mid(batch))}
	case workload.Keys:
		return []string{c.Subject, digits(mid(ns)), spread(ns), digits(mid(first)), digits(mid(live)), digits(mid(left))}
	default:
		return append([]string{c.Subject, digits(mid(ns)), spread(ns)}, perRequest...)
	}
}

// extent shows the smallest and the largest of values.
func extent(values []float64) string {
	return digits(slices.Min(values)) + " to " + digits(slices.Max(values))
}

// goalTable shows what each goal allows and what was measured.
func goalTable(goals []Goal) table {
	t := table{title: "goals", left: 2, columns: []string{"cell", "goal", "at most", "measured", "rounds", ""}}
	for _, g := range goals {
		verdict := "met"
		if !g.Met() {
			verdict = "missed"
		}
		t.rows = append(t.rows, []string{g.Cell, g.What, digits(g.Limit) + g.Unit, digits(g.Measured) + g.Unit, g.Spread, verdict})
	}
	return t
}

// digits shows three significant digits, and no fraction from 100 on.
func digits(v float64) string {
	switch {
	case math.Abs(v) >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// duration shows nanoseconds in the most readable unit.
func duration(v float64) string {
	switch {
	case v >= 1e6:
		return digits(v/1e6) + " ms"
	case v >= 1e3:
		return digits(v/1e3) + " µs"
	}
	return digits(v) + " ns"
}

// roundTime shows a round number of nanoseconds without decimals.
func roundTime(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.0f ms", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.0f µs", v/1e3)
	}
	return fmt.Sprintf("%.0f ns", v)
}

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
