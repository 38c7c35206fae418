package batcher

import "fmt"

// State is where a [Batch] stands in its life. It starts as open, may alternate
// between open and ready, and then only moves forward: to started, running and
// done, or to canceled.
type State uint8

const (
	// StateOpen takes requests and holds fewer than MinSize.
	StateOpen State = iota
	// StateReady takes requests and holds enough for Start.
	StateReady
	// StateStarted takes no more requests and waits for a slot.
	StateStarted
	// StateRunning has entered Func.
	StateRunning
	// StateDone has an answer for every request.
	StateDone
	// StateCanceled never ran and never will; every request has failed.
	StateCanceled
)

var stateNames = [...]string{"open", "ready", "started", "running", "done", "canceled"}

// String returns the state's name in lower case.
func (s State) String() string { return nameOf("State", stateNames[:], int(s)) }

// Trigger is what started a batch.
type Trigger uint8

const (
	// TriggerSize means that the batch held MaxSize requests, or the lower limit that TargetTime had set.
	TriggerSize Trigger = iota
	// TriggerWeight means that the batch held MaxWeight, or the next request would have overflowed it.
	TriggerWeight
	// TriggerDelay means that Delay had passed since the batch's first request, or the time that StartAfter had set.
	TriggerDelay
	// TriggerIdle means that a slot was free and the batch held enough.
	TriggerIdle
	// TriggerManual means Flush or Start.
	TriggerManual
	// TriggerDeadline means that a request's deadline was near, or that half of the time to it was over before Func's first success.
	TriggerDeadline
	// TriggerClose means Close or Shutdown.
	TriggerClose

	triggers = iota // how many there are
)

var triggerNames = [triggers]string{"size", "weight", "delay", "idle", "manual", "deadline", "close"}

// String returns the trigger's name in lower case.
func (t Trigger) String() string { return nameOf("Trigger", triggerNames[:], int(t)) }

func nameOf(kind string, names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", kind, i)
}
