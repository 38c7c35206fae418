package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

var allStates = []batcher.State{
	batcher.StateOpen, batcher.StateReady, batcher.StateStarted,
	batcher.StateRunning, batcher.StateDone, batcher.StateCanceled,
}

// stateCalls makes each call of the table in docs/states.md, and gives what
// the table says of it.
var stateCalls = []struct {
	name string
	make func(*batcher.Batch[int, int], batcher.Future[int]) string
}{
	{"Add", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		_, err := b.Add(context.Background(), 0)
		return errorCell(err, "adds")
	}},
	{"Start", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		return errorCell(b.Start(), "starts")
	}},
	{"StartAfter", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		return errorCell(b.StartAfter(time.Hour), "sets the timer")
	}},
	{"Cancel", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		return fmt.Sprint(b.Cancel())
	}},
	{"Ready", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		return fmt.Sprint(b.Ready())
	}},
	{"Done", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		return closedCell(b.Done())
	}},
	{"Results", func(b *batcher.Batch[int, int], _ batcher.Future[int]) string {
		results, err := b.Results(impatient())
		if results == nil {
			return errorCell(err, "")
		}
		return "returns"
	}},
	{"Future.Wait", func(_ *batcher.Batch[int, int], f batcher.Future[int]) string {
		_, err := f.Wait(impatient())
		return errorCell(err, "the answer")
	}},
	{"Future.Done", func(_ *batcher.Batch[int, int], f batcher.Future[int]) string {
		return closedCell(f.Done())
	}},
	{"Future.Cancel", func(_ *batcher.Batch[int, int], f batcher.Future[int]) string {
		return fmt.Sprint(f.Cancel())
	}},
}

func TestStatesTable(t *testing.T) {
	doc := readText(t, "docs/states.md")
	for _, call := range stateCalls {
		var row strings.Builder
		row.WriteString("| `" + call.name + "` |")
		for _, state := range allStates {
			synctest.Test(t, func(t *testing.T) {
				b, f, end := batchIn(t, state)
				row.WriteString(" " + call.make(b, f) + " |")
				end()
			})
		}
		if !strings.Contains(doc, "\n"+row.String()+"\n") {
			t.Errorf("docs/states.md lacks the row\n%s", row.String())
		}
	}
}

// batchIn makes a batch in a state and gives a future of it. end lets it end.
func batchIn(t *testing.T, state batcher.State) (b *batcher.Batch[int, int], f batcher.Future[int], end func()) {
	t.Helper()
	gate := make(chan struct{})
	fn := func(_ context.Context, reqs []int) ([]int, error) {
		<-gate
		return reqs, nil
	}
	slot := make(chan func(), 1)
	b = batcher.NewBatch(fn, batcher.BatchOptions{MinSize: 2, Go: func(task func()) { slot <- task }})
	f, _ = b.Add(context.Background(), 1)
	end = func() {}
	if state >= batcher.StateReady {
		b.Add(context.Background(), 2)
	}
	switch state {
	case batcher.StateStarted:
		b.Start()
	case batcher.StateRunning, batcher.StateDone:
		b.Start()
		go (<-slot)()
		end = func() { close(gate) }
	case batcher.StateCanceled:
		b.Cancel()
	}
	if state == batcher.StateDone {
		end()
		end = func() {}
	}
	synctest.Wait()
	if got := b.State(); got != state {
		t.Fatalf("the batch is %v, not %v", got, state)
	}
	return b, f, end
}

var errImpatient = errors.New("the wait was ended")

// impatient is a context that has ended.
func impatient() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errImpatient)
	return ctx
}

// errorCell names the sentinels that err is, or gives what nil means.
func errorCell(err error, none string) string {
	var names []string
	for _, known := range []struct {
		name string
		err  error
	}{
		{"waits", errImpatient},
		{"`ErrNotReady`", batcher.ErrNotReady},
		{"`ErrStarted`", batcher.ErrStarted},
		{"`ErrCanceled`", batcher.ErrCanceled},
	} {
		if errors.Is(err, known.err) {
			names = append(names, known.name)
		}
	}
	if err == nil {
		return none
	}
	return strings.Join(names, ", ")
}

func closedCell(c <-chan struct{}) string {
	select {
	case <-c:
		return "closed"
	default:
		return "not closed"
	}
}
