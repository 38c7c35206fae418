package report

import (
	"fmt"
	"slices"

	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// guardMargin is the room that a guarded ratio has above its goal: on a machine shared with others 1.5 has been seen.
const guardMargin = 2.5

// What a request may cost in full batches.
const (
	guardAllocs = 0.2
	guardBytes  = 48
)

// instructionLimits are the most instructions a request may take, against floor-mutex, by workload.
var instructionLimits = map[workload.Name]float64{workload.Do: 1.3, workload.Burst: 1.3}

// Instructions is the limit on what a request costs the Batcher in instructions, against the floor.
func Instructions(w workload.Name, ours, floor float64) Goal {
	return Goal{
		Cell:     fmt.Sprintf("%s/%s", w, subject.BatcherIdle),
		What:     "instructions per request against " + subject.FloorMutex,
		Limit:    instructionLimits[w],
		Measured: ours / floor,
		Spread:   fmt.Sprintf("%.0f, %.0f", ours, floor),
	}
}

// Guard returns limits that hold on a busy machine too: what full batches allocate, and every goal against a floor with guardMargin. Of each cell the
// best round counts, since a disturbance only makes a round slower.
func (s Set) Guard(full workload.Result) []Goal {
	limits := []Goal{
		{Cell: full.Cell.String(), What: "allocations per request", Limit: guardAllocs, Measured: full.Allocs, Spread: "counted", Unit: " allocs"},
		{Cell: full.Cell.String(), What: "bytes per request", Limit: guardBytes, Measured: full.Bytes, Spread: "counted", Unit: " B"},
	}
	for _, goal := range s.Goals() {
		if floor, _ := subject.ByName(goal.b.Subject); floor.Kind != subject.Floor {
			continue
		}
		goal.What += ", best rounds"
		goal.Limit *= guardMargin
		goal.Measured = slices.Min(goal.over) / slices.Min(goal.under)
		limits = append(limits, goal)
	}
	return limits
}
