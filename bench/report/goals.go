package report

import (
	"fmt"
	"math"
	"time"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// Goal is a limit, and what the run measured.
type Goal struct {
	Cell     string
	What     string
	Limit    float64
	Measured float64
	Spread   string // over the rounds
	Unit     string // after Limit and Measured; empty for a ratio

	a, b        workload.Cell // of a ratio
	over, under []float64     // of a ratio: a's and b's figures, one for each round
}

// Met says whether the limit holds for the measured value, both rounded to two decimals, as most are shown.
func (g Goal) Met() bool { return math.Round(g.Measured*100) <= math.Round(g.Limit*100) }

// Goals returns every goal whose cells were run.
func (s Set) Goals() []Goal {
	var goals []Goal
	for _, g := range s.groups() {
		switch g.workload {
		case workload.Do:
			goals = append(goals, s.doGoals(g)...)
		case workload.Burst:
			goals = append(goals, s.burstGoals(g)...)
		case workload.Open:
			goals = append(goals, s.openGoals(g)...)
		case workload.Keys:
			goals = append(goals, s.keysGoals(g)...)
		case workload.Load:
			goals = s.ratio(goals, g, workload.BatcherLoader, workload.DataloaderLoad, "ns/key", ns, 0.5)
			goals = s.ratio(goals, g, workload.BatcherLoader, workload.DataloadgenLoad, "ns/key", ns, 1)
		}
	}
	return append(goals, s.backlogGoals()...)
}

func (s Set) doGoals(g group) []Goal {
	var goals []Goal
	switch g.size {
	case 1:
		goals = s.ratio(goals, g, subject.BatcherIdle, subject.FloorChan, "p50", p50, 2.5)
	case 64, 1024:
		goals = s.ratio(goals, g, subject.BatcherIdle, subject.FloorMutex, "ns/request", ns, 1.0)
		goals = s.ratio(goals, g, subject.BatcherIdleCancel, subject.FloorMutex, "ns/request", ns, 1.5)
	default:
		goals = s.ratio(goals, g, subject.BatcherIdle, subject.FloorMutex, "ns/request", ns, 1.1)
	}
	if g.size == 64 {
		goals = s.ratio(goals, g, subject.BatcherDelay, subject.FloorMutex, "ns/request", ns, 1.2)
		goals = s.ratio(goals, g, subject.KeyedOneKey, subject.BatcherIdle, "ns/request", ns, 1.3)
		return s.againstPeers(goals, g, "ns/request", ns, 0.5)
	}
	return s.againstPeers(goals, g, "ns/request", ns, 1)
}

func (s Set) burstGoals(g group) []Goal {
	goals := s.ratio(nil, g, subject.BatcherIdle, subject.FloorMutex, "ns/request", ns, 1.2)
	goals = s.absolute(goals, g.cell(subject.BatcherIdle), "allocations per request beside the futures", " allocs", allocs, 0.15)
	goals = s.absolute(goals, g.cell(subject.BatcherIdle), "bytes per request beside the futures", " B", allocBytes, 48)
	return s.againstPeers(goals, g, "ns/request", ns, 0.5)
}

func (s Set) openGoals(g group) []Goal {
	goals := s.againstPeers(nil, g, "p50", p50, 1)
	switch g.size {
	case 200:
		limit := workload.FuncTime + 300*time.Microsecond
		goals = s.absolute(goals, g.cell(subject.BatcherIdle), fmt.Sprintf("p50, of which Func sleeps %v", workload.FuncTime), " ms", milliseconds(p50), limit.Seconds()*1e3)
	case 50_000:
		goals = s.againstPeers(goals, g, "p99", p99, 1.25)
	}
	return goals
}

func (s Set) keysGoals(g group) []Goal {
	goals := s.absolute(nil, g.cell(workload.BatcherKeyed), "ns per key", " ns", ns, 1500)
	goals = s.absolute(goals, g.cell(workload.BatcherKeyed), "heap per key while pending", " B", live, 400)
	// The heap by itself varies by one percent of what may be pending.
	return s.absolute(goals, g.cell(workload.BatcherKeyed), "heap per key once answered", " B", left, 4)
}

func (s Set) backlogGoals() []Goal {
	sizes := s.sizes(workload.Backlog)
	if len(sizes) < 2 {
		return nil
	}
	few, many := sizes[0], sizes[len(sizes)-1]
	cell := func(size int) workload.Cell {
		return workload.Cell{Workload: workload.Backlog, Size: size, Subject: workload.BatcherManual}
	}
	what := fmt.Sprintf("ns/request with %s pending against %s", grouped(many), grouped(few))
	return s.compare(nil, cell(many), cell(few), what, ns, 1.3)
}

func (g group) cell(name string) workload.Cell {
	return workload.Cell{Workload: g.workload, Size: g.size, Subject: name}
}

func milliseconds(of figure) figure {
	return func(r workload.Result) float64 { return of(r) / 1e6 }
}

// ratio adds the goal that subject a's figure is at most limit times b's.
func (s Set) ratio(goals []Goal, g group, a, b, name string, of figure, limit float64) []Goal {
	return s.compare(goals, g.cell(a), g.cell(b), name+" against "+b, of, limit)
}

// againstPeers adds the goal that the idle Batcher's figure is at most limit times that of the best peer.
func (s Set) againstPeers(goals []Goal, g group, name string, of figure, limit float64) []Goal {
	if best, ok := s.bestPeer(g, of); ok {
		return s.compare(goals, g.cell(subject.BatcherIdle), best, name+" against the best peer, "+best.Subject, of, limit)
	}
	return goals
}

func (s Set) bestPeer(g group, of figure) (best workload.Cell, ok bool) {
	for _, c := range s.members(g) {
		known, _ := subject.ByName(c.Subject)
		if known.Kind == subject.Peer && (!ok || s.median(c, of) < s.median(best, of)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// compare adds the goal on the ratio of two cells' medians; its spread is that of the ratios within each round.
func (s Set) compare(goals []Goal, a, b workload.Cell, what string, of figure, limit float64) []Goal {
	if !s.has(a) || !s.has(b) {
		return goals
	}
	over, under := s.values(a, of), s.values(b, of)
	ratios := make([]float64, min(len(over), len(under)))
	for i := range ratios {
		ratios[i] = over[i] / under[i]
	}
	return append(goals, Goal{
		Cell: a.String(), What: what, Limit: limit,
		Measured: stat.Median(over) / stat.Median(under), Spread: extent(ratios),
		a: a, b: b, over: over, under: under,
	})
}

// absolute adds the goal that a cell's figure is at most limit.
func (s Set) absolute(goals []Goal, c workload.Cell, what, unit string, of figure, limit float64) []Goal {
	if !s.has(c) {
		return goals
	}
	values := s.values(c, of)
	return append(goals, Goal{Cell: c.String(), What: what, Limit: limit, Measured: stat.Median(values), Spread: extent(values), Unit: unit})
}
