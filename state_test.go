package batcher_test

import (
	"fmt"
	"testing"

	"github.com/gobatcher/batcher"
)

func TestStateAndTriggerHaveNames(t *testing.T) {
	for value, want := range map[fmt.Stringer]string{
		batcher.StateOpen:     "open",
		batcher.StateReady:    "ready",
		batcher.StateStarted:  "started",
		batcher.StateRunning:  "running",
		batcher.StateDone:     "done",
		batcher.StateCanceled: "canceled",
		batcher.State(6):      "State(6)",

		batcher.TriggerSize:     "size",
		batcher.TriggerWeight:   "weight",
		batcher.TriggerDelay:    "delay",
		batcher.TriggerIdle:     "idle",
		batcher.TriggerManual:   "manual",
		batcher.TriggerDeadline: "deadline",
		batcher.TriggerClose:    "close",
		batcher.Trigger(7):      "Trigger(7)",
	} {
		if got := value.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
