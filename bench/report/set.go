// Package report turns what the cells measured into tables, goals, charts and docs/performance.md.
package report

import (
	"slices"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// Set holds the results of every cell, one for each round.
type Set map[workload.Cell][]workload.Result

// Add adds the result of one round.
func (s Set) Add(r workload.Result) { s[r.Cell] = append(s[r.Cell], r) }

// figure is one number of a Result.
type figure func(workload.Result) float64

func ns(r workload.Result) float64         { return r.Ns }
func first(r workload.Result) float64      { return r.First }
func p50(r workload.Result) float64        { return r.P50 }
func p99(r workload.Result) float64        { return r.P99 }
func allocs(r workload.Result) float64     { return r.Allocs }
func allocBytes(r workload.Result) float64 { return r.Bytes }
func batch(r workload.Result) float64      { return r.MeanBatch }
func live(r workload.Result) float64       { return r.Live }
func left(r workload.Result) float64       { return r.Left }

func (s Set) values(c workload.Cell, of figure) []float64 {
	values := make([]float64, len(s[c]))
	for i, result := range s[c] {
		values[i] = of(result)
	}
	return values
}

// median is a cell's figure in the middle round; 0 if the cell was not run.
func (s Set) median(c workload.Cell, of figure) float64 { return stat.Median(s.values(c, of)) }

func (s Set) has(c workload.Cell) bool { return len(s[c]) > 0 }

// group is a workload of one size: the cells that are compared with one another.
type group struct {
	workload workload.Name
	size     int
}

// groups returns the groups that were run, in the order of the report.
func (s Set) groups() []group {
	var groups []group
	for c := range s {
		if g := (group{c.Workload, c.Size}); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	order := []workload.Name{workload.Do, workload.Burst, workload.Open, workload.Keys, workload.Backlog, workload.Load}
	slices.SortFunc(groups, func(a, b group) int {
		if a.workload != b.workload {
			return slices.Index(order, a.workload) - slices.Index(order, b.workload)
		}
		return a.size - b.size
	})
	return groups
}

// members returns the cells of g that were run: floors, ours, peers.
func (s Set) members(g group) []workload.Cell {
	var cells []workload.Cell
	for _, known := range subject.All() {
		if c := (workload.Cell{Workload: g.workload, Size: g.size, Subject: known.Name}); s.has(c) {
			cells = append(cells, c)
		}
	}
	for c := range s {
		if _, known := subject.ByName(c.Subject); !known && g == (group{c.Workload, c.Size}) {
			cells = append(cells, c)
		}
	}
	return cells
}

// sizes returns the sizes of a workload that were run, ascending.
func (s Set) sizes(w workload.Name) []int {
	var sizes []int
	for _, g := range s.groups() {
		if g.workload == w {
			sizes = append(sizes, g.size)
		}
	}
	return sizes
}
